import type { Module } from '@latent/nn';
import { type JointOp, type Op, type Tensor, UsageError } from '@latent/tensor';
import type { Dim, Dims } from '../graph/graph.ts';
import { dimsOf, Mismatch, unified } from './dims.ts';
import type { Recording, Source, Step } from './record.ts';

/** Where a value comes from, for any number of rows. */
export type Origin =
  | { readonly kind: 'step'; readonly index: number; readonly result: number }
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'named'; readonly name: string; readonly tensor: Tensor }
  /** Numbers that are the same in every row have one row, and `dims` says so; of copies of the rows there may be one for each. */
  | { readonly kind: 'constant'; readonly shape: readonly number[]; readonly values: ArrayLike<number> };

/** A step for any number of rows: its sizes and parameters are numbers, or `Dim`s where they go with the rows. */
export interface TracedStep {
  readonly path: string;
  readonly op: Op | JointOp | null;
  readonly params: unknown;
  readonly layer: Module | null;
  readonly origins: readonly Origin[];
  readonly shapes: readonly Dims[];
  /** Of the results. */
  readonly results: readonly Dims[];
}

/** A computation for any number of rows. */
export interface Traced {
  readonly steps: readonly TracedStep[];
  readonly outputs: Readonly<Record<string, { readonly origin: Origin; readonly dims: Dims }>>;
}

/**
 * One computation from what it did at two numbers of rows: the same steps, with sizes that are the same or go with the rows,
 * and the same numbers from outside. What differs in any other way depends on the rows behind the engine's back, and is refused.
 */
export function unify(a: Recording, b: Recording): Traced {
  const at = (path: string, what: string, check: () => void): void => {
    try {
      check();
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      const place = path === '' ? '' : `${path}: `;
      throw new UsageError(
        `exportOnnx: ${place}${what} depends on the rows in a way that no graph can say (${error.message}); write it with tensor ops of the rows and of tensors that the module holds, without reading numbers, drawing some or using all rows at once`,
      );
    }
  };
  const steps = a.steps.map((one, i): TracedStep => {
    const other = b.steps[i];
    let step: TracedStep | undefined;
    at(one.path, nameOf(one), () => {
      step = unifiedStep(one, other);
    });
    return step as TracedStep;
  });
  at('', 'the number of steps', () => unified(`${a.steps.length} steps`, `${b.steps.length} steps`));
  const outputs = Object.entries(a.outputs).map(([name, one]) => {
    const other = b.outputs[name];
    let output: Traced['outputs'][string] | undefined;
    at(name, 'the output', () => {
      if (other === undefined) throw new Mismatch('it is not always there');
      const { origin, shape } = unifiedSource(one.source, other.source, one.shape, other.shape);
      output = { origin, dims: shape };
    });
    return [name, output as Traced['outputs'][string]];
  });
  return { steps, outputs: Object.fromEntries(outputs) as Traced['outputs'] };
}

function nameOf({ what }: Step): string {
  return 'op' in what ? `'${what.op.name}'` : what.layer.type;
}

function unifiedStep(a: Step, b: Step | undefined): TracedStep {
  if (b === undefined || nameOf(a) !== nameOf(b) || a.sources.length !== b.sources.length) {
    throw new Mismatch(`${nameOf(a)} is not always computed`);
  }
  const inputs = a.sources.map((source, i) =>
    unifiedSource(source, b.sources[i] as Source, a.shapes[i] ?? [], b.shapes[i] ?? []),
  );
  const op = 'op' in a.what ? a.what : null;
  return {
    path: a.path,
    op: op?.op ?? null,
    params: op === null ? null : unified(op.params, (b.what as typeof op).params),
    layer: 'layer' in a.what ? a.what.layer : null,
    origins: inputs.map(({ origin }) => origin),
    shapes: inputs.map(({ shape }) => shape),
    results: a.results.map((result, i) => dimsOf(result, b.results[i] ?? [])),
  };
}

function unifiedSource(
  a: Source,
  b: Source,
  shapeA: readonly number[],
  shapeB: readonly number[],
): { readonly origin: Origin; readonly shape: Dim[] } {
  const shape = dimsOf(shapeA, shapeB);
  if (a.kind !== b.kind) throw new Mismatch('its operands come from elsewhere');
  if (a.kind === 'named') {
    if (b.kind !== 'named' || a.name !== b.name) throw new Mismatch(`it uses ${a.name} or another tensor`);
    return { origin: a, shape };
  }
  if (a.kind !== 'constant' || b.kind !== 'constant') {
    const place = (of: Source): string => JSON.stringify(of);
    if (place(a) !== place(b)) throw new Mismatch('its operands change');
    return { origin: a as Origin, shape };
  }
  const [one, other] = [oneRow(a.values, a.shape, shape), oneRow(b.values, b.shape, shape)];
  one.values.forEach((value, i) => {
    if (!Object.is(value, other.values[i])) throw new Mismatch(`it uses the number ${value} or ${other.values[i]}`);
  });
  return { origin: { kind: 'constant', ...one }, shape };
}

/** Numbers of which every row is the same, with one row in place of all; where they are copies of the rows, one for each that differ. */
function oneRow(
  values: Float32Array | Float64Array,
  shape: readonly number[],
  dims: Dims,
): { readonly shape: readonly number[]; readonly values: number[] } {
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
