import { noGrad } from '@latent/autograd';
import { overwrite, type Tensor } from '@latent/tensor';
import type { Module } from '../module.ts';
import { checkRange } from './optimizer.ts';

export interface PenaltyOptions {
  /** Times Σ|w|. */
  readonly l1?: number;
  /** Times ½ Σ w². */
  readonly l2?: number;
}

/** The matrices among a module's parameters; biases and scales are not penalised or constrained. */
export function weightsOf(module: Module): Tensor[] {
  return module.parameters().filter((p) => p.shape.length >= 2);
}

/** l1·Σ|w| + ½·l2·Σw² over a module's weights, biases left out: a scalar to add to a loss; null when both are 0. */
export function weightPenalty(module: Module, { l1 = 0, l2 = 0 }: PenaltyOptions): Tensor | null {
  checkRange('weightPenalty', 'l1', l1, 0);
  checkRange('weightPenalty', 'l2', l2, 0);
  const terms = weightsOf(module).flatMap((w) => [
    ...(l1 > 0 ? [w.abs().sum().mul(l1)] : []),
    ...(l2 > 0
      ? [
          w
            .square()
            .sum()
            .mul(l2 / 2),
        ]
      : []),
  ]);
  return terms.length === 0 ? null : terms.reduce((total, term) => total.add(term));
}

/** What weights are held to after each step; a row of a weight feeds one output. */
export type Constraint =
  | { readonly kind: 'maxNorm'; readonly limit: number }
  | { readonly kind: 'unitNorm' }
  | { readonly kind: 'nonNegative' };

/** The weight as the constraint allows it. */
function constrained(weight: Tensor, constraint: Constraint): Tensor {
  if (constraint.kind === 'nonNegative') return weight.maximum(0);
  const norm = weight.square().sum({ axis: 1, keepDims: true }).sqrt().add(1e-12);
  if (constraint.kind === 'unitNorm') return weight.div(norm);
  return weight.mul(norm.reciprocal().mul(constraint.limit).minimum(1));
}

/** Applies constraints to a module's weights in place, as kernels. */
export function applyConstraints(module: Module, constraints: readonly Constraint[]): void {
  for (const constraint of constraints) {
    if (constraint.kind === 'maxNorm') checkRange('maxNorm', 'limit', constraint.limit, 0);
  }
  noGrad(() => {
    for (const weight of weightsOf(module)) {
      const held = constraints.reduce((w, constraint) => constrained(w, constraint), weight.detach());
      overwrite(weight, held);
    }
  });
}
