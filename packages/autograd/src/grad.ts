import { formatShape, Tensor, UsageError } from '@latent/tensor';
import { TapeNode, walk, withRecording } from './tape.ts';

/** Parameters of a function: a tensor, or arrays and plain objects of such, to any depth. */
export type Tree = Tensor | readonly Tree[] | { readonly [name: string]: Tree };

/** How many functional gradients are being taken: inside another one, an inner gradient must itself be recorded. */
let depth = 0;

/**
 * The gradients of scalar `output` to `targets`, without touching any `.grad`; a target it does not depend on gets
 * zeros. With `createGraph` the gradients are themselves recorded, so that they can be differentiated again.
 */
export function gradients(
  output: Tensor,
  targets: readonly Tensor[],
  options: { readonly createGraph?: boolean; readonly retainGraph?: boolean } = {},
): Tensor[] {
  if (output.size !== 1) {
    throw new UsageError(
      `grad: the function must return a scalar, got ${formatShape(output.shape)}; reduce it with sum() or mean()`,
    );
  }
  const wanted = new Set(targets.map((target) => target.node));
  const reached = new Map<TapeNode, Tensor>();
  if (output.node !== null) {
    walk(output.node as TapeNode, output.full(output.shape, 1), options, (node, gradient) => {
      if (wanted.has(node)) reached.set(node, gradient);
    });
  }
  return targets.map((target) => reached.get(target.node as TapeNode) ?? target.full(target.shape, 0));
}

/**
 * `valueAndGrad(f)(params, …rest)` computes the scalar `f(params, …rest)` and its gradients to every tensor in `params`,
 * which come back in the shape of `params`. `params` are not changed and need not be made with `parameter`.
 */
export function valueAndGrad<P extends Tree, R extends readonly unknown[]>(
  f: (params: P, ...rest: R) => Tensor,
): (params: P, ...rest: R) => { value: Tensor; grads: P } {
  return (params, ...rest) => {
    const targets: Tensor[] = [];
    const tracked = mapTree(params, (x) => {
      const target = x.detach();
      if (x.node === null) target.node = new TapeNode(false);
      const result = x.node === null ? target : x;
      targets.push(result);
      return result;
    });
    const nested = depth > 0;
    depth++;
    try {
      return withRecording(true, () => {
        const value = f(tracked as P, ...rest);
        const list = gradients(value, targets, { createGraph: nested, retainGraph: nested });
        let next = 0;
        const grads = mapTree(params, () => list[next++]) as P;
        return { value: nested ? value : value.detach(), grads };
      });
    } finally {
      depth--;
    }
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
  if (Array.isArray(tree)) return tree.map((part: Tree) => mapTree(part, visit));
  if (typeof tree === 'object' && tree !== null) {
    return Object.fromEntries(Object.entries(tree).map(([name, part]) => [name, mapTree(part as Tree, visit)]));
  }
  throw new UsageError(`grad: parameters must be tensors, or arrays and objects of tensors, got ${String(tree)}`);
}
