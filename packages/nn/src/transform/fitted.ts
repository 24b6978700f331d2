import {
  checkTensor,
  describeValue,
  isPlainObject,
  type Place,
  ShapeError,
  type Tensor,
  tensor,
  ValueError,
  whole,
} from '@latent/tensor';
import { isTyped, type TypedArray } from '../data/arrays.ts';
import { placeOf } from '../data/ragged.ts';
import type { FlatRows } from '../data/rows.ts';
import type { ColumnMap, ColumnNumbers } from './column-method.ts';
import { type FittedConfig, methodsOfRows, type Transform, transforms } from './kind.ts';

/** The maps of one column, in the order in which they are applied. */
type ColumnMaps = readonly ColumnMap[];

/**
 * A transform that has learned: it maps rows to the common scale and back, and never changes. Arithmetic is in double
 * precision from the rows as they were given; only what is handed to a model is rounded to single.
 */
export class FittedTransform {
  readonly spec: Transform;
  readonly #numbers: readonly (readonly ColumnNumbers[])[];
  readonly #maps: readonly ColumnMaps[];

  constructor(spec: Transform, numbers: readonly (readonly ColumnNumbers[])[]) {
    this.spec = spec;
    this.#numbers = numbers.map((column) => Object.freeze(column.map((own) => Object.freeze([...own]))));
    this.#maps = methodsOfRows(spec, numbers.length).map((methods, c) =>
      methods.map((method, i) => method.map(this.#numbers[c]?.[i] ?? [])),
    );
  }

  /** Columns of a row. */
  get width(): number {
    return this.#maps.length;
  }

  /** What column c's methods learned, one list for each. */
  learned(column: number): readonly ColumnNumbers[] {
    whole({ min: 0, max: this.width - 1 })(column, { caller: 'learned', path: 'column' });
    return this.#numbers[column] ?? [];
  }

  /** Rows on the common scale, in single precision for a model. A value outside a column's domain is refused. */
  forward(caller: string, rows: FlatRows): Float32Array {
    const { values, width, steps } = this.#checked(caller, rows);
    const result = new Float32Array(values.length);
    for (let c = 0; c < width; c++) {
      const maps = this.#maps[c] as ColumnMaps;
      for (let i = c; i < values.length; i += width) {
        let y = values[i] as number;
        if (!Number.isNaN(y)) {
          for (const map of maps) {
            if (map.above !== undefined && !(y > map.above))
              this.#outside(caller, y, map.above, placeOf(i, { width, steps }));
            y = map.forward(y);
          }
        }
        result[i] = y;
      }
    }
    return result;
  }

  /** Rows on their own scale again, in double precision. */
  inverse(values: TypedArray): Float64Array {
    const width = this.width;
    if (!isTyped(values)) throw new ValueError(`inverse: expected a typed array, got ${describeValue(values)}`);
    if (values.length % width !== 0) {
      throw new ShapeError(`inverse: the transform knows ${width} columns, got ${values.length} values`);
    }
    const result = new Float64Array(values.length);
    for (let c = 0; c < width; c++) {
      const maps = this.#maps[c] as ColumnMaps;
      for (let i = c; i < values.length; i += width) {
        let x = values[i] as number;
        for (let m = maps.length - 1; m >= 0; m--) x = (maps[m] as ColumnMap).inverse(x);
        result[i] = x;
      }
    }
    return result;
  }

  /** A model's rows [n, …] on the scale of the data, in double precision. */
  inverseTensor(rows: Tensor): Tensor {
    checkTensor('inverseTensor', rows);
    return tensor(this.inverse(rows.data), { shape: rows.shape, dtype: 'f64' });
  }

  /**
   * log |dy/dx| of each value, end to end, 0 where one is missing: what turns a log-density of the common scale into one of
   * the data.
   */
  logJacobian(caller: string, rows: FlatRows): Float64Array {
    const { values, width, steps } = this.#checked(caller, rows);
    const result = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) {
      let y = values[i] as number;
      if (Number.isNaN(y)) continue;
      let sum = 0;
      for (const map of this.#maps[i % width] as ColumnMaps) {
        if (map.above !== undefined && !(y > map.above))
          this.#outside(caller, y, map.above, placeOf(i, { width, steps }));
        sum += map.logSlope(y);
        y = map.forward(y);
      }
      result[i] = sum;
    }
    return result;
  }

  config(): FittedConfig {
    return { of: this.spec.config(), columns: [...this.#numbers] };
  }

  /** The fitted transform that `config()` described, of `width` columns where that is known; errors name the field. */
  static fromConfig(config: unknown, at: Place, width?: number): FittedTransform {
    if (!isPlainObject(config) || !Array.isArray(config.columns)) {
      throw new ValueError(
        `${at.caller}: ${at.path} must be a fitted transform { of, columns }, got ${describeValue(config)}`,
      );
    }
    if (width !== undefined && config.columns.length !== width) {
      throw new ValueError(
        `${at.caller}: the transform knows ${config.columns.length} columns, but rows have ${width}`,
      );
    }
    const spec = transforms.resolve(config.of, { caller: at.caller, path: `${at.path}.of` });
    const columns: readonly unknown[] = config.columns;
    const methods = methodsOfRows(spec, columns.length);
    columns.forEach((column, c) => {
      const own = methods[c] ?? [];
      const fits =
        Array.isArray(column) &&
        column.length === own.length &&
        own.every(
          (method, i) => Array.isArray(column[i]) && column[i].every(Number.isFinite) && method.valid(column[i]),
        );
      if (!fits)
        throw new ValueError(`${at.caller}: ${at.path}.columns[${c}] does not fit ${spec.name}; the file is altered`);
    });
    return new FittedTransform(spec, columns as readonly (readonly ColumnNumbers[])[]);
  }

  #checked(caller: string, rows: FlatRows): FlatRows {
    if (rows.width !== this.width) {
      throw new ValueError(`${caller}: the transform knows ${this.width} columns, got rows of ${rows.width}`);
    }
    return rows;
  }

  #outside(caller: string, value: number, above: number, place: string): never {
    throw new ValueError(`${caller}: ${this.spec.name} needs values > ${above}, got ${value} at ${place}`);
  }
}

/** Whether a value is a fitted transform. */
export function isFitted(value: unknown): value is FittedTransform {
  return value instanceof FittedTransform;
}
