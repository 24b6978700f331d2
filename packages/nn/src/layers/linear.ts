import {
  callable,
  checkOptions,
  checkTensor,
  flag,
  formatShape,
  linear,
  optional,
  type Rng,
  ShapeError,
  type Tensor,
  whole,
} from '@latent/tensor';
import { type Initializer, uniformInit } from '../init.ts';
import { Module } from '../module/module.ts';
import { layerParameter } from '../module/role.ts';
import { generatorCheck } from '../registry/generator.ts';

/** Of a `Linear`. */
export interface LinearOptions {
  readonly rng: Rng;
  /** Add a bias; true by default. */
  readonly bias?: boolean;
  /** First weights; by default uniform on ±1/√in, as in PyTorch. Biases start the same way, or at 0 with an `init` given. */
  readonly init?: Initializer;
}

const checks = {
  rng: generatorCheck,
  bias: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), true),
  init: /* @__PURE__ */ optional(/* @__PURE__ */ callable<Initializer>()),
};

/** A dense layer: x·Wᵀ + b along the last axis. Parameters `weight` [out, in] and `bias` [out]. */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions) {
    super();
    for (const [path, size] of Object.entries({ inFeatures, outFeatures })) {
      whole({ min: 1 })(size, { caller: 'Linear', path });
    }
    const { rng, bias, init } = checkOptions('Linear', options, checks);
    const limit = 1 / Math.sqrt(inFeatures);
    const first = init ?? uniformInit(-limit, limit);
    this.weight = layerParameter('weight', [outFeatures, inFeatures], () => first([outFeatures, inFeatures], rng));
    this.bias = bias
      ? layerParameter('bias', [outFeatures], () =>
          init === undefined ? first([outFeatures], rng) : new Float32Array(outFeatures),
        )
      : null;
  }

  override get type(): string {
    return 'Linear';
  }

  get inFeatures(): number {
    return this.weight.shape[1] as number;
  }

  get outFeatures(): number {
    return this.weight.shape[0] as number;
  }

  /** x [..., in] → [..., out]. */
  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    if (x.shape[x.shape.length - 1] !== this.inFeatures) {
      const hint =
        x.shape.length > 2 && x.shape.slice(1).reduce((a, b) => a * b, 1) === this.inFeatures
          ? '; flatten each row first'
          : '';
      throw new ShapeError(`linear: expected last axis ${this.inFeatures}, got ${formatShape(x.shape)}${hint}`);
    }
    return linear(x, this.weight, this.bias);
  }
}
