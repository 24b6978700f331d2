import { type Batch, type FlatRows, Kind, Module, type Part } from '@latent/nn';
import { logSumExp, type Rng, type Shape, type Tensor } from '@latent/tensor';
import { normalLogProb } from './diagonal-normal.ts';

/** What a prior is built with. */
export interface PriorContext {
  readonly event: Shape;
  readonly latentSize: number;
  /** Numbers of the condition that rows are given with; 0 without one. */
  readonly conditionSize: number;
  /** q(z | x) of rows on the model's scale; `beside` is what stands beside them. */
  posterior(x: Tensor, beside?: Batch): { mean: Tensor; logVariance: Tensor };
  /** The encoder's parameters: what codes that a prior remembers were computed with. */
  encoderParameters(): readonly Tensor[];
  /** Draws first values. */
  readonly rng: Rng;
}

/** What p(z) is, as a value; the model makes it when it is built. */
export interface PriorSpec extends Part {
  /** Whether it is made of codes of rows as q(z | x) has them, which must then be Gaussian; false by default. */
  readonly needsNormalPosterior?: boolean;
  /** The prior as part of a model; null for N(0, I), which has nothing to learn and whose KL is exact. */
  build(context: PriorContext): Prior | null;
}

/** The priors that models, and their files, may have. */
export const priors: Kind<PriorSpec> = /* @__PURE__ */ new Kind<PriorSpec>(
  'prior',
  (part) => `{ ${part}Prior } from '@latent/vae'`,
);

/** The rows of a run, on the model's scale, as a prior sees them before the first step. */
export interface PriorRows {
  readonly caller: string;
  readonly rows: FlatRows;
  /** The condition of each row; null without one. */
  readonly condition: FlatRows | null;
  /** Whether the model was never trained before. */
  readonly first: boolean;
}

/**
 * A prior that is learned with the model. `beside` is what stands beside the rows that codes belong to: their `condition`, and
 * while training their number `row`; it may be empty.
 */
export abstract class Prior extends Module {
  /** log p(z): [..., rows, latent] → [..., rows]. */
  abstract logProb(z: Tensor, beside?: Batch): Tensor;

  /** n draws [n, latent]. */
  abstract sample(n: number, rng: Rng, beside?: Batch): Tensor;

  /** KL(N(mean, diag e^logVariance) ‖ p) of each row where it is exact; null where it is to be estimated from draws. */
  exactKl(_mean: Tensor, _logVariance: Tensor, _beside?: Batch): Tensor | null {
    return null;
  }

  /** Whether training needs to know the number of each row, as `row` beside it. */
  get numbered(): boolean {
    return false;
  }

  /** Whether `takeRows` does something, so that rows must be in memory. */
  get wantsRows(): boolean {
    return false;
  }

  /** Told the rows of a run before its first step. Gives back how to undo what it did, for a run that is refused. */
  takeRows(_run: PriorRows): (() => void) | null {
    return null;
  }

  /** Told before each epoch, from 0. */
  beginEpoch(_epoch: number): void {}

  /** Brings what it remembers of the encoder up to date. Scores do so themselves; for who reads the model in other ways. */
  refresh(): void {}

  /** Of a mixture over rows, the log-variance around the code of each, for rows that are like one; null of others. */
  get spread(): Tensor | null {
    return null;
  }

  /** Options that only the rows decided, for the model's file. */
  get learnedOptions(): Readonly<Record<string, unknown>> {
    return {};
  }
}

/** Means and log-variances of a mixture's components [K, latent], and their logits [K]. */
export interface Components {
  readonly mean: Tensor;
  readonly logVariance: Tensor;
  readonly logits: Tensor;
}

/** log Σₖ πₖ N(z; μₖ, e^vₖ): z [..., latent] → [...]. */
function mixtureLogProb(z: Tensor, { mean, logVariance, logits }: Components): Tensor {
  const lead = z.shape.slice(0, -1);
  const [k = 1, latent = 1] = mean.shape;
  const each = [...lead, k, latent];
  const terms = normalLogProb(
    z.reshape([...lead, 1, latent]).broadcastTo(each),
    mean.broadcastTo(each),
    logVariance.broadcastTo(each),
  );
  return logSumExp(terms.add(logits.logSoftmax()), { axis: -1 });
}

/** A prior that is a mixture of Gaussians, the same for all rows. */
export abstract class LearnedPrior extends Prior {
  abstract components(): Components;

  logProb(z: Tensor, _beside: Batch = {}): Tensor {
    return mixtureLogProb(z, this.components());
  }

  sample(n: number, rng: Rng, _beside: Batch = {}): Tensor {
    const { mean, logVariance, logits } = this.components();
    const [k = 1, latent = 1] = mean.shape;
    const scores = logits.broadcastTo([n, k]).add(rng.gumbel([n, k]));
    const chosen = scores.equal(scores.max({ axis: 1, keepDims: true }));
    const std = chosen.matmul(logVariance).mul(0.5).exp();
    return chosen.matmul(mean).add(std.mul(rng.normal([n, latent])));
  }
}
