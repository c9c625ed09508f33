// The matrices of each layer as tables of number fields, with the layer's inputs and outputs.
'use strict';

class LayerTable {
  constructor(model, layer, edits, selection) {
    this.model = model;
    this.layer = layer;
    this.own = model.layers[layer - 1];
    this.edits = edits;
    this.selection = selection;
    const {bias} = this.own;
    const {inputs, outputs} = this.own;
    const count = inputs * outputs + (bias ? outputs : 0);
    this.table = element('table');
    this.controls = element('div');
    const heading = `layer-${layer}`;
    this.section = element('section', {class: 'layer', 'aria-labelledby': heading},
        element('h3', {id: heading}, `Layer ${layer}: ${layerFormula(model, layer)}`),
        element('p', {class: 'note'},
            `${outputs}×${inputs} weights${bias ? ` + ${outputs} ${outputs === 1 ? 'bias' : 'biases'}` : ''} = ${grouped(count)} parameters`),
        this.controls,
        element('div', {class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': heading}, this.table));
  }

  build(values) {
    const {layer, own, model} = this;
    this.units = this.selection.shown[layer];
    this.sources = this.selection.shown[layer - 1];
    this.hasOthers = !this.selection.isWhole(layer - 1);
    const column = (text, type) => element('th', {scope: 'col', class: type}, text);
    this.head = element('tr', {class: 'arriving'}, element('th', {scope: 'row'}, 'value'),
        ...this.sources.map(() => element('td')));
    const names = element('tr', {}, element('td'),
        ...this.sources.map((i) => column(unitName(model, layer - 1, i))));
    if (this.hasOthers) {
      const others = own.inputs - this.sources.length;
      names.append(column(`${grouped(others)} more, together`, 'others'));
      this.head.append(element('td'));
    }
    for (const [name, type] of [[own.bias && `b${layer}`, 'bias'], [`z${layer}`, 'result'], [`h${layer}`, 'result']]) {
      if (name) {
        names.append(column(name, type));
        this.head.append(element('td'));
      }
    }
    this.rows = this.units.map((o) => this.buildRow(o));
    this.table.replaceChildren(
        element('caption', {class: 'unseen'}, `Layer ${layer}: weights W${layer}${own.bias ? `, biases b${layer}` : ''}, sums z${layer} and what comes out, h${layer}`),
        element('thead', {}, names, this.head),
        element('tbody', {}, ...this.rows.map(({line}) => line)));
    this.controls.replaceChildren(
        ...this.selection.controls(layer, () => values().layers[layer - 1].h));
  }

  buildRow(o) {
    const {layer, own} = this;
    const cells = this.sources.map((i) => this.cell(`W${layer}[${o},${i}]`, own.weights, o * own.inputs + i));
    const line = element('tr', {}, element('th', {scope: 'row'}, unitName(this.model, layer, o)),
        ...cells.map(({place}) => place));
    const others = this.hasOthers ? element('td', {class: 'others'}) : undefined;
    if (others) {
      line.append(others);
    }
    if (own.bias) {
      cells.push(this.cell(`b${layer}[${o}]`, own.bias, o));
      cells.at(-1).place.classList.add('bias');
      line.append(cells.at(-1).place);
    }
    const z = element('td', {class: 'result'});
    const h = element('td', {class: 'result last'});
    line.append(z, h);
    return {o, line, cells, others, z, h};
  }

  cell(label, array, index) {
    const cell = new NumberCell(this.edits, label, array, index);
    const gradient = element('small', {hidden: ''});
    return {cell, gradient, isBias: array === this.own.bias, index, place: element('td', {class: 'weight'}, cell.input, gradient)};
  }

  // stage, sourcesStage: progress of the walkthrough in this layer and the previous one. largest:
  // the layer's largest weight. gradient: this layer's, or undefined if it is not shown.
  update(values, stage, sourcesStage, largest, gradient, isForced) {
    const {layer, own} = this;
    const x = layer === 1 ? values.inputs : values.layers[layer - 2].h;
    const {z, h} = values.layers[layer - 1];
    this.sources.forEach((i, at) => {
      this.head.cells[at + 1].textContent = sourcesStage === 'yes' ? numberText(x[i]) : '·';
    });
    // All fields of a table are as wide as its longest number.
    let digits = 5;
    for (const row of this.rows) {
      for (const {cell, gradient: text, isBias, index, place} of row.cells) {
        cell.update(isForced);
        digits = Math.max(digits, cell.input.value.length);
        const share = isBias ? 0 : Math.min(Math.abs(cell.value) / largest || 0, 1);
        place.style.setProperty('--share', share.toFixed(3));
        place.classList.toggle('negative', cell.value < 0);
        text.hidden = !gradient;
        text.textContent = gradient ? `∂ ${numberText((isBias ? gradient.bias : gradient.weights)[index], 4)}` : '';
      }
      if (row.others) {
        row.others.textContent = stage === 'no' ? '·' : numberText(this.otherTerms(row.o, x));
      }
      row.z.textContent = stage === 'no' ? '·' : numberText(z[row.o]);
      row.h.textContent = stage === 'yes' ? numberText(h[row.o]) : '·';
      row.line.classList.toggle('silenced', stage === 'yes' && isSilenced(own, z[row.o], h[row.o]));
    }
    this.table.style.setProperty('--digits', Math.min(digits, 14));
  }

  // The sum of the products whose weights are not in the table.
  otherTerms(o, x) {
    const shown = new Set(this.sources);
    let sum = 0;
    for (let i = 0; i < this.own.inputs; ++i) {
      if (!shown.has(i)) {
        sum += this.own.weights[o * this.own.inputs + i] * x[i];
      }
    }
    return sum;
  }
}
