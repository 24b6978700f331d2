import { apply, checkTensor, type Expr, elementwise, select, type Tensor } from '@latent/tensor';

/** Log-variances up to this are as they are; past it they bend, and stay below twice as much. */
const STRAIGHT = 10;

const past = (v: Expr): Expr =>
  v
    .abs()
    .sub(STRAIGHT)
    .mul(1 / STRAIGHT)
    .tanh();

const boundedOp = /* @__PURE__ */ elementwise(
  'boundedLogVariance',
  (v: Expr) => select(v.abs().le(STRAIGHT), v, v.sign().mul(past(v).mul(STRAIGHT).add(STRAIGHT))),
  [(g, v) => g.mul(select(v.abs().le(STRAIGHT), 1, past(v).square().neg().add(1)))],
);

/**
 * A log-variance of q(z | x) held smoothly to ±20, so that neither the variance nor its inverse leaves single precision
 * however far out the row is: v itself for |v| ≤ 10, ±(10 + 10·tanh((|v| − 10)/10)) past it, which has the same slope there.
 */
export function boundedLogVariance(v: Tensor): Tensor {
  checkTensor('boundedLogVariance', v);
  return apply(boundedOp, [v], undefined);
}
