// Steps through the network: x, z1, h1, z2, h2 and so on. Figure and tables hide what is not yet
// reached.
'use strict';

class Walkthrough {
  constructor(model, changed) {
    this.steps = [{layer: 0, stage: 'value'}];
    model.layers.forEach((layer, n) => {
      // With the identity, the sum equals the value.
      if (layer.activation.name !== 'identity') {
        this.steps.push({layer: n + 1, stage: 'sum'});
      }
      this.steps.push({layer: n + 1, stage: 'value'});
    });
    this.model = model;
    this.position = this.steps.length - 1;
    this.changed = changed;
    byId('step-first').addEventListener('click', () => this.go(0));
    byId('step-back').addEventListener('click', () => this.go(this.position - 1));
    byId('step-next').addEventListener('click', () => this.go(this.position + 1));
    byId('step-all').addEventListener('click', () => this.go(this.steps.length - 1));
  }

  go(position) {
    this.position = Math.max(0, Math.min(position, this.steps.length - 1));
    this.changed(this.steps[this.position]);
  }

  // Progress in a layer: 'no', 'sum' (z is computed), or 'yes'.
  reached(layer) {
    const step = this.steps[this.position];
    if (layer < step.layer) {
      return 'yes';
    }
    return layer > step.layer ? 'no' : (step.stage === 'sum' ? 'sum' : 'yes');
  }

  text() {
    const {layer, stage} = this.steps[this.position];
    if (layer === 0) {
      return this.model.steps.length > 0 ? 'x: the row after the input steps, as the first layer gets it.'
                                         : 'x: the row, as the first layer gets it.';
    }
    const {activation} = this.model.layers[layer - 1];
    if (stage === 'sum') {
      return `z${layer} = ${sumFormula(this.model, layer)}: each unit of layer ${layer} adds up what it gets, weighted.`;
    }
    if (activation.name === 'identity') {
      return `h${layer} = ${sumFormula(this.model, layer)}: each unit of layer ${layer} adds up what it gets, weighted. It has no activation.`;
    }
    return `h${layer} = ${activation.text}(z${layer}): ${activationMeaning(activation)}`;
  }

  update() {
    const last = this.steps.length - 1;
    setDisabled(byId('step-first'), this.position === 0);
    setDisabled(byId('step-back'), this.position === 0);
    setDisabled(byId('step-next'), this.position === last);
    setDisabled(byId('step-all'), this.position === last);
    byId('step-text').textContent = `Step ${this.position + 1} of ${last + 1}. ${this.text()}`;
  }
}

// A disabled button keeps the focus, so that keyboard users keep their place.
function setDisabled(button, isDisabled) {
  button.setAttribute('aria-disabled', String(isDisabled));
}

function activationMeaning({name, a, b}) {
  const meanings = {
    relu: 'negative sums become 0, others stay.',
    leaky_relu: `negative sums are multiplied by ${numberText(a)}, others stay.`,
    elu: 'negative sums flatten out, others stay.',
    selu: 'negative sums flatten out, others grow a little.',
    sigmoid: 'every sum becomes a number between 0 and 1.',
    tanh: 'every sum becomes a number between -1 and 1.',
    gelu: 'negative sums are pressed towards 0, large ones stay.',
    gelu_tanh: 'negative sums are pressed towards 0, large ones stay.',
    silu: 'negative sums are pressed towards 0, large ones stay.',
    softplus: 'negative sums are pressed towards 0, large ones stay; a rounded relu.',
    hard_sigmoid: `${numberText(a)}·z + ${numberText(b)}, held between 0 and 1.`,
    hard_swish: 'sums below -3 become 0, those above 3 stay, with a bend between.',
    clip: `sums are held between ${numberText(a)} and ${numberText(b)}.`,
    softmax: 'the sums become shares between 0 and 1 that add up to 1.',
    log_softmax: 'the logarithms of shares that add up to 1.',
  };
  return meanings[name];
}
