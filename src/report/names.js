// Names of values, x[0], h1[2], W1[2,0], and formulas of layers. Layers are counted from 1, with 0
// for the input; all else from 0.
'use strict';

function valueName(layer) {
  return layer === 0 ? 'x' : `h${layer}`;
}

// "h2[0] class name", if the model names it.
function unitName(model, layer, unit) {
  const given = givenName(model, layer, unit);
  return `${valueName(layer)}[${unit}]${given ? ' ' + given : ''}`;
}

function givenName({names, layers}, layer, unit) {
  if (layer === 0) {
    return names.inputs[unit];
  }
  if (layer < layers.length) {
    return undefined;
  }
  // A single output may represent two classes, and is then neither of them.
  return names.classes.length === layers.at(-1).outputs ? names.classes[unit] : names.outputs[unit];
}

function unitCount({layers}, layer) {
  return layer === 0 ? layers[0].inputs : layers[layer - 1].outputs;
}

// "W1·x + b1"
function sumFormula({layers}, layer) {
  return `W${layer}·${valueName(layer - 1)}${layers[layer - 1].bias ? ` + b${layer}` : ''}`;
}

// "h1 = relu(W1·x + b1)"
function layerFormula(model, layer) {
  const {activation} = model.layers[layer - 1];
  const sum = sumFormula(model, layer);
  return `h${layer} = ${activation.name === 'identity' ? sum : `${activation.text}(${sum})`}`;
}

// The indices of the values with the largest magnitudes, ascending.
function largestOf(values, limit) {
  const size = (i) => (Number.isNaN(values[i]) ? Infinity : Math.abs(values[i]));
  return Array.from(values.keys())
      .sort((a, b) => size(b) - size(a) || a - b)
      .slice(0, limit)
      .sort((a, b) => a - b);
}

// The network's output in one line.
function outputText(model, {layers}) {
  const y = layers.at(-1).h;
  const last = model.layers.length;
  const isClassifier = model.names.classes.length === y.length || isOverRow(model.layers.at(-1).activation);
  if (y.length <= 6 && !(isClassifier && y.length > 2)) {
    return `y = ${vectorText(y)}`;
  }
  let best = 0;
  y.forEach((value, o) => {
    best = value > y[best] ? o : best;
  });
  return `largest of ${y.length} outputs: ${unitName(model, last, best)} = ${numberText(y[best])}`;
}
