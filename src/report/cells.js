// Number fields that edit the model while the user types.
'use strict';

// A field that shows array[index] of the model. edits: {edit(array, index, value, label, key),
// close(), say(text)}.
class NumberCell {
  constructor(edits, label, array, index) {
    this.edits = edits;
    this.label = label;
    this.array = array;
    this.index = index;
    this.input = element('input', {
      type: 'text', inputmode: 'text', autocomplete: 'off', spellcheck: 'false', class: 'number',
      'aria-label': label,
    });
    this.input.addEventListener('focus', () => {
      this.before = array[index];
      this.input.select();
    });
    this.input.addEventListener('input', () => this.read());
    this.input.addEventListener('change', () => this.finish());
    this.input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') {
        this.finish();
      } else if (event.key === 'Escape') {
        this.write();
      }
    });
    this.write();
  }

  get value() {
    return this.array[this.index];
  }

  read() {
    const text = this.input.value;
    // The shown text is rounded; if the user types it back, restore the exact value.
    const value = text === valueText(this.before ?? NaN) ? this.before : parseNumber(text);
    this.mark(value === undefined);
    if (value !== undefined && !Object.is(value, this.value)) {
      this.edits.edit(this.array, this.index, value, this.label, this.label);
    }
  }

  finish() {
    this.read();
    this.edits.close();
    if (this.input.getAttribute('aria-invalid') === 'true') {
      this.edits.say(`${this.input.value || 'Nothing'} is no number; ${this.label} is still ${valueText(this.value) || 'empty'}.`);
      return;
    }
    this.before = this.value;
    this.write();
  }

  mark(isWrong) {
    if (isWrong) {
      this.input.setAttribute('aria-invalid', 'true');
    } else {
      this.input.removeAttribute('aria-invalid');
    }
  }

  write() {
    this.input.value = valueText(this.value);
    this.input.title = Number.isFinite(this.value) ? `${this.label} = ${this.value}` : this.label;
    this.mark(false);
  }

  // A field keeps its text while the user types in it.
  update(isForced) {
    const isTyped = document.activeElement === this.input &&
        (this.input.getAttribute('aria-invalid') === 'true' || parseNumber(this.input.value) === this.value);
    if (isForced || !isTyped) {
      this.write();
    }
  }
}

// A missing target is NaN, and its field is empty.
function valueText(value) {
  return Number.isNaN(value) ? '' : numberText(value);
}

// The units of wide layers that the tables and sliders show.
class Selection {
  // shown: the units to show first, for each column of the network (column 0 is the input).
  constructor(model, shown, changed) {
    this.model = model;
    this.shown = shown;
    this.limit = shown.map((units) => units.length);
    this.changed = changed;
  }

  isWhole(layer) {
    return this.shown[layer].length === unitCount(this.model, layer);
  }

  showFrom(layer, first) {
    const count = unitCount(this.model, layer);
    const begin = Math.max(0, Math.min(first, count - this.limit[layer]));
    this.show(layer, Array.from({length: this.limit[layer]}, (_, i) => begin + i));
  }

  show(layer, units) {
    this.shown[layer] = units;
    this.changed();
  }

  // The controls for choosing units, or nothing if all are shown. values(): the column's current
  // values.
  controls(layer, values) {
    if (this.isWhole(layer)) {
      return [];
    }
    const what = layer === 0 ? 'inputs' : `units of layer ${layer}`;
    const count = unitCount(this.model, layer);
    const number = element('input', {
      type: 'number', min: 0, max: count - 1, class: 'go', value: this.shown[layer][0],
      'aria-label': `Show ${what} from number`,
    });
    number.addEventListener('change', () => {
      if (number.value !== '') {
        this.showFrom(layer, Math.round(Number(number.value)));
      }
    });
    const button = (text, label, action) => {
      const made = element('button', {type: 'button', class: 'quiet', 'aria-label': label, 'data-chooser': `${layer} ${text}`}, text);
      made.addEventListener('click', action);
      return made;
    };
    const first = () => this.shown[layer][0];
    return [element('div', {class: 'chooser'},
        element('span', {}, `${this.shown[layer].length} of ${grouped(count)} ${what} shown`),
        button('◂', `Earlier ${what}`, () => this.showFrom(layer, first() - this.limit[layer])),
        element('label', {}, 'from ', number),
        button('▸', `Later ${what}`, () => this.showFrom(layer, first() + this.limit[layer])),
        button('Largest', `The ${what} with the largest values`,
            () => this.show(layer, largestOf(values(), this.limit[layer]))))];
  }
}
