import {
  add,
  broadcastTo,
  formatShape,
  type GraphNode,
  type JointOp,
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

  recordJoint(op: JointOp, inputs: readonly Tensor[], params: unknown, outputs: readonly Tensor[]): void {
    if (recording) recordJoint(op, inputs, params, outputs);
  }

  get recording(): boolean {
    return recording;
  }

  /** Whether nothing on the tape made it: a parameter, or a target of `grad`. */
  get leaf(): boolean {
    return this.op === null;
  }

  /** Hands the gradient to this node's tensor on to its parents. */
  pass(g: Tensor, _createGraph: boolean): void {
    if (this.op !== null) propagate(this, this.op, g);
  }

  /** After a backward pass, whether it came here or not. */
  forget(): void {
    this.adjoint = null;
  }

  /** Gives up what was kept for the backward pass. */
  free(): void {
    this.used = true;
    this.savedInputs = [];
    this.savedOutput = null;
    this.parents = [];
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

  recordJoint(op: JointOp, inputs: readonly Tensor[], params: unknown, outputs: readonly Tensor[]): void {
    if (!recording) return;
    const tracked = inputs.find((x) => x.node !== null && !x.node.ended);
    if (tracked === undefined) for (const output of outputs) output.node = this;
    else tracked.node?.recordJoint(op, inputs, params, outputs);
  }

  get recording(): boolean {
    return false;
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
  return walkFrom([[start, gradient]], reachable([start]), options, wanted);
}

/** The same from several nodes with gradients of their own, over the nodes in `order`, newest first. */
function walkFrom(
  starts: readonly (readonly [TapeNode, Tensor])[],
  order: readonly TapeNode[],
  options: { createGraph?: boolean; retainGraph?: boolean },
  wanted: (node: TapeNode) => boolean,
): readonly (readonly [TapeNode, Tensor])[] {
  const { createGraph = false, retainGraph = createGraph } = options;
  for (const node of order) {
    if (node.used) {
      throw new UsageError(
        'backward: this part of the graph was already used by an earlier backward; compute the loss again, or pass { retainGraph: true } the first time',
      );
    }
  }
  return withRecording(createGraph, () => {
    for (const [node, gradient] of starts) collect(node, gradient);
    const reached: [TapeNode, Tensor][] = [];
    try {
      for (const node of order) {
        const g = node.adjoint;
        if (g === null) continue;
        node.adjoint = null;
        if (wanted(node)) reached.push([node, g]);
        if (node.leaf) continue;
        node.pass(g, createGraph);
        if (!retainGraph) node.free();
      }
    } finally {
      for (const node of order) node.forget();
    }
    return reached;
  });
}

function collect(node: TapeNode, gradient: Tensor): void {
  node.adjoint = node.adjoint === null ? gradient : add(node.adjoint, gradient);
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
    collect(parent, fitTo(gradient, node.shapes[i]));
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

/** The nodes that these depend on and they themselves, newest first, as far as `end`. No recursion: graphs may be deep. */
export function reachable(starts: readonly TapeNode[], end: ReadonlySet<TapeNode> = NO_NODES): TapeNode[] {
  const found = new Set<TapeNode>(starts);
  for (const node of found) {
    if (end.has(node)) continue;
    for (const parent of node.parents) if (parent !== null && !parent.ended) found.add(parent);
  }
  return [...found].sort((a, b) => b.id - a.id);
}

const NO_NODES: ReadonlySet<TapeNode> = new Set();

/** A joint op on the tape: gradients come to its results one by one, and leave it together. */
class JointNode extends TapeNode {
  readonly #op: JointOp;
  /** The gradients to the results that have come so far. */
  readonly arrived: (Tensor | null)[];
  #outputs: readonly (Tensor | null)[];

  constructor(op: JointOp, inputs: readonly Tensor[], params: unknown, outputs: readonly Tensor[]) {
    super(false);
    this.#op = op;
    this.params = params;
    this.parents = inputs.map((x) => x.node as Parent);
    this.shapes = inputs.map((x) => x.shape);
    this.savedInputs = inputs;
    this.#outputs = outputs.map((x, i) => (op.saves.includes(i) ? x : null));
    this.arrived = outputs.map(() => null);
  }

  override get leaf(): boolean {
    return false;
  }

  override pass(_first: Tensor, createGraph: boolean): void {
    const g = this.arrived.slice();
    const inputs = this.savedInputs as readonly Tensor[];
    const gradients = createGraph
      ? composedGradients(this.#op, inputs, this.params, g)
      : this.#op.gradients(
          g,
          { inputs, outputs: this.#outputs as readonly Tensor[], shapes: this.shapes, params: this.params },
          this.parents.map((parent) => parent !== null),
        );
    for (const [i, parent] of this.parents.entries()) {
      const gradient = gradients[i];
      if (parent === null || gradient === null || gradient === undefined) continue;
      if (parent.ended) refuseEnded();
      collect(parent, gradient);
    }
  }

  override forget(): void {
    super.forget();
    this.arrived.fill(null);
  }

  override free(): void {
    super.free();
    this.#outputs = [];
  }
}

/** One result of a joint op. */
class ResultNode extends TapeNode {
  readonly #joint: JointNode;
  readonly #index: number;

  constructor(joint: JointNode, index: number) {
    super(false);
    this.#joint = joint;
    this.#index = index;
    this.parents = [joint];
  }

  override get leaf(): boolean {
    return false;
  }

  override pass(g: Tensor): void {
    this.#joint.arrived[this.#index] = g;
    this.#joint.adjoint = g; // that something has come
  }
}

function recordJoint(op: JointOp, inputs: readonly Tensor[], params: unknown, outputs: readonly Tensor[]): void {
  const joint = new JointNode(op, inputs, params, outputs);
  for (const [i, output] of outputs.entries()) output.node = new ResultNode(joint, i);
}

const STANDS_FOR: Op = {
  name: 'identity',
  saves: { inputs: [], output: false },
  shape: ([shape]) => shape as Shape,
  forward: () => {},
  gradient: (_i, g) => g,
};

/**
 * The gradients of a joint op made of other ops, so that they can themselves be differentiated: its composition is computed
 * anew, from tensors that stand for the inputs, and walked back as far as those.
 */
function composedGradients(
  op: JointOp,
  inputs: readonly Tensor[],
  params: unknown,
  g: readonly (Tensor | null)[],
): readonly (Tensor | null)[] {
  const stand = inputs.map((x) => {
    if (!x.requiresGrad) return x;
    const same = x.detach();
    x.node?.record(STANDS_FOR, [x], undefined, same);
    return same;
  });
  const results = op.composed(stand, params);
  const starts = results.flatMap((result, i): [TapeNode, Tensor][] => {
    const gradient = g[i];
    return gradient && result?.requiresGrad ? [[result.node as TapeNode, gradient]] : [];
  });
  const ends = new Set(stand.flatMap((x) => (x.requiresGrad ? [x.node as TapeNode] : [])));
  const order = reachable(
    starts.map(([node]) => node),
    ends,
  );
  // What was reached past the ends is somebody else's.
  const inside = order.filter((node) => !ends.has(node));
  walkFrom(starts, inside, { createGraph: true }, () => false);
  return stand.map((x) => {
    const node = x.node as TapeNode | null;
    const gradient = node?.adjoint ?? null;
    node?.forget();
    return gradient;
  });
}
