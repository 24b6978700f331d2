import type { JointOp } from '../joint-op.ts';
import type { Op } from '../op.ts';
import { randomOps } from './draw-rows.ts';
import { elementwiseOps } from './elementwise.ts';
import { indexingOps } from './indexing.ts';
import { layoutOps } from './layout.ts';
import { linalgOps } from './linalg.ts';
import { linearRecurrenceOps } from './linear-recurrence.ts';
import { recurrentOps } from './recurrent.ts';
import { reduceOps } from './reduce.ts';

/** Every op of the engine. The families spread here are the only list there is; tests are drawn from it. */
export const opTable = {
  ...elementwiseOps,
  ...reduceOps,
  ...linalgOps,
  ...layoutOps,
  ...indexingOps,
  ...recurrentOps,
  ...linearRecurrenceOps,
  ...randomOps,
} satisfies Record<string, Op<never> | JointOp<never>>;

export type OpName = keyof typeof opTable;
