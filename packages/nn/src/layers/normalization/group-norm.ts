import {
  add,
  checkOptions,
  checkTensor,
  formatShape,
  mul,
  ones,
  optional,
  real,
  rsqrt,
  ShapeError,
  sub,
  type Tensor,
  whole,
  zeros,
} from '@latent/tensor';
import { Module } from '../../module/module.ts';
import { layerParameter } from '../../module/role.ts';
import { type LayerSpec, layers, sameShapeLayer } from '../layer-spec.ts';

/** Of a `GroupNorm`. */
export interface GroupNormOptions {
  /** Added to the variance; 1e-5 by default. */
  readonly epsilon?: number;
}

const checks = { epsilon: /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0 }), 1e-5) };

/**
 * (x − mean)/√(variance + ε)·weight + bias for each row and each of `groups` runs of channels, over those channels and all places
 * (Wu & He 2018): rows [n, …sizes, channels] do not depend on each other. One group is a layer norm of whole rows, as many as
 * channels an instance norm. Parameters `weight` and `bias` [channels].
 */
export class GroupNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly groups: number;
  readonly epsilon: number;

  constructor(groups: number, channels: number, options: GroupNormOptions = {}) {
    super();
    this.groups = whole({ min: 1 })(groups, { caller: 'GroupNorm', path: 'groups' });
    whole({ min: 1 })(channels, { caller: 'GroupNorm', path: 'channels' });
    checkDivides(groups, channels);
    this.epsilon = checkOptions('GroupNorm', options, checks).epsilon;
    this.weight = layerParameter('scale', [channels], () => ones([channels]));
    this.bias = layerParameter('bias', [channels], () => zeros([channels]));
  }

  override get type(): string {
    return 'GroupNorm';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    const channels = this.weight.size;
    if (x.shape.length < 2 || x.shape.at(-1) !== channels) {
      throw new ShapeError(`GroupNorm: expected last axis ${channels}, got ${formatShape(x.shape)}`);
    }
    const [n = 0] = x.shape;
    const places = x.shape.slice(1, -1).reduce((a, b) => a * b, 1);
    const grouped = x.reshape([n, places, this.groups, channels / this.groups]);
    // All groups are of one size, so the mean of means is the mean.
    const mean = (y: Tensor): Tensor => y.mean({ axis: 1, keepDims: true }).mean({ axis: 3, keepDims: true });
    const centred = sub(grouped, mean(grouped));
    const scaled = mul(centred, rsqrt(add(mean(centred.square()), this.epsilon)));
    return add(mul(scaled.reshape(x.shape), this.weight), this.bias);
  }
}

function checkDivides(groups: number, channels: number): void {
  if (channels % groups !== 0)
    throw new ShapeError(`GroupNorm: ${channels} channels do not divide into ${groups} groups`);
}

const layerChecks = /* @__PURE__ */ Object.assign({}, { groups: /* @__PURE__ */ whole({ min: 1 }) }, checks);
export const groupNormLayer = /* @__PURE__ */ layers.known('groupNorm', {
  options: layerChecks,
  build: ({ groups, epsilon }) => ({
    ...sameShapeLayer((input) => [new GroupNorm(groups, input.at(-1) ?? 1, { epsilon })]),
    outShape(input) {
      checkDivides(groups, input.at(-1) ?? 1);
      return input;
    },
  }),
});

/** `GroupNorm` as a layer of a network. */
export function groupNorm(groups: number, options: GroupNormOptions = {}): LayerSpec {
  return groupNormLayer.with({ groups }, options);
}
