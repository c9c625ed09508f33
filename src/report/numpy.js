// Exports the current network and row as a Python program with NumPy that prints the output.
'use strict';

const MAX_WRITTEN = 10000;  // parameters

function pythonNumber(value) {
  if (Number.isNaN(value)) {
    return 'np.nan';
  }
  if (!Number.isFinite(value)) {
    return value < 0 ? '-np.inf' : 'np.inf';
  }
  return Object.is(value, -0) ? '-0.0' : String(value);
}

function pythonVector(values) {
  return `[${Array.from(values, pythonNumber).join(', ')}]`;
}

function pythonMatrix(values, width) {
  const lines = [];
  for (let begin = 0; begin < values.length; begin += width) {
    lines.push(pythonVector(values.subarray(begin, begin + width)));
  }
  return `[${lines.join(',\n    ')}]`;
}

// {text, helper lines that it needs}
function pythonActivation({name, a, b}, z) {
  const [first, second] = [pythonNumber(a), pythonNumber(b)];
  const logistic = {text: (x) => `1 / (1 + np.exp(-${x}))`};
  const texts = {
    identity: z,
    relu: `np.maximum(${z}, 0)`,
    leaky_relu: `np.where(${z} > 0, ${z}, ${first} * ${z})`,
    elu: `np.where(${z} > 0, ${z}, ${first} * np.expm1(np.minimum(${z}, 0)))`,
    selu: `${SELU_SCALE} * np.where(${z} > 0, ${z}, ${SELU_ALPHA} * np.expm1(np.minimum(${z}, 0)))`,
    sigmoid: logistic.text(z),
    tanh: `np.tanh(${z})`,
    gelu: `${z} * np.vectorize(math.erfc)(-${z} / math.sqrt(2)) / 2`,
    gelu_tanh: `${z} / (1 + np.exp(-2 * math.sqrt(2 / math.pi) * (${z} + ${GELU_CUBIC} * ${z}**3)))`,
    silu: `${z} / (1 + np.exp(-${z}))`,
    softplus: `np.logaddexp(0, ${z})`,
    hard_sigmoid: `np.clip(${first} * ${z} + ${second}, 0, 1)`,
    hard_swish: `${z} * np.clip((${z} + 3) / 6, 0, 1)`,
    clip: `np.clip(${z}, ${first}, ${second})`,
    softmax: `np.exp(${z} - ${z}.max()) / np.exp(${z} - ${z}.max()).sum()`,
    log_softmax: `${z} - ${z}.max() - np.log(np.exp(${z} - ${z}.max()).sum())`,
  };
  return texts[name];
}

const STEP_TEXTS = {
  subtract: (values) => `x - np.array(${pythonVector(values)})`,
  add: (values) => `x + np.array(${pythonVector(values)})`,
  multiply: (values) => `x * np.array(${pythonVector(values)})`,
  divide: (values) => `x / np.array(${pythonVector(values)})`,
  clip: (values) => `np.clip(x, ${pythonNumber(values[0])}, ${pythonNumber(values[1])})`,
};

// The program, or undefined if it would be too long to read.
function numpyCode(model, row) {
  const {layers, steps} = model;
  if (parameterCount(layers) > MAX_WRITTEN) {
    return undefined;
  }
  const {number, inputs} = model.rows[row];
  const lines = [`# Row ${number} through the network of lamella explain, as edited in its report.`];
  if (layers.some(({activation}) => activation.name.startsWith('gelu'))) {
    lines.push('import math');
  }
  lines.push('import numpy as np', '', `x = np.array(${pythonVector(inputs)}, dtype=float)`);
  for (const {kind, values} of steps) {
    lines.push(`x = ${STEP_TEXTS[kind](values)}`);
  }
  layers.forEach((layer, n) => {
    const number = n + 1;
    lines.push('', `W${number} = np.array(${pythonMatrix(layer.weights, layer.inputs)}, dtype=float)`);
    if (layer.bias) {
      lines.push(`b${number} = np.array(${pythonVector(layer.bias)}, dtype=float)`);
    }
    lines.push(`z${number} = W${number} @ ${n === 0 ? 'x' : `h${n}`}${layer.bias ? ` + b${number}` : ''}`,
        `h${number} = ${pythonActivation(layer.activation, `z${number}`)}`);
  });
  lines.push('', `print(h${layers.length}.tolist())`);
  return lines.join('\n') + '\n';
}

class NumpyCopy {
  constructor(app) {
    this.app = app;
    this.note = byId('numpy-note');
    this.text = byId('numpy-text');
    byId('numpy-copy').addEventListener('click', () => this.copy());
    if (parameterCount(app.model.layers) > MAX_WRITTEN) {
      byId('numpy-copy').hidden = true;
      this.note.textContent = `This network has ${grouped(parameterCount(app.model.layers))} parameters, too many to write out as code (${grouped(MAX_WRITTEN)} at limit). Load them from the model file instead.`;
    }
  }

  async copy() {
    const code = numpyCode(this.app.model, this.app.row);
    this.text.value = code;
    this.text.hidden = false;
    try {
      await navigator.clipboard.writeText(code);
      this.note.textContent = 'Copied. Python with NumPy runs it and prints the output.';
    } catch {
      this.text.focus();
      this.text.select();
      this.note.textContent = 'The browser does not let the report copy. The code below is selected: copy it with Ctrl+C, or by a long press.';
    }
  }

  // Keeps a shown program up to date with the network.
  update() {
    if (!this.text.hidden) {
      this.text.value = numpyCode(this.app.model, this.app.row);
      this.note.textContent = 'The code below is of the network as it is now.';
    }
  }
}
