// The sum of the selected unit, term by term.
'use strict';

const MAX_TERMS = 8;  // terms written out; of more, the largest

// "1·2", "-1·(-3)"
function product(weight, x) {
  return `${numberText(weight)}·${x < 0 ? `(${numberText(x)})` : numberText(x)}`;
}

// The terms of a unit's sum: the listed ones (largest first if some are omitted), and the sum of
// the others.
function termsOf(layer, unit, x) {
  const all = Array.from({length: layer.inputs}, (_, i) => {
    const weight = layer.weights[unit * layer.inputs + i];
    return {i, weight, x: x[i], product: weight * x[i]};
  });
  if (all.length <= MAX_TERMS) {
    return {listed: all, others: 0, rest: 0};
  }
  const size = ({product: value}) => (Number.isNaN(value) ? Infinity : Math.abs(value));
  const order = all.slice().sort((a, b) => size(b) - size(a) || a.i - b.i);
  const rest = order.slice(MAX_TERMS).sort((a, b) => a.i - b.i).reduce((sum, term) => sum + term.product, 0);
  return {listed: order.slice(0, MAX_TERMS), others: all.length - MAX_TERMS, rest};
}

// "1·2 + 1·1 + 0·3 + 0 = 3 → relu → 3"
function sumText(layer, unit, x, z, h) {
  const {listed, others, rest} = termsOf(layer, unit, x);
  let text = listed.map((term) => product(term.weight, term.x)).join(' + ');
  if (others > 0) {
    text += ` + (${grouped(others)} more, together ${numberText(rest)})`;
  }
  if (layer.bias) {
    const b = layer.bias[unit];
    text += `${b < 0 ? ' - ' : ' + '}${numberText(Math.abs(b))}`;
  }
  text += ` = ${numberText(z)}`;
  return layer.activation.name === 'identity' ? text : `${text} → ${layer.activation.text} → ${numberText(h)}`;
}

class Sums {
  constructor(model) {
    this.model = model;
    this.title = byId('sum-title');
    this.text = byId('sum-text');
    this.list = byId('sum-terms');
    this.more = byId('sum-more');
  }

  // delta: d loss / d z of the unit in this row, or undefined if it is not shown.
  update({layer, unit}, values, stage, delta) {
    this.title.textContent = unitName(this.model, layer, unit);
    if (layer === 0) {
      this.show(`${unitName(this.model, 0, unit)} = ${numberText(values.inputs[unit])}, a value of the row. Move its slider to change it.`, [], '');
      return;
    }
    if (stage === 'no') {
      this.show('Not computed yet at this step.', [], '');
      return;
    }
    const own = this.model.layers[layer - 1];
    const x = layer === 1 ? values.inputs : values.layers[layer - 2].h;
    const {z, h} = values.layers[layer - 1];
    const {listed, others, rest} = termsOf(own, unit, x);
    const text = sumText(own, unit, x, z[unit], h[unit]);
    const rows = listed.map((term) => [
      unitName(this.model, layer - 1, term.i), product(term.weight, term.x), term.product]);
    if (others > 0) {
      rows.push([`${grouped(others)} more`, 'together', rest]);
    }
    if (own.bias) {
      rows.push([`b${layer}[${unit}]`, 'bias', own.bias[unit]]);
    }
    rows.push([`z${layer}[${unit}]`, 'sum', z[unit]]);
    if (stage === 'yes' && own.activation.name !== 'identity') {
      rows.push([`h${layer}[${unit}]`, isOverRow(own.activation) ? `${own.activation.text} over all ${own.outputs} sums` : `${own.activation.text}(z)`, h[unit]]);
    }
    let more = '';
    if (stage === 'yes' && isSilenced(own, z[unit], h[unit])) {
      more = `The sum is negative: ${own.activation.text} silences this unit.`;
    }
    if (delta !== undefined) {
      more += `${more ? ' ' : ''}δ = dL/dz${layer}[${unit}] = ${numberText(delta)}: how the loss changes with this sum.`;
    }
    this.show(stage === 'sum' ? text.split(' → ')[0] : text, rows, more);
  }

  show(text, rows, more) {
    this.text.textContent = text;
    this.list.replaceChildren(...rows.map(([name, how, value]) => element('tr', {},
        element('th', {scope: 'row'}, name), element('td', {}, how), element('td', {class: 'result'}, numberText(value)))));
    this.list.closest('table').hidden = rows.length === 0;
    this.more.textContent = more;
  }
}
