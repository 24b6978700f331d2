import type { Op } from '../op.ts';
import { randomOps } from './draw-rows.ts';
import { elementwiseOps } from './elementwise.ts';
import { indexingOps } from './indexing.ts';
import { layoutOps } from './layout.ts';
import { linalgOps } from './linalg.ts';
import { reduceOps } from './reduce.ts';

/** The names of all ops. */
export type OpName =
  | keyof typeof elementwiseOps
  | keyof typeof reduceOps
  | keyof typeof linalgOps
  | keyof typeof layoutOps
  | keyof typeof indexingOps
  | keyof typeof randomOps;

/** Every op of the engine. The families spread here are the only list there is; tests are drawn from it. */
export const opTable: { readonly [K in OpName]: Op } = {
  ...elementwiseOps,
  ...reduceOps,
  ...linalgOps,
  ...layoutOps,
  ...indexingOps,
  ...randomOps,
};
