import { grad } from '@latent/autograd';
import {
  type Check,
  fields,
  isPlainObject,
  oneOf,
  optional,
  type Rng,
  real,
  refuse,
  type Tensor,
  whole,
} from '@latent/tensor';

/** What a code is asked to be besides informative. */
export interface CodePenalties {
  /**
   * Keeps codes mostly off: `target`, the mean that each unit should have over the batch, by weight·Σⱼ KL(target ‖ mean hⱼ)
   * (Ng 2011), for activations from 0 to 1; or `l1`, weight·mean Σ|h|.
   */
  readonly sparsity?:
    | { readonly kind: 'target'; readonly target: number; readonly weight: number }
    | { readonly kind: 'l1'; readonly weight: number };
  /**
   * Keeps codes still where rows move a little: weight·mean ‖∂h/∂x‖² (Rifai et al. 2011), estimated along `directions` (1)
   * random directions of the code for each row (Hutchinson 1990), whose expectation it is.
   */
  readonly contractive?: { readonly weight: number; readonly directions?: number };
}

/** Means this close to 0 or 1 are held there, where the KL would be infinite. */
const EDGE = 1e-4;

const weight = /* @__PURE__ */ real({ min: 0 });
const targetFields = /* @__PURE__ */ fields({
  kind: /* @__PURE__ */ oneOf('target', 'l1'),
  target: /* @__PURE__ */ real({ above: 0, below: 1 }),
  weight,
});
const l1Fields = /* @__PURE__ */ fields({ kind: /* @__PURE__ */ oneOf('target', 'l1'), weight });
const sparsityCheck: Check<NonNullable<CodePenalties['sparsity']>> = (value, at) => {
  if (!isPlainObject(value)) return refuse(at, "an object such as { kind: 'l1', weight: 1e-3 }", value);
  const checked = value.kind === 'l1' ? l1Fields(value, at) : targetFields(value, at);
  return checked as NonNullable<CodePenalties['sparsity']>;
};
const contractiveFields = /* @__PURE__ */ fields({
  weight,
  directions: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 1),
});

/** The checks of penalties among a model's options. */
export const penaltyChecks = {
  sparsity: /* @__PURE__ */ optional(sparsityCheck),
  contractive: /* @__PURE__ */ optional(contractiveFields),
};

/** The sparsity penalty of codes [rows, units], a scalar; null without one. */
export function sparsityPenalty(codes: Tensor, { sparsity }: CodePenalties): Tensor | null {
  if (sparsity === undefined) return null;
  if (sparsity.kind === 'l1') return codes.abs().sum({ axis: -1 }).mean().mul(sparsity.weight);
  const { target, weight } = sparsity;
  const mean = codes.mean({ axis: 0 }).clamp(EDGE, 1 - EDGE);
  // ρ·log(ρ/ρ̂) + (1 − ρ)·log((1 − ρ)/(1 − ρ̂))
  const entropy = target * Math.log(target) + (1 - target) * Math.log(1 - target);
  const cross = mean
    .log()
    .mul(target)
    .add(
      mean
        .neg()
        .log1p()
        .mul(1 - target),
    );
  return cross.neg().add(entropy).sum().mul(weight);
}

/** The contractive penalty of an encoder at x, a scalar; null without one. */
export function contractivePenalty(
  encode: (x: Tensor) => Tensor,
  x: Tensor,
  codeSize: number,
  rng: Rng,
  { contractive }: CodePenalties,
): Tensor | null {
  if (contractive === undefined) return null;
  const { weight, directions = 1 } = contractive;
  const terms = Array.from({ length: directions }, () => {
    // E ‖vᵀJ‖² = ‖J‖² for v of independent ±1.
    const v = rng
      .bernoulli([x.shape[0] ?? 0, codeSize], { dtype: x.dtype })
      .mul(2)
      .sub(1);
    const product = grad((input: Tensor) => encode(input).mul(v).sum())(x);
    return product.square().sum({ axis: -1 }).mean();
  });
  return terms.reduce((a, b) => a.add(b)).mul(weight / directions);
}
