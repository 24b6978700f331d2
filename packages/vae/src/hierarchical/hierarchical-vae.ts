import { sampleNormal } from '@latent/autograd';
import {
  type Batch,
  buildNetwork,
  type Dataset,
  type FlatRows,
  type History,
  type Metrics,
  type Parts,
  parseRows,
  type Rows,
} from '@latent/nn';
import {
  checkOptions,
  concat,
  logSumExp,
  oneOf,
  optional,
  persistentZeros,
  Rng,
  real,
  refuseSurplus,
  type Shape,
  sizeOf,
  step,
  type Tensor,
  UsageError,
  whole,
  zeros,
} from '@latent/tensor';
import { drawn, klToStandardNormal, normalLogProb } from '../latent/diagonal-normal.ts';
import { baselineOf } from '../model/baseline.ts';
import { knownAs, nameOf } from '../model/file-header.ts';
import { Model, type ModelFitOptions } from '../model/model.ts';
import type { PreparedRows } from '../model/model-rows.ts';
import { type ReadyRows, type RowsProgram, rowsProgram } from '../model/rows-program.ts';
import { buildHead, decoderActivations } from '../reconstruction/head.ts';
import type { ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { type DrawOptions, type ScoreOutputs, samplesCheck, scored, seedCheck } from '../scores/score.ts';
import { Level, type Residual } from './level.ts';
import {
  describeHierarchical,
  type HierarchicalVaeOptions,
  type ResolvedHierarchicalOptions,
  resolveHierarchicalOptions,
} from './options.ts';
import { Tower } from './tower.ts';

/** What it reports beside its loss, in nats per row: −log p(x | z), the KL, and that of each level, `kl0` next to the rows. */
export type HierarchicalNumbers = 'reconstruction' | 'kl' | `kl${number}`;

/** Per row, in nats: elbo = −reconstruction − kl. */
export interface HierarchicalElbo {
  readonly elbo: Tensor;
  readonly reconstruction: Tensor;
  readonly kl: Tensor;
  /** The KL of each level, from the rows up: [n, levels]. */
  readonly levels: Tensor;
}

const drawChecks = {
  samples: /* @__PURE__ */ optional(samplesCheck),
  seed: /* @__PURE__ */ optional(seedCheck, 0),
};
const sampleChecks = {
  seed: /* @__PURE__ */ optional(seedCheck),
  output: /* @__PURE__ */ optional(oneOf('mean', 'draw'), 'mean' as const),
  temperature: /* @__PURE__ */ optional(real({ min: 0 }), 1),
};

/** Draws at a time: all levels of each are held. */
const AT_ONCE = 256;

const outputs: ScoreOutputs<'elbo' | 'reconstruction' | 'kl' | 'levels' | 'logLikelihood'> = {
  elbo: { jacobian: 'add' },
  reconstruction: { jacobian: 'subtract' },
  kl: {},
  levels: {},
  logLikelihood: { jacobian: 'add', blocks: 'logMean' },
};

/**
 * A VAE with several levels of latents, drawn from the top down (Sønderby et al. 2016; Vahdat & Kautz 2020): p(x, z) = p(x | z₁, …, z_L)
 * p(z_L) Π p(zₗ | zₗ₊₁, …). An encoder goes up from a row; on the way down each level compares what the row says with what the levels
 * above say, so both share the generative path. Upper levels come to hold what is common to a whole row, lower ones its details.
 * The bound is E log p(x | z) − Σₗ KLₗ, in nats per row, each KL exact given the levels above.
 *
 * ```ts
 * const model = new HierarchicalVae({ inputSize: 784, encoder: [[256], [128]], latentSizes: [24, 8], reconstruction: bernoulli() });
 * await model.fit(images, { epochs: 30 });
 * model.sample(16);
 * ```
 */
export class HierarchicalVae extends Model<HierarchicalNumbers> {
  static readonly modelName: string = /* @__PURE__ */ knownAs(HierarchicalVae, 'hierarchicalVae');

  readonly tower: Tower;
  readonly #options: ResolvedHierarchicalOptions;
  /** β of this epoch, read by recorded steps; null where it is always 1. */
  readonly #weight: Tensor | null;

  readonly #encoded = rowsProgram(({ near }) => {
    const { residuals } = this.tower.descend(near, ({ mean }) => mean);
    const all = (of: (residual: Residual) => Tensor): Tensor => concat(residuals.map(of), -1);
    return { mean: all(({ mean }) => mean), variance: all(({ logVariance }) => logVariance.exp()) };
  });
  readonly #decoded = rowsProgram(({ x }) => ({ rows: this.#means(this.tower.from(x)) }));
  /** By how many levels see the row. */
  readonly #restored = new Map<number, ReturnType<typeof rowsProgram<'rows'>>>();
  readonly #errors = rowsProgram(({ x, near }) => {
    const { params } = this.tower.descend(near, ({ mean }) => mean);
    return { reconstruction: this.#logProb(x, params).neg() };
  });
  readonly #bounds = rowsProgram(({ x, near, draws }, samples) => {
    const { likelihood, residuals, fold } = this.#drawnRows(x, near, draws.normal(samples, this.latentSize), samples);
    const levels = residuals.map(({ mean, logVariance }) =>
      fold(klToStandardNormal(mean, logVariance)).mean({ axis: 0 }),
    );
    const reconstruction = likelihood.mean({ axis: 0 }).neg();
    const kl = levels.reduce((a, b) => a.add(b));
    return {
      ...{ elbo: reconstruction.add(kl).neg(), reconstruction, kl },
      levels: concat(
        levels.map((level) => level.reshape([-1, 1])),
        1,
      ),
    };
  });
  readonly #weights = rowsProgram(({ x, near, draws }, samples) => {
    const { likelihood, residuals, u, fold } = this.#drawnRows(
      x,
      near,
      draws.normal(samples, this.latentSize),
      samples,
    );
    const terms = residuals.map(({ mean, logVariance }, l) => {
      const own = u[l] as Tensor;
      const zero = zeros([1]).broadcastTo(own.shape);
      return fold(normalLogProb(own, zero, zero).sub(normalLogProb(own, mean, logVariance)));
    });
    const weights = terms.reduce((a, b) => a.add(b), likelihood);
    return { logLikelihood: logSumExp(weights, { axis: 0 }).sub(Math.log(samples)) };
  });

  constructor(options: HierarchicalVaeOptions) {
    const resolved = resolveHierarchicalOptions(options);
    const { event, activation, reconstruction } = resolved;
    const [weights, noise] = new Rng(resolved.seed).split(2) as [Rng, Rng];
    super(event, resolved.transform, noise);
    refuseSurplus(HierarchicalVae, 'encode decode reconstructionError', nameOf);
    this.#options = resolved;
    let made = event;
    const levels = resolved.levels.map(({ encoder, decoder, below, features, latentSize }, l) => {
      const context = { weights, noise };
      const up = buildNetwork(`encoder[${l}]`, encoder, below, { ...context, activation });
      const down = buildNetwork(`decoder[${l}]`, decoder, features, {
        ...context,
        activation: l === 0 ? decoderActivations(decoder, features, event, reconstruction, activation) : activation,
      });
      if (l === 0) made = down.shape;
      const parts = { encoder: up.module, decoder: down.module, features, latentSize, activation, rng: weights };
      return new Level(parts);
    });
    const { features } = resolved.levels.at(-1) as (typeof resolved.levels)[number];
    this.tower = new Tower(levels, features, buildHead(made, event, reconstruction, weights), weights);
    this.#weight = resolved.beta === 1 && resolved.warmUp === 0 ? null : persistentZeros([1]);
    this.beginEpoch(0);
    this.eval(); // `fit` trains
  }

  override get type(): string {
    return 'HierarchicalVae';
  }

  get options(): ResolvedHierarchicalOptions {
    return this.#options;
  }

  /** Numbers of a row's code: the latents of all levels. */
  get latentSize(): number {
    return this.tower.latentSize;
  }

  protected override describe(): Readonly<Record<string, unknown>> {
    return describeHierarchical(this.#options);
  }

  protected override likelihood(): ReconstructionDistribution {
    return this.#options.reconstruction;
  }

  protected override baseline(rows: FlatRows): number | undefined {
    return baselineOf(this.#options.reconstruction, rows);
  }

  /** Sets the weight of the KL to its value in this epoch, from 0; `fit` does it. */
  beginEpoch(epoch: number): void {
    const { beta, warmUp } = this.#options;
    this.#weight?.assign(beta * (warmUp > 0 ? Math.min(1, epoch / warmUp) : 1));
  }

  #means(params: Tensor): Tensor {
    return this.#options.reconstruction.mean(params);
  }

  #logProb(x: Tensor, params: Tensor): Tensor {
    const { reconstruction } = this.#options;
    const rows = x.reshape([x.shape[0] as number, sizeOf(this.event)]);
    const taught = this.training ? reconstruction.whileTraining?.(rows, params, this.tower.head) : undefined;
    return reconstruction.logProb(rows, taught ?? params);
  }

  /** Draws of rows for noise [samples, rows, latentSize]: log p(x | z) [samples, rows], and how to shape others alike. */
  #drawnRows(x: Tensor, near: Tensor, noise: Tensor, samples: number) {
    const [rows = 0] = x.shape;
    const each = (of: Tensor): Tensor =>
      samples === 1
        ? of
        : of
            .reshape([1, ...of.shape])
            .broadcastTo([samples, ...of.shape])
            .reshape([samples * rows, ...of.shape.slice(1)]);
    const fold = (of: Tensor): Tensor => of.reshape([samples, rows]);
    const parts = this.tower.split(noise.reshape([samples * rows, this.latentSize]));
    const { params, residuals, u } = this.tower.descend(each(near), ({ mean, logVariance }, l) =>
      drawn(mean, logVariance, parts[l] as Tensor),
    );
    return { likelihood: fold(this.#logProb(each(x), params)), residuals, u, fold };
  }

  #terms(x: Tensor, rng: Rng): { readonly reconstruction: Tensor; readonly levels: readonly Tensor[] } {
    const { params, residuals } = this.tower.descend(x, ({ mean, logVariance }) =>
      sampleNormal(mean, logVariance, rng),
    );
    return {
      reconstruction: this.#logProb(x, params).neg().mean(),
      levels: residuals.map(({ mean, logVariance }) => klToStandardNormal(mean, logVariance).mean()),
    };
  }

  #reported(reconstruction: Tensor, levels: readonly Tensor[], loss?: Tensor): Parts<HierarchicalNumbers> {
    const kl = levels.reduce((a, b) => a.add(b));
    const each = Object.fromEntries(levels.map((level, l) => [`kl${l}`, level]));
    return { loss: loss ?? reconstruction.add(kl), reconstruction, kl, ...each };
  }

  parts({ x }: Batch, rng: Rng): Parts<HierarchicalNumbers> {
    const { reconstruction, levels } = this.#terms(x as Tensor, rng);
    const { freeBits } = this.#options;
    const held = levels.map((kl) => (freeBits > 0 ? kl.maximum(freeBits) : kl)).reduce((a, b) => a.add(b));
    const weighted = this.#weight === null ? held : held.mul(this.#weight).sum();
    return this.#reported(reconstruction, levels, reconstruction.add(weighted));
  }

  /** Minus the plain bound of held-out rows: without free bits, and β is 1. */
  evaluate({ x }: Batch, rng: Rng): Parts<HierarchicalNumbers> {
    const { reconstruction, levels } = this.#terms(x as Tensor, rng);
    return this.#reported(reconstruction, levels);
  }

  /** The loss at the weight where the KL will settle. */
  watched({ reconstruction, kl }: Metrics<HierarchicalNumbers>): number {
    return reconstruction + this.#options.beta * kl;
  }

  /** Trains on rows in the model's shape. */
  fit(data: Rows | Dataset, options: ModelFitOptions<HierarchicalNumbers> = {}): Promise<History<HierarchicalNumbers>> {
    return this.fitTo(data, options);
  }

  /**
   * Mean and variance of q(u | x), each level's in units of what the levels above expect, at the mean of these: [n, latentSize] both, the
   * level next to the rows first. Before a row is seen all of them are N(0, I).
   */
  encode(data: Rows): { mean: Tensor; variance: Tensor } {
    return this.#encoded(this.prepared('encode', data), this.event);
  }

  /** The mean of p(x | z) for codes as `encode` gives them, [n, latentSize]: [n, …event]. */
  decode(codes: Rows): Tensor {
    const { values, count } = parseRows('HierarchicalVae.decode', codes, [this.latentSize]);
    return this.#rowsOf('decode', { values: Float32Array.from(values), near: null, count });
  }

  #rowsOf(method: string, codes: ReadyRows): Tensor {
    return this.restored(method, this.#decoded(codes, [this.latentSize]).rows);
  }

  /**
   * Each row encoded and decoded, at the means: [n, …event]. With `levels` only so many from the top see the row, and those below are as
   * expected of them: what is left shows what the upper levels hold.
   */
  reconstruct(data: Rows, options: { readonly levels?: number } = {}): Tensor {
    const most = this.tower.levels.length;
    const { levels } = checkOptions('HierarchicalVae.reconstruct', options, {
      levels: optional(whole({ min: 0, max: most }), most),
    });
    const rows = this.prepared('reconstruct', data);
    let program = this.#restored.get(levels);
    if (program === undefined) {
      program = rowsProgram(({ near }) => ({
        rows: this.#means(this.tower.descend(near, ({ mean }) => mean, levels).params),
      }));
      this.#restored.set(levels, program);
    }
    return this.restored('reconstruct', program(rows, this.event).rows);
  }

  /** −log p(x | z) of each row with each level at its mean, in nats of the data as given: the same every time. [n] */
  reconstructionError(data: Rows): Tensor {
    return this.#scored(this.#errors, this.toScore('reconstructionError', data)).reconstruction;
  }

  #scored<K extends keyof typeof outputs>(program: RowsProgram<K>, rows: PreparedRows, draws: DrawOptions = {}) {
    const jacobian = this.logJacobian(rows.raw);
    return scored(program, outputs, rows, { ...draws, event: this.event, jacobian, atOnce: AT_ONCE });
  }

  /**
   * The evidence lower bound of each row and its parts, in nats, with `samples` draws (1), seeded. A low bound marks an unusual row. A
   * row's score depends on the row, the model, the samples and the seed, and on nothing else.
   */
  elbo(data: Rows, options: DrawOptions = {}): HierarchicalElbo {
    const { samples = 1, seed } = checkOptions('HierarchicalVae.elbo', options, drawChecks);
    return this.#scored(this.#bounds, this.toScore('elbo', data), { samples, seed });
  }

  /**
   * log p(x) of each row by importance sampling with `samples` draws (100; Burda et al. 2015): a lower bound in expectation that rises
   * to the truth. [n]
   */
  logLikelihood(data: Rows, options: DrawOptions = {}): Tensor {
    const { samples = 100, seed } = checkOptions('HierarchicalVae.logLikelihood', options, drawChecks);
    const { normalized, name } = this.#options.reconstruction;
    if (!normalized) {
      throw new UsageError(`HierarchicalVae.logLikelihood: ${name} is a plain loss, not a distribution`);
    }
    return this.#scored(this.#weights, this.toScore('logLikelihood', data), { samples, seed }).logLikelihood;
  }

  /**
   * `n` new rows: each level drawn given those above, decoded to the mean of p(x | z), or to a draw from it. A temperature below 1 keeps
   * levels nearer to what is expected of them, and 0 there. [n, …event]
   */
  sample(
    n: number,
    options: { readonly seed?: number; readonly output?: 'mean' | 'draw'; readonly temperature?: number } = {},
  ): Tensor {
    whole({ min: 1 })(n, { caller: 'HierarchicalVae.sample', path: 'n' });
    const {
      seed = this.#options.seed,
      output,
      temperature,
    } = checkOptions('HierarchicalVae.sample', options, sampleChecks);
    const rng = new Rng(seed);
    const values = rng.normal([n, this.latentSize]).data.map((value) => value * temperature);
    const codes = { values: Float32Array.from(values), near: null, count: n };
    if (output === 'mean') return this.#rowsOf('sample', codes);
    const { params } = this.#parameters(codes, [this.latentSize]);
    return this.restored(
      'sample',
      step(() => this.#options.reconstruction.sample(params, rng)),
    );
  }

  readonly #parameters = rowsProgram(({ x }) => ({ params: this.tower.from(x) }));

  /** The shape of each level's latents, from the rows up. */
  get latentShapes(): readonly Shape[] {
    return this.tower.levels.map(({ latents }) => latents);
  }
}
