import { type Check, instance, Rng } from '@latent/tensor';

/** A check for a generator of random numbers. */
export const generatorCheck: Check<Rng> = /* @__PURE__ */ instance<Rng>(
  'a generator: new Rng(seed)',
  (value) => value instanceof Rng,
);

/** The options of layers that draw, which have a generator and nothing else. */
export const drawing = { rng: generatorCheck };
