import { Kind, type Part } from '@latent/nn';
import type { Rng } from '@latent/tensor';
import type { Flow } from './flow.ts';

/** What a flow is built with. */
export interface PosteriorContext {
  readonly latentSize: number;
  /** Numbers that the encoder makes of a row, before the heads of q(z | x). */
  readonly features: number;
  /** Draws first values. */
  readonly rng: Rng;
}

/** What q(z | x) is beyond a Gaussian with a variance for each latent, as a value; the model makes it when it is built. */
export interface PosteriorSpec extends Part {
  build(context: PosteriorContext): Flow;
}

/** The posteriors that models, and their files, may have: those whose module is part of the program. */
export const posteriors: Kind<PosteriorSpec> = /* @__PURE__ */ new Kind<PosteriorSpec>(
  'posterior',
  (part) => `{ ${part} } from '@latent/vae'`,
);
