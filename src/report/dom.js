// Helpers: elements, number formatting and parsing.
'use strict';

// element('button', {class: 'quiet', type: 'button', 'aria-label': 'Undo'}, 'Undo', ...): children
// are elements or texts; nothing is parsed as HTML.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) {
      made.setAttribute(key, value);
    }
  }
  made.append(...children);
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

// Formats a number as the command does: printf's %.6g, which rounds ties to even; toExponential
// rounds them away from zero.
function numberText(value, digits = 6) {
  if (Number.isNaN(value)) {
    return 'nan';
  }
  if (!Number.isFinite(value)) {
    return value < 0 ? '-inf' : 'inf';
  }
  if (value === 0) {
    return '0';
  }
  const size = Math.abs(value);
  let [mantissa, exponent] = size.toExponential(digits - 1).split('e');
  const beyond = size.toExponential(digits + 24).split('e')[0].replace('.', '').slice(digits);
  if (/^50*$/.test(beyond) && Number(mantissa.at(-1)) % 2 === 1) {
    mantissa = mantissa.slice(0, -1) + String(Number(mantissa.at(-1)) - 1);
  }
  exponent = Number(exponent);
  const figures = mantissa.replace('.', '');
  let text;
  if (exponent < -4 || exponent >= digits) {
    const power = String(Math.abs(exponent)).padStart(2, '0');
    text = withoutZeros(figures[0] + '.' + figures.slice(1)) + (exponent < 0 ? 'e-' : 'e+') + power;
  } else if (exponent < 0) {
    text = withoutZeros('0.' + '0'.repeat(-exponent - 1) + figures);
  } else {
    text = withoutZeros(figures.slice(0, exponent + 1) + '.' + figures.slice(exponent + 1));
  }
  return (value < 0 ? '-' : '') + text;
}

function withoutZeros(text) {
  return text.replace(/\.?0*$/, '');
}

// Parses typed text to the float32 that a model or row file would hold; undefined if it is not a
// number.
function parseNumber(text) {
  const plain = text.trim().replace(/^\u2212/, '-');
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) {
    return undefined;
  }
  const value = Math.fround(Number(plain));
  return Number.isFinite(value) ? value : undefined;
}

// "[7, 5]", or shortened in the middle, as the command prints it.
function vectorText(values, limit = 16) {
  const list = Array.from(values);
  if (list.length <= limit) {
    return '[' + list.map((value) => numberText(value)).join(', ') + ']';
  }
  const begin = list.slice(0, limit / 2).map((value) => numberText(value));
  return `[${begin.join(', ')}, ..., ${numberText(list.at(-1))}] (${list.length} values)`;
}

// 669706 as "669,706".
function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
