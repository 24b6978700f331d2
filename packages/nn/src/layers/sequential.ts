import type { Tensor } from '@latent/tensor';
import { inLayer, type Layer, Module } from '../module.ts';

/** Layers one after the other, named by position. */
export class Sequential extends Module {
  readonly layers: readonly Layer[];

  constructor(...layers: readonly Layer[]) {
    super();
    this.layers = layers;
  }

  forward(x: Tensor): Tensor {
    let value = x;
    for (let i = 0; i < this.layers.length; i++) {
      const layer = this.layers[i];
      const input = value;
      value = inLayer(String(i), () => layer.forward(input));
    }
    return value;
  }
}
