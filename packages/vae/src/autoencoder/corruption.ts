import { Kind, type Part } from '@latent/nn';
import { concat, mul, optional, type Rng, real, type Tensor, ValueError, where } from '@latent/tensor';

/** A way to spoil inputs while training. The clean rows stay the target, and nothing is corrupted at inference. */
export interface Corruption extends Part {
  /** A corrupted copy of x [rows, …]; x itself is not changed. */
  apply(x: Tensor, rng: Rng): Tensor;
}

/** The corruptions that models, and their files, may have. */
export const corruptions: Kind<Corruption> = /* @__PURE__ */ new Kind<Corruption>(
  'corruption',
  (part) => `{ ${part} } from '@latent/vae'`,
);

const rateChecks = { rate: /* @__PURE__ */ real({ min: 0, max: 1 }) };
const noiseChecks = {
  std: /* @__PURE__ */ real({ min: 0 }),
  low: /* @__PURE__ */ optional(/* @__PURE__ */ real()),
  high: /* @__PURE__ */ optional(/* @__PURE__ */ real()),
};
const endsChecks = /* @__PURE__ */ Object.assign({}, rateChecks, {
  low: /* @__PURE__ */ optional(/* @__PURE__ */ real(), 0),
  high: /* @__PURE__ */ optional(/* @__PURE__ */ real(), 1),
});

const none = /* @__PURE__ */ corruptions.known('noCorruption', { options: {}, build: () => ({ apply: (x) => x }) });

/** Leaves rows as they are: an ordinary autoencoder. */
export function noCorruption(): Corruption {
  return none.make({});
}

const maskingPart = /* @__PURE__ */ corruptions.known('masking', {
  options: rateChecks,
  build: ({ rate }) => ({
    apply: (x, rng) => mul(x, rng.bernoulli(x.shape, { p: 1 - rate, dtype: x.dtype })),
  }),
});

/** Sets each value to 0 with probability `rate` (Vincent et al. 2010). The rest is not rescaled. */
export function masking(rate: number): Corruption {
  return maskingPart.make({ rate });
}

const noisePart = /* @__PURE__ */ corruptions.known('gaussianNoise', {
  options: noiseChecks,
  build({ std, low = -Infinity, high = Infinity }, caller) {
    if (!(low < high)) throw new ValueError(`${caller}: low must be below high, got low ${low} and high ${high}`);
    return {
      apply(x, rng) {
        const noisy = x.add(rng.normal(x.shape, { std, dtype: x.dtype }));
        return low === -Infinity && high === Infinity ? noisy : noisy.clamp(low, high);
      },
    };
  },
});

/** Adds normal noise of the given standard deviation, and holds what comes out between `low` and `high` where these are given. */
export function gaussianNoise(
  std: number,
  options: { readonly low?: number; readonly high?: number } = {},
): Corruption {
  return noisePart.with({ std }, options);
}

const saltAndPepperPart = /* @__PURE__ */ corruptions.known('saltAndPepper', {
  options: endsChecks,
  build({ rate, low, high }, caller) {
    if (!(low < high)) throw new ValueError(`${caller}: low must be below high, got low ${low} and high ${high}`);
    return {
      apply(x, rng) {
        const u = rng.uniform(x.shape, { dtype: x.dtype });
        const spoiled = where(u.less(rate / 2), low, high);
        return where(u.less(rate), spoiled, x);
      },
    };
  },
});

/** Sets each value with probability `rate` to `low` (0) or `high` (1), either as likely (Vincent et al. 2010). */
export function saltAndPepper(
  rate: number,
  options: { readonly low?: number; readonly high?: number } = {},
): Corruption {
  return saltAndPepperPart.with({ rate }, options);
}

const swapPart = /* @__PURE__ */ corruptions.known('swapNoise', {
  options: rateChecks,
  build: ({ rate }) => ({
    apply(x, rng) {
      const [rows = 0] = x.shape;
      if (rows < 2) return x;
      const next = concat([x.slice([[1, rows]]), x.slice([[0, 1]])], 0);
      return where(rng.bernoulli(x.shape, { p: rate, dtype: x.dtype }), next, x);
    },
  }),
});

/**
 * Takes each value with probability `rate` from another row's same column, so that it stays typical of its column: the
 * noise for tables. The other row is the next of the batch, which is any, since batches are shuffled.
 */
export function swapNoise(rate: number): Corruption {
  return swapPart.make({ rate });
}
