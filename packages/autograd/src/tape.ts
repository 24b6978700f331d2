import {
  add,
  broadcastTo,
  formatShape,
  type GraphNode,
  type Op,
  reshape,
  type Shape,
  sum,
  type Tensor,
  UsageError,
} from '@latent/tensor';

/** Off inside `noGrad` and while a backward pass runs that is not itself recorded. */
let recording = true;
let nextId = 0;

export function isRecording(): boolean {
  return recording;
}

/** Runs `body` with recording on or off, and puts it back. */
export function withRecording<T>(on: boolean, body: () => T): T {
  const before = recording;
  recording = on;
  try {
    return body();
  } finally {
    recording = before;
  }
}

/**
 * The place of one tensor on the tape: the op that made it, the nodes of its inputs, and what that op's row says its
 * gradient needs. Nodes are numbered as they are made, so decreasing numbers are a reverse topological order. A leaf
 * (op null) is a parameter or a target of `grad`.
 */
export class TapeNode implements GraphNode {
  readonly id = nextId++;
  readonly isParameter: boolean;
  readonly ended = false;
  grad: Tensor | null = null;

  op: Op | null = null;
  params: unknown = undefined;
  parents: readonly Parent[] = [];
  shapes: readonly Shape[] = [];
  savedInputs: readonly (Tensor | null)[] = [];
  savedOutput: Tensor | null = null;
  used = false;
  /** The gradient to this node's tensor while a backward pass runs. */
  adjoint: Tensor | null = null;

  constructor(isParameter: boolean) {
    this.isParameter = isParameter;
  }

  record(op: Op, inputs: readonly Tensor[], params: unknown, output: Tensor): void {
    if (!recording) return;
    const node = new TapeNode(false);
    node.op = op;
    node.params = params;
    node.parents = inputs.map((x) => x.node as Parent);
    node.shapes = inputs.map((x) => x.shape);
    node.savedInputs = inputs.map((x, i) => (op.saves.inputs.includes(i) ? x : null));
    node.savedOutput = op.saves.output ? output : null;
    output.node = node;
  }

  backward(output: Tensor, options: { createGraph?: boolean; retainGraph?: boolean }): void {
    if (output.size !== 1) {
      throw new UsageError(
        `backward: the loss must be a scalar, got ${formatShape(output.shape)}; reduce it with sum() or mean() first`,
      );
    }
    const one = output.full(output.shape, 1);
    for (const [node, gradient] of walk(this, one, options, (node) => node.isParameter)) {
      const before = node.grad?.storage.alive ? node.grad : null;
      node.grad = before === null ? gradient : add(before, gradient);
    }
  }

  end(): GraphNode | null {
    return this.isParameter ? null : ENDED;
  }
}

/** What a tensor carries that a step or a compiled function returned, where gradients would have to flow back into it. */
class EndedNode implements GraphNode {
  readonly ended = true;
  readonly isParameter = false;

  get grad(): null {
    return null;
  }
  set grad(_gradient: Tensor | null) {}

  record(op: Op, inputs: readonly Tensor[], params: unknown, output: Tensor): void {
    if (!recording) return;
    const tracked = inputs.find((x) => x.node !== null && !x.node.ended);
    if (tracked === undefined) output.node = this;
    else tracked.node?.record(op, inputs, params, output);
  }

  backward(): never {
    return refuseEnded();
  }

  end(): GraphNode {
    return this;
  }
}

const ENDED: GraphNode = /* @__PURE__ */ new EndedNode();

/** Where gradients go on: to a node, nowhere, or into a step that is over. */
type Parent = TapeNode | EndedNode | null;

/** Throws what every attempt to go on into a step that is over does. */
export function refuseEnded(): never {
  throw new UsageError(
    'backward: gradients would have to flow into a tensor that a step or a compiled function returned, where they ended; call backward inside that function, or cut the tensor off with stopGradient(x)',
  );
}

/**
 * Visits every node that `start` depends on, once, newest first, passing gradients on. Returns the finished gradients of
 * those that are `wanted`. Unless kept, what the nodes saved is given up on the way.
 */
export function walk(
  start: TapeNode,
  gradient: Tensor,
  options: { readonly createGraph?: boolean | undefined; readonly retainGraph?: boolean | undefined },
  wanted: (node: TapeNode) => boolean,
): readonly (readonly [TapeNode, Tensor])[] {
  const { createGraph = false, retainGraph = createGraph } = options;
  const order = reachable(start);
  for (const node of order) {
    if (node.used) {
      throw new UsageError(
        'backward: this part of the graph was already used by an earlier backward; compute the loss again, or pass { retainGraph: true } the first time',
      );
    }
  }
  return withRecording(createGraph, () => {
    start.adjoint = gradient;
    const reached: [TapeNode, Tensor][] = [];
    try {
      for (const node of order) {
        const g = node.adjoint;
        if (g === null) continue;
        node.adjoint = null;
        if (wanted(node)) reached.push([node, g]);
        if (node.op === null) continue;
        propagate(node, node.op, g);
        if (!retainGraph) free(node);
      }
    } finally {
      for (const node of order) node.adjoint = null;
    }
    return reached;
  });
}

function propagate(node: TapeNode, op: Op, g: Tensor): void {
  const saved = {
    // The row declares what it reads, so the places left null are never looked at.
    inputs: node.savedInputs as readonly Tensor[],
    output: node.savedOutput as Tensor,
    shapes: node.shapes,
    params: node.params,
  };
  for (let i = 0; i < node.parents.length; i++) {
    const parent = node.parents[i];
    if (parent === null) continue;
    const gradient = op.gradient(i, g, saved);
    if (gradient === null) continue;
    if (parent.ended) refuseEnded();
    const fitted = fitTo(gradient, node.shapes[i]);
    parent.adjoint = parent.adjoint === null ? fitted : add(parent.adjoint, fitted);
  }
}

/** Undoes broadcasting: sums over the axes along which the operand was repeated. */
export function fitTo(gradient: Tensor, shape: Shape): Tensor {
  const from = gradient.shape;
  if (from.length === shape.length && from.every((size, axis) => size === shape[axis])) return gradient;
  const lead = from.length - shape.length;
  const axes: number[] = [];
  for (let axis = 0; axis < from.length; axis++) {
    if (axis < lead || (shape[axis - lead] === 1 && from[axis] !== 1)) axes.push(axis);
  }
  const summed =
    axes.length > 0 ? reshape(sum(gradient, { axis: axes, keepDims: true }), shapeAfter(from, axes, lead)) : gradient;
  return broadcastTo(summed, shape);
}

function shapeAfter(from: Shape, axes: readonly number[], lead: number): Shape {
  return from.map((size, axis) => (axes.includes(axis) ? 1 : size)).slice(Math.max(0, lead));
}

function free(node: TapeNode): void {
  node.used = true;
  node.savedInputs = [];
  node.savedOutput = null;
  node.parents = [];
}

/** The nodes that `start` depends on and itself, newest first. No recursion: graphs may be deep. */
export function reachable(start: TapeNode): TapeNode[] {
  const found = new Set<TapeNode>([start]);
  for (const node of found) {
    for (const parent of node.parents) if (parent !== null && !parent.ended) found.add(parent);
  }
  return [...found].sort((a, b) => b.id - a.id);
}
