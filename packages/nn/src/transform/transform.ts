import {
  type Check,
  type Checked,
  type Checks,
  callable,
  checkOptions,
  fields,
  list,
  optional,
  real,
  type Shape,
  sizeOf,
  ValueError,
  whole,
} from '@latent/tensor';
import { isTyped } from '../data/arrays.ts';
import { type Dataset, rowShape } from '../data/dataset.ts';
import { type FlatRows, parseRows } from '../data/rows.ts';
import { type Part, partOf } from '../registry/registry.ts';
import { asinhMethod } from './asinh-method.ts';
import {
  type ColumnMethod,
  logMethod,
  minMaxMethod,
  rangeChecks,
  robustMethod,
  standardiseMethod,
} from './column-method.ts';
import * as learning from './fit-columns.ts';
import type { FittedTransform } from './fitted.ts';
import { type Transform, transforms } from './kind.ts';
import { quantileMethod } from './quantile-method.ts';

type Methods = Pick<Transform, 'methodsOf' | 'steps' | 'least'>;

const fitChecks = { width: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 })) };

/** What all transforms have beside their methods; `self` gives the transform, which is not made yet. */
function transform(methods: Methods, self: () => Transform): Omit<Transform, keyof Part> {
  return {
    ...methods,
    fit(rows, options) {
      const caller = `${self().name}.fit`;
      const { width } = checkOptions(caller, options, fitChecks);
      const shape = width === undefined ? shapeOf(caller, rows) : [width];
      return fitRows(self(), parseRows(caller, rows, shape, { holes: true }));
    },
  };
}

/** The shape of a row; a number is a row of one column. */
function shapeOf(caller: string, rows: unknown): Shape {
  if (isTyped(rows)) throw new ValueError(`${caller}: a flat array needs the number of columns: { width }`);
  return rowShape(caller, rows);
}

/** Learns from parsed rows. */
export function fitRows(spec: Transform, rows: FlatRows): FittedTransform {
  return learning.fitColumns(spec, rows.width, function* () {
    yield rows;
  });
}

/** Learns from the rows `x` of a data set, walking over it as often as the methods need. */
export async function fitDataset(spec: Transform, data: Dataset): Promise<FittedTransform> {
  const state = learning.begin(spec, sizeOf(data.spec.x ?? []));
  do for await (const rows of scanned(data)) learning.add(state, rows);
  while (learning.again(state));
  return learning.end(state);
}

/** The rows `x` of a data set in order. */
export async function* scanned(data: Dataset): AsyncIterable<FlatRows> {
  if (data.scan !== undefined) {
    yield* data.scan('x');
    return;
  }
  const width = sizeOf(data.spec.x ?? []);
  const pass = data.pass({ batchSize: 1024 });
  for (let batch = await pass.next(); batch !== null; batch = await pass.next()) {
    const values = batch.x?.data ?? new Float32Array();
    yield { values, count: values.length / width, width };
  }
}

export const standardiseTransform = /* @__PURE__ */ define('standardise', {}, () => standardiseMethod);
export const minMaxTransform = /* @__PURE__ */ define('minMax', rangeChecks, ({ low, high }, caller) => {
  if (!(low < high)) throw new ValueError(`${caller}: low must be below high, got low ${low} and high ${high}`);
  return minMaxMethod(low, high);
});
export const robustTransform = /* @__PURE__ */ define('robust', {}, () => robustMethod);
const logChecks = { offset: /* @__PURE__ */ optional(/* @__PURE__ */ real(), 0) };
export const logTransform = /* @__PURE__ */ define('log', logChecks, ({ offset }) => logMethod(offset));

const asinhChecks = { scale: /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0 }), 1) };
export const asinhTransform = /* @__PURE__ */ define('asinh', asinhChecks, ({ scale }) => asinhMethod(scale));

const quantileChecks = { knots: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 2, max: 100_000 }), 1000) };
export const quantileTransform = /* @__PURE__ */ define('quantile', quantileChecks, ({ knots }) =>
  quantileMethod(knots),
);

/** A transform that treats every column alike, known to files by its name. */
function define<S extends Checks>(
  name: string,
  options: S,
  methodOf: (options: Checked<S>, caller: string) => ColumnMethod,
) {
  return transforms.known(name, {
    options,
    build(checked, caller) {
      const methods = [methodOf(checked, caller)];
      const made: Omit<Transform, keyof Part> = transform({ methodsOf: () => methods }, () => made as Transform);
      return made;
    },
  });
}

/**
 * A transform of your own, by how it treats a column; known to files by its name. Gives back the function that makes it.
 *
 * ```ts
 * const cubeRoot = defineTransform('cubeRoot', {}, () => ({
 *   fit: () => ({ add: () => {}, again: () => false, numbers: () => [] }),
 *   map: () => ({ forward: Math.cbrt, inverse: (y) => y ** 3, logSlope: (x) => -Math.log(3 * Math.cbrt(x) ** 2) }),
 *   valid: (numbers) => numbers.length === 0,
 * }));
 * ```
 */
export function defineTransform<S extends Checks>(
  name: string,
  options: S,
  methodOf: (options: Checked<S>) => ColumnMethod,
): (options?: unknown) => Transform {
  callable()(methodOf, { caller: 'defineTransform', path: 'methodOf' });
  const part = define(name, options, methodOf);
  return (given) => part.make(given);
}

/** Methods that a column may go through, in chains within chains. */
const MOST_STEPS = 64;

export const chainTransform = /* @__PURE__ */ transforms.known('chain', {
  options: { steps: (value, at) => list(partOf(transforms, 'standardise()'), { min: 1, max: 16 })(value, at) },
  build({ steps }, caller) {
    const count = steps.reduce((sum, step) => sum + (step.steps ?? 1), 0);
    if (count > MOST_STEPS)
      throw new ValueError(`${caller}: a column may go through at most ${MOST_STEPS} steps, got ${count}`);
    const methods: Methods = {
      methodsOf: (column) => steps.flatMap((step) => step.methodsOf(column)),
      steps: count,
      least: Math.max(...steps.map((step) => step.least ?? 0)),
    };
    const made: Omit<Transform, keyof Part> = transform(methods, () => made as Transform);
    return made;
  },
});

interface ColumnGroup {
  readonly columns: readonly number[];
  readonly transform: Transform;
}

const groupsCheck: Check<readonly ColumnGroup[]> = (value, at) =>
  list(fields({ columns: list(whole({ min: 0 }), { min: 1 }), transform: partOf(transforms, 'standardise()') }))(
    value,
    at,
  );

export const perColumnTransform = /* @__PURE__ */ transforms.known('perColumn', {
  options: { groups: groupsCheck },
  build({ groups }, caller) {
    const own = new Map<number, Transform>();
    let [steps, least] = [1, 0];
    for (const group of groups) {
      for (const column of group.columns) {
        if (own.has(column)) {
          throw new ValueError(`${caller}: column ${column} is in two groups; use chain(…) for two steps`);
        }
        own.set(column, group.transform);
        least = Math.max(least, column + 1);
      }
      steps = Math.max(steps, group.transform.steps ?? 1);
      least = Math.max(least, group.transform.least ?? 0);
    }
    const methods: Methods = { methodsOf: (column) => own.get(column)?.methodsOf(column) ?? [], steps, least };
    const made: Omit<Transform, keyof Part> = transform(methods, () => made as Transform);
    return made;
  },
});

/** Mean 0 and standard deviation 1: y = (x − mean)/std, with the population's std, √(Σ(x − mean)²/n). */
export function standardise(): Transform {
  return standardiseTransform.make({});
}

/** From `low` (0) at the smallest value to `high` (1) at the largest. Rows not seen by `fit` may lie outside. */
export function minMax(options: { readonly low?: number; readonly high?: number } = {}): Transform {
  return minMaxTransform.make(options);
}

/**
 * y = (x − median)/(Q₃ − Q₁), which outliers hardly move; quartiles are linear between neighbours. Learning holds all values.
 */
export function robust(): Transform {
  return robustTransform.make({});
}

/** y = ln(x + offset), for positive columns with a long tail; every value must be above −offset (0). Base e. */
export function log(options: { readonly offset?: number } = {}): Transform {
  return logTransform.make(options);
}

/**
 * y = asinh(x/scale), for columns with long tails on both sides, or that hold 0: straight where |x| is small beside `scale` (1),
 * ±ln(2|x|/scale) where it is large.
 */
export function asinh(options: { readonly scale?: number } = {}): Transform {
  return asinhTransform.make(options);
}

/**
 * Each column through its own empirical distribution function to N(0, 1), whatever shape it has: y = Φ⁻¹(F(x)), with F straight
 * between at most `knots` (1000) of its quantiles, and y = one per standard deviation beyond them. The quantiles are exact up to
 * 4,096 different values, and past that to 0.1 % of ranks, in bounded memory, so it learns from streams too.
 */
export function quantile(options: { readonly knots?: number } = {}): Transform {
  return quantileTransform.make(options);
}

/** Transforms one after the other: `chain(log(), standardise())`. Each learns from what those before make of the rows. */
export function chain(...steps: readonly Transform[]): Transform {
  return chainTransform.make({ steps });
}

/** Transforms of some columns each, counted from 0; other columns (one-hot groups) stay as they are. */
export function perColumn(groups: readonly ColumnGroup[]): Transform {
  return perColumnTransform.make({ groups });
}
