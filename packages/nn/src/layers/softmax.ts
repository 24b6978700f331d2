import { checkTensor, softmax as softmaxOf, type Tensor } from '@latent/tensor';
import { Module } from '../module/module.ts';
import { type LayerSpec, layers, sameShapeLayer } from './layer-spec.ts';

/** eˣ / Σ eˣ over the last axis: probabilities of categories. */
export class Softmax extends Module {
  override get type(): string {
    return 'Softmax';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    return softmaxOf(x);
  }
}

export const softmaxLayer = /* @__PURE__ */ layers.known('softmax', {
  options: {},
  build: () => sameShapeLayer(() => [new Softmax()]),
});

/** `Softmax` over the last axis, as a layer of a network. Losses and likelihoods take what comes before it, the logits. */
export function softmax(): LayerSpec {
  return softmaxLayer.make({});
}
