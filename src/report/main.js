// Assembles the report. Every change calls App.changed, which recomputes all values and updates
// every part of the report.
'use strict';

class App {
  constructor(written) {
    this.model = readModel(written);
    this.history = new History(this.model);
    this.row = 0;
    this.current = {layer: this.model.layers.length, unit: 0};
    this.edits = {
      edit: (array, index, value, label, key) => {
        this.history.edit(array, index, value, label, key);
        this.changed();
      },
      close: () => this.history.close(),
      say: (text) => this.say(text),
    };
    this.compute();
    this.figure = new Figure(document.querySelector('svg.lamella-figure'), this.model, (layer, unit) => {
      this.current = {layer, unit};
      this.updateLooks();
    });
    const shown = [0, ...this.model.layers.map((layer, n) => n + 1)].map((layer) => this.figure.units(layer));
    this.current.unit = shown.at(-1)[0];
    this.selection = new Selection(this.model, shown, () => {
      this.build();
      this.changed();
    });
    this.inputs = new Inputs(this.model, this.edits, this.selection);
    this.tables = this.model.layers.map(
        (layer, n) => new LayerTable(this.model, n + 1, this.edits, this.selection));
    byId('layers').replaceChildren(...this.tables.map(({section}) => section));
    this.sums = new Sums(this.model);
    this.training = new Training(this, this.selection);
    this.numpy = new NumpyCopy(this);
    this.walkthrough = new Walkthrough(this.model, ({layer}) => {
      // The step just computed becomes the current selection.
      this.current = {layer, unit: this.figure.units(layer)[0]};
      this.changed(this.walkthrough.text());
    });
    this.describe(written);
    this.listen();
    this.build();
    this.changed();
  }

  compute() {
    const {layers, rows, steps, targets} = this.model;
    this.traces = rows.map(({inputs}) => traceForward(layers, applyInputSteps(steps, inputs)));
    this.loss = lossOf(layers, this.traces, targets);
  }

  // message: text for screen readers. isForced: fields show the new values even while the user
  // edits them.
  changed(message, isForced = false) {
    this.compute();
    this.gradients = this.training.wantsGradients
        ? gradientsOf(this.model.layers, this.traces, this.model.targets) : undefined;
    this.largest = this.model.layers.map(largestWeight);
    const values = this.traces[this.row];
    const reached = (layer) => this.walkthrough.reached(layer);
    this.inputs.update(this.row, values, isForced);
    this.tables.forEach((table, n) => table.update(
        values, reached(n + 1), reached(n), this.largest[n], this.gradients?.[n], isForced));
    this.training.update(isForced);
    this.walkthrough.update();
    this.numpy.update();
    this.updateLooks();
    this.updateBar(message);
  }

  updateLooks() {
    const values = this.traces[this.row];
    const {layer, unit} = this.current;
    const reached = (other) => this.walkthrough.reached(other);
    this.figure.update(this.current, values, reached, this.largest);
    this.sums.update(this.current, values, reached(layer),
        layer > 0 ? this.gradients?.[layer - 1].deltas[this.row][unit] : undefined);
  }

  updateBar(message) {
    const {done, undone} = this.history;
    const isReached = this.walkthrough.reached(this.model.layers.length) === 'yes';
    const text = isReached ? outputText(this.model, this.traces[this.row]) : 'y: not computed yet at this step';
    byId('output').textContent = text;
    setDisabled(byId('undo'), done.length === 0);
    setDisabled(byId('redo'), undone.length === 0);
    setDisabled(byId('reset'), !this.history.isChanged());
    byId('undo').title = done.length > 0 ? `Undo: ${done.at(-1).label} (Ctrl+Z)` : 'Nothing to undo';
    byId('redo').title = undone.length > 0 ? `Redo: ${undone.at(-1).label} (Ctrl+Y)` : 'Nothing to redo';
    if (message !== undefined || text !== this.spoken) {
      this.spoken = text;
      this.say(message === undefined ? text : `${message} ${text}`);
    }
  }

  // Announces to screen readers, once changes pause for a moment.
  say(text) {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => {
      byId('live').textContent = text;
    }, 300);
  }

  build() {
    // Chooser buttons are recreated; this restores the keyboard focus.
    const chooser = document.activeElement?.dataset?.chooser;
    const values = () => this.traces[this.row];
    this.inputs.build(this.row, values);
    this.tables.forEach((table) => table.build(values));
    this.training.build();
    if (chooser) {
      document.querySelector(`[data-chooser="${chooser}"]`)?.focus();
    }
  }

  describe(written) {
    const {model} = this;
    const widths = [model.layers[0].inputs, ...model.layers.map(({outputs}) => outputs)];
    document.title = `${model.name} - lamella explain`;
    byId('model').textContent = model.name;
    byId('shape').textContent = `${widths.join(' → ')}, ${grouped(parameterCount(model.layers))} parameters`;
    const first = model.layers[0].activation;
    byId('activation-example').textContent = first.name === 'identity' ? '' : ` Layer 1 here has ${first.text}: ${activationMeaning(first)}`;
    byId('rounding').textContent = written.rounding;
    byId('rounding').hidden = written.rounding === '';
    const rows = byId('row');
    rows.replaceChildren(...model.rows.map(({number}, r) => element('option', {value: r}, String(number))));
    byId('row-box').hidden = model.rows.length === 1;
    rows.addEventListener('change', () => {
      this.row = Number(rows.value);
      this.history.close();
      this.inputs.build(this.row, () => this.traces[this.row]);
      this.changed(`Row ${model.rows[this.row].number}.`);
    });
  }

  undo() {
    this.tell(this.history.undo(), 'Undone');
  }
  redo() {
    this.tell(this.history.redo(), 'Done again');
  }
  tell(label, what) {
    if (label !== undefined) {
      this.changed(`${what}: ${label}.`, true);
    }
  }

  listen() {
    byId('undo').addEventListener('click', () => this.undo());
    byId('redo').addEventListener('click', () => this.redo());
    byId('reset').addEventListener('click', () => {
      if (this.history.isChanged()) {
        this.history.reset();
        this.changed('Everything is as it came.', true);
      }
    });
    document.addEventListener('keydown', (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target === byId('numpy-text')) {
        return;
      }
      const key = event.key.toLowerCase();
      if (key === 'z' && !event.shiftKey) {
        event.preventDefault();
        this.undo();
      } else if (key === 'y' || key === 'z') {
        event.preventDefault();
        this.redo();
      }
    });
  }
}

// For use in the browser's console: lamella.model holds every number.
const lamella = new App(JSON.parse(byId('network').textContent));
