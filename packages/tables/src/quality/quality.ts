import { checkOptions, instance, optional, Rng, refuseUnknown, text, ValueError, whole } from '@latent/tensor';
import { rocAuc } from '@latent/vae/evaluate';
import { readRows } from '../encode/row-code.ts';
import { type TableRows, tableOf } from '../input/source.ts';
import type { ColumnName, Measure, QualityReport } from '../results.ts';
import { inferSchema } from '../schema/infer.ts';
import { Schema } from '../schema/schema.ts';
import { BoostedTrees, type TreeColumn } from './boosted-trees.ts';
import { binned, correlation, cramersV, type JudgedColumn, joint, ksComplement, tvComplement } from './measures.ts';
import { privacyOf } from './privacy.ts';

/** What synthetic rows are held against. */
export interface QualityOptions<Row extends object> {
  /** Real rows that nothing was learned from: what the figures of real rows are, and what privacy is measured against. */
  readonly holdout?: TableRows<Row>;
  /** The column that is to be predicted from the others. */
  readonly target?: ColumnName<Row>;
  /** What the columns hold; inferred from the real rows by default. */
  readonly schema?: Schema<Row>;
  /** 0 by default. */
  readonly seed?: number;
}

/** Columns of the same kinds. */
type Judged = readonly JudgedColumn[];

/** Rows of each table that trees learn from, at most. */
const MOST_ROWS = 20_000;
const MOST_CLASSES = 5;

/**
 * How good synthetic rows are: shapes of columns, pairs of columns, how easily boosted trees tell them from real rows, what can be
 * learned from them, and how near they come to the real rows; each beside the same figure of columns that are drawn independently of
 * one another, and of real rows that were held out. A score of shapes and pairs alone can be won by doing nothing.
 */
export function quality<Row extends object>(
  real: TableRows<Row>,
  synthetic: TableRows<Row>,
  options: QualityOptions<Row> = {},
): QualityReport<Row> {
  const caller = 'quality';
  const checked = checkOptions(caller, options, {
    holdout: (value) => value as TableRows<Row> | undefined,
    target: optional(text()),
    schema: optional(instance<Schema<Row>>('a schema: inferSchema(rows)', (value) => value instanceof Schema)),
    seed: optional(whole({ min: 0 }), 0),
  });
  const schema = checked.schema ?? inferSchema(real);
  const judged = (name: string, rows: TableRows<Row>): Judged => {
    const columns = judgedColumns(`${caller}: ${name}`, schema as unknown as Schema, rows as TableRows);
    if ((columns[0]?.values.length ?? 0) < 2) throw new ValueError(`${caller}: ${name} needs at least 2 rows`);
    return columns;
  };
  const [allReal, allMade] = [judged('real', real), judged('synthetic', synthetic)];
  const isThere = (column: JudgedColumn | undefined): boolean =>
    column?.role === 'number'
      ? column.values.some((value) => !Number.isNaN(value))
      : (column?.values ?? []).some((key) => key !== '');
  const judgeable = (columns: Judged): Judged => columns.filter((_, c) => isThere(allMade[c]));
  const [ofReal, made] = [judgeable(allReal), judgeable(allMade)];
  if (ofReal.length === 0) throw new ValueError(`${caller}: the synthetic rows have no value in any column`);
  const held = checked.holdout === undefined ? null : judgeable(judged('holdout', checked.holdout));
  const { target, seed } = checked;
  if (target !== undefined && !ofReal.some(({ name }) => name === target)) {
    refuseUnknown(
      caller,
      'column',
      target,
      ofReal.map(({ name }) => name),
    );
  }
  const rng = new Rng(seed);
  const count = (columns: Judged): number => columns[0]?.values.length ?? 0;
  const independent = ofReal.map((column) => pick(column, drawn(rng, count(ofReal), count(made))));
  const beside = (of: (columns: Judged) => number): Measure => ({
    value: of(made),
    independent: of(independent),
    real: held === null ? null : of(held),
  });

  const shapes = ofReal.map((column, c) => ({
    column: column.name as ColumnName<Row>,
    ...beside((columns) => shapeOf(column, columns[c] as JudgedColumn)),
  }));
  const list = pairsOf(ofReal, beside).map((pair) => ({
    ...pair,
    a: pair.a as ColumnName<Row>,
    b: pair.b as ColumnName<Row>,
  }));
  const associated = list.filter((pair) => pair.associated);
  return {
    rows: { real: count(ofReal), synthetic: count(made), holdout: held === null ? 0 : count(held) },
    shapes: { ...meanOf(shapes), columns: shapes },
    pairs: { ...meanOf(list), associated: { ...meanOf(associated), count: associated.length }, list },
    detection: beside((columns) => detectionOf(ofReal, columns, seed)),
    utility:
      target === undefined || held === null
        ? null
        : utilityOf(target as ColumnName<Row>, ofReal, made, independent, held),
    privacy: held === null ? null : privacyOf(ofReal, made, held, seed),
    leftOut: allReal.filter((_, c) => !isThere(allMade[c])).map(({ name }) => name as ColumnName<Row>),
    valid: validOf(ofReal, made),
  };
}

function judgedColumns(caller: string, schema: Schema, rows: TableRows): Judged {
  const table = tableOf(caller, rows);
  const seen = schema.columns.filter(({ kind }) => kind.role !== 'none');
  if (seen.length === 0) throw new ValueError(`${caller}: all columns are ids, texts or ignored`);
  const { columns } = readRows(caller, schema, table);
  return columns.map((read, c): JudgedColumn => {
    const name = seen[c]?.name as string;
    return read.role === 'number'
      ? { name, role: 'number', values: read.values }
      : { name, role: 'category', values: read.values.map((key) => key ?? '') };
  });
}

function pick(column: JudgedColumn, rows: ArrayLike<number>): JudgedColumn {
  return column.role === 'number'
    ? { ...column, values: Float64Array.from(rows, (r) => column.values[r] as number) }
    : { ...column, values: Array.from(rows, (r) => column.values[r] as string) };
}

/** `count` of n rows in random order, all of them as often as can be. */
function drawn(rng: Rng, n: number, count: number): number[] {
  const rows: number[] = [];
  while (rows.length < count) rows.push(...Array.from(rng.permutation(n).subarray(0, count - rows.length)));
  return rows;
}

function shapeOf(real: JudgedColumn, other: JudgedColumn): number {
  return real.role === 'number'
    ? ksComplement(real.values, other.values as Float64Array)
    : tvComplement(real.values, other.values as readonly string[]);
}

function meanOf(measures: readonly Measure[]): Measure {
  const n = Math.max(1, measures.length);
  const real = measures.every((measure) => measure.real !== null);
  return {
    value: measures.reduce((sum, measure) => sum + measure.value, 0) / n,
    independent: measures.reduce((sum, measure) => sum + measure.independent, 0) / n,
    real: real ? measures.reduce((sum, measure) => sum + (measure.real as number), 0) / n : null,
  };
}

function pairsOf(real: Judged, beside: (of: (columns: Judged) => number) => Measure) {
  const keys = new Map<JudgedColumn, readonly string[]>();
  const keysOf = (column: JudgedColumn, of: JudgedColumn): readonly string[] => {
    let own = keys.get(column);
    if (own === undefined) {
      own = binned(column, of);
      keys.set(column, own);
    }
    return own;
  };
  return real.flatMap((a, i) =>
    real.slice(i + 1).map((b, rest) => {
      const j = i + 1 + rest;
      if (a.role === 'number' && b.role === 'number') {
        const rho = correlation(a.values, b.values);
        const measure = beside(
          (columns) =>
            1 - Math.abs(rho - correlation(columns[i]?.values as Float64Array, columns[j]?.values as Float64Array)) / 2,
        );
        return { a: a.name, b: b.name, associated: Math.abs(rho) > 0.5, ...measure };
      }
      const [x, y] = [keysOf(a, a), keysOf(b, b)];
      const both = joint(x, y);
      const measure = beside((columns) =>
        tvComplement(both, joint(keysOf(columns[i] as JudgedColumn, a), keysOf(columns[j] as JudgedColumn, b))),
      );
      return { a: a.name, b: b.name, associated: cramersV(x, y) > 0.3, ...measure };
    }),
  );
}

/** Columns for trees; levels have the places that they have among those of all tables. */
function treeColumns(tables: readonly Judged[]): TreeColumn[][] {
  return tables.map((columns) =>
    columns.map((column, c): TreeColumn => {
      if (column.role === 'number') return { role: 'number', values: column.values };
      const levels = new Map<string, number>();
      for (const table of tables) {
        for (const key of (table[c]?.values ?? []) as readonly string[])
          if (!levels.has(key)) levels.set(key, levels.size);
      }
      return {
        role: 'category',
        values: Int32Array.from(column.values, (key) => levels.get(key) ?? -1),
        levels: levels.size,
      };
    }),
  );
}

/** Rows of two tables after each other. */
function stacked(first: Judged, second: Judged): Judged {
  return first.map((column, c): JudgedColumn => {
    const other = second[c] as JudgedColumn;
    return column.role === 'number'
      ? { ...column, values: concatenated(column.values, other.values as Float64Array) }
      : { ...column, values: [...column.values, ...(other.values as readonly string[])] };
  });
}

function concatenated(a: Float64Array, b: Float64Array): Float64Array {
  const both = new Float64Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Area under the ROC curve of trees that tell the rows of two tables apart, on the half that they did not learn from; both halves. */
function detectionOf(real: Judged, other: Judged, seed: number): number {
  const n = Math.min(real[0]?.values.length ?? 0, other[0]?.values.length ?? 0, MOST_ROWS);
  const rng = new Rng(seed + 1);
  const some = (columns: Judged): Judged => {
    const rows = drawn(rng, columns[0]?.values.length ?? 0, n);
    return columns.map((column) => pick(column, rows));
  };
  const all = stacked(some(real), some(other));
  const labels = Float64Array.from({ length: 2 * n }, (_, r) => (r < n ? 0 : 1));
  const order = rng.permutation(2 * n);
  const halves = [order.subarray(0, n), order.subarray(n)];
  const areas = halves.map((test, h) => {
    const learn = halves[1 - h] as Uint32Array;
    const [a, b] = treeColumns([all.map((column) => pick(column, learn)), all.map((column) => pick(column, test))]) as [
      TreeColumn[],
      TreeColumn[],
    ];
    const own = (rows: Uint32Array): Float64Array => Float64Array.from(rows, (r) => labels[r] as number);
    const trees = new BoostedTrees(a, own(learn), 'logistic');
    return rocAuc(trees.predict(b), Array.from(own(test)));
  });
  return areas.reduce((sum, area) => sum + area, 0) / areas.length;
}

/** What trees learn of a column from each table, on the holdout. */
function utilityOf<Row extends object>(
  target: ColumnName<Row>,
  real: Judged,
  made: Judged,
  independent: Judged,
  held: Judged,
): QualityReport<Row>['utility'] {
  const place = real.findIndex(({ name }) => name === target);
  const column = real[place] as JudgedColumn;
  const without = (columns: Judged): Judged => columns.filter((_, c) => c !== place);
  const learned = (columns: Judged): number => {
    const rows = drawnRows(columns, place);
    const [a, b] = treeColumns([without(columns).map((own) => pick(own, rows)), without(held)]) as [
      TreeColumn[],
      TreeColumn[],
    ];
    const [y, truth] = [pick(columns[place] as JudgedColumn, rows), held[place] as JudgedColumn];
    if (column.role === 'number') {
      const predicted = new BoostedTrees(a, y.values as Float64Array, 'squared').predict(b);
      return rSquared(truth.values as Float64Array, predicted);
    }
    const classes = topLevels(column.values);
    const areas = classes.map((level) => {
      const labels = Float64Array.from(y.values as readonly string[], (key) => (key === level ? 1 : 0));
      const known = (truth.values as readonly string[]).map((key) => (key === level ? 1 : 0));
      if (!known.includes(1) || !known.includes(0)) return 0.5;
      return rocAuc(new BoostedTrees(a, labels, 'logistic').predict(b), known);
    });
    return areas.reduce((sum, area) => sum + area, 0) / areas.length;
  };
  return {
    target,
    of: column.role === 'number' ? 'r2' : 'auc',
    value: learned(made),
    independent: learned(independent),
    real: learned(real),
  };
}

/** Rows whose target is there, at most so many. */
function drawnRows(columns: Judged, place: number): number[] {
  const target = columns[place] as JudgedColumn;
  const rows: number[] = [];
  for (let r = 0; r < target.values.length && rows.length < 2 * MOST_ROWS; r++) {
    const value = target.values[r];
    if (typeof value === 'string' ? value !== '' : !Number.isNaN(value)) rows.push(r);
  }
  return rows;
}

/** The levels that are told apart: of two, the rarer. */
function topLevels(keys: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const key of keys) if (key !== '') counts.set(key, (counts.get(key) ?? 0) + 1);
  const levels = [...counts].sort(([, a], [, b]) => b - a).map(([key]) => key);
  return levels.length <= 2 ? levels.slice(-1) : levels.slice(0, MOST_CLASSES);
}

function rSquared(truth: Float64Array, predicted: Float64Array): number {
  let [n, mean] = [0, 0];
  for (const y of truth) if (!Number.isNaN(y)) mean += (y - mean) / ++n;
  let [residual, total] = [0, 0];
  truth.forEach((y, r) => {
    if (Number.isNaN(y)) return;
    residual += (y - (predicted[r] as number)) ** 2;
    total += (y - mean) ** 2;
  });
  return total > 0 ? 1 - residual / total : 0;
}

function validOf(real: Judged, made: Judged): QualityReport['valid'] {
  let [inRange, numbers, known, levels] = [0, 0, 0, 0];
  real.forEach((column, c) => {
    const other = made[c] as JudgedColumn;
    if (column.role === 'number') {
      let [least, most] = [Infinity, -Infinity];
      for (const value of column.values) {
        if (value < least) least = value;
        if (value > most) most = value;
      }
      for (const value of other.values as Float64Array) {
        if (Number.isNaN(value)) continue;
        numbers++;
        if (value >= least && value <= most) inRange++;
      }
    } else {
      const own = new Set(column.values);
      for (const key of other.values as readonly string[]) {
        levels++;
        if (own.has(key)) known++;
      }
    }
  });
  return { inRange: numbers === 0 ? 1 : inRange / numbers, known: levels === 0 ? 1 : known / levels };
}
