// Network arithmetic in double precision: forward pass, loss, gradient by back-propagation
// (Rumelhart, Hinton and Williams, 1986), gradient descent step. Formulas and summation order match
// the command's own forward pass and gradient descent. This file does not depend on the report.
//
// A layer is {inputs, outputs, activation: {name, text, a, b}, weights: Float64Array [outputs x
// inputs], bias: Float64Array [outputs] or null}.
'use strict';

// The complementary error function. Near 0, 1 - erf by Kummer's series, whose terms are all
// positive (Abramowitz and Stegun 7.1.6); elsewhere the continued fraction (7.1.14), which is
// accurate in the tail.
function erfc(x) {
  if (Number.isNaN(x)) {
    return NaN;
  }
  const size = Math.abs(x);
  if (size > 27) {
    return x < 0 ? 2 : 0;
  }
  // exp(-x^2), split so that the square of the float32 part is exact.
  const coarse = Math.fround(size);
  const bell = Math.exp(-coarse * coarse) * Math.exp((coarse - size) * (coarse + size));
  if (size < 0.5) {
    let term = size;
    let sum = size;
    for (let n = 1; term > sum * 1e-18; ++n) {
      term *= 2 * size * size / (2 * n + 1);
      sum += term;
    }
    const erf = 2 / Math.sqrt(Math.PI) * bell * sum;
    return x < 0 ? 1 + erf : 1 - erf;
  }
  let fraction = size;
  for (let n = Math.ceil(40 + 200 / (size * size)); n > 0; --n) {
    fraction = size + n / 2 / fraction;
  }
  const tail = bell / (fraction * Math.sqrt(Math.PI));
  return x < 0 ? 2 - tail : tail;
}

function logistic(x) {
  return 1 / (1 + Math.exp(-x));
}

// P(X <= x) of the standard normal distribution, and its density.
function normalProbability(x) {
  return erfc(-x / Math.SQRT2) / 2;
}
function normalDensity(x) {
  return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

// NaN stays NaN.
function clamp(x, min, max) {
  return x < min ? min : (x > max ? max : x);
}

const SELU_ALPHA = 1.6732632423543772848170429916717;  // Klambauer et al., 2017
const SELU_SCALE = 1.0507009873554804934193349852946;
const GELU_CUBIC = 0.044715;

function geluArgument(x) {
  return Math.sqrt(2 / Math.PI) * (x + GELU_CUBIC * x * x * x);
}

// The elementwise activation functions and their derivatives; at a kink, the derivative of the flat
// side. NaN fails each comparison, and so takes the branch that returns x or a function of it.
const ACTIVATIONS = {
  identity: {of: (x) => x, slope: () => 1},
  relu: {of: (x) => (x <= 0 ? 0 : x), slope: (x) => (x <= 0 ? 0 : 1)},
  leaky_relu: {of: (x, a) => (x <= 0 ? a * x : x), slope: (x, a) => (x <= 0 ? a : 1)},
  elu: {
    of: (x, a) => (x <= 0 ? a * Math.expm1(x) : x),
    slope: (x, a) => (x <= 0 ? a * Math.exp(x) : 1),
  },
  selu: {
    of: (x) => SELU_SCALE * (x <= 0 ? SELU_ALPHA * Math.expm1(x) : x),
    slope: (x) => SELU_SCALE * (x <= 0 ? SELU_ALPHA * Math.exp(x) : 1),
  },
  sigmoid: {of: logistic, slope: (x) => logistic(x) * logistic(-x)},
  tanh: {of: Math.tanh, slope: (x) => 1 - Math.tanh(x) * Math.tanh(x)},
  gelu: {
    of: (x) => x * normalProbability(x),
    slope: (x) => normalProbability(x) + x * normalDensity(x),
  },
  gelu_tanh: {
    of: (x) => x * logistic(2 * geluArgument(x)),
    slope: (x) => {
      const t = 2 * geluArgument(x);
      const steepness = 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * GELU_CUBIC * x * x);
      return logistic(t) + x * logistic(t) * logistic(-t) * steepness;
    },
  },
  silu: {
    of: (x) => x * logistic(x),
    slope: (x) => logistic(x) + x * logistic(x) * logistic(-x),
  },
  softplus: {
    of: (x) => (x <= 0 ? 0 : x) + Math.log1p(Math.exp(-Math.abs(x))),
    slope: logistic,
  },
  hard_sigmoid: {
    of: (x, a, b) => clamp(a * x + b, 0, 1),
    slope: (x, a, b) => (a * x + b <= 0 || a * x + b >= 1 ? 0 : a),
  },
  hard_swish: {
    of: (x) => x * clamp((x + 3) / 6, 0, 1),
    slope: (x) => (x <= -3 ? 0 : (x >= 3 ? 1 : (2 * x + 3) / 6)),
  },
  clip: {of: clamp, slope: (x, a, b) => (x <= a || x >= b ? 0 : 1)},
};

// Softmax and log_softmax depend on all outputs of a row.
function isOverRow(activation) {
  return activation.name === 'softmax' || activation.name === 'log_softmax';
}

function softmax(z, asLogarithm) {
  const largest = z.reduce((limit, value) => (limit < value ? value : limit), z[0]);
  let sum = 0;
  for (const value of z) {
    sum += Math.exp(value - largest);
  }
  return z.map(
      (value) => (asLogarithm ? value - largest - Math.log(sum) : Math.exp(value - largest) / sum));
}

function activate(activation, z) {
  if (isOverRow(activation)) {
    return softmax(z, activation.name === 'log_softmax');
  }
  const {of} = ACTIVATIONS[activation.name];
  return z.map((value) => of(value, activation.a, activation.b));
}

// Whether an activation maps a negative sum to 0.
function isSilenced(layer, z, h) {
  return !isOverRow(layer.activation) && h === 0 && z < 0;
}

// The largest magnitude of a layer's weights.
function largestWeight({weights}) {
  let largest = 0;
  for (let i = 0; i < weights.length; ++i) {
    const size = Math.abs(weights[i]);
    largest = size > largest ? size : largest;
  }
  return largest;
}

// A row after the input steps, as the first layer reads it.
function applyInputSteps(steps, row) {
  return row.map((value, i) => {
    for (const step of steps) {
      switch (step.kind) {
        case 'subtract': value -= step.values[i]; break;
        case 'add': value += step.values[i]; break;
        case 'multiply': value *= step.values[i]; break;
        case 'divide': value /= step.values[i]; break;
        default: value = clamp(value, step.values[0], step.values[1]);
      }
    }
    return value;
  });
}

// Traces one row through the layers: {inputs, layers: [{z, h}]}.
function traceForward(layers, inputs) {
  const result = {inputs, layers: []};
  let x = inputs;
  for (const layer of layers) {
    const z = new Float64Array(layer.outputs);
    for (let o = 0; o < layer.outputs; ++o) {
      let sum = layer.bias ? layer.bias[o] : 0;
      const begin = o * layer.inputs;
      for (let i = 0; i < layer.inputs; ++i) {
        sum += layer.weights[begin + i] * x[i];
      }
      z[o] = sum;
    }
    const h = activate(layer.activation, z);
    result.layers.push({z, h});
    x = h;
  }
  return result;
}

// 'cross-entropy' where the network ends with softmax or log_softmax, else 'squared error'.
function lossKind(layers) {
  return isOverRow(layers.at(-1).activation) ? 'cross-entropy' : 'squared error';
}

// The mean loss over the rows.
function lossOf(layers, traces, targets) {
  const kind = lossKind(layers);
  const logarithms = layers.at(-1).activation.name === 'log_softmax';
  let sum = 0;
  traces.forEach((row, r) => {
    row.layers.at(-1).h.forEach((y, o) => {
      const t = targets[r][o];
      if (kind === 'squared error') {
        sum += (y - t) * (y - t) / 2;
      } else if (t !== 0) {  // 0 log 0 is 0
        sum -= t * (logarithms ? y : Math.log(y));
      }
    });
  });
  return sum / traces.length;
}

// d loss / d z of the last layer, for one of count rows.
function lastDeltas(layer, {z, h}, target, count) {
  const {activation} = layer;
  if (!isOverRow(activation)) {
    const {slope} = ACTIVATIONS[activation.name];
    return h.map((y, o) => (y - target[o]) * slope(z[o], activation.a, activation.b) / count);
  }
  const total = target.reduce((sum, t) => sum + t, 0);
  return h.map((y, o) => {
    const p = activation.name === 'log_softmax' ? Math.exp(y) : y;
    return (p * total - target[o]) / count;
  });
}

// d loss / d z of the previous layer: the deltas propagated back through the weights, times the
// activation's derivative.
function deltasBefore(layer, deltas, before, {z}) {
  const sums = new Float64Array(layer.inputs);
  for (let o = 0; o < layer.outputs; ++o) {
    const begin = o * layer.inputs;
    for (let i = 0; i < layer.inputs; ++i) {
      sums[i] += deltas[o] * layer.weights[begin + i];
    }
  }
  const {name, a, b} = before.activation;
  const {slope} = ACTIVATIONS[name];
  return sums.map((sum, i) => sum * slope(z[i], a, b));
}

// The gradient of the loss: for each layer {deltas: one Float64Array per row, weights, bias}.
function gradientsOf(layers, traces, targets) {
  const gradients = layers.map((layer) => ({
    deltas: [],
    weights: new Float64Array(layer.weights.length),
    bias: layer.bias && new Float64Array(layer.outputs),
  }));
  traces.forEach((row, r) => {
    const last = layers.length - 1;
    let deltas = lastDeltas(layers[last], row.layers[last], targets[r], traces.length);
    for (let n = last; n >= 0; --n) {
      gradients[n].deltas.push(deltas);
      addToGradient(gradients[n], deltas, n === 0 ? row.inputs : row.layers[n - 1].h);
      if (n > 0) {
        deltas = deltasBefore(layers[n], deltas, layers[n - 1], row.layers[n - 1]);
      }
    }
  });
  return gradients;
}

// d loss / d W = sum over rows of deltas x^T; d loss / d b = sum over rows of deltas.
function addToGradient(gradient, deltas, x) {
  deltas.forEach((delta, o) => {
    const begin = o * x.length;
    for (let i = 0; i < x.length; ++i) {
      gradient.weights[begin + i] += delta * x[i];
    }
    if (gradient.bias) {
      gradient.bias[o] += delta;
    }
  });
}

// Subtracts learningRate times the gradient from every weight and bias.
function descend(layers, gradients, learningRate) {
  layers.forEach((layer, n) => {
    const {weights, bias} = gradients[n];
    for (let i = 0; i < weights.length; ++i) {
      layer.weights[i] -= learningRate * weights[i];
    }
    for (let o = 0; bias && o < bias.length; ++o) {
      layer.bias[o] -= learningRate * bias[o];
    }
  });
}
