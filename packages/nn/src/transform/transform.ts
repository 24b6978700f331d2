import { list, optional, real, type Shape, sizeOf, ValueError, whole } from '@latent/tensor';
import type { Dataset } from '../data/dataset.ts';
import { type FlatRows, parseRows } from '../data/rows.ts';
import { type Part, partOf } from '../registry/registry.ts';
import {
  type ColumnMethod,
  logMethod,
  minMaxMethod,
  rangeChecks,
  robustMethod,
  standardiseMethod,
} from './column-method.ts';
import { fitColumns } from './fit-columns.ts';
import type { FittedTransform } from './fitted.ts';
import { type Transform, transforms } from './kind.ts';
import { quantileMethod } from './quantile-method.ts';

function transform(methodsOf: Transform['methodsOf'], self: () => Transform): Omit<Transform, keyof Part> {
  return {
    methodsOf,
    fit(rows, options = {}) {
      const { name } = self();
      const width = options.width ?? widthOf(`${name}.fit`, rows);
      return fitRows(self(), parseRows(`${name}.fit`, rows, [width], { holes: true }));
    },
  };
}

function everyColumn(method: ColumnMethod): (width: number) => readonly (readonly ColumnMethod[])[] {
  return (width) => Array.from({ length: width }, () => [method]);
}

/** Columns of a tensor's rows, or of the first row. */
function widthOf(caller: string, rows: unknown): number {
  if (typeof rows === 'object' && rows !== null && 'storage' in rows)
    return sizeOf((rows as unknown as { shape: Shape }).shape.slice(1));
  if (Array.isArray(rows) && rows.length > 0) return (rows[0] as ArrayLike<number> | null)?.length ?? 1;
  if (ArrayBuffer.isView(rows)) throw new ValueError(`${caller}: a flat array needs the number of columns: { width }`);
  return 1;
}

/** Learns from parsed rows. */
export function fitRows(spec: Transform, rows: FlatRows): FittedTransform {
  return fitColumns(spec, rows.width, function* () {
    yield rows;
  });
}

/** Learns from the rows `x` of a data set, walking over it as often as the methods need. */
export async function fitDataset(spec: Transform, data: Dataset): Promise<FittedTransform> {
  const state = fitColumns.begin(spec, sizeOf(data.spec.x ?? []));
  do for await (const rows of scanned(data)) fitColumns.add(state, rows);
  while (fitColumns.again(state));
  return fitColumns.end(state);
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
export const logTransform = /* @__PURE__ */ define('log', { offset: optional(real(), 0) }, ({ offset }) =>
  logMethod(offset),
);

export const quantileTransform = /* @__PURE__ */ define(
  'quantile',
  { knots: optional(whole({ min: 2, max: 100_000 }), 1000) },
  ({ knots }) => quantileMethod(knots),
);

/** A transform that treats every column alike. */
function define<S extends Parameters<typeof transforms.part>[1]['options']>(
  name: string,
  options: S,
  methodOf: (options: never, caller: string) => ColumnMethod,
) {
  return transforms.part<S>(name, {
    options,
    build(checked, caller) {
      const made: Omit<Transform, keyof Part> = transform(
        everyColumn(methodOf(checked as never, caller)),
        () => made as Transform,
      );
      return made;
    },
  });
}

export const chainTransform = /* @__PURE__ */ transforms.part('chain', {
  options: { steps: (value, at) => list(partOf(transforms, 'standardise()'), { min: 1, max: 16 })(value, at) },
  build({ steps }) {
    const made: Omit<Transform, keyof Part> = transform(
      (width) => {
        const each = steps.map((step) => step.methodsOf(width));
        return Array.from({ length: width }, (_, c) => each.flatMap((methods) => methods[c] ?? []));
      },
      () => made as Transform,
    );
    return made;
  },
});

interface ColumnGroup {
  readonly columns: readonly number[];
  readonly transform: Transform;
}

export const perColumnTransform = /* @__PURE__ */ transforms.part('perColumn', {
  options: {
    groups: (value, at): readonly ColumnGroup[] =>
      list((group, place) => {
        const { columns, transform: of, ...rest } = (group ?? {}) as Record<string, unknown>;
        if (Object.keys(rest).length > 0) {
          throw new ValueError(
            `${place.caller}: ${place.path} has columns and transform, got also ${Object.keys(rest).join(', ')}`,
          );
        }
        return {
          columns: list(whole({ min: 0 }), { min: 1 })(columns, { ...place, path: `${place.path}.columns` }),
          transform: partOf(transforms, 'standardise()')(of, { ...place, path: `${place.path}.transform` }),
        };
      })(value, at),
  },
  build({ groups }, caller) {
    const made: Omit<Transform, keyof Part> = transform(
      (width) => {
        const methods: (readonly ColumnMethod[])[] = Array.from({ length: width }, () => []);
        const taken = new Set<number>();
        for (const group of groups) {
          const own = group.transform.methodsOf(width);
          for (const column of group.columns) {
            if (column >= width)
              throw new ValueError(`${caller}: there is no column ${column} in rows of ${width} values`);
            if (taken.has(column))
              throw new ValueError(`${caller}: column ${column} is in two groups; use chain(…) for two steps`);
            taken.add(column);
            methods[column] = own[column] ?? [];
          }
        }
        return methods;
      },
      () => made as Transform,
    );
    return made;
  },
});

transforms.register(
  standardiseTransform,
  minMaxTransform,
  robustTransform,
  logTransform,
  quantileTransform,
  chainTransform,
  perColumnTransform,
);

/** Mean 0 and standard deviation 1: y = (x − mean)/std, with the population's std, √(Σ(x − mean)²/n). */
export function standardise(): Transform {
  return standardiseTransform.make({});
}

/** From `low` (0) at the smallest value to `high` (1) at the largest. Rows not seen by `fit` may lie outside. */
export function minMax(options: { readonly low?: number; readonly high?: number } = {}): Transform {
  return minMaxTransform.make(options);
}

/** y = (x − median)/(Q₃ − Q₁), which outliers hardly move; quartiles are linear between neighbours. */
export function robust(): Transform {
  return robustTransform.make({});
}

/** y = ln(x + offset), for positive columns with a long tail; every value must be above −offset (0). Base e. */
export function log(options: { readonly offset?: number } = {}): Transform {
  return logTransform.make(options);
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
