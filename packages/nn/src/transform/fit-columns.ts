import { ValueError } from '@latent/tensor';
import { placeOf } from '../data/ragged.ts';
import type { FlatRows } from '../data/rows.ts';
import type { ColumnFit, ColumnMap, ColumnMethod, ColumnNumbers } from './column-method.ts';
import { FittedTransform } from './fitted.ts';
import { methodsOfRows, type Transform } from './kind.ts';

/** One column on its way: the maps that are done, and the method that is learning. */
interface Column {
  readonly methods: readonly ColumnMethod[];
  readonly numbers: ColumnNumbers[];
  readonly maps: ColumnMap[];
  learning: ColumnFit | null;
  seen: number;
}

/** The state of learning, from walk to walk over the rows. */
interface State {
  readonly spec: Transform;
  readonly columns: readonly Column[];
  /** Rows of this walk so far. */
  rows: number;
}

/** Learns column by column, in as many walks over `rows` as the methods need. */
export function fitColumns(spec: Transform, width: number, rows: () => Iterable<FlatRows>): FittedTransform {
  const state = begin(spec, width);
  do for (const chunk of rows()) add(state, chunk);
  while (again(state));
  return end(state);
}

export function begin(spec: Transform, width: number): State {
  const columns = methodsOfRows(spec, width).map(
    (methods): Column => ({ methods, numbers: [], maps: [], learning: methods[0]?.fit() ?? null, seen: 0 }),
  );
  return { spec, columns, rows: 0 };
}

export function add(state: State, { values, count, width, steps }: FlatRows): void {
  const { spec, columns, rows } = state;
  state.rows += count;
  const present = new Float64Array(count);
  const place = (r: number, c: number): string => placeOf((rows + r) * width + c, { width, steps });
  columns.forEach((column, c) => {
    if (column.learning === null) return;
    let n = 0;
    for (let r = 0; r < count; r++) {
      let value = values[r * width + c] as number;
      if (Number.isNaN(value)) continue;
      for (const map of column.maps) value = through(spec, map, value, () => place(r, c));
      const next = column.methods[column.maps.length] as ColumnMethod;
      const { above } = next.map([]);
      if (above !== undefined && !(value > above)) outside(spec, value, above, place(r, c));
      present[n++] = value;
    }
    column.seen += n;
    if (n > 0) column.learning.add(present.subarray(0, n));
  });
}

function through(spec: Transform, map: ColumnMap, value: number, place: () => string): number {
  if (map.above !== undefined && !(value > map.above)) outside(spec, value, map.above, place());
  return map.forward(value);
}

function outside(spec: Transform, value: number, above: number, place: string): never {
  throw new ValueError(`${spec.name}.fit: needs values > ${above}, got ${value} at ${place}`);
}

/** At the end of a walk: whether there must be another. */
export function again(state: State): boolean {
  const { spec, columns } = state;
  state.rows = 0;
  let more = false;
  columns.forEach((column, c) => {
    const { learning, methods, numbers, maps } = column;
    if (learning === null) return;
    if (column.seen === 0) throw new ValueError(`${spec.name}.fit: column ${c} has only missing values; leave it out`);
    if (learning.again()) {
      more = true;
      return;
    }
    const learned = learning.numbers();
    const method = methods[maps.length] as ColumnMethod;
    if (!learned.every(Number.isFinite)) {
      throw new ValueError(
        `${spec.name}.fit: column ${c} spreads too widely for double precision, got ${learned.join(' and ')}`,
      );
    }
    numbers.push(learned);
    maps.push(method.map(learned));
    column.learning = methods[maps.length]?.fit() ?? null;
    more ||= column.learning !== null;
  });
  return more;
}

export function end({ spec, columns }: State): FittedTransform {
  return new FittedTransform(
    spec,
    columns.map(({ numbers }) => numbers),
  );
}
