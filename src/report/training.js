// Targets, full-batch gradient descent, and the loss curve.
'use strict';

const SVG = 'http://www.w3.org/2000/svg';

function drawing(name, attributes, text = '') {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.textContent = text;
  return made;
}

class Training {
  // app: {model, history, edits, loss, changed(what)}.
  constructor(app, selection) {
    this.app = app;
    this.selection = selection;
    const {model} = app;
    const kind = lossKind(model.layers);
    const mean = model.rows.length > 1 ? `, as a mean over the ${model.rows.length} rows` : '';
    byId('loss-formula').textContent = kind === 'squared error'
        ? `Loss L: squared error, ½ Σ (y - t)²${mean}, where y is an output and t its target.`
        : `Loss L: cross-entropy, -Σ t·log y${mean}, where y is the share of a class and t its target.`;
    this.rate = byId('learning-rate');
    this.rate.value = numberText(model.learningRate);
    this.rate.addEventListener('input', () => this.readRate());
    for (const count of [1, 10, 100]) {
      byId(`train-${count}`).addEventListener('click', () => this.train(count));
    }
    this.gradients = byId('show-gradients');
    this.gradients.addEventListener('change', () => app.changed());
    byId('zero-targets').addEventListener('click', () => {
      app.history.record('empty targets', app.history.copies(model.targets));
      model.targets.forEach((target) => target.forEach((t, o) => {
        target[o] = Number.isNaN(t) ? 0 : t;
      }));
      app.changed('Empty targets are 0 now.', true);
    });
  }

  get isComplete() {
    return this.app.model.targets.every((target) => target.every((t) => !Number.isNaN(t)));
  }
  get wantsGradients() {
    return this.gradients.checked && this.isComplete;
  }

  readRate() {
    const value = Number(this.rate.value.trim());
    const isWrong = this.rate.value.trim() === '' || !Number.isFinite(value) || value < 0;
    if (isWrong) {
      this.rate.setAttribute('aria-invalid', 'true');
    } else {
      this.rate.removeAttribute('aria-invalid');
      this.app.model.learningRate = value;
    }
    return !isWrong;
  }

  train(count) {
    const {app} = this;
    const {model} = app;
    if (!this.isComplete) {
      app.edits.say('Training needs a target for every output of every row.');
      return;
    }
    if (!this.readRate()) {
      app.edits.say(`The learning rate ${this.rate.value} is no number from 0.`);
      return;
    }
    app.history.recordParameters(count === 1 ? 'a step' : `${count} steps`);
    const losses = model.losses.length > 0 ? model.losses.slice() : [app.loss];
    for (let i = 0; i < count; ++i) {
      descend(model.layers, gradientsOf(model.layers, app.traces, model.targets), model.learningRate);
      app.compute();
      losses.push(app.loss);
    }
    model.losses = losses;
    app.changed(`Loss ${numberText(app.loss)} after ${losses.length - 1} ${losses.length === 2 ? 'step' : 'steps'}.`, true);
  }

  build() {
    const {model, edits} = this.app;
    const last = model.layers.length;
    this.units = this.selection.shown[last];
    const names = element('tr', {}, element('td'),
        ...this.units.map((o) => element('th', {scope: 'col'}, unitName(model, last, o))));
    this.cells = [];
    const lines = model.rows.map((row, r) => element('tr', {}, element('th', {scope: 'row'}, `row ${row.number}`),
        ...this.units.map((o) => {
          const cell = new NumberCell(edits, `target of row ${row.number}, output ${unitName(model, last, o)}`, model.targets[r], o);
          const output = element('small');
          this.cells.push({r, o, cell, output});
          return element('td', {}, cell.input, output);
        })));
    byId('targets').replaceChildren(
        element('caption', {class: 'unseen'}, 'Targets of the outputs'),
        element('thead', {}, names), element('tbody', {}, ...lines));
    byId('target-controls').replaceChildren(
        ...this.selection.controls(last, () => this.app.traces[this.app.row].layers.at(-1).h));
  }

  update(isForced) {
    const {model, traces, loss} = this.app;
    for (const {r, o, cell, output} of this.cells) {
      cell.update(isForced);
      output.textContent = `y ${numberText(traces[r].layers.at(-1).h[o])}`;
    }
    const {isComplete} = this;
    byId('zero-targets').hidden = isComplete;
    for (const count of [1, 10, 100]) {
      setDisabled(byId(`train-${count}`), !isComplete);
    }
    byId('loss').textContent = isComplete ? `L = ${numberText(loss)}` : 'Give every output a target to see the loss.';
    this.draw();
  }

  draw() {
    const {losses} = this.app.model;
    const place = byId('curve');
    const steps = losses.length - 1;
    byId('curve-box').hidden = steps < 1;
    if (steps < 1) {
      byId('curve-text').textContent = '';
      return;
    }
    const finite = losses.filter(Number.isFinite);
    const summary = `Loss ${numberText(losses[0])} before the first step, ${numberText(losses.at(-1))} after ${steps} ${steps === 1 ? 'step' : 'steps'}.`;
    byId('curve-text').textContent = finite.length < losses.length
        ? `${summary} It has left all bounds: the learning rate is too large. Undo or reset, and try a smaller one.` : summary;
    const [width, height, left, right, top, bottom] = [360, 190, 60, 14, 14, 38];
    const limit = finite.reduce((larger, value) => Math.max(larger, value), 0) || 1;
    const min = Math.min(0, ...[finite.reduce((smaller, value) => Math.min(smaller, value), 0)]);
    const x = (i) => left + i / steps * (width - left - right);
    const y = (value) => height - bottom - (value - min) / (limit - min) * (height - top - bottom);
    const points = losses.map((value, i) => [i, value]).filter(([, value]) => Number.isFinite(value))
        .map(([i, value]) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`);
    const text = (at, high, anchor, content) => drawing('text', {x: at, y: high, 'text-anchor': anchor}, content);
    place.setAttribute('aria-label', `Curve of the loss. ${summary}`);
    place.replaceChildren(
        drawing('line', {class: 'axis', x1: left, y1: y(min), x2: width - right, y2: y(min)}),
        drawing('line', {class: 'axis', x1: left, y1: top, x2: left, y2: y(min)}),
        drawing('polyline', {class: 'curve', points: points.join(' ')}),
        ...(points.length > 0 ? [drawing('circle', {class: 'end', r: 4, cx: points.at(-1).split(',')[0], cy: points.at(-1).split(',')[1]})] : []),
        text(left - 8, top + 4, 'end', numberText(limit, 3)), text(left - 8, y(min) + 4, 'end', numberText(min, 3)),
        text(left, height - 22, 'middle', '0'), text(width - right, height - 22, 'end', String(steps)),
        text((left + width - right) / 2, height - 6, 'middle', 'training steps'),
        drawing('text', {'text-anchor': 'middle', transform: `translate(14 ${(top + height - bottom) / 2}) rotate(-90)`}, 'loss L'));
  }
}
