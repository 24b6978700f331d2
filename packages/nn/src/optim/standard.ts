import { adadeltaOptimizer, adagradOptimizer, rmsPropOptimizer } from './adagrad.ts';
import { adamOptimizers } from './adam.ts';
import { lionOptimizer } from './lion.ts';
import { optimizers } from './optimizer.ts';
import { sgdOptimizer } from './sgd.ts';

/** The kind of optimizers, with those that checkpoints know. */
export const knownOptimizers = optimizers.register(
  sgdOptimizer,
  ...Object.values(adamOptimizers),
  adagradOptimizer,
  rmsPropOptimizer,
  adadeltaOptimizer,
  lionOptimizer,
);
