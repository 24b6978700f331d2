import { equal, logSoftmax, mul, type Rng, type Tensor, ValueError, whole } from '@latent/tensor';
import { likelihoods, type Support } from './likelihood.ts';

const checks = { size: /* @__PURE__ */ whole({ min: 2 }) };

export const tokensLikelihood = /* @__PURE__ */ likelihoods.known('tokens', {
  options: checks,
  build({ size }) {
    const all = Array.from({ length: size }, (_, i) => i);
    const support: Support = {
      description: `a whole number from 0 to ${size - 1}`,
      contains: (x) => Number.isInteger(x) && x >= 0 && x < size,
    };
    /** Logits [..., columns·size] as [..., columns, size]. */
    const apart = (params: Tensor): Tensor => {
      const last = params.shape.at(-1) ?? 0;
      if (last % size === 0) return params.reshape([...params.shape.slice(0, -1), last / size, size]);
      throw new ValueError(`tokens: expected ${size} logits for each column, got ${last}`);
    };
    const perColumn = (x: Tensor, params: Tensor): Tensor => {
      const logits = apart(params);
      const lead = logits.shape.slice(0, -1);
      const own = x.broadcastTo(lead).reshape([...lead, 1]);
      return mul(equal(own, logits.from(all, [size])), logSoftmax(logits)).sum({ axis: -1 });
    };
    /** The index of the largest of the last axis; the first of several. */
    const largest = (x: Tensor): Tensor => {
      const best = equal(x, x.max({ axis: -1, keepDims: true }));
      return best
        .mul(
          x.from(
            all.map((i) => size - i),
            [size],
          ),
        )
        .max({ axis: -1 })
        .neg()
        .add(size);
    };
    const mode = (params: Tensor): Tensor => largest(apart(params));
    return {
      normalized: true,
      paramCount: (dataSize: number) => size * dataSize,
      logProb: (x: Tensor, params: Tensor) => perColumn(x, params).sum({ axis: -1 }),
      logProbPerColumn: perColumn,
      sample: (params: Tensor, rng: Rng) => {
        const logits = apart(params.detach());
        return largest(logits.add(rng.gumbel(logits.shape, { dtype: logits.dtype })));
      },
      mean: mode,
      mode,
      support: (dataSize: number) => new Array<Support>(dataSize).fill(support),
      tempered: (params: Tensor, temperature: number) => params.div(temperature),
    };
  },
});

/**
 * Columns that each hold one of `size` things by its number (a letter, a word), from `size` logits a column: log p = logSoftmax(l)ₓ.
 * What stands for the mean, which numbers of things do not have, is the likeliest.
 */
export function tokens(size: number): ReturnType<typeof tokensLikelihood.make> {
  return tokensLikelihood.make({ size });
}
