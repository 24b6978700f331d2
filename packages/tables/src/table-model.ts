import { readFileBytes, writeFileAtomically } from '@latent/nn';
import {
  checkOptions,
  describeValue,
  flag,
  isPlainObject,
  list,
  oneOf,
  optional,
  Rng,
  real,
  refuseSurplus,
  ValueError,
  whole,
} from '@latent/tensor';
import { driftOf } from './answer/drift.ts';
import { cellsOf, type ExplainBy, explainRows, type UsualCells, usualCells } from './answer/explain.ts';
import { fillHoles } from './answer/impute.ts';
import { nearestCodes } from './answer/nearest.ts';
import { repairRow } from './answer/repair.ts';
import { makeRows, SYNTHESIS_BLOCK, type SynthesizeOptions, wantedRows } from './answer/wanted-rows.ts';
import { StreamJudge, type WatchOptions } from './answer/watch.ts';
import { type ReadRows, readRows } from './encode/row-code.ts';
import { fitted, type TableOptions } from './fit/options.ts';
import { columnNotes } from './input/known-columns.ts';
import { chunks, streamOf, type TableInput, type TableRows, type TableStream, tableOf } from './input/source.ts';
import type { Table } from './input/table.ts';
import { cardMarkdown } from './model/card.ts';
import { stateFromBytes, stateToBytes } from './model/file.ts';
import type { Task } from './model/recipe.ts';
import { keepState, scoreRows, type TableState } from './model/state.ts';
import type {
  AnyRow,
  Card,
  ColumnImputationError,
  ColumnName,
  DriftReport,
  Explanation,
  Filled,
  Imputation,
  Neighbour,
  Prediction,
  PredictOptions,
  Repair,
  TableHistory,
  Threshold,
  WatchEvent,
} from './results.ts';
import type { Schema } from './schema/schema.ts';

/** Rows of a stream that were scored together. */
export interface ScoredRows<Row> {
  /** The number of the first in the stream, from 0. */
  readonly first: number;
  readonly rows: readonly Row[];
  readonly scores: Float64Array;
  readonly pValues: Float64Array;
}

const seedCheck = /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 }), 0);
const alphaCheck = /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0, below: 1 }), 0.05);
/** Sentences about columns that are told, at most. */
const MOST_TOLD = 20;
/** Codes of each row with holes. */
const IMPUTE_SAMPLES = 64;

/**
 * A fitted model of a table: which rows are odd and why, holes filled, rows made, codes, drift. It is fitted by construction,
 * and saved in one file.
 *
 * ```ts
 * const model = await TableModel.fit(rows);
 * const odd = model.predict(newRows, { falseAlarmRate: 0.01 });
 * await model.save('model.safetensors');
 * ```
 */
export class TableModel<Row extends object = AnyRow> {
  /** What a model of this class is fitted for unless told. */
  static readonly task: Task = 'all';
  /**
   * Told, once each, what is odd about the columns of rows: one that no row has, one that the model does not know. By default
   * what `fit` was given, else `console.warn`.
   */
  onWarning: (message: string) => void;
  readonly #state: TableState;
  readonly #told = new Set<string>();
  #usual: UsualCells | null = null;

  /** Models come from `fit`, `load` and `fromBytes`. */
  protected constructor(state: TableState, { onWarning }: Pick<TableOptions, 'onWarning'> = {}) {
    refuseSurplus(
      TableModel,
      'score pValues predict judge embed notes card scoreStream imputeStream watch toBytes save',
      () => 'TableModel',
    );
    this.#state = state;
    keepState(this, state);
    this.onWarning = onWarning ?? ((message) => console.warn(message));
  }

  /** Fits a model to rows: an array of records, columns, an Arrow table, or a function that opens a stream of records. */
  static async fit<Row extends object>(
    rows: TableInput<Row>,
    options: TableOptions<Row> = {},
  ): Promise<TableModel<Row>> {
    return new TableModel<Row>(await fitted(rows, options, TableModel.task), options);
  }

  /** The model that `toBytes` wrote. Every part of the file is checked. */
  static fromBytes<Row extends object = AnyRow>(bytes: Uint8Array | ArrayBuffer): TableModel<Row> {
    return new TableModel<Row>(stateFromBytes('TableModel.fromBytes', bytes));
  }

  /** Reads a model that `save` wrote. Node only. */
  static async load<Row extends object = AnyRow>(path: string): Promise<TableModel<Row>> {
    return TableModel.fromBytes<Row>(await readFileBytes(path));
  }

  /** What the columns hold. */
  get schema(): Schema<Row> {
    return this.#state.code.schema as unknown as Schema<Row>;
  }

  get task(): Task {
    return this.#state.recipe.task;
  }

  /** How the fit went, epoch by epoch, beside the null line. */
  get history(): TableHistory {
    return this.#state.history;
  }

  /** How far filled cells are off, by column, beside the mean or the most frequent level. */
  get imputationError(): readonly ColumnImputationError<Row>[] {
    return this.#state.imputation as readonly ColumnImputationError<Row>[];
  }

  /** Rows that took no part in fitting, by which p-values are told. */
  get calibrationRows(): number {
    return this.#state.calibration.rows;
  }

  /** The scores of those rows, rising: to draw a new row's score against. */
  get calibrationScores(): Float64Array {
    return this.#state.calibration.scores.slice();
  }

  #read(method: string, rows: TableRows<Row>): { table: Table; read: ReadRows } {
    const caller = `TableModel.${method}`;
    const table = tableOf(caller, rows as TableRows);
    return { table, read: this.#readTable(caller, table, 0) };
  }

  #readTable(caller: string, table: Table, first: number): ReadRows {
    const { code } = this.#state;
    if (table.names.length > 0 && !code.columns.some(({ name }) => table.names.includes(name))) {
      throw new ValueError(
        `${caller}: the rows have none of the model's columns (${code.columns
          .slice(0, 8)
          .map(({ name }) => name)
          .join(', ')}), got ${table.names.slice(0, 8).join(', ')}`,
      );
    }
    if (table.names.length > 0) {
      for (const { note, odd } of columnNotes(code.schema, table.names)) {
        if (!odd || this.#told.has(note) || this.#told.size >= MOST_TOLD) continue;
        this.#told.add(note);
        this.onWarning(`${caller}: ${note}`);
      }
    }
    return readRows(caller, code.schema, table, first);
  }

  #scores(read: ReadRows): Float32Array {
    return scoreRows(this.#state, read, this.#state.code.encode(read));
  }

  /** How odd each row is: −ELBO in nats, higher is odder. A row's score depends on the row and the model alone. */
  score(rows: TableRows<Row>): Float64Array {
    return Float64Array.from(this.#scores(this.#read('score', rows).read));
  }

  /** The share of usual rows at least as odd as each row: P(p ≤ α) ≤ α for rows like the calibration rows. */
  pValues(rows: TableRows<Row>): Float64Array {
    return this.#state.calibration.pValues(this.#scores(this.#read('pValues', rows).read));
  }

  /** Which rows are odd. A rate that the calibration rows cannot promise is refused, with the number that could. */
  predict(rows: TableRows<Row>, options: PredictOptions): Prediction[] {
    return this.#state.calibration.predict(
      'TableModel.predict',
      this.#scores(this.#read('predict', rows).read),
      options,
    );
  }

  /** What `predict` says of rows that were scored elsewhere, by these scores: by workers, or before. */
  judge(scores: readonly number[] | Float32Array | Float64Array, options: PredictOptions): Prediction[] {
    const caller = 'TableModel.judge';
    const own: unknown = scores;
    if (!Array.isArray(own) && !ArrayBuffer.isView(own)) {
      throw new ValueError(`${caller}: scores must be an array of numbers, got ${describeValue(own)}`);
    }
    const checked = list(real())(Array.from(scores), { caller, path: 'scores' });
    return this.#state.calibration.predict(caller, checked, options);
  }

  /** Where the line is drawn, and what is promised. For a false discovery rate it depends on the rows: give them. */
  threshold(options: PredictOptions, rows?: TableRows<Row>): Threshold {
    const caller = 'TableModel.threshold';
    if (isPlainObject(options) && 'falseDiscoveryRate' in options && rows === undefined) {
      throw new ValueError(`${caller}: a false discovery rate draws its line for a batch; give its rows`);
    }
    return this.#state.calibration.threshold(caller, options, rows === undefined ? [] : this.pValues(rows));
  }

  get #usualCells(): UsualCells {
    this.#usual ??= usualCells(this.#state);
    return this.#usual;
  }

  /**
   * Why each row is odd: its cells, most telling first. `unexplained` (default) orders by what the rest of the row does not explain, `moved` by
   * what is unusual whether explained or not.
   */
  explain(rows: TableRows<Row>, options: { readonly by?: ExplainBy } = {}): Explanation<Row>[] {
    const { by } = checkOptions('TableModel.explain', options, {
      by: optional(oneOf('unexplained', 'moved'), 'unexplained' as const),
    });
    const { table, read } = this.#read('explain', rows);
    const coded = this.#state.code.encode(read);
    const scores = scoreRows(this.#state, read, coded);
    const reasons = table.count === 0 ? [] : explainRows(this.#state, this.#usualCells, coded, by, cellsOf(table));
    return reasons.map((cells, row) => ({
      row,
      score: scores[row] as number,
      pValue: this.#state.calibration.pValue(scores[row] as number),
      cells: cells as unknown as Explanation<Row>['cells'],
    }));
  }

  /** The fewest cells whose change makes each row usual: p above `alpha` (0.05). */
  repair(
    rows: TableRows<Row>,
    options: { readonly alpha?: number; readonly mostChanges?: number } = {},
  ): Repair<Row>[] {
    const caller = 'TableModel.repair';
    const { alpha, mostChanges } = checkOptions(caller, options, {
      alpha: alphaCheck,
      mostChanges: optional(whole({ min: 1 }), this.#state.code.columns.length),
    });
    // Refused where no row could be odd at this rate.
    this.#state.calibration.threshold(caller, { falseAlarmRate: alpha });
    const { table } = this.#read('repair', rows);
    return Array.from(
      { length: table.count },
      (_, r) => repairRow(this.#state, this.#usualCells, table.row(r), r, alpha, mostChanges) as unknown as Repair<Row>,
    );
  }

  /**
   * Rows with their holes filled: by what is expected, and with `draws` also by as many draws, which vary as real rows do. Ids and texts are
   * left as they are. See `imputationError` for how far filled cells are off.
   */
  impute(rows: TableRows<Row>, options: { readonly draws?: number; readonly seed?: number } = {}): Imputation<Row> {
    const { draws, seed } = checkOptions('TableModel.impute', options, {
      draws: optional(whole({ min: 0, max: 1000 }), 0),
      seed: seedCheck,
    });
    const { table, read } = this.#read('impute', rows);
    const cells = fillHoles(this.#state, read, draws, IMPUTE_SAMPLES, seed);
    const filledBy = (pick: (cell: (typeof cells)[number]) => unknown): Filled<Row>[] => {
      const filled = Array.from({ length: table.count }, (_, r) => table.row(r));
      for (const cell of cells) (filled[cell.row] as AnyRow)[cell.column] = pick(cell);
      return filled as Filled<Row>[];
    };
    return {
      rows: filledBy(({ value }) => value),
      draws: Array.from({ length: draws }, (_, d) => filledBy((cell) => cell.draws[d])),
      cells: cells.map(({ row, column, value, expected }) => ({
        row,
        column: column as unknown as ColumnName<Row>,
        value,
        expected,
      })),
    };
  }

  /**
   * `n` rows as the table has them. `where` is met through the codes of rows that meet it, however rare; `constraints` by drawing
   * again, and refused where hardly a row meets them. Ids and texts are null.
   */
  synthesize(n: number, options: SynthesizeOptions<Row> = {}): Row[] {
    const caller = 'TableModel.synthesize';
    whole({ min: 0 })(n, { caller, path: 'n' });
    return wantedRows(caller, this.#state, n, options as SynthesizeOptions) as Row[];
  }

  /** The code of each row: where it is among the others. */
  embed(rows: TableRows<Row>): Float32Array[] {
    const { read } = this.#read('embed', rows);
    const { members, code } = this.#state;
    const [member] = members;
    if (member === undefined || read.count === 0) return [];
    const { mean } = member.codesOf(code.encode(read));
    const { latentSize } = member.options;
    return Array.from({ length: read.count }, (_, r) => mean.slice(r * latentSize, (r + 1) * latentSize));
  }

  /** The `k` learned rows (5) whose codes are nearest to a row's; of large tables, among 30,000 of them. */
  nearest(row: Row, k = 5): Neighbour[] {
    whole({ min: 1 })(k, { caller: 'TableModel.nearest', path: 'k' });
    const [code] = this.embed([row]) as [Float32Array];
    return nearestCodes(this.#state.bank, code, k);
  }

  /** Whether rows still look like those that calibrated the model: their scores, columns, holes and codes. */
  drift(rows: TableRows<Row>, options: { readonly alpha?: number; readonly seed?: number } = {}): DriftReport<Row> {
    const caller = 'TableModel.drift';
    const { alpha, seed } = checkOptions(caller, options, { alpha: alphaCheck, seed: seedCheck });
    const { table, read } = this.#read('drift', rows);
    if (table.count < 2) throw new ValueError(`${caller}: needs at least 2 rows, got ${table.count}`);
    const coded = this.#state.code.encode(read);
    const scores = scoreRows(this.#state, read, coded);
    return driftOf(this.#state, coded, scores, alpha, seed, this.#notes(table)) as unknown as DriftReport<Row>;
  }

  /** What is odd about the columns of rows, in sentences: unknown ones are ignored, missing ones count as holes. */
  notes(rows: TableRows<Row>): string[] {
    return this.#notes(tableOf('TableModel.notes', rows as TableRows));
  }

  #notes({ names }: Table): string[] {
    return columnNotes(this.#state.code.schema, names).map(({ note }) => note);
  }

  /** What the model is and what it can promise. */
  card(): Card {
    return this.#state.card;
  }

  /** The card as Markdown. */
  toString(): string {
    return cardMarkdown(this.#state.card);
  }

  /** Rows of any length, some at a time, with their scores and p-values: in memory that does not grow. */
  scoreStream(rows: TableStream<Row>): AsyncGenerator<ScoredRows<Row>> {
    return this.#scoreEach(this.#walk('scoreStream', rows));
  }

  async *#scoreEach(walk: Walked): AsyncGenerator<ScoredRows<Row>> {
    for await (const { table, first } of walk) {
      const scores = this.#scores(this.#readTable('TableModel.scoreStream', table, first));
      yield {
        first,
        rows: Array.from({ length: table.count }, (_, r) => table.row(r) as Row),
        scores: Float64Array.from(scores),
        pValues: this.#state.calibration.pValues(scores),
      };
    }
  }

  /** The rows of a stream with their holes filled, one after the other. */
  imputeStream(rows: TableStream<Row>): AsyncGenerator<Filled<Row>> {
    return this.#imputeEach(this.#walk('imputeStream', rows));
  }

  async *#imputeEach(walk: Walked): AsyncGenerator<Filled<Row>> {
    for await (const { table, first } of walk) {
      const read = this.#readTable('TableModel.imputeStream', table, first);
      const filled = Array.from({ length: table.count }, (_, r) => table.row(r));
      const cells = fillHoles(this.#state, read, 0, IMPUTE_SAMPLES, 0);
      for (const { row, column, value } of cells) (filled[row] as AnyRow)[column] = value;
      for (const row of filled) yield row as Filled<Row>;
    }
  }

  /** `n` rows one after the other, however many; see `synthesize`. */
  synthesizeStream(n: number, options: { readonly seed?: number; readonly holes?: boolean } = {}): AsyncGenerator<Row> {
    const caller = 'TableModel.synthesizeStream';
    whole({ min: 0 })(n, { caller, path: 'n' });
    const { seed = this.#state.seed, holes } = checkOptions(caller, options, {
      seed: optional(whole({ min: 0 })),
      holes: optional(flag(), true),
    });
    return this.#synthesizeEach(n, new Rng(seed), holes);
  }

  async *#synthesizeEach(n: number, rng: Rng, holes: boolean): AsyncGenerator<Row> {
    for (let done = 0; done < n; done += SYNTHESIS_BLOCK) {
      for (const row of makeRows(this.#state, Math.min(SYNTHESIS_BLOCK, n - done), [], holes, rng)) yield row as Row;
    }
  }

  /**
   * Watches a stream: tells its odd rows, and the row at which the stream as a whole no longer looks like the calibration rows. Rates
   * hold while rows are exchangeable with these; with `window`, with the last rows of the stream.
   */
  watch(rows: TableStream<Row>, options: WatchOptions): AsyncGenerator<WatchEvent<Row>> {
    const judge = new StreamJudge('TableModel.watch', this.#state.calibration, options);
    return this.#watchEach(this.#walk('watch', rows, 1), judge, options.every === true);
  }

  async *#watchEach(walk: Walked, judge: StreamJudge, every: boolean): AsyncGenerator<WatchEvent<Row>> {
    let changed = false;
    for await (const { table, first } of walk) {
      const scores = this.#scores(this.#readTable('TableModel.watch', table, first));
      for (let r = 0; r < table.count; r++) {
        const event = judge.judge(table.row(r) as Row, scores[r] as number);
        if (every || event.anomaly || (event.changed && !changed)) yield event;
        changed = event.changed;
      }
    }
  }

  #walk(method: string, rows: TableStream<Row>, size?: number): Walked {
    const caller = `TableModel.${method}`;
    return walked(caller, streamOf(caller, rows as TableStream), size);
  }

  /** The model as one safetensors file. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return stateToBytes(this.#state);
  }

  /** Writes the model to a file, whole or not at all. Node only. */
  save(path: string): Promise<void> {
    return writeFileAtomically(path, this.toBytes());
  }
}

/** Rows as a stream gives them, some at a time, and the number of the first. */
type Walked = AsyncGenerator<{ readonly table: Table; readonly first: number }>;

async function* walked(caller: string, open: ReturnType<typeof streamOf>, size?: number): Walked {
  let first = 0;
  for await (const table of chunks(caller, open(), size)) {
    yield { table, first };
    first += table.count;
  }
}
