import {
  type Batch,
  buildNetwork,
  type Dataset,
  type FlatRows,
  type History,
  inLayer,
  type Layer,
  type Parts,
  type Rows,
} from '@latent/nn';
import {
  checkOptions,
  equal,
  gather,
  greater,
  oneOf,
  optional,
  Rng,
  refuseSurplus,
  sizeOf,
  step,
  type Tensor,
  tensor,
  where,
  whole,
} from '@latent/tensor';
import { baselineOf } from '../model/baseline.ts';
import { knownAs, nameOf } from '../model/file-header.ts';
import { Model, type ModelFitOptions } from '../model/model.ts';
import type { PreparedRows } from '../model/model-rows.ts';
import { rowsProgram } from '../model/rows-program.ts';
import { buildHead, decoderActivations } from '../reconstruction/head.ts';
import type { Head, ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { observedTerms, placeholderOf, withMask } from '../reconstruction/observed.ts';
import {
  describeMasked,
  type MaskedAutoencoderOptions,
  type ResolvedMaskedOptions,
  resolveMaskedOptions,
} from './options.ts';

/** What it reports beside its loss: the share of cells that were hidden. */
export type MaskedNumbers = 'hidden';

/** What holes are filled with. */
export interface FillOptions {
  /** What is expected (default), the likeliest value, or a draw for each cell by itself. */
  readonly kind?: 'mean' | 'mode' | 'draw';
  readonly seed?: number;
}

const fillChecks = {
  kind: /* @__PURE__ */ optional(oneOf('mean', 'mode', 'draw'), 'mean' as const),
  seed: /* @__PURE__ */ optional(whole({ min: 0 }), 0),
};

/**
 * A masked autoencoder for rows: cells drawn at random are hidden, and the network says what they are by what it sees of the row
 * (He et al. 2022 for images; Du et al. 2024 for tables). It sees the values and which of them are there, so rows may have holes (NaN
 * or null) in training and afterwards. The columns of one category are one cell. The loss is −log p(xⱼ | what is seen) per
 * hidden cell, times the cells of a row: nats per row.
 *
 * ```ts
 * const model = new MaskedAutoencoder({ inputSize: 12, encoder: [64, 16], reconstruction: gaussian(), transform: standardise() });
 * await model.fit(rows, { epochs: 100 });
 * model.impute(rowsWithHoles);
 * ```
 */
export class MaskedAutoencoder extends Model<MaskedNumbers> {
  static readonly modelName: string = /* @__PURE__ */ knownAs(MaskedAutoencoder, 'maskedAutoencoder');

  readonly encoder: Layer;
  readonly decoder: Layer;
  readonly head: Head;
  readonly #options: ResolvedMaskedOptions;
  readonly #code: readonly number[];
  /** The columns [from, to) of each cell. */
  readonly #cells: readonly (readonly [from: number, to: number])[];
  /** The cell of each column [columns]; null where each is a cell of its own. */
  readonly #owner: Tensor | null;
  /** What each column is of its cell: [columns]. */
  readonly #share: Tensor;
  readonly #placeholder: Tensor;

  readonly #encoded = rowsProgram(({ near }) => ({ codes: this.forward(near) }));
  readonly #filled = rowsProgram(({ near }) => {
    const params = this.likelihoodParams(near);
    const { reconstruction } = this.#options;
    return { params, mean: reconstruction.mean(params), mode: reconstruction.mode(params) };
  });
  /** Of x what was not in `near`. */
  readonly #scored = rowsProgram(({ x, near }) => ({ terms: this.#terms(x, this.likelihoodParams(near)).neg() }));

  constructor(options: MaskedAutoencoderOptions) {
    const resolved = resolveMaskedOptions(options);
    const { inputSize, reconstruction, activation } = resolved;
    const [weights, noise] = new Rng(resolved.seed).split(2) as [Rng, Rng];
    super([inputSize], resolved.transform, noise);
    refuseSurplus(MaskedAutoencoder, 'encode contributions', nameOf);
    this.#options = resolved;
    const context = { weights, noise, activation };
    const encoder = buildNetwork('encoder', resolved.encoder, [2 * inputSize], context);
    this.encoder = encoder.module;
    this.#code = encoder.shape;
    const decoder = buildNetwork('decoder', resolved.decoder, encoder.shape, {
      ...context,
      activation: decoderActivations(resolved.decoder, encoder.shape, [inputSize], reconstruction, activation),
    });
    this.decoder = decoder.module;
    this.head = buildHead(decoder.shape, [inputSize], reconstruction, weights);
    this.#cells = cellsOf(reconstruction, inputSize);
    const columns = this.#cells.flatMap(([from, to], cell) =>
      Array.from({ length: to - from }, () => [cell, 1 / (to - from)]),
    );
    this.#owner = this.#cells.length === inputSize ? null : tensor(columns.map(([cell]) => cell as number));
    this.#share = tensor(columns.map(([, share]) => share as number));
    this.#placeholder = placeholderOf(reconstruction, inputSize);
    this.eval(); // `fit` trains
  }

  override get type(): string {
    return 'MaskedAutoencoder';
  }

  get options(): ResolvedMaskedOptions {
    return this.#options;
  }

  /** Numbers in a code. */
  get codeSize(): number {
    return sizeOf(this.#code);
  }

  protected override describe(): Readonly<Record<string, unknown>> {
    return describeMasked(this.#options);
  }

  protected override likelihood(): ReconstructionDistribution {
    return this.#options.reconstruction;
  }

  protected override baseline(rows: FlatRows): number | undefined {
    return baselineOf(this.#options.reconstruction, rows);
  }

  protected override get holes(): boolean {
    return true;
  }

  /** What the encoder makes of rows, NaN where a cell is hidden or missing: [rows, columns] → [rows, codeSize]. */
  forward(x: Tensor): Tensor {
    const codes = inLayer('encoder', () => this.encoder.forward(withMask(x)));
    return codes.reshape([x.shape[0] as number, this.codeSize]);
  }

  /** The parameters of each column's distribution given what is seen of the row. */
  likelihoodParams(x: Tensor): Tensor {
    const codes = this.forward(x).reshape([x.shape[0] as number, ...this.#code]);
    const features = inLayer('decoder', () => this.decoder.forward(codes));
    return inLayer('head', () => this.head.forward(features));
  }

  #terms(x: Tensor, params: Tensor): Tensor {
    return observedTerms(this.#options.reconstruction, x, params, this.#placeholder);
  }

  /** Which columns are hidden in this batch: ones and zeros [rows, columns]. */
  #hidden(x: Tensor, rng: Rng): Tensor {
    const [low, high] = this.#options.hide;
    const [rows = 0] = x.shape;
    const rates = rng
      .uniform([rows, 1], { low: 0, high: 1 })
      .mul(high - low)
      .add(low);
    const hidden = greater(rates, rng.uniform([rows, this.#cells.length]));
    return this.#owner === null ? hidden : gather(hidden.transpose(), this.#owner).transpose();
  }

  parts({ x }: Batch, rng: Rng): Parts<MaskedNumbers> {
    const rows = x as Tensor;
    const hidden = this.#hidden(rows, rng);
    const terms = this.#terms(rows, this.likelihoodParams(where(greater(hidden, 0.5), Number.NaN, rows))).neg();
    // The columns of a category count as one cell, and cells that are missing as none.
    const cells = equal(rows, rows).mul(this.#share);
    const mean = (of: Tensor): Tensor =>
      terms.mul(of).sum().div(cells.mul(of).sum().maximum(1)).mul(this.#cells.length);
    const loss = mean(hidden);
    const { visibleWeight } = this.#options;
    return {
      loss: visibleWeight > 0 ? loss.add(mean(hidden.neg().add(1)).mul(visibleWeight)) : loss,
      hidden: cells.mul(hidden).sum().div(cells.sum().maximum(1)),
    };
  }

  /** Trains on rows, which may have holes; each batch hides cells anew. The caller's arrays are not changed. */
  fit(data: Rows | Dataset, options: ModelFitOptions<MaskedNumbers> = {}): Promise<History<MaskedNumbers>> {
    return this.fitTo(data, options);
  }

  /** Codes by all that is there of each row, as features: [n, codeSize]. */
  encode(data: Rows): Tensor {
    return this.#encoded(this.prepared('encode', data), this.event).codes;
  }

  /** Rows with their holes filled by what the rest of the row says: [n, columns]. What is there stays as it is. */
  impute(data: Rows, options: FillOptions = {}): Tensor {
    const { kind, seed } = checkOptions('MaskedAutoencoder.impute', options, fillChecks);
    const rows = this.prepared('impute', data);
    const { params, mean, mode } = this.#filled(rows, this.event);
    const drawn = (): Tensor => step(() => this.#options.reconstruction.sample(params, new Rng(seed)));
    const filled = this.restored('impute', kind === 'draw' ? drawn() : kind === 'mode' ? mode : mean);
    const [values, given] = [filled.data, rows.raw.values];
    for (let i = 0; i < values.length; i++) if (!Number.isNaN(given[i])) values[i] = given[i] as number;
    return tensor(values, { shape: filled.shape });
  }

  /**
   * How unusual each cell is given the others: −log p(xⱼ | all other cells) in nats of the data as given, each found with that cell
   * hidden, and 0 where it is missing. The score is their sum, minus the pseudo-likelihood of the row (Besag 1975): higher is more
   * anomalous. Takes one pass for each cell.
   */
  contributions(data: Rows): { readonly score: Tensor; readonly columns: Tensor } {
    const rows = this.toScore('contributions', data);
    const width = sizeOf(this.event);
    const columns = new Float32Array(rows.count * width);
    for (const cell of this.#cells) {
      const terms = this.#scored(withoutCell(rows, cell, width), this.event).terms.data;
      for (let r = 0; r < rows.count; r++) {
        const [from, to] = [r * width + cell[0], r * width + cell[1]];
        columns.set(terms.subarray(from, to), from);
      }
    }
    const jacobian = this.logJacobian(rows.raw)?.data;
    if (jacobian !== undefined) {
      for (let i = 0; i < columns.length; i++) {
        if (!Number.isNaN(rows.raw.values[i])) columns[i] = (columns[i] as number) - (jacobian[i] as number);
      }
    }
    const each = tensor(columns, { shape: [rows.count, width] });
    return { score: step(() => each.sum({ axis: 1 })), columns: each };
  }
}

/** The rows as an encoder is to see them without one cell. */
function withoutCell(rows: PreparedRows, [from, to]: readonly [number, number], width: number): PreparedRows {
  const near = Float32Array.from(rows.near ?? rows.values);
  for (let r = 0; r < rows.count; r++) near.fill(Number.NaN, r * width + from, r * width + to);
  return { ...rows, near };
}

/** Every column by itself, but those of one category together. */
function cellsOf(reconstruction: ReconstructionDistribution, width: number): readonly (readonly [number, number])[] {
  const groups = new Map((reconstruction.oneHotGroups?.(width) ?? []).map(([from, to]) => [from, to]));
  const cells: (readonly [number, number])[] = [];
  for (let from = 0; from < width; ) {
    const to = groups.get(from) ?? from + 1;
    cells.push([from, to]);
    from = to;
  }
  return cells;
}
