import { concat, exp, logSumExp, type Rng, softmax, stack, type Tensor, tanh, ValueError, whole } from '@latent/tensor';
import { columns, likelihoods, matchRows, REAL, type ReconstructionDistribution, type Support } from './likelihood.ts';

const LOG_2PI = Math.log(2 * Math.PI);
/** Logarithms of standard deviations are held to this much either way. */
const MOST_LOG_STD = 10;
/** Correlations are held this far from ±1, where the density has no bound. */
const MOST_CORRELATION = 1 - 1e-4;

const checks = { components: /* @__PURE__ */ whole({ min: 1 }) };

export const bivariateMixtureLikelihood = /* @__PURE__ */ likelihoods.known('bivariateMixture', {
  options: checks,
  build({ components: k }) {
    /** Each [..., K]: logits, means, logarithms of the standard deviations, correlation. */
    const parts = (params: Tensor) => {
      const part = (i: number): Tensor => columns(params, i * k, (i + 1) * k);
      return {
        logits: part(0),
        mx: part(1),
        my: part(2),
        sx: part(3).clamp(-MOST_LOG_STD, MOST_LOG_STD),
        sy: part(4).clamp(-MOST_LOG_STD, MOST_LOG_STD),
        rho: tanh(part(5)).mul(MOST_CORRELATION),
      };
    };
    const perColumn = (x: Tensor, params: Tensor): Tensor => {
      const rows = matchRows(distribution, x, params);
      const { logits, mx, my, sx, sy, rho } = parts(params);
      const each = (c: number, mean: Tensor, logStd: Tensor): Tensor =>
        columns(rows, c, c + 1)
          .sub(mean)
          .div(exp(logStd));
      const [u, v] = [each(0, mx, sx), each(1, my, sy)];
      const shares = logits.logSoftmax();
      // p(x) is the mixture of the first column alone; p(y | x) what is left of p(x, y).
      const first = shares
        .sub(u.square().mul(0.5))
        .sub(sx)
        .sub(LOG_2PI / 2);
      const rest = rho.square().neg().add(1);
      const second = v
        .sub(rho.mul(u))
        .square()
        .div(rest)
        .add(rest.log())
        .mul(-0.5)
        .sub(sy)
        .sub(LOG_2PI / 2);
      const marginal = logSumExp(first, { axis: -1 });
      const joint = logSumExp(first.add(second), { axis: -1 });
      return stack([marginal, joint.sub(marginal)], -1);
    };
    /** The numbers of one component of each row, given its one-hot choice. */
    const of = (choice: Tensor, x: Tensor): Tensor => choice.mul(x).sum({ axis: -1, keepDims: true });
    const highest = (scores: Tensor): Tensor => scores.equal(scores.max({ axis: -1, keepDims: true }));
    const distribution: Omit<ReconstructionDistribution, 'config'> = {
      name: 'bivariateMixture',
      normalized: true,
      paramCount(dataSize: number) {
        if (dataSize !== 2) throw new ValueError(`bivariateMixture: expected 2 columns, got ${dataSize}`);
        return 6 * k;
      },
      logProb: (x: Tensor, params: Tensor) => perColumn(x, params).sum({ axis: -1 }),
      logProbPerColumn: perColumn,
      sample(params: Tensor, rng: Rng) {
        const { logits, mx, my, sx, sy, rho } = parts(params.detach());
        const { shape, dtype } = logits;
        const choice = highest(logits.add(rng.gumbel(shape, { dtype })));
        const one = [...shape.slice(0, -1), 1];
        const [a, b] = [rng.normal(one, { dtype }), rng.normal(one, { dtype })];
        const r = of(choice, rho);
        const mixed = r.mul(a).add(r.square().neg().add(1).sqrt().mul(b));
        return concat(
          [of(choice, mx).add(exp(of(choice, sx)).mul(a)), of(choice, my).add(exp(of(choice, sy)).mul(mixed))],
          -1,
        );
      },
      mean(params: Tensor) {
        const { logits, mx, my } = parts(params);
        const shares = softmax(logits);
        return concat([of(shares, mx), of(shares, my)], -1);
      },
      // The centre of the component with the highest peak.
      mode(params: Tensor) {
        const { logits, mx, my, sx, sy, rho } = parts(params);
        const peak = logits.sub(sx).sub(sy).sub(rho.square().neg().add(1).log().mul(0.5));
        const choice = highest(peak);
        return concat([of(choice, mx), of(choice, my)], -1);
      },
      support: (dataSize: number) => new Array<Support>(dataSize).fill(REAL),
      tempered(params: Tensor, temperature: number) {
        const half = Math.log(temperature) / 2;
        const part = (i: number): Tensor => columns(params, i * k, (i + 1) * k);
        return concat([part(0).div(temperature), part(1), part(2), part(3).add(half), part(4).add(half), part(5)], -1);
      },
    };
    return distribution;
  },
});

/**
 * Two columns that vary together, as the two offsets of a pen: a mixture of K bivariate Gaussians with correlations (Graves 2013; Ha
 * & Eck 2018), from K logits, K means of each column, K logarithms of the standard deviations of each, and K correlations before
 * tanh. log p(x, y) = log Σₖ πₖ N(x, y; μₖ, Σₖ).
 */
export function bivariateMixture(options: { readonly components: number }): ReconstructionDistribution {
  return bivariateMixtureLikelihood.make(options);
}
