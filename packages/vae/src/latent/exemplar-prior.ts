import { noGrad } from '@latent/autograd';
import { type Batch, buffer, checkRoomInFile, layerParameter, scoring } from '@latent/nn';
import {
  concat,
  equal,
  everyStep,
  gather,
  logSumExp,
  matmul,
  optional,
  persistentZeros,
  type Rng,
  recordedValue,
  sizeOf,
  step,
  type Tensor,
  tensor,
  UsageError,
  where,
  whole,
  zeros,
} from '@latent/tensor';
import { nearestNeighbours } from './neighbours.ts';
import { Prior, type PriorContext, type PriorRows, type PriorSpec, priors } from './prior.ts';

/** Rows that are encoded, and codes that are compared, at a time. */
const BLOCK = 1024;
const LOG_2PI = Math.log(2 * Math.PI);
/** A logit that is left out of a sum. */
const NEVER = -1e30;

interface Training {
  readonly neighbours: number;
  /** Null where the neighbours stand for all. */
  readonly perStep: number | null;
}

/**
 * p(z) = 1/N Σₙ N(z; μ(xₙ), σ²I). The whole mixture is of codes that are computed once for as long as the encoder stays; the mixture
 * of a step of training, through which gradients flow, is of some of the rows.
 */
class ExemplarPrior extends Prior {
  /** log σ²: [1]. */
  readonly logVariance: Tensor;
  /** The exemplars: [N, …event]; null before they are known. */
  rows: Tensor | null = null;
  /** Of each exemplar the numbers of its nearest at the start of the epoch [N, neighbours], and which epoch that is [1]. */
  near: Tensor | null = null;
  nearOf: Tensor | null = null;
  readonly #context: PriorContext;
  readonly #training: Training;
  /** Draws the exemplars of a step. */
  readonly rng: Rng;
  /** The means of all exemplars [N, latent], and of which weights they are. */
  #means: Tensor | null = null;
  #signature = '';

  constructor(rows: number | undefined, training: Training, context: PriorContext) {
    super();
    if (context.conditionSize > 0) {
      throw new UsageError(
        'Vae: exemplarPrior is a mixture over rows, whatever their condition; take conditionalPrior() or standardNormalPrior()',
      );
    }
    this.#context = context;
    this.#training = training;
    this.logVariance = layerParameter('scale', [1], () => zeros([1]));
    [this.rng] = context.rng.split(1) as [Rng];
    if (rows !== undefined) this.#make(rows);
  }

  override get type(): string {
    return 'ExemplarPrior';
  }

  #make(rows: number): void {
    const { event, latentSize } = this.#context;
    const neighbours = Math.min(this.#training.neighbours, rows - 1);
    checkRoomInFile(rows * (sizeOf(event) + neighbours), `${rows} exemplars`);
    this.rows = buffer(zeros([rows, ...event]));
    this.near = buffer(zeros([rows, neighbours]));
    this.nearOf = buffer(zeros([1]));
    this.#means = persistentZeros([rows, latentSize]);
    this.#signature = '';
  }

  override get learnedOptions(): Readonly<Record<string, unknown>> {
    return this.rows === null ? {} : { rows: this.rows.shape[0] };
  }

  override get wantsRows(): boolean {
    return true;
  }

  override get numbered(): boolean {
    return true;
  }

  /** The rows of a run are its exemplars, in place of any before. */
  override takeRows({ caller, rows }: PriorRows): () => void {
    if (rows.count < 2) throw new UsageError(`${caller}: exemplarPrior needs at least two rows, to leave one out`);
    if (rows.values.some((value) => Number.isNaN(value))) {
      throw new UsageError(`${caller}: exemplarPrior needs whole rows; fill their holes, or take another prior`);
    }
    const before = [this.rows, this.near, this.nearOf, this.#means] as const;
    this.#make(rows.count);
    this.rows?.assign(Float32Array.from(rows.values));
    this.nearOf?.assign(-1);
    return () => {
      [this.rows, this.near, this.nearOf, this.#means] = before;
      this.#signature = '';
    };
  }

  /** Finds the nearest exemplars of each, once an epoch; a run that goes on inside one has them in its checkpoint. */
  override beginEpoch(epoch: number): void {
    const { near, nearOf } = this;
    if (near === null || nearOf === null || this.#training.perStep !== null || nearOf.item() === epoch) return;
    const means = this.#freshMeans();
    const { indices } = nearestNeighbours(means, means, { k: near.shape[1] as number, leaveOneOut: true });
    near.assign(Float32Array.from(indices));
    nearOf.assign(epoch);
  }

  logProb(z: Tensor, { row }: Batch = {}): Tensor {
    const lead = z.shape.slice(0, -1);
    const latent = z.shape.at(-1) as number;
    const rows = z.shape.length === 2 ? z : z.reshape([lead.reduce((a, b) => a * b, 1), latent]);
    const logits = row === undefined ? this.#ofAll(rows) : this.#ofSome(z, row).reshape([rows.shape[0] as number]);
    const result = logits.sub(this.logVariance.add(LOG_2PI).mul(latent / 2));
    return z.shape.length === 2 ? result : result.reshape(lead);
  }

  /** log 1/N Σₙ e^(−½‖z − μₙ‖²/σ²) over all exemplars: z [rows, latent] → [rows]. */
  #ofAll(z: Tensor): Tensor {
    const { means, count } = this.#remembered();
    const blocks: Tensor[] = [];
    for (let start = 0; start < count; start += BLOCK) {
      const part = means.slice([[start, Math.min(count, start + BLOCK)]]);
      blocks.push(logSumExp(this.#logits(z, part), { axis: -1, keepDims: true }));
    }
    return logSumExp(concat(blocks, -1), { axis: -1 }).sub(Math.log(count));
  }

  /** −½‖z − μ‖²/σ² of each pair: [rows, exemplars]. */
  #logits(z: Tensor, means: Tensor): Tensor {
    const distance = z
      .square()
      .sum({ axis: -1, keepDims: true })
      .add(means.square().sum({ axis: -1 }))
      .sub(matmul(z, means, { transposeB: true }).mul(2));
    return distance.maximum(0).mul(this.logVariance.neg().exp().mul(-0.5));
  }

  /** The mixture of a step of training, without the row itself: z [..., rows, latent], row [rows] → [..., rows]. */
  #ofSome(z: Tensor, row: Tensor): Tensor {
    const { neighbours, perStep } = this.#training;
    const { rows, near } = this.#exemplars();
    const count = rows.shape[0] as number;
    const latent = z.shape.at(-1) as number;
    const lead = z.shape.slice(0, -1);
    if (perStep === null) {
      // The row's own nearest: a lower bound of the sum, since what is left out is positive.
      const k = Math.min(neighbours, near.shape[1] as number);
      const batch = row.shape[0] as number;
      const chosen = gather(near, row).reshape([batch * k]);
      const means = this.#context.posterior(gather(rows, chosen)).mean.reshape([batch, k, latent]);
      const difference = z.reshape([...lead, 1, latent]).sub(means);
      const distance = difference.square().sum({ axis: -1 });
      const logits = distance.mul(this.logVariance.neg().exp().mul(-0.5));
      return logSumExp(logits, { axis: -1 }).sub(Math.log(count - 1));
    }
    // Exemplars drawn anew for each step, the same for all rows of the batch.
    const drawn = persistentZeros([perStep]);
    everyStep(() => drawn.assign(numbersBelow(count, perStep, this.rng)));
    const { mean } = this.#context.posterior(gather(rows, drawn));
    const own = equal(row.reshape([-1, 1]), drawn.reshape([1, perStep])); // [rows, perStep]
    const flat = z.reshape([lead.reduce((a, b) => a * b, 1), latent]);
    const logits = where(own, NEVER, this.#logits(flat, mean).reshape([...lead, perStep]));
    const left = own.sum({ axis: -1 }).neg().add(perStep).maximum(1).log();
    return logSumExp(logits, { axis: -1 }).sub(left);
  }

  #exemplars(): { readonly rows: Tensor; readonly near: Tensor } {
    const [rows, near] = recordedValue(() => this.rows) === null ? [null, null] : [this.rows, this.near];
    if (rows === null || near === null) {
      throw new UsageError('exemplarPrior takes its exemplars from the rows of the first fit; call fit before');
    }
    return { rows, near };
  }

  /** The means of all exemplars under the encoder as it is: looked at before each replay of what is recorded here. */
  #remembered(): { readonly means: Tensor; readonly count: number } {
    const { rows } = this.#exemplars();
    everyStep(() => {
      this.#freshMeans();
    });
    return { means: this.#means as Tensor, count: rows.shape[0] as number };
  }

  override refresh(): void {
    if (this.rows !== null) this.#freshMeans();
  }

  #freshMeans(): Tensor {
    const { rows } = this.#exemplars();
    const means = this.#means as Tensor;
    const signature = this.#signatureNow();
    if (signature === this.#signature) return means;
    const [count = 0] = rows.shape;
    const latent = means.shape[1] as number;
    const values = new Float32Array(count * latent);
    for (let start = 0; start < count; start += BLOCK) {
      const part = noGrad(() =>
        scoring(() => step(() => this.#context.posterior(rows.slice([[start, Math.min(count, start + BLOCK)]])).mean)),
      );
      values.set(part.data, start * latent);
    }
    means.assign(values);
    this.#signature = signature;
    return means;
  }

  /** Tells one state of the encoder from another. */
  #signatureNow(): string {
    return noGrad(() =>
      this.#context
        .encoderParameters()
        .map((p) => step(() => `${p.detach().sum().item()} ${p.detach().square().sum().item()}`))
        .join(' '),
    );
  }

  sample(n: number, rng: Rng): Tensor {
    const { rows } = this.#exemplars();
    const count = rows.shape[0] as number;
    const means = this.#freshMeans();
    const chosen = numbersBelow(count, n, rng);
    const noise = rng.normal([n, means.shape[1] as number]);
    return gather(means, tensor(chosen)).add(this.logVariance.mul(0.5).exp().mul(noise));
  }

  override get spread(): Tensor {
    return this.logVariance;
  }
}

/** So many whole numbers from 0 to `count` − 1, drawn with replacement. */
function numbersBelow(count: number, many: number, rng: Rng): Float32Array {
  return Float32Array.from(rng.uniform([many]).data, (u) => Math.min(count - 1, Math.floor(u * count)));
}

const checks = {
  neighbours: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1, max: 1000 }), 10),
  perStep: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1, max: 100_000 })),
  rows: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 2, max: 2 ** 24 })),
};

export const exemplarPart = /* @__PURE__ */ priors.known('exemplar', {
  caller: 'exemplarPrior',
  options: checks,
  build: ({ neighbours, perStep, rows }) => ({
    needsNormalPosterior: true,
    build: (context) => new ExemplarPrior(rows, { neighbours, perStep: perStep ?? null }, context),
  }),
});

/** Of a prior made of training rows. */
export interface ExemplarPriorOptions {
  /**
   * While training, the mixture is of so many nearest exemplars of each row, found at the start of every epoch; 10 by default.
   * The sum over them is a lower bound of the sum over all.
   */
  readonly neighbours?: number;
  /** In their place, so many exemplars drawn at random for each step. */
  readonly perStep?: number;
  /** Rows that the prior of a file holds; `fit` knows them. */
  readonly rows?: number;
}

/**
 * The Exemplar VAE's prior (Norouzi et al. 2020): p(z) = 1/N Σₙ N(z; μ(xₙ), σ²I), a mixture over the training rows encoded by the
 * model's own encoder, with one learned σ². A row is left out of its own mixture while training. The rows are kept, and saved
 * with the model. Scores and samples are of the mixture over all exemplars; the exemplars of a second `fit` take the place of
 * the first's.
 */
export function exemplarPrior(options: ExemplarPriorOptions = {}): PriorSpec {
  return exemplarPart.make(options);
}
