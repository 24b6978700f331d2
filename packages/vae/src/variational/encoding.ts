import { noGrad } from '@latent/autograd';
import { type Batch, scoring } from '@latent/nn';
import { type Rng, step, type Tensor, tensor } from '@latent/tensor';
import { drawn, klPerLatent } from '../latent/diagonal-normal.ts';
import type { PreparedRows } from '../model/model-rows.ts';
import { type RowDraws, rowsProgram, tensorsBeside } from '../model/rows-program.ts';
import type { VaeCore } from './core.ts';

/** Draws that the variance of a refined posterior is measured on. */
const MEASURED = 64;

/** From rows to codes: the moments of q(z | x), or draws from it and around it. */
export class Encoding {
  readonly #model: VaeCore;
  readonly #moments = rowsProgram(({ near, draws, beside = {} }) => {
    const { mean, logVariance } = this.#momentsOf(near, draws, beside);
    return { mean, variance: logVariance.exp() };
  });
  readonly #drawn = rowsProgram(({ near, draws, beside = {} }) => {
    const model = this.#model.given(beside);
    const { mean, logVariance } = model.posterior(near);
    const z = drawn(mean, logVariance, draws.normal(1, mean.shape[1] as number).reshape(mean.shape));
    return { codes: model.refined(z) };
  });
  readonly #latents = rowsProgram(({ near, draws, beside = {} }) => {
    const { mean, logVariance } = this.#momentsOf(near, draws, beside);
    return { mean, kl: klPerLatent(mean, logVariance) };
  });

  constructor(model: VaeCore) {
    this.#model = model;
  }

  /** Mean and variance of each row's q(z | x): [n, latentSize] each. */
  moments(rows: PreparedRows): { readonly mean: Tensor; readonly variance: Tensor } {
    return this.#moments(rows, this.#model.event);
  }

  /** The mean, and what each latent costs: [n, latentSize] each. */
  latents(rows: PreparedRows): { readonly mean: Tensor; readonly kl: Tensor } {
    return this.#latents(rows, this.#model.event);
  }

  /** A draw of each row: [n, latentSize]. */
  draws(rows: PreparedRows, options: { readonly seed?: number }): Tensor {
    return this.#drawn(rows, this.#model.event, options).codes;
  }

  /** n codes around that of each row, row by row: with the spread of an exemplar prior, else of q(z | x). [rows·n, latentSize] */
  around(rows: PreparedRows, n: number, rng: Rng): Tensor {
    const { prior, flow, options } = this.#model;
    const { latentSize } = options;
    const { mean, variance } = this.moments(rows);
    const repeated = (x: Tensor): Tensor =>
      x.reshape([rows.count, 1, latentSize]).broadcastTo([rows.count, n, latentSize]);
    return noGrad(() =>
      step(() => {
        const spread = prior?.spread;
        if (flow !== null && !spread) return this.#refinedAround(rows, n, rng);
        const scale = spread ? spread.mul(0.5).exp() : repeated(variance.sqrt());
        const noise = rng.normal([rows.count, n, latentSize]);
        return repeated(mean)
          .add(scale.mul(noise))
          .reshape([rows.count * n, latentSize]);
      }),
    );
  }

  #refinedAround(rows: PreparedRows, n: number, rng: Rng): Tensor {
    const { event, options } = this.#model;
    const { latentSize } = options;
    return scoring(() => {
      const x = tensor(rows.near ?? rows.values, { shape: [rows.count, ...event] });
      const model = this.#model.given({ ...tensorsBeside(rows), x });
      const { mean, logVariance } = model.posterior(x);
      const z = model.refined(drawn(mean, logVariance, rng.normal([n, rows.count, latentSize])));
      return z.transpose([1, 0, 2]).reshape([rows.count * n, latentSize]);
    });
  }

  /** Mean and log-variance of q(z | x): where a flow refines it, the code of each row, and the spread of some draws. */
  #momentsOf(near: Tensor, draws: RowDraws, beside: Batch): { mean: Tensor; logVariance: Tensor } {
    if (this.#model.flow === null) return this.#model.posterior(near, beside);
    const model = this.#model.given(beside);
    const { mean, logVariance } = model.posterior(near);
    const z = model.refined(drawn(mean, logVariance, draws.normal(MEASURED, mean.shape[1] as number)));
    const centre = z.mean({ axis: 0, keepDims: true });
    return {
      mean: model.refined(mean),
      logVariance: z.sub(centre).square().mean({ axis: 0 }).add(1e-12).log(),
    };
  }
}
