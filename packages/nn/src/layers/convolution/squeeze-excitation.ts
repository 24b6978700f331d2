import {
  checkOptions,
  checkTensor,
  formatShape,
  mul,
  optional,
  type Rng,
  relu,
  ShapeError,
  sigmoid,
  type Tensor,
  whole,
} from '@latent/tensor';
import { Module } from '../../module/module.ts';
import { drawing } from '../../registry/generator.ts';
import { type LayerSpec, layers, sameShapeLayer } from '../layer-spec.ts';
import { Linear } from '../linear.ts';
import { placesOf } from './places.ts';

/**
 * Channels of [n, …sizes, channels] scaled by what the mean of all places says of each: x·sigmoid(fc2(relu(fc1(mean)))) (Hu et
 * al. 2018), with `reduction` times fewer channels in between. Modules `fc1` and `fc2`.
 */
export class SqueezeExcitation extends Module {
  readonly fc1: Linear;
  readonly fc2: Linear;

  constructor(channels: number, options: { readonly rng: Rng; readonly reduction?: number }) {
    super();
    const { rng, reduction } = checkOptions('SqueezeExcitation', options, { ...drawing, ...checks });
    whole({ min: 1 })(channels, { caller: 'SqueezeExcitation', path: 'channels' });
    const squeezed = Math.max(1, Math.floor(channels / reduction));
    this.fc1 = new Linear(channels, squeezed, { rng });
    this.fc2 = new Linear(squeezed, channels, { rng });
  }

  override get type(): string {
    return 'SqueezeExcitation';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    const { shape } = x;
    if (shape.length < 3 || shape.at(-1) !== this.fc1.inFeatures) {
      throw new ShapeError(
        `SqueezeExcitation: expected [n, …sizes, ${this.fc1.inFeatures}], got ${formatShape(shape)}`,
      );
    }
    const axis = Array.from({ length: shape.length - 2 }, (_, d) => d + 1);
    const scale = sigmoid(this.fc2.forward(relu(this.fc1.forward(x.mean({ axis, keepDims: true })))));
    return mul(x, scale);
  }
}

const checks = { reduction: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 16) };
export const squeezeExcitationLayer = /* @__PURE__ */ layers.known('squeezeExcitation', {
  options: checks,
  build: ({ reduction }) => ({
    ...sameShapeLayer((input, { weights }) => [new SqueezeExcitation(input.at(-1) ?? 1, { rng: weights, reduction })]),
    outShape(input) {
      placesOf(input);
      return input;
    },
  }),
});

/** `SqueezeExcitation` as a layer of a network. */
export function squeezeExcitation(options: { readonly reduction?: number } = {}): LayerSpec {
  return squeezeExcitationLayer.make(options);
}
