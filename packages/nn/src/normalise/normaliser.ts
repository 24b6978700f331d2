import { ShapeError, UsageError, ValueError } from '@latent/tensor';
import { type Column, METHODS } from './column.ts';
import { changedRows, checkedRows, type NormaliserRows, type SameRows } from './normaliser-rows.ts';

export type NormaliserName = keyof typeof METHODS;

export interface NormaliserOptions {
  /** Where `minMax` puts the smallest and the largest value seen; 0 and 1 by default. */
  readonly low?: number;
  readonly high?: number;
  /** What `log` adds before taking the logarithm; 0 by default. */
  readonly offset?: number;
}

/** A spread up to this is none: dividing by it would leave the range of numbers. */
const TINY = 1e-290;

/** A normaliser as JSON. */
export interface NormaliserConfig {
  readonly version: 1;
  readonly name: NormaliserName;
  readonly options: NormaliserOptions;
  /** Shift and scale of each column; absent before `fit`. */
  readonly columns?: readonly Column[];
}

/**
 * Puts columns on a common scale, y = low + (high − low)·(x − shift) / scale, and back. `fit` learns shift and scale from
 * the training rows; the same numbers then serve every other row. NaN is a missing value: `fit` leaves it out and
 * `transform` keeps it. A column that does not vary has scale 1. Results have the form of the rows given, which are
 * never changed; arithmetic is in double precision, and rounded to single only where the rows are.
 *
 * Errors name the method, and the row and column of what is wrong.
 */
export class Normaliser {
  readonly name: NormaliserName;
  readonly #options: Required<NormaliserOptions>;
  #columns?: readonly Column[];

  constructor(name: NormaliserName, options: NormaliserOptions = {}) {
    const { low = 0, high = 1, offset = 0 } = options;
    if (!Object.hasOwn(METHODS, name)) {
      throw new ValueError(`normaliser: no normaliser named '${name}'; known are ${Object.keys(METHODS).join(', ')}`);
    }
    if (!(low < high && Number.isFinite(high - low + offset))) {
      throw new ValueError(
        `${name}: options must be finite and low below high, got low ${low}, high ${high}, offset ${offset}`,
      );
    }
    this.name = name;
    this.#options = { low, high, offset };
  }

  /** Learns from the training rows and forgets what it learned before. A flat array needs a `width`. Returns itself. */
  fit(rows: NormaliserRows, options: { readonly width?: number } = {}): this {
    const caller = `${this.name}.fit`;
    const list = checkedRows(caller, rows, this.#bound, options.width);
    if (list.length === 0) throw new ShapeError(`${caller}: needs at least one row, got none`);
    this.#columns = Array.from(list[0], (_, c) => {
      const values = Float64Array.from(list, (row) => row[c]).filter((x) => !Number.isNaN(x));
      if (values.length === 0) throw new ValueError(`${caller}: column ${c} has only missing values; leave it out`);
      const [shift, scale] = METHODS[this.name](values);
      return checkColumn(caller, [shift, scale > TINY ? scale : 1], c);
    });
    return this;
  }

  /** The rows on the common scale: new arrays, or a new tensor, in the form of `rows`. */
  transform<R extends NormaliserRows>(rows: R): SameRows<R> {
    const { low, high, offset } = this.#options;
    return this.#change('transform', rows, this.#bound, (x, [shift, scale]) =>
      this.name === 'log' ? Math.log(x + offset) : low + (high - low) * ((x - shift) / scale),
    );
  }

  /** The rows on their own scale again. */
  inverse<R extends NormaliserRows>(rows: R): SameRows<R> {
    const { low, high, offset } = this.#options;
    return this.#change('inverse', rows, -Infinity, (y, [shift, scale]) =>
      this.name === 'log' ? Math.exp(y) - offset : shift + scale * ((y - low) / (high - low)),
    );
  }

  /**
   * log |dy/dx| of each value of transformed rows, end to end, 0 where one is missing: what turns a log-density of y into
   * one of x. Of an affine method log((high − low)/scale) of the column, of the logarithm −y.
   */
  logJacobian(transformed: Float32Array): Float32Array {
    const columns = this.#columns;
    if (columns === undefined)
      throw new UsageError(`${this.name}.logJacobian: knows no columns yet; call fit(rows) first`);
    const { low, high } = this.#options;
    return transformed.map((y, i) => {
      if (Number.isNaN(y)) return 0;
      return this.name === 'log' ? -y : Math.log((high - low) / columns[i % columns.length][1]);
    });
  }

  /** All of it as JSON, to be saved beside a model. */
  config(): NormaliserConfig {
    return { version: 1, name: this.name, options: this.#options, ...(this.#columns && { columns: this.#columns }) };
  }

  /** The normaliser that `config()` described. */
  static fromConfig(config: NormaliserConfig): Normaliser {
    if (config?.version !== 1) {
      throw new ValueError(`normaliser: expected a config of version 1, got ${config?.version}`);
    }
    const normaliser = new Normaliser(config.name, config.options);
    if (config.columns) {
      normaliser.#columns = Array.from(config.columns, (column, c) => checkColumn(config.name, column, c));
    }
    return normaliser;
  }

  /** Values must be above it. */
  get #bound(): number {
    return this.name === 'log' ? -this.#options.offset : -Infinity;
  }

  #change<R extends NormaliserRows>(
    method: string,
    rows: R,
    bound: number,
    change: (value: number, column: Column) => number,
  ): SameRows<R> {
    const caller = `${this.name}.${method}`;
    const columns = this.#columns;
    if (columns === undefined) throw new UsageError(`${caller}: knows no columns yet; call fit(rows) first`);
    return changedRows(rows, checkedRows(caller, rows, bound, columns.length), (x, c) => change(x, columns[c]));
  }
}

function checkColumn(caller: string, column: Column, index: number): Column {
  const [shift, scale] = column ?? [];
  if (!(Number.isFinite(shift) && Number.isFinite(scale) && scale > 0)) {
    throw new ValueError(`${caller}: column ${index} needs a finite shift and scale > 0, got ${shift} and ${scale}`);
  }
  return [shift + 0, scale]; // −0 becomes 0, as JSON would have it
}

/** Mean 0 and standard deviation 1: y = (x − mean) / std, with the population's std, √(Σ(x − mean)² / n). */
export const standardise = (): Normaliser => new Normaliser('standardise');

/** From `low` (0) at the smallest value to `high` (1) at the largest. Rows not seen by `fit` may lie outside. */
export const minMax = (options: Pick<NormaliserOptions, 'low' | 'high'> = {}): Normaliser =>
  new Normaliser('minMax', options);

/** y = (x − median) / (Q₃ − Q₁), which outliers hardly move; quartiles are linear between neighbours. */
export const robust = (): Normaliser => new Normaliser('robust');

/** y = ln(x + offset), for positive columns with a long tail; every value must be above −offset. Base e. */
export const log = (options: Pick<NormaliserOptions, 'offset'> = {}): Normaliser => new Normaliser('log', options);
