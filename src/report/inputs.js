// The row's inputs as sliders with number fields.
'use strict';

// size rounded up to 1, 2 or 5 times a power of ten.
function roundedUp(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  return [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= size * (1 - 1e-12));
}

class Inputs {
  constructor(model, edits, selection) {
    this.model = model;
    this.edits = edits;
    this.selection = selection;
    this.place = byId('input-fields');
    // The largest magnitude of an input in these rows; that of all inputs if it is always 0.
    const size = (columns) => model.rows.reduce((limit, {inputs}) => columns.reduce(
        (larger, i) => (Number.isFinite(inputs[i]) ? Math.max(larger, Math.abs(inputs[i])) : larger),
        limit), 0);
    const all = Array.from({length: unitCount(model, 0)}, (_, i) => i);
    const overall = size(all) || 1;
    this.ranges = all.map((i) => roundedUp(size([i]) || overall));
    if (model.steps.length > 0) {
      byId('input-note').textContent =
          `Before layer 1 ${model.steps.length === 1 ? 'an input step' : `${model.steps.length} input steps`} (${model.steps.map(({kind}) => kind).join(', ')}) is done to each input; x is what comes out.`;
    }
  }

  build(row, values) {
    const {inputs} = this.model.rows[row];
    this.fields = this.selection.shown[0].map((i) => {
      const label = `input ${unitName(this.model, 0, i)}`;
      const cell = new NumberCell(this.edits, label, inputs, i);
      const slider = element('input', {type: 'range', 'aria-label': `${label}, slider`});
      slider.addEventListener('input', () => {
        const value = Math.fround(Number(slider.value));
        if (value !== inputs[i]) {
          this.edits.edit(inputs, i, value, label, `${label} slider`);
        }
      });
      slider.addEventListener('change', () => this.edits.close());
      const after = element('span', {class: 'after'});
      const name = element('span', {class: 'name', title: unitName(this.model, 0, i)}, unitName(this.model, 0, i));
      return {i, cell, slider, after, item: element('div', {class: 'input-field'}, name, slider, cell.input, after)};
    });
    this.place.replaceChildren(
        ...this.selection.controls(0, () => values().inputs), ...this.fields.map(({item}) => item));
  }

  update(row, values, isForced) {
    const {inputs} = this.model.rows[row];
    for (const {i, cell, slider, after} of this.fields) {
      cell.update(isForced);
      const size = Math.abs(inputs[i]);
      const range = Math.max(this.ranges[i], Number.isFinite(size) && size > 0 ? roundedUp(size) : 0);
      slider.min = -range;
      slider.max = range;
      slider.step = range / 100;
      if (document.activeElement !== slider || Number(slider.value) !== inputs[i]) {
        slider.value = Number.isFinite(inputs[i]) ? inputs[i] : 0;
      }
      slider.setAttribute('aria-valuetext', numberText(inputs[i]));
      after.textContent = this.model.steps.length > 0 ? `x = ${numberText(values.inputs[i])}` : '';
    }
  }
}
