import type { JointOp } from '../joint-op.ts';
import type { Op } from '../op.ts';
import { convolutionOps } from './convolution.ts';
import { randomOps } from './draw-rows.ts';
import { elementwiseOps } from './elementwise.ts';
import { indexingOps } from './indexing.ts';
import { layoutOps } from './layout.ts';
import { linalgOps } from './linalg.ts';
import { linearRecurrenceOps } from './linear-recurrence.ts';
import { poolingOps } from './pooling.ts';
import { recurrentOps } from './recurrent.ts';
import { reduceOps } from './reduce.ts';
import { resampleOps } from './resample.ts';

/** The names of all ops. */
export type OpName =
  | keyof typeof elementwiseOps
  | keyof typeof reduceOps
  | keyof typeof linalgOps
  | keyof typeof layoutOps
  | keyof typeof indexingOps
  | keyof typeof convolutionOps
  | keyof typeof poolingOps
  | keyof typeof resampleOps
  | keyof typeof recurrentOps
  | keyof typeof linearRecurrenceOps
  | keyof typeof randomOps;

/** Every op of the engine. The families spread here are the only list there is; tests are drawn from it. */
export const opTable: { readonly [K in OpName]: Op<never> | JointOp<never> } = /* @__PURE__ */ Object.assign(
  {},
  elementwiseOps,
  reduceOps,
  linalgOps,
  layoutOps,
  indexingOps,
  convolutionOps,
  poolingOps,
  resampleOps,
  recurrentOps,
  linearRecurrenceOps,
  randomOps,
);
