import {
  ArrayDataset,
  beforeLong,
  type Dataset,
  type FittedTransform,
  type FlatRows,
  fitDataset,
  fitRows,
  type Rows,
  SequenceDataset,
  scanned,
} from '@latent/nn';
import { formatShape, type Shape, sameShape, sizeOf, UsageError, ValueError } from '@latent/tensor';
import { ColumnScales, columnWarnings } from './column-warnings.ts';
import { inMemory } from './dealt-rows.ts';
import type { Learned, ModelRows } from './model-rows.ts';
import { SeenRange } from './seen-range.ts';

/** Further tensors of each row, by name, and what errors call them. */
export type Columns = Readonly<
  Record<string, { readonly rows: FlatRows; readonly shape: Shape; readonly called: string }>
>;

/** Rows, and what was learned of them. */
export interface LearnedRows {
  readonly learned: Learned;
  readonly dataset: Dataset;
  readonly warnings: readonly string[];
  /** The rows on the model's scale; null of a stream. */
  readonly scaled: FlatRows | null;
}

/** Rows as a model is trained on them: taken from the caller, learned from, put on its scale and together with what stands beside them. */
export class TrainingRows {
  readonly #of: ModelRows;
  /** What may be wrong with the model itself, in sentences. */
  readonly #caveats: () => readonly string[];

  constructor(of: ModelRows, caveats: () => readonly string[]) {
    this.#of = of;
    this.#caveats = caveats;
  }

  /** A data set as it is, or a copy of rows. */
  taken(caller: string, data: Rows | Dataset): FlatRows | Dataset {
    return isDataset(data) ? data : this.#of.parse(caller, data);
  }

  /** What is learned of rows, and the rows as they are trained on. */
  learn(caller: string, rows: FlatRows | Dataset, beside: Columns): Promise<LearnedRows> {
    return isDataset(rows) ? this.#learnStream(caller, rows, beside) : this.#learnRows(caller, rows, beside);
  }

  /** A walk over the rows for each thing that is learned, between which a page answers. */
  async #learnRows(caller: string, raw: FlatRows, beside: Columns): Promise<LearnedRows> {
    const columns = this.#of.asColumns(raw);
    await beforeLong();
    const transform = this.#of.transform ?? (this.#of.spec === null ? null : fitRows(this.#of.spec, columns));
    await beforeLong();
    const values = this.#of.scaled(caller, raw, transform);
    await beforeLong();
    const scales = new ColumnScales(columns.width, this.#of.supports());
    scales.add(columns);
    await beforeLong();
    const range = SeenRange.of(values, columns.width, this.#of.learned.range);
    await beforeLong();
    return {
      learned: { transform, range },
      dataset: this.together(caller, { ...raw, values }, beside),
      warnings: this.#warnings(scales, transform),
      scaled: { ...raw, values },
    };
  }

  async #learnStream(caller: string, data: Dataset, beside: Columns): Promise<LearnedRows> {
    const { learned, warnings } = await this.learnOf(caller, data);
    return { learned, dataset: this.onScale(caller, data, learned, beside), warnings, scaled: null };
  }

  /** What is learned of a data set, in two walks over it. */
  async learnOf(caller: string, data: Dataset): Promise<Pick<LearnedRows, 'learned' | 'warnings'>> {
    this.#checkSpec(caller, data);
    const transform = this.#of.transform ?? (this.#of.spec === null ? null : await fitDataset(this.#of.spec, data));
    const scales = new ColumnScales(sizeOf(this.#of.event), this.#of.supports());
    let range = this.#of.learned.range;
    for await (const rows of scanned(data)) {
      if (rows.count === 0) continue;
      range = SeenRange.of(this.#of.scaled(caller, rows, transform), rows.width, range);
      scales.add(rows);
    }
    if (range === null) throw new ValueError(`${caller}: there are no rows`);
    return { learned: { transform, range }, warnings: this.#warnings(scales, transform) };
  }

  #warnings(scales: ColumnScales, transform: FittedTransform | null): readonly string[] {
    const density = this.#of.traits.likelihood()?.normalized === true;
    // Pixels are of one scale: what hardly varies at the edge of images is no column to be put on another.
    const scaled = transform !== null || this.#of.event.length === 3;
    return [...this.#caveats(), ...columnWarnings(scales, { scaled, density })];
  }

  /** Rows and what stands beside each. */
  together(caller: string, rows: FlatRows, beside: Columns): Dataset {
    for (const { rows: own, called } of Object.values(beside)) {
      if (own.count !== rows.count) {
        throw new ValueError(`${caller}: there are ${rows.count} rows, but ${own.count} ${called}`);
      }
    }
    if (this.#of.sequence !== null) {
      const { bucketed } = this.#of.sequence;
      return new SequenceDataset(rows, { shape: this.#of.event, cut: this.#of.traits.anySteps(), bucketed }, beside);
    }
    return new ArrayDataset({ x: { rows, shape: this.#of.event }, ...beside });
  }

  #checkSpec(caller: string, data: Dataset): void {
    if (this.#of.sequence !== null) {
      throw new UsageError(`${caller}: sequences are trained from rows in memory; give the rows and not a data set`);
    }
    this.checkX(caller, data);
  }

  /** Throws unless a data set has rows x in the model's shape. */
  checkX(caller: string, data: Dataset): void {
    const shape = data.spec.x;
    if (shape === undefined || !sameShape(shape, this.#of.event)) {
      const got = shape === undefined ? Object.keys(data.spec).join(', ') : formatShape(shape);
      throw new ValueError(`${caller}: the data set must have x of ${formatShape(this.#of.event)}, got ${got}`);
    }
  }

  /** Rows on the scale that was learned, with what stands beside each. */
  onScale(caller: string, rows: FlatRows | Dataset, { transform }: Learned, beside: Columns): Dataset {
    const change = (own: FlatRows): Float32Array => this.#of.scaled(caller, own, transform);
    if (!isDataset(rows)) return this.together(caller, { ...rows, values: change(rows) }, beside);
    if (this.#of.sequence !== null && rows instanceof ArrayDataset) {
      this.checkX(caller, rows);
      const { x, ...others } = inMemory(caller, rows);
      const read = this.#of.parse(caller, x.rows.values);
      return this.together(caller, { ...read, values: change(read) }, { ...others, ...beside });
    }
    this.#checkSpec(caller, rows);
    const [other] = Object.values(beside);
    if (other !== undefined) {
      throw new UsageError(`${caller}: ${other.called} go with rows in memory; give rows and not a data set`);
    }
    if (rows.mapped !== undefined) return rows.mapped('x', change);
    if (transform === null) return rows;
    throw new UsageError(`${caller}: a data set under a transform needs mapped(name, change); see stream(…)`);
  }
}

/** Whether rows come as a data set. */
export function isDataset(value: unknown): value is Dataset {
  return typeof value === 'object' && value !== null && 'spec' in value && 'pass' in value;
}
