import { concat, mul, type Rng, type Tensor, ValueError, where } from '@latent/tensor';

/** A way to spoil inputs while training. The clean rows stay the target, and nothing is corrupted at inference. */
export interface Corruption {
  readonly name: string;
  /** A corrupted copy of x; x itself is not changed. */
  apply(x: Tensor, rng: Rng): Tensor;
  config(): CorruptionConfig;
}

export interface CorruptionConfig {
  readonly name: string;
  readonly amount: number;
  readonly low?: number;
  readonly high?: number;
}

function checkRate(name: string, rate: number): void {
  if (!(rate >= 0 && rate <= 1)) throw new ValueError(`${name}: the rate must be from 0 to 1, got ${rate}`);
}

/** Leaves rows as they are: an ordinary autoencoder. */
export function noCorruption(): Corruption {
  return { name: 'noCorruption', apply: (x) => x, config: () => ({ name: 'noCorruption', amount: 0 }) };
}

/** Sets each value to 0 with probability `rate` (Vincent et al. 2010). The rest is not rescaled. */
export function masking(rate: number): Corruption {
  checkRate('masking', rate);
  return {
    name: 'masking',
    apply: (x, rng) => mul(x, rng.bernoulli(x.shape, { p: 1 - rate, dtype: x.dtype })),
    config: () => ({ name: 'masking', amount: rate }),
  };
}

/** Adds normal noise of the given standard deviation. */
export function gaussianNoise(std: number): Corruption {
  if (!(std >= 0 && std < Infinity)) throw new ValueError(`gaussianNoise: std must be a number ≥ 0, got ${std}`);
  return {
    name: 'gaussianNoise',
    apply: (x, rng) => x.add(rng.normal(x.shape, { std, dtype: x.dtype })),
    config: () => ({ name: 'gaussianNoise', amount: std }),
  };
}

/** Sets each value with probability `rate` to `low` (0) or `high` (1), either as likely (Vincent et al. 2010). */
export function saltAndPepper(
  rate: number,
  options: { readonly low?: number; readonly high?: number } = {},
): Corruption {
  checkRate('saltAndPepper', rate);
  const { low = 0, high = 1 } = options;
  return {
    name: 'saltAndPepper',
    apply(x, rng) {
      const u = rng.uniform(x.shape, { dtype: x.dtype });
      const spoiled = where(u.less(rate / 2), low, high);
      return where(u.less(rate), spoiled, x);
    },
    config: () => ({ name: 'saltAndPepper', amount: rate, low, high }),
  };
}

/**
 * Takes each value with probability `rate` from another row's same column, so that it stays typical of its column: the
 * noise for tables. The other row is the next of the batch, which is any, since batches are shuffled.
 */
export function swapNoise(rate: number): Corruption {
  checkRate('swapNoise', rate);
  return {
    name: 'swapNoise',
    apply(x, rng) {
      const [rows] = x.shape;
      if (x.shape.length !== 2 || rows < 2) return x;
      const next = concat([x.slice([[1, rows]]), x.slice([[0, 1]])], 0);
      return where(rng.bernoulli(x.shape, { p: rate, dtype: x.dtype }), next, x);
    },
    config: () => ({ name: 'swapNoise', amount: rate }),
  };
}

const BUILDERS: Readonly<Record<string, (config: CorruptionConfig) => Corruption>> = {
  noCorruption: () => noCorruption(),
  masking: ({ amount }) => masking(amount),
  gaussianNoise: ({ amount }) => gaussianNoise(amount),
  saltAndPepper: ({ amount, ...ends }) => saltAndPepper(amount, ends),
  swapNoise: ({ amount }) => swapNoise(amount),
};

/** The corruption that `config()` described. */
export function corruptionFromConfig(config: CorruptionConfig): Corruption {
  if (!Object.hasOwn(BUILDERS, config.name)) {
    throw new ValueError(`load: no corruption named '${config.name}'; known are ${Object.keys(BUILDERS).join(', ')}`);
  }
  return BUILDERS[config.name](config);
}
