import { noGrad } from '@latent/autograd';
import {
  type Batch,
  buffer,
  type Dataset,
  type FittedTransform,
  type FlatRows,
  type History,
  layerParameter,
  type Parts,
  parseRows,
  type Rows,
  type Transform,
} from '@latent/nn';
import {
  checkOptions,
  type Expr,
  mapInto,
  mapProgram,
  matmul,
  optional,
  Rng,
  real,
  refuseSurplus,
  type Tensor,
  where,
  whole,
  zeros,
} from '@latent/tensor';
import { knownAs, nameOf } from '../model/file-header.ts';
import { Model, type ModelFitOptions } from '../model/model.ts';
import { commonChecks } from '../model/options.ts';
import { rowsProgram } from '../model/rows-program.ts';
import type { ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { topEntries } from './top-entries.ts';

/** What a sparse autoencoder is made of. */
export interface SparseAutoencoderOptions {
  /** Numbers of a row: the width of the embeddings. */
  readonly inputSize: number;
  /** Features to find; several times inputSize. */
  readonly features: number;
  /** Features that each row may use; 16 by default. */
  readonly active?: number;
  /** A feature that no row has used for so many training rows is dead; 20,000 by default. */
  readonly deadAfter?: number;
  /** Weight of the loss by which dead features learn what the others leave over; 1/32 by default. */
  readonly deadWeight?: number;
  /** Puts columns on a common scale; none by default. */
  readonly transform?: Transform | FittedTransform | null;
  /** Fixes first weights; 0 by default. */
  readonly seed?: number;
}

/** What it reports beside its loss: the share of the variance that it leaves unexplained, and of the features that are dead. */
export type SparseNumbers = 'unexplained' | 'dead';

/** The features of rows: of each row their numbers, largest first, and how much of each. */
export interface ActiveFeatures {
  readonly indices: readonly number[];
  readonly values: readonly number[];
}

/** How features are used. */
export interface FeatureUse {
  /** Σ‖x − x̂‖² / Σ‖x − mean‖². */
  readonly unexplained: number;
  /** Mean features of a row. */
  readonly active: number;
  /** Share of the rows that use each feature: [features]. */
  readonly density: Float32Array;
  /** Features that no row uses. */
  readonly unused: number;
}

const { transform, seed } = commonChecks;
const checks = {
  transform,
  seed,
  inputSize: /* @__PURE__ */ whole({ min: 1 }),
  features: /* @__PURE__ */ whole({ min: 2 }),
  active: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 16),
  deadAfter: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 20_000),
  deadWeight: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), 1 / 32),
};

/** Rows since a feature was used: 0 where it is, else so many more. */
const SILENT = /* @__PURE__ */ mapProgram('silent', 3, (old: Expr, used: Expr, rows: Expr) =>
  old.add(rows).mul(used.neg().add(1)),
);

/** Rows at a time in `active`. */
const SOME = 256;

/**
 * A sparse autoencoder for embeddings and activations (Gao et al. 2024): x ≈ c + Σ hᵢ·aᵢ with at most k of many features hᵢ > 0, their
 * directions aᵢ of length 1. Each feature tends to stand for one thing that rows have or have not. Dead features learn what the others
 * leave over. The loss is the share of a batch's variance that is left unexplained, from 0 to about 1.
 *
 * ```ts
 * const model = new SparseAutoencoder({ inputSize: 384, features: 3072, active: 32 });
 * await model.fit(embeddings, { epochs: 10 });
 * model.active(embeddings)[0]; // the features of the first row, largest first
 * ```
 */
export class SparseAutoencoder extends Model<SparseNumbers> {
  static readonly modelName: string = /* @__PURE__ */ knownAs(SparseAutoencoder, 'sparseAutoencoder');

  /** [features, inputSize]. */
  readonly encoder: Tensor;
  readonly bias: Tensor;
  /** What no feature explains: [inputSize]; starts at the mean of the first run's rows. */
  readonly centre: Tensor;
  /** The features' directions before they are brought to length 1: [features, inputSize]. */
  readonly decoder: Tensor;
  /** Rows since each feature was used: [features]. */
  readonly silent: Tensor;
  readonly #options: {
    readonly inputSize: number;
    readonly features: number;
    readonly active: number;
    readonly deadAfter: number;
    readonly deadWeight: number;
    readonly seed: number;
  };

  readonly #encoded = rowsProgram(({ near }) => ({ codes: this.codes(near) }));
  readonly #decoded = rowsProgram(({ x }) => ({ rows: this.decoded(x) }));
  readonly #restored = rowsProgram(({ near }) => ({ rows: this.decoded(this.codes(near)) }));
  readonly #errors = rowsProgram(({ x, near }) => ({
    error: x
      .sub(this.decoded(this.codes(near)))
      .square()
      .sum({ axis: -1 }),
  }));

  constructor(options: SparseAutoencoderOptions) {
    const { transform, ...own } = checkOptions('SparseAutoencoder', options, checks);
    whole({ min: 1, max: own.features })(own.active, { caller: 'SparseAutoencoder', path: 'active' });
    const { inputSize, features } = own;
    const [weights, noise] = new Rng(own.seed).split(2) as [Rng, Rng];
    super([inputSize], transform, noise);
    refuseSurplus(
      SparseAutoencoder,
      'directions encode active decode reconstruct reconstructionError featureUse',
      nameOf,
    );
    this.#options = own;
    const shape = [features, inputSize];
    this.decoder = layerParameter('table', shape, () => weights.normal(shape, { std: 1 / Math.sqrt(inputSize) }));
    this.encoder = layerParameter('weight', shape, () => unit(this.decoder).detach());
    this.bias = layerParameter('bias', [features], () => zeros([features]));
    this.centre = layerParameter('bias', [inputSize], () => zeros([inputSize]));
    this.silent = buffer(zeros([features]));
    this.eval(); // `fit` trains
  }

  override get type(): string {
    return 'SparseAutoencoder';
  }

  protected override describe(): Readonly<Record<string, unknown>> {
    return { ...this.#options, transform: (this.transform ?? this.transformToLearn)?.config() ?? null };
  }

  protected override likelihood(): ReconstructionDistribution | null {
    return null;
  }

  protected override get wantsRows(): boolean {
    return this.seenRange === null;
  }

  /** The centre starts at the mean of the first run's rows. */
  protected override takeRows(_caller: string, rows: FlatRows | null): { undo?(): void } {
    if (rows === null || this.seenRange !== null) return {};
    const { values, count, width } = rows;
    const mean = new Float64Array(width);
    for (let i = 0; i < values.length; i++)
      mean[i % width] = (mean[i % width] as number) + (values[i] as number) / count;
    const before = this.centre.clone();
    this.centre.assign(Float32Array.from(mean));
    return { undo: () => this.centre.assign(before) };
  }

  /** The features' directions, of length 1: [features, inputSize]. */
  directions(): Tensor {
    return unit(this.decoder);
  }

  #before(x: Tensor): Tensor {
    return matmul(x.sub(this.centre), this.encoder, { transposeB: true }).add(this.bias);
  }

  /** How much of each feature rows have, 0 of all but the largest: x [rows, inputSize] → [rows, features]. */
  codes(x: Tensor): Tensor {
    const before = this.#before(x);
    return before.relu().mul(topEntries(before, this.#options.active));
  }

  /** [rows, features] → [rows, inputSize]. */
  decoded(codes: Tensor): Tensor {
    return matmul(codes, this.directions()).add(this.centre);
  }

  parts({ x }: Batch): Parts<SparseNumbers> {
    const rows = x as Tensor;
    const { active, deadAfter, deadWeight, features } = this.#options;
    const before = this.#before(rows);
    const codes = before.relu().mul(topEntries(before, active));
    const directions = this.directions();
    const left = rows.sub(matmul(codes, directions).add(this.centre));
    const spread = rows
      .sub(rows.mean({ axis: 0 }))
      .square()
      .sum()
      .maximum(1e-12);
    const unexplained = left.square().sum().div(spread);
    const dead = this.silent.greaterEqual(deadAfter);
    const share = dead.mean();
    if (!this.training) return { loss: unexplained, unexplained, dead: share };
    // Only the dead, and of these the largest, explain what is left over.
    const others = where(dead, before, -1e30);
    const revived = where(dead, before.relu(), 0).mul(topEntries(others, Math.min(features, 2 * active)));
    const rest = left.detach();
    const missed = rest.sub(matmul(revived, directions)).square().sum().div(rest.square().sum().maximum(1e-12));
    const loss = unexplained.add(missed.mul(dead.max()).mul(deadWeight));
    noGrad(() => {
      const used = codes.detach().max({ axis: 0 }).greater(0);
      mapInto(SILENT, [this.silent], [used, used.scalar(rows.shape[0] as number)]);
    });
    return { loss, unexplained, dead: share };
  }

  /** Trains on embeddings, as they are or under the transform. */
  fit(data: Rows | Dataset, options: ModelFitOptions<SparseNumbers> = {}): Promise<History<SparseNumbers>> {
    return this.fitTo(data, options);
  }

  /** How much of each feature each row has, mostly 0: [n, features]. */
  encode(data: Rows): Tensor {
    return this.#encoded(this.prepared('encode', data), this.event).codes;
  }

  /** The features of each row, largest first, without the zeros. */
  active(data: Rows): ActiveFeatures[] {
    const rows = this.prepared('active', data);
    const { features, inputSize } = this.#options;
    const result: ActiveFeatures[] = [];
    for (let start = 0; start < rows.count; start += SOME) {
      const end = Math.min(rows.count, start + SOME);
      const part = (of: Float32Array): Float32Array => of.subarray(start * inputSize, end * inputSize);
      const some = { values: part(rows.values), near: rows.near && part(rows.near), count: end - start };
      const codes = this.#encoded(some, this.event).codes.data;
      for (let r = 0; r < end - start; r++) {
        const own = codes.subarray(r * features, (r + 1) * features);
        const indices = [...own.keys()].filter((i) => (own[i] as number) > 0);
        indices.sort((a, b) => (own[b] as number) - (own[a] as number));
        result.push({ indices, values: indices.map((i) => own[i] as number) });
      }
    }
    return result;
  }

  /** Features back to rows: [n, features] → [n, inputSize]. */
  decode(codes: Rows): Tensor {
    const { features } = this.#options;
    const { values, count } = parseRows('SparseAutoencoder.decode', codes, [features]);
    const ready = { values: Float32Array.from(values), near: null, count };
    return this.restored('decode', this.#decoded(ready, [features]).rows);
  }

  /** Each row as the sum of its features: [n, inputSize]. */
  reconstruct(data: Rows): Tensor {
    return this.restored('reconstruct', this.#restored(this.prepared('reconstruct', data), this.event).rows);
  }

  /** ‖x − x̂‖² of each row, on the model's scale. [n] */
  reconstructionError(data: Rows): Tensor {
    return this.#errors(this.toScore('reconstructionError', data), this.event).error;
  }

  /** How well rows are explained, and how features are used by them. */
  featureUse(data: Rows): FeatureUse {
    const rows = this.prepared('featureUse', data);
    const { features, inputSize } = this.#options;
    const density = new Float32Array(features);
    let total = 0;
    for (const { indices } of this.active(data)) {
      total += indices.length;
      for (const i of indices) density[i] = (density[i] as number) + 1 / rows.count;
    }
    const mean = new Float64Array(inputSize);
    rows.values.forEach((value, i) => {
      mean[i % inputSize] = (mean[i % inputSize] as number) + value / rows.count;
    });
    let spread = 0;
    rows.values.forEach((value, i) => {
      spread += (value - (mean[i % inputSize] as number)) ** 2;
    });
    let error = 0;
    for (const value of this.#errors(rows, this.event).error.data) error += value;
    const unused = density.filter((share) => share === 0).length;
    return { unexplained: error / Math.max(spread, 1e-12), active: total / rows.count, density, unused };
  }
}

/** Rows brought to length 1. */
function unit(x: Tensor): Tensor {
  return x.div(x.square().sum({ axis: -1, keepDims: true }).add(1e-12).sqrt());
}
