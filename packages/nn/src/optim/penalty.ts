import { noGrad } from '@latent/autograd';
import {
  type Check,
  checkOptions,
  isPlainObject,
  list,
  oneOf,
  optional,
  overwrite,
  real,
  refuse,
  type Tensor,
  ValueError,
} from '@latent/tensor';
import { type Module, moduleCheck } from '../module/module.ts';
import { roleOf } from '../module/role.ts';

/** Weights of the penalties on parameters, added to the loss. */
export interface PenaltyOptions {
  /** Times Σ|w|. */
  readonly l1?: number;
  /** Times ½ Σ w². */
  readonly l2?: number;
}

/** The weights that are being trained: parameters of that role, in modules that are not frozen. */
export function weightsOf(module: Module): Tensor[] {
  return module.trainableParameters().filter((p) => roleOf(p) === 'weight');
}

/** A check for the strength of a penalty. */
export const strengthCheck = /* @__PURE__ */ real({ min: 0 });
const penaltyChecks = {
  l1: /* @__PURE__ */ optional(strengthCheck, 0),
  l2: /* @__PURE__ */ optional(strengthCheck, 0),
};

/** l1·Σ|w| + ½·l2·Σw² over a module's weights: a scalar to add to a loss; null when both are 0. */
export function weightPenalty(module: Module, options: PenaltyOptions): Tensor | null {
  const { l1, l2 } = checkOptions('weightPenalty', options, penaltyChecks);
  moduleCheck(module, { caller: 'weightPenalty', path: 'module' });
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

const kindCheck = /* @__PURE__ */ oneOf('maxNorm', 'unitNorm', 'nonNegative');
const limitCheck = /* @__PURE__ */ real({ above: 0 });

/** A check for a constraint. */
export const constraintCheck: Check<Constraint> = (value, at) => {
  if (!isPlainObject(value)) return refuse(at, "a constraint such as { kind: 'unitNorm' }", value);
  const kind = kindCheck(value.kind, { caller: at.caller, path: `${at.path}.kind` });
  const extra = Object.keys(value).find((name) => name !== 'kind' && !(kind === 'maxNorm' && name === 'limit'));
  if (extra !== undefined) throw new ValueError(`${at.caller}: ${at.path} of kind '${kind}' has no ${extra}`);
  if (kind !== 'maxNorm') return { kind };
  return { kind, limit: limitCheck(value.limit, { caller: at.caller, path: `${at.path}.limit` }) };
};

/** The weight as the constraint allows it. */
function constrained(weight: Tensor, constraint: Constraint): Tensor {
  if (constraint.kind === 'nonNegative') return weight.maximum(0);
  const axes = Array.from({ length: weight.shape.length - 1 }, (_, i) => i + 1);
  const norm = weight.square().sum({ axis: axes, keepDims: true }).sqrt().add(1e-12);
  if (constraint.kind === 'unitNorm') return weight.div(norm);
  return weight.mul(norm.reciprocal().mul(constraint.limit).minimum(1));
}

/** Applies constraints to the weights that are being trained in place, as kernels. */
export function applyConstraints(module: Module, constraints: readonly Constraint[]): void {
  moduleCheck(module, { caller: 'applyConstraints', path: 'module' });
  list(constraintCheck)(constraints, { caller: 'applyConstraints', path: 'constraints' });
  noGrad(() => {
    for (const weight of weightsOf(module)) {
      const held = constraints.reduce((w, constraint) => constrained(w, constraint), weight.detach());
      overwrite(weight, held);
    }
  });
}
