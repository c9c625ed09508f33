// The report's model, read from its data: the network, its rows and their targets; and the history
// of changes.
'use strict';

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) {
    bytes[i] = text.charCodeAt(i);
  }
  return bytes.buffer;
}

// Little-endian float32, the byte order of every machine with a browser.
function floatsOf(base64) {
  return Float64Array.from(new Float32Array(bytesOf(base64)));
}

// 16-bit integers, with one scale per row of the matrix.
function scaledOf(base64, scales) {
  const whole = new Int16Array(bytesOf(base64));
  const width = whole.length / scales.length;
  return Float64Array.from(whole, (value, at) => value * scales[Math.floor(at / width)]);
}

function readLayer(written) {
  const [a, b] = floatsOf(written.activation.parameters);
  return {
    inputs: written.inputs,
    outputs: written.outputs,
    activation: {name: written.activation.name, text: written.activation.text, a, b},
    weights: written.scales ? scaledOf(written.weights, floatsOf(written.scales))
                            : floatsOf(written.weights),
    bias: written.bias === null ? null : floatsOf(written.bias),
  };
}

// The report's state; everything shown is derived from it.
function readModel(written) {
  const layers = written.layers.map(readLayer);
  const outputs = layers.at(-1).outputs;
  return {
    name: written.model,
    names: written.names,
    steps: written.input_steps.map(
        ({kind, values}) => ({kind, values: floatsOf(values)})),
    layers,
    rows: written.rows.map(({number, inputs}) => ({number, inputs: floatsOf(inputs)})),
    // NaN where a target is missing.
    targets: written.rows.map(
        ({target}) => (target ? floatsOf(target) : new Float64Array(outputs).fill(NaN))),
    learningRate: written.learning_rate,
    losses: [],  // since the last edit, including the loss before the first step
  };
}

function parameterCount(layers) {
  return layers.reduce(
      (sum, {weights, bias}) => sum + weights.length + (bias ? bias.length : 0), 0);
}

// A change is a list of parts {array, index, value} or {array, values} that hold the previous
// values. Exchanging them with the current values undoes the change; exchanging again redoes it.
function exchange(part) {
  if (part.values) {
    const now = part.array.slice();
    part.array.set(part.values);
    part.values = now;
  } else {
    const now = part.array[part.index];
    part.array[part.index] = part.value;
    part.value = now;
  }
}

// Compares bit for bit, except that all NaNs are equal. A loop, because networks may have a million
// weights.
function isSame(a, b) {
  for (let i = 0; i < a.length; ++i) {
    if (!Object.is(a[i], b[i])) {
      return false;
    }
  }
  return true;
}

class History {
  constructor(model) {
    this.model = model;
    this.done = [];
    this.undone = [];
    this.open = undefined;  // key of an edit in progress, such as a slider being moved
    this.original = this.copies(this.everything());
  }

  parameters() {
    return this.model.layers.flatMap(({weights, bias}) => (bias ? [weights, bias] : [weights]));
  }

  everything() {
    return [...this.parameters(), ...this.model.rows.map((row) => row.inputs), ...this.model.targets];
  }

  copies(arrays) {
    return arrays.map((array) => ({array, values: array.slice()}));
  }

  // Sets a number. Edits with the same key, without close() between them, form one change.
  edit(array, index, value, label, key) {
    if (this.open !== key || key === undefined) {
      this.record(label, [{array, index, value: array[index]}]);
      this.open = key;
    }
    array[index] = value;
    this.model.losses = [];
  }

  close() {
    this.open = undefined;
  }

  // Call before the change.
  record(label, parts) {
    this.done.push({label, parts, losses: this.model.losses});
    this.undone = [];
    this.close();
    // Training steps of large networks take much memory: drops the oldest ones.
    const limit = 128 * 1024 * 1024;
    let bytes = 0;
    for (let i = this.done.length - 1; i >= 0; --i) {
      bytes += this.done[i].parts.reduce((sum, {values}) => sum + (values ? values.byteLength : 64), 0);
      if (bytes > limit && i < this.done.length - 1) {
        this.done.splice(0, i + 1);
        break;
      }
    }
  }

  // Call before a training step.
  recordParameters(label) {
    this.record(label, this.copies(this.parameters()));
  }

  // Both return the label of the change, or undefined.
  undo() {
    return this.move(this.done, this.undone);
  }
  redo() {
    return this.move(this.undone, this.done);
  }
  move(from, to) {
    const change = from.pop();
    if (change === undefined) {
      return undefined;
    }
    this.close();
    change.parts.forEach(exchange);
    [this.model.losses, change.losses] = [change.losses, this.model.losses];
    to.push(change);
    return change.label;
  }

  isChanged() {
    return this.model.losses.length > 0 ||
        this.original.some(({array, values}) => !isSame(array, values));
  }

  // Restores the original state; can be undone.
  reset() {
    this.record('reset', this.copies(this.everything()));
    this.original.forEach(({array, values}) => array.set(values));
    this.model.losses = [];
  }
}
