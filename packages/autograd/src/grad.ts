import {
  anything,
  callable,
  checkOptions,
  checkTensor,
  describeValue,
  flag,
  formatShape,
  isPlainObject,
  list,
  optional,
  Tensor,
  UsageError,
} from '@latent/tensor';
import { refuseEnded } from './ended.ts';
import { withRecording } from './recording.ts';
import { reachable, TapeNode, walk } from './tape.ts';

/** Parameters of a function: a tensor, or arrays and plain objects of such, to any depth. */
export type Tree = Tensor | readonly Tree[] | { readonly [name: string]: Tree };

/**
 * The gradients of scalar `output` to `targets`, without touching any `.grad`; a target it does not depend on gets
 * zeros. With `createGraph` the gradients are themselves recorded, so that they can be differentiated again.
 */
export function gradients(
  output: Tensor,
  targets: readonly Tensor[],
  options?: { readonly createGraph?: boolean; readonly retainGraph?: boolean },
): Tensor[] {
  checkTensor('gradients', output);
  list(anything())(targets, { caller: 'gradients', path: 'targets' });
  for (const target of targets) checkTensor('gradients', target);
  const checked = checkOptions('gradients', options, { createGraph: optional(flag()), retainGraph: optional(flag()) });
  return gradientsOf(output, targets, checked);
}

/** The same, once the arguments are what they should be. */
export function gradientsOf(
  output: Tensor,
  targets: readonly Tensor[],
  options: { readonly createGraph?: boolean | undefined; readonly retainGraph?: boolean | undefined } = {},
): Tensor[] {
  if (output.size !== 1) {
    throw new UsageError(
      `grad: the function must return a scalar, got ${formatShape(output.shape)}; reduce it with sum() or mean()`,
    );
  }
  const wanted = new Set(targets.map((target) => target.node));
  if (output.node?.ended) refuseEnded();
  const node = output.node as TapeNode | null;
  const reached = new Map(
    node === null ? [] : walk(node, output.full(output.shape, 1), options, (reachedNode) => wanted.has(reachedNode)),
  );
  return targets.map((target) => reached.get(target.node as TapeNode) ?? target.full(target.shape, 0));
}

/**
 * `valueAndGrad(f)(params, …rest)` computes the scalar `f(params, …rest)` and its gradients to every tensor in `params`,
 * which come back in the shape of `params`. `params` are not changed and need not be made with `parameter`. Where f also
 * depends on tensors that other gradients flow to, the gradients can themselves be differentiated: nest it for higher
 * derivatives, or call it inside a loss for a gradient penalty.
 */
export function valueAndGrad<P extends Tree, R extends readonly unknown[]>(
  f: (params: P, ...rest: R) => Tensor,
): (params: P, ...rest: R) => { value: Tensor; grads: P } {
  callable()(f, { caller: 'grad', path: 'the function' });
  return (params, ...rest) => {
    const targets: Tensor[] = [];
    const ours = new Set<TapeNode>();
    const tracked = mapTree(params, (x) => {
      const target = x.requiresGrad ? x : x.detach();
      target.node ??= new TapeNode(false);
      const node = target.node as TapeNode;
      if (!x.requiresGrad || node.isParameter) ours.add(node);
      targets.push(target);
      return target;
    });
    return withRecording(true, () => {
      const value = f(tracked as P, ...rest);
      if (!(value instanceof Tensor)) {
        throw new UsageError(`grad: the function must return a scalar tensor, got ${describeValue(value)}`);
      }
      // Where the value also depends on others that gradients flow to (an outer gradient's variables, a model's
      // parameters), they flow through these gradients too: record them.
      const node = value.node as TapeNode | null;
      const nested = node !== null && !node.ended && reachable([node]).some((n) => n.leaf && !ours.has(n));
      const list = gradientsOf(value, targets, { createGraph: nested, retainGraph: nested });
      let next = 0;
      const grads = mapTree(params, () => list[next++]!) as P;
      return { value: nested ? value : value.detach(), grads };
    });
  };
}

/** The gradients alone: `grad(f)(params)`. Nest it for higher derivatives. */
export function grad<P extends Tree, R extends readonly unknown[]>(
  f: (params: P, ...rest: R) => Tensor,
): (params: P, ...rest: R) => P {
  const both = valueAndGrad(f);
  return (params, ...rest) => both(params, ...rest).grads;
}

function mapTree(tree: Tree, visit: (leaf: Tensor) => Tensor): Tree {
  if (tree instanceof Tensor) return visit(tree);
  if (Array.isArray(tree)) return Array.from(tree, (part: Tree) => mapTree(part, visit));
  if (isPlainObject(tree)) {
    return Object.fromEntries(Object.entries(tree).map(([name, part]) => [name, mapTree(part as Tree, visit)]));
  }
  if (typeof tree === 'object' && tree !== null && 'storage' in tree) checkTensor('grad', tree as unknown as Tensor);
  throw new UsageError(
    `grad: parameters must be tensors, or arrays and objects of tensors, got ${describeValue(tree)}`,
  );
}
