// Updates the figure. The command drew it once; this code changes its texts and the style of its
// edges, and makes its nodes focusable.
'use strict';

class Figure {
  // select(layer, unit) is called when the user points at or focuses a node.
  constructor(svg, model, select) {
    this.svg = svg;
    this.model = model;
    this.select = select;
    this.thinnest = Number(svg.dataset.thinnest);
    this.thickest = Number(svg.dataset.thickest);
    this.nodes = [];
    this.edges = Array.from(svg.querySelectorAll('.edge'), (line) => ({
      line,
      layer: Number(line.dataset.layer),
      unit: Number(line.dataset.unit),
      from: Number(line.dataset.from),
    }));
    svg.style.setProperty('--min', `${0.85 * svg.viewBox.baseVal.width}px`);
    // Title and description refer to the original values.
    svg.querySelectorAll(':scope > title, :scope > desc').forEach((text) => text.remove());
    svg.setAttribute('role', 'group');
    svg.setAttribute('aria-label', 'The network. Arrow keys go from node to node.');
    for (const group of svg.querySelectorAll('.node')) {
      this.addNode(group);
    }
    for (const column of svg.querySelectorAll('.column')) {
      // The units were chosen when the report was written; values may have changed since.
      const note = column.lastElementChild;
      note.textContent = note.textContent.replace(', the most active', '');
      column.setAttribute('aria-hidden', 'true');
    }
  }

  addNode(group) {
    const node = {
      group,
      layer: Number(group.dataset.layer),
      unit: Number(group.dataset.unit),
      value: group.querySelector('.value'),
      sum: group.querySelector('.sum'),
      bias: group.querySelector('.bias'),
    };
    this.nodes.push(node);
    group.setAttribute('role', 'button');
    group.setAttribute('tabindex', '-1');
    group.setAttribute('aria-describedby', 'sum-text');
    const look = () => this.select(node.layer, node.unit);
    group.addEventListener('pointerenter', look);
    group.addEventListener('focus', look);
    group.addEventListener('click', () => group.focus());
    group.addEventListener('keydown', (event) => this.go(event, node));
  }

  // The units of a column that the figure shows.
  units(layer) {
    return this.nodes.filter((node) => node.layer === layer).map((node) => node.unit);
  }

  go(event, node) {
    const column = (layer) => this.nodes.filter((other) => other.layer === layer);
    const own = column(node.layer);
    const at = own.indexOf(node);
    const beside = (layer) => {
      const other = column(layer);
      return other[Math.min(Math.round(at / Math.max(own.length - 1, 1) * (other.length - 1)), other.length - 1)];
    };
    const next = {
      ArrowUp: () => own[at - 1],
      ArrowDown: () => own[at + 1],
      ArrowLeft: () => beside(node.layer - 1),
      ArrowRight: () => beside(node.layer + 1),
      Home: () => own[0],
      End: () => own.at(-1),
    }[event.key];
    if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    event.preventDefault();
    next()?.group.focus();
  }

  // reached(layer): progress of the walkthrough (walkthrough.js). current: {layer, unit}. largest:
  // the largest weight of each layer.
  update(current, values, reached, largest) {
    for (const node of this.nodes) {
      this.updateNode(node, values, reached);
      const isCurrent = node.layer === current.layer && node.unit === current.unit;
      node.group.classList.toggle('current', isCurrent);
      node.group.setAttribute('tabindex', '-1');
    }
    const stop = this.nodes.find((node) => node.group.classList.contains('current')) ?? this.nodes[0];
    stop.group.setAttribute('tabindex', '0');
    for (const edge of this.edges) {
      this.updateEdge(edge, largest[edge.layer - 1], values, reached, current);
    }
  }

  updateNode({group, layer, unit, value, sum, bias}, values, reached) {
    const {inputs, layers} = values;
    const h = layer === 0 ? inputs[unit] : layers[layer - 1].h[unit];
    const stage = reached(layer);
    group.classList.toggle('unreached', stage === 'no');
    group.classList.toggle('before', stage === 'sum');
    let spoken = `${unitName(this.model, layer, unit)}`;
    value.textContent = numberText(h, 4);
    if (layer > 0) {
      const z = layers[layer - 1].z[unit];
      const own = this.model.layers[layer - 1];
      const silenced = isSilenced(own, z, h);
      group.classList.toggle('silenced', silenced && stage === 'yes');
      if (sum) {
        sum.textContent = `z = ${numberText(z, 4)}`;
      }
      if (bias) {
        bias.textContent = `b = ${numberText(own.bias[unit], 4)}`;
      }
      spoken += stage === 'yes' ? ` = ${numberText(h, 4)}` : '';
      spoken += sum && stage !== 'no' ? `, z = ${numberText(z, 4)}` : '';
      spoken += silenced && stage === 'yes' ? ', silenced' : '';
    } else {
      spoken += ` = ${numberText(h, 4)}`;
    }
    group.setAttribute('aria-label', stage === 'no' ? spoken + ', not computed yet' : spoken);
  }

  updateEdge({line, layer, unit, from}, largest, values, reached, current) {
    const own = this.model.layers[layer - 1];
    const weight = own.weights[unit * own.inputs + from];
    const x = layer === 1 ? values.inputs[from] : values.layers[layer - 2].h[from];
    const share = Math.abs(weight) / largest;  // NaN if all weights are zero
    const width = this.thinnest + (this.thickest - this.thinnest) * (Number.isFinite(share) ? share : 0);
    line.setAttribute('stroke-width', width.toFixed(2));
    line.classList.toggle('positive', weight > 0);
    line.classList.toggle('negative', weight < 0);
    line.classList.toggle('zero', !(weight > 0 || weight < 0));
    line.classList.toggle('mute', x === 0);
    line.classList.toggle('unreached', reached(layer) === 'no');
    line.classList.toggle('current', layer === current.layer && unit === current.unit);
  }
}
