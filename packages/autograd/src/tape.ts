import {
  add,
  broadcastTo,
  formatShape,
  type GraphNode,
  type Op,
  type PerInput,
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
  /** For what has several results: their gradients and what follows from them. Its results are nodes of their own. */
  joint: Joint | null = null;
  /** Which result of its parent this is; −1 where the parent has one. */
  result = -1;

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

/** What was computed at once and has several results. */
export interface Joint {
  /** Of the results while a backward pass runs. */
  readonly adjoints: (Tensor | null)[];
  /** From the gradients of the results to those of the inputs; null for none. */
  gradient(adjoints: readonly (Tensor | null)[]): readonly (Tensor | null)[];
}

/** Puts `results`, all computed from the tensors of `parents`, which have these shapes, on the tape. */
export function recordJoint(
  parents: readonly Parent[],
  shapes: readonly Shape[],
  results: readonly Tensor[],
  gradient: Joint['gradient'],
): void {
  const node = new TapeNode(false);
  node.parents = parents;
  node.shapes = shapes;
  node.joint = { adjoints: results.map(() => null), gradient };
  for (const [i, x] of results.entries()) {
    const result = new TapeNode(false);
    result.parents = [node];
    result.result = i;
    x.node = result;
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
export type Parent = TapeNode | EndedNode | null;

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
        if (g !== null && wanted(node)) reached.push([node, g]);
        if (passOn(node) && !retainGraph) free(node);
      }
    } finally {
      for (const node of order) forget(node);
    }
    return reached;
  });
}

/**
 * The gradients to `wanted`, given those of `roots`, of a graph that was made after node number `since` and is not used
 * again. Older nodes are where it ends. What is wanted may have a gradient to begin with.
 */
export function pullBack(
  roots: readonly (readonly [Parent, Tensor])[],
  wanted: readonly (readonly [TapeNode, Tensor | null])[],
  since: number,
): (Tensor | null)[] {
  const found = new Set<TapeNode>();
  for (const [root] of roots) {
    if (root?.ended) refuseEnded();
    if (root !== null) found.add(root as TapeNode);
  }
  for (const node of found) {
    if (node.id < since) continue;
    for (const parent of node.parents) if (parent !== null && !parent.ended) found.add(parent as TapeNode);
  }
  // An outer pass may be on its way through the nodes where this one ends.
  const outer = new Map(wanted.map(([node]) => [node, node.adjoint] as const));
  const inside = newestFirst(found).filter(({ id }) => id >= since);
  if ([...found].some((node) => node.id < since && !outer.has(node))) {
    throw new UsageError(
      'backward: a step of a scan used other tensors when it ran again; it must do the same each time',
    );
  }
  try {
    for (const [node, before] of wanted) node.adjoint = before;
    for (const [node, g] of roots) {
      if (node !== null) receive(node, g);
    }
    for (const node of inside) passOn(node);
    return wanted.map(([node]) => node.adjoint);
  } finally {
    for (const node of inside) forget(node);
    for (const [node, adjoint] of outer) node.adjoint = adjoint;
  }
}

/** Passes a node's gradient on to its inputs; false where it has none, or is no result of anything. */
function passOn(node: TapeNode): boolean {
  const { op, joint, adjoint: g } = node;
  if (joint !== null) {
    if (joint.adjoints.every((adjoint) => adjoint === null)) return false;
    const gradients = joint.gradient(
      joint.adjoints.splice(0, joint.adjoints.length, ...joint.adjoints.map(() => null)),
    );
    for (const [i, parent] of node.parents.entries()) {
      const gradient = gradients[i];
      if (parent !== null && gradient) receive(parent, gradient);
    }
    return true;
  }
  if (g === null || (op === null && node.result < 0)) return false;
  node.adjoint = null;
  if (op !== null) propagate(node, op, g);
  else (node.parents[0] as TapeNode).joint!.adjoints[node.result] = g;
  return true;
}

/** What a broken-off pass may have left. */
function forget(node: TapeNode): void {
  node.adjoint = null;
  node.joint?.adjoints.fill(null);
}

function receive(parent: TapeNode | EndedNode, gradient: Tensor): void {
  if (!(parent instanceof TapeNode)) refuseEnded();
  parent.adjoint = parent.adjoint === null ? gradient : add(parent.adjoint, gradient);
}

function propagate(node: TapeNode, op: Op, g: Tensor): void {
  const saved = {
    // The row declares what it reads, so the places left null are never looked at.
    inputs: node.savedInputs as PerInput<Tensor>,
    output: node.savedOutput as Tensor,
    shapes: node.shapes as PerInput<Shape>,
    params: node.params,
  };
  for (let i = 0; i < node.parents.length; i++) {
    const parent = node.parents[i] as Parent;
    if (parent === null) continue;
    const gradient = op.gradient(i, g, saved);
    if (gradient !== null) receive(parent, fitTo(gradient, node.shapes[i]!));
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
  node.joint = null;
  node.parents = [];
}

/** The nodes that `start` depends on and itself, newest first. No recursion: graphs may be deep. */
export function reachable(start: TapeNode): TapeNode[] {
  const found = new Set<TapeNode>([start]);
  for (const node of found) {
    for (const parent of node.parents) if (parent !== null && !parent.ended) found.add(parent);
  }
  return newestFirst(found);
}

function newestFirst(nodes: Iterable<TapeNode>): TapeNode[] {
  return [...nodes].sort((a, b) => b.id - a.id);
}

/** The number of the next node. */
export function nextNode(): number {
  return nextId;
}
