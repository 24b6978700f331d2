import { noGrad } from '@latent/autograd';
import {
  add,
  checkOptions,
  checkTensor,
  formatShape,
  mapInto,
  mapProgram,
  mul,
  nullable,
  ones,
  optional,
  real,
  rsqrt,
  ShapeError,
  sub,
  type Tensor,
  ValueError,
  whole,
  zeros,
} from '@latent/tensor';
import { Module } from '../../module/module.ts';
import { buffer, layerParameter } from '../../module/role.ts';
import { type LayerSpec, layers, sameShapeLayer } from '../layer-spec.ts';

/** Of a `BatchNorm`. */
export interface BatchNormOptions {
  /** Added to the variance; 1e-5 by default, as in PyTorch (Keras has 1e-3). */
  readonly epsilon?: number;
  /**
   * Weight of a batch in the running statistics; 0.1 by default, as in PyTorch (Keras's `momentum` of 0.99 is 0.01 here). With
   * null they are the plain means over all batches.
   */
  readonly momentum?: number | null;
}

const checks = {
  epsilon: /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0 }), 1e-5),
  momentum: /* @__PURE__ */ optional(/* @__PURE__ */ nullable(/* @__PURE__ */ real({ min: 0, max: 1 })), 0.1),
};

const COUNT = /* @__PURE__ */ mapProgram('countBatch', 1, (n) => n.add(1));
const RUNNING = /* @__PURE__ */ mapProgram('runningStatistic', 3, (old, value, share) =>
  old.add(value.sub(old).mul(share)),
);

/**
 * (x − mean)/√(variance + ε)·weight + bias for each channel, the last axis (Ioffe & Szegedy 2015). While training mean and
 * variance are the batch's, over all other axes, and running statistics take a share of them; in `eval()` and in scores they are
 * the running ones. Parameters `weight` and `bias` [features]; buffers with PyTorch's names, `running_mean`, `running_var` (of
 * unbiased variances) and `num_batches_tracked`.
 *
 * A row's output depends on its batch while training. In a variational autoencoder, where every row has a bound of its own,
 * `GroupNorm` or `LayerNorm` has no such effect.
 */
export class BatchNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly running_mean: Tensor;
  readonly running_var: Tensor;
  readonly num_batches_tracked: Tensor;
  readonly epsilon: number;
  readonly momentum: number | null;

  constructor(features: number, options: BatchNormOptions = {}) {
    super();
    whole({ min: 1 })(features, { caller: 'BatchNorm', path: 'features' });
    const { epsilon, momentum } = checkOptions('BatchNorm', options, checks);
    this.epsilon = epsilon;
    this.momentum = momentum;
    this.weight = layerParameter('scale', [features], () => ones([features]));
    this.bias = layerParameter('bias', [features], () => zeros([features]));
    this.running_mean = buffer(zeros([features]));
    this.running_var = buffer(ones([features]));
    this.num_batches_tracked = buffer(zeros([]));
  }

  override get type(): string {
    return 'BatchNorm';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    const features = this.weight.size;
    if (x.shape.length < 2 || x.shape.at(-1) !== features) {
      throw new ShapeError(`BatchNorm: expected last axis ${features}, got ${formatShape(x.shape)}`);
    }
    if (!this.training) {
      const scale = mul(this.weight, rsqrt(add(this.running_var, this.epsilon)));
      return add(mul(sub(x, this.running_mean), scale), this.bias);
    }
    const count = x.size / features;
    if (count <= 1) {
      throw new ValueError(
        `BatchNorm: needs more than one value of each channel while training, got ${formatShape(x.shape)}; use larger batches, or layerNorm() or groupNorm(…)`,
      );
    }
    const axis = Array.from({ length: x.shape.length - 1 }, (_, d) => d);
    const mean = x.mean({ axis });
    const centred = sub(x, mean);
    const variance = centred.square().mean({ axis });
    noGrad(() => this.#track(mean.detach(), mul(variance.detach(), count / (count - 1))));
    return add(mul(centred, mul(this.weight, rsqrt(add(variance, this.epsilon)))), this.bias);
  }

  /** Kernels, so that each run of a recorded step does it once. */
  #track(mean: Tensor, variance: Tensor): void {
    mapInto(COUNT, [this.num_batches_tracked], []);
    const share = this.momentum === null ? this.num_batches_tracked.reciprocal() : mean.scalar(this.momentum);
    mapInto(RUNNING, [this.running_mean], [mean, share]);
    mapInto(RUNNING, [this.running_var], [variance, share]);
  }
}

export const batchNormLayer = /* @__PURE__ */ layers.known('batchNorm', {
  options: checks,
  build: (options) => sameShapeLayer((input) => [new BatchNorm(input.at(-1) ?? 1, options)]),
});

/** `BatchNorm` of the last axis, as a layer of a network. */
export function batchNorm(options: BatchNormOptions = {}): LayerSpec {
  return batchNormLayer.make(options);
}
