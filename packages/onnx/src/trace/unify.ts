import type { Module } from '@latent/nn';
import { UsageError } from '@latent/tensor';
import type { Dim, Dims } from '../graph/graph.ts';
import { Mismatch, unified } from './dims.ts';
import type { Recording, Source, Step } from './record.ts';

/**
 * One computation for any number of rows from what it did at two numbers of rows: the same steps, with sizes and parameters that
 * are the same or go with the rows, and the same numbers from outside. Numbers that are the same in every row have one row left, of
 * copies of the rows one for each. What differs in any other way depends on the rows behind the engine's back, and is refused.
 */
export function unify(a: Recording, b: Recording): Recording<Dim> {
  const steps = a.steps.map((one, i) => at(one.path, nameOf(one), () => unifiedStep(one, b.steps[i])));
  at('', 'the number of steps', () => unified(`${a.steps.length} steps`, `${b.steps.length} steps`));
  const outputs = Object.entries(a.outputs).map(([name, one]) => {
    const output = at(name, 'the output', () => {
      const other = b.outputs[name];
      if (other === undefined) throw new Mismatch('it is not always there');
      const shape = unified(one.shape, other.shape) as Dims;
      return { source: unifiedSource(one.source, other.source, shape), shape };
    });
    return [name, output] as const;
  });
  return { steps, outputs: Object.fromEntries(outputs) };
}

/** What `work` gives; what it says of a mismatch, as an error with its place. */
function at<T>(path: string, what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    const place = path === '' ? '' : `${path}: `;
    throw new UsageError(
      `exportOnnx: ${place}${what} depends on the rows in a way that no graph can say (${error.message}); write it with tensor ops of the rows and of tensors that the module holds, without reading numbers, drawing some or using all rows at once`,
    );
  }
}

function nameOf({ op, layer }: Step): string {
  return op === null ? (layer as Module).type : `'${op.name}'`;
}

function unifiedStep(a: Step, b: Step | undefined): Step<Dim> {
  if (b === undefined || nameOf(a) !== nameOf(b)) throw new Mismatch(`${nameOf(a)} is not always computed`);
  const [shapes, params, results] = (['shapes', 'params', 'results'] as const).map((part) => unified(a[part], b[part]));
  const sources = a.sources.map((source, i) => unifiedSource(source, b.sources[i], (shapes as readonly Dims[])[i]));
  return { ...a, params, sources, shapes: shapes as readonly Dims[], results: results as readonly Dims[] };
}

function unifiedSource(a: Source, b: Source | undefined, dims: Dims = []): Source {
  if (a.kind !== b?.kind) throw new Mismatch('its operands come from elsewhere');
  if (a.kind !== 'constant' || b.kind !== 'constant') {
    const [one, other] = [a, b].map((source) => ('name' in source ? source.name : JSON.stringify(source)));
    if (one !== other) throw new Mismatch(`its operands change: ${one} and ${other}`);
    return a;
  }
  const [one, other] = [oneRow(a, dims), oneRow(b, dims)];
  one.values.forEach((value, i) => {
    if (!Object.is(value, other.values[i])) throw new Mismatch(`it uses the number ${value} or ${other.values[i]}`);
  });
  return { kind: 'constant', ...one };
}

/** Numbers of which every row is the same, with one row in place of all; where they are copies of the rows, one for each that differ. */
function oneRow(
  { values, shape }: Source & { readonly kind: 'constant' },
  dims: Dims,
): { readonly shape: readonly number[]; readonly values: readonly number[] } {
  let [numbers, sizes] = [Array.from(values), [...shape]];
  dims.forEach((dim, axis) => {
    if (typeof dim === 'number') return;
    const inner = sizes.slice(axis + 1).reduce((a, b) => a * b, 1);
    /** Keeps the first of each `run` along the axis, like which the others must be. */
    const keep = (run: number): boolean => {
      const place = (i: number): number => Math.floor(i / inner) % run;
      if (numbers.some((value, i) => !Object.is(value, numbers[i - place(i) * inner]))) return false;
      numbers = numbers.filter((_, i) => place(i) === 0);
      sizes = sizes.with(axis, (sizes[axis] as number) / run);
      return true;
    };
    if (!keep((sizes[axis] as number) / dim.rows)) throw new Mismatch('its rows differ');
    keep(sizes[axis] as number);
  });
  return { shape: sizes, values: numbers };
}
