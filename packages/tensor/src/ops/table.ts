import type { Op } from '../op.ts';
import { convolutionOps } from './convolution.ts';
import { elementwiseOps } from './elementwise.ts';
import { indexingOps } from './indexing.ts';
import { layoutOps } from './layout.ts';
import { linalgOps } from './linalg.ts';
import { poolingOps } from './pooling.ts';
import { reduceOps } from './reduce.ts';
import { resampleOps } from './resample.ts';

/** Every op of the engine. The families spread here are the only list there is; tests are drawn from it. */
export const opTable = {
  ...elementwiseOps,
  ...reduceOps,
  ...linalgOps,
  ...layoutOps,
  ...indexingOps,
  ...convolutionOps,
  ...poolingOps,
  ...resampleOps,
} satisfies Record<string, Op<never>>;

export type OpName = keyof typeof opTable;
