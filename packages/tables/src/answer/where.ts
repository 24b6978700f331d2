import { describeValue, isPlainObject, refuseUnknown, ValueError } from '@latent/tensor';
import type { CodedColumn, RowCode } from '../encode/row-code.ts';
import type { CellCondition } from '../kinds/column-kind.ts';
import type { ColumnCondition } from './synthesize.ts';

/** From `min` to `max`, both included. */
export interface RangeOf<T> {
  readonly min?: NonNullable<T>;
  readonly max?: NonNullable<T>;
}

/** What rows must be: a value, one of several, or a range, by column. */
export type Where<Row> = {
  readonly [K in keyof Row]?: Row[K] | readonly NonNullable<Row[K]>[] | RangeOf<Row[K]>;
};

/** A condition on one column, and whether a cell meets it. */
export interface Wanted extends ColumnCondition {
  meets(cell: unknown): boolean;
  /** The one value that is asked for; undefined for several or a range. */
  readonly only: unknown;
}

/** Conditions by column, checked against what the model knows. */
export function conditionsOf(caller: string, code: RowCode, where: unknown): Wanted[] {
  if (where === undefined) return [];
  if (!isPlainObject(where)) {
    throw new ValueError(`${caller}: where must be { column: value }, got ${describeValue(where)}`);
  }
  return Object.entries(where)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const column = code.columns.find((own) => own.name === name);
      if (column !== undefined) return wantedOf(caller, column, value);
      const known = code.columns.map((own) => own.name);
      if (code.schema.names.includes(name)) {
        throw new ValueError(`${caller}: where.${name}: the model does not see this column (it is an id or a text)`);
      }
      return refuseUnknown(caller, 'column', name, known);
    });
}

function wantedOf(caller: string, column: CodedColumn, value: unknown): Wanted {
  const { name, kind, code } = column;
  const condition = conditionOf(caller, name, value);
  const ways = code.conditions(condition, (expected, got) => {
    throw new ValueError(`${caller}: where.${name} must be ${expected}, got ${describeValue(got)}`);
  });
  const number = (cell: unknown): number => (typeof cell === 'number' ? cell : (kind.number?.(cell) ?? Number.NaN));
  const keys = new Set((condition.equals ?? []).map((wanted) => kind.level?.(wanted) ?? String(wanted)));
  return {
    column,
    ways,
    only: condition.equals?.length === 1 ? condition.equals[0] : undefined,
    meets(cell) {
      if (kind.role === 'category') return keys.has(kind.level?.(cell) ?? '');
      const x = number(cell);
      if (condition.equals !== undefined) return condition.equals.some((wanted) => number(wanted) === x);
      return (
        x >= (condition.min === undefined ? -Infinity : number(condition.min)) &&
        x <= (condition.max === undefined ? Infinity : number(condition.max))
      );
    },
  };
}

function conditionOf(caller: string, name: string, value: unknown): CellCondition {
  if (Array.isArray(value)) {
    if (value.length === 0) throw new ValueError(`${caller}: where.${name} is an empty list, which no row meets`);
    return { equals: value };
  }
  if (!isPlainObject(value)) return { equals: [value] };
  const { min, max, ...rest } = value;
  const [other] = Object.keys(rest);
  if (other !== undefined) refuseUnknown(`${caller}: where.${name}`, 'field', other, ['min', 'max']);
  return { ...(min !== undefined && { min }), ...(max !== undefined && { max }) } as CellCondition;
}
