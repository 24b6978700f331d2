import { mul, type Rng, type Tensor, ValueError } from '@latent/tensor';

/** A way to spoil inputs while training. The clean rows stay the target, and nothing is corrupted at inference. */
export interface Corruption {
  readonly name: string;
  /** A corrupted copy of x; x itself is not changed. */
  apply(x: Tensor, rng: Rng): Tensor;
  config(): { readonly name: string; readonly amount: number };
}

/** Sets each value to 0 with probability `rate` (Vincent et al. 2010). The rest is not rescaled. */
export function masking(rate: number): Corruption {
  if (!(rate >= 0 && rate <= 1)) throw new ValueError(`masking: the rate must be from 0 to 1, got ${rate}`);
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

const BUILDERS: Readonly<Record<string, (amount: number) => Corruption>> = { masking, gaussianNoise };

/** The corruption that `config()` described. */
export function corruptionFromConfig(config: { readonly name: string; readonly amount: number }): Corruption {
  if (!Object.hasOwn(BUILDERS, config.name)) {
    throw new ValueError(`load: no corruption named '${config.name}'; known are ${Object.keys(BUILDERS).join(', ')}`);
  }
  return BUILDERS[config.name](config.amount);
}
