import { ValueError } from '@latent/tensor';
import type { Rows } from '../data/rows.ts';
import { Kind, type Part, type PartConfig } from '../registry/registry.ts';
import type { ColumnMethod } from './column-method.ts';
import type { FittedTransform } from './fitted.ts';

/**
 * How columns are put on another scale, before anything was learned of them: `standardise()`, `chain(log(), standardise())`,
 * `perColumn([…])`. `fit` gives a fitted transform, which never changes.
 */
export interface Transform extends Part {
  /** The methods of a column, one after the other. */
  methodsOf(column: number): readonly ColumnMethod[];
  /** Methods of a column, at most; 1 by default. */
  readonly steps?: number;
  /** Columns that rows must have at least, where it names some. */
  readonly least?: number;
  /** Learns from training rows. Missing values (NaN, null) are left out. `width` is needed for a flat array alone. */
  fit(rows: Rows, options?: { readonly width?: number }): FittedTransform;
}

/** The transforms that models, and their files, may have. */
export const transforms: Kind<Transform> = /* @__PURE__ */ new Kind<Transform>(
  'transform',
  (part) => `{ ${part} } from '@latent/nn'`,
);

/** The methods of each column of rows of `width` values. */
export function methodsOfRows(spec: Transform, width: number): readonly (readonly ColumnMethod[])[] {
  if ((spec.least ?? 0) > width) {
    throw new ValueError(`${spec.name}: there is no column ${(spec.least as number) - 1} in rows of ${width} values`);
  }
  return Array.from({ length: width }, (_, column) => spec.methodsOf(column));
}

/** A fitted transform as JSON. */
export interface FittedConfig {
  readonly of: PartConfig;
  /** What each method of each column learned. */
  readonly columns: readonly (readonly (readonly number[])[])[];
}
