// Operates a report as a user does, only through events; the tests' scripts call these functions.
'use strict';

// Finds a field by its accessible name.
function field(label) {
  const found = document.querySelector(`[aria-label="${label}"]`);
  if (!found) {
    throw new Error(`no field ${label}`);
  }
  return found;
}

function fire(target, type, options = {}) {
  const kinds = {keydown: KeyboardEvent, pointerenter: PointerEvent};
  target.dispatchEvent(new (kinds[type] ?? Event)(type, {bubbles: type !== 'pointerenter', cancelable: true, ...options}));
}

// Types one character after another, then leaves the field.
function type(target, text) {
  target.focus();
  for (let end = 1; end <= text.length; ++end) {
    target.value = text.slice(0, end);
    fire(target, 'input');
  }
  fire(target, 'change');
  target.blur();
}

function slide(target, value) {
  target.focus();
  target.value = value;
  fire(target, 'input');
  fire(target, 'change');
  target.blur();
}

function press(key, options = {}, target = document.activeElement) {
  fire(target, 'keydown', {key, ...options});
}

function click(id) {
  document.getElementById(id).click();
}

function shownText(id) {
  return document.getElementById(id).textContent;
}

function node(layer, unit) {
  return document.querySelector(`.node[data-layer="${layer}"][data-unit="${unit}"]`);
}

// Every number that can change, as bits.
function snapshot() {
  const {layers, rows, targets, losses} = lamella.model;
  const bits = (array) => Array.from(new BigUint64Array(Float64Array.from(array).buffer), String);
  return JSON.stringify([
    ...layers.flatMap(({weights, bias}) => [bits(weights), bits(bias ?? [])]),
    ...rows.map(({inputs}) => bits(inputs)), ...targets.map(bits), bits(losses)]);
}

function plain(arrays) {
  return Array.from(arrays, (value) => (typeof value === 'number' ? value : plain(value)));
}

// [rows][width] of every layer, as in lamella explain --json.
function traceOfAll() {
  return lamella.model.layers.map((layer, n) => ({
    pre_activations: plain(lamella.traces.map((trace) => trace.layers[n].z)),
    activations: plain(lamella.traces.map((trace) => trace.layers[n].h)),
  }));
}

function matrices(layers) {
  return layers.map(({weights, bias}) => ({weights: plain(weights), bias: plain(bias ?? [])}));
}

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// Posts the result to the enclosing page, which collects those of all reports.
async function report(script) {
  let result;
  try {
    result = {value: await script()};
  } catch (error) {
    result = {error: String(error?.stack ?? error)};
  }
  await wait(0);
  parent.postMessage({id: Number(name), ...result, complaints: window.complaints}, '*');
}
