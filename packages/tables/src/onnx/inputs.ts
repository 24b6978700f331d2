import { type ElementType, type Graph, N, type Value } from '@latent/onnx/graph';
import type { RowCode } from '../encode/row-code.ts';
import type { ColumnKind } from '../kinds/column-kind.ts';
import type { LearnedLevels } from '../kinds/levels.ts';
import type { Axis } from '../model/row-space.ts';
import { type FileLevels, fileLevels } from './levels.ts';
import { number } from './nodes.ts';

/** A column as a file takes it. The file's metadata has them as JSON, under `columns`. */
export interface OnnxColumn {
  readonly name: string;
  /** What it is called in the file: the same, but where that has another meaning there. */
  readonly input: string;
  /** Its kind: `numeric`, `category`, … */
  readonly kind: string;
  readonly type: 'float64' | 'float32' | 'int64' | 'string';
  /** Of dates: what their numbers count. */
  readonly unit?: string;
  /** Of categories: level i has the code i. */
  readonly levels?: readonly (string | number | boolean)[];
  /** Of categories: texts that are holes, with the code −1. */
  readonly holes?: readonly string[];
}

/** How cells are handed in. */
export interface InputOptions {
  readonly rows: 'float64' | 'float32';
  readonly categories: 'codes' | 'text';
}

/** The cells of rows as values of a graph: all numbers in double precision beside each other, and all codes of levels. */
export interface Cells {
  readonly columns: readonly OnnxColumn[];
  /** [N, 1] each, of the columns of numbers: NaN in a hole. Dates are milliseconds. */
  readonly numbers: ReadonlyMap<number, Value>;
  /** By how much those that are no milliseconds were multiplied. */
  readonly units: ReadonlyMap<number, number>;
  /** [N, categories]: the code after the last level stands for all others, and −1 for a hole. */
  readonly codes: Value | null;
  /** Of each category its column and its levels, in the order of the codes. */
  readonly categories: readonly { readonly column: number; readonly known: FileLevels }[];
}

const NUMBERS = { float64: 'double', float32: 'float' } as const satisfies Record<string, ElementType>;

/** Declares an input for each column that the model sees. `taken` are names that mean something else in the file. */
export function cellsOf(
  graph: Graph,
  code: RowCode,
  axes: readonly Axis[] | null,
  { rows, categories: as }: InputOptions,
  taken: readonly string[],
): Cells {
  const names = inputNames(code, taken);
  const columns: OnnxColumn[] = [];
  const numbers = new Map<number, Value>();
  const units = new Map<number, number>();
  const codes: Value[] = [];
  const categories: { column: number; known: FileLevels }[] = [];
  const column = (value: Value): Value => graph.reshape(value, [N, 1]);
  code.columns.forEach(({ name, kind }, c) => {
    const input = names[c] as string;
    if (kind.role === 'number') {
      const unit = unitOf(kind);
      // A moment has no digits left in single precision.
      const type = unit === null ? rows : 'float64';
      columns.push({ name, input, kind: kind.name, type, ...(unit !== null && { unit: unit.name }) });
      const value = graph.cast(column(graph.input(input, NUMBERS[type], [N])), 'double');
      const factor = unit?.milliseconds ?? 1;
      const scaled = factor === 1 ? value : graph.node('Mul', [value, number(graph, factor)]);
      numbers.set(c, scaled);
      if (factor !== 1) units.set(c, factor);
      return;
    }
    const known = fileLevels(code.learned[name] as LearnedLevels, axes?.[c]);
    const others = known.keys.length;
    const shown = { name, input, kind: kind.name, levels: known.levels, holes: kind.holes };
    categories.push({ column: c, known });
    if (as === 'codes') {
      columns.push({ ...shown, type: 'int64' });
      codes.push(column(graph.input(input, 'int64', [N])));
      return;
    }
    columns.push({ ...shown, type: 'string' });
    // A level that is the word of a hole is never met.
    const met = known.keys
      .map((_, place) => place)
      .filter((place) => !kind.holes.includes(known.keys[place] as string));
    const words = [...kind.holes, ...met.map((place) => known.keys[place] as string)];
    const places = [...kind.holes.map(() => -1), ...met];
    codes.push(column(graph.labels(graph.input(input, 'string', [N]), words, places, others)));
  });
  return {
    columns,
    numbers,
    units,
    codes: codes.length === 0 ? null : heldCodes(graph, graph.node('Concat', codes, { axis: 1 }), categories),
    categories,
  };
}

/** All codes below 0 as −1, and all past the levels as the one after them. */
function heldCodes(graph: Graph, codes: Value, categories: Cells['categories']): Value {
  const ends = graph.whole(categories.map(({ known }) => known.keys.length));
  return graph.node('Max', [graph.node('Min', [codes, ends]), graph.whole([-1])]);
}

/** What a column's numbers count, and in milliseconds; null where they are just numbers. */
function unitOf(kind: ColumnKind): { readonly name: string; readonly milliseconds: number } | null {
  if (kind.name === 'time') return { name: 'milliseconds since midnight', milliseconds: 1 };
  if (kind.name !== 'date') return null;
  const seconds = (kind.config() as { readonly epoch?: string }).epoch === 'seconds';
  return seconds
    ? { name: 'seconds since 1970 UTC', milliseconds: 1000 }
    : { name: 'milliseconds since 1970 UTC', milliseconds: 1 };
}

/**
 * The columns' names where they can be: a value without a name is none in ONNX, `/` begins what nodes make, and outputs have theirs. Others
 * get `column.` in front.
 */
function inputNames({ columns }: RowCode, taken: readonly string[]): readonly string[] {
  const used = new Set([...taken, ...columns.map(({ name }) => name)]);
  const reserved = (name: string): boolean => name === '' || name.startsWith('/') || taken.includes(name);
  return columns.map(({ name }) => {
    if (!reserved(name)) return name;
    let own = `column.${name}`;
    while (used.has(own)) own = `column.${own}`;
    used.add(own);
    return own;
  });
}
