import {
  add,
  formatShape,
  type GraphNode,
  type JointOp,
  type Op,
  type PerInput,
  type Shape,
  type Tensor,
  UsageError,
} from '@latent/tensor';
import { ENDED, type EndedNode, refuseEnded } from './ended.ts';
import { fitTo } from './fit-to.ts';
import { isRecording, withRecording } from './recording.ts';

let nextId = 0;

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
    if (!isRecording()) return;
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
    if (isRecording()) recordJoint(op, inputs, params, outputs);
  }

  get recording(): boolean {
    return isRecording();
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

/** Where gradients go on: to a node, nowhere, or into a step that is over. */
export type Parent = TapeNode | EndedNode | null;

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
  options: { readonly createGraph?: boolean | undefined; readonly retainGraph?: boolean | undefined },
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
    inputs: node.savedInputs as PerInput<Tensor>,
    output: node.savedOutput as Tensor,
    shapes: node.shapes as PerInput<Shape>,
    params: node.params,
  };
  for (let i = 0; i < node.parents.length; i++) {
    const parent = node.parents[i] as Parent;
    if (parent === null) continue;
    const gradient = op.gradient(i, g, saved);
    if (gradient === null) continue;
    if (!(parent instanceof TapeNode)) refuseEnded();
    collect(parent, fitTo(gradient, node.shapes[i] as Shape));
  }
}

/** The nodes that these depend on and they themselves, newest first, as far as `ends`. No recursion: graphs may be deep. */
export function reachable(starts: readonly TapeNode[], ends: { has(node: TapeNode): boolean } = NO_NODES): TapeNode[] {
  const found = new Set<TapeNode>(starts);
  for (const node of found) {
    if (ends.has(node)) continue;
    for (const parent of node.parents) if (parent !== null && !parent.ended) found.add(parent);
  }
  return [...found].sort((a, b) => b.id - a.id);
}

const NO_NODES: ReadonlySet<TapeNode> = /* @__PURE__ */ new Set();

/** From the gradients to the results to those to the inputs, null for none. */
export type JointGradient = (
  g: readonly (Tensor | null)[],
  createGraph: boolean,
) => readonly (Tensor | null | undefined)[];

/** What has several results: gradients come to them one by one, and leave it together. */
class JointNode extends TapeNode {
  /** The gradients to the results that have come so far. */
  readonly arrived: (Tensor | null)[];
  #gradient: JointGradient | null;

  constructor(parents: readonly Parent[], shapes: readonly Shape[], results: number, gradient: JointGradient) {
    super(false);
    this.parents = parents;
    this.shapes = shapes;
    this.arrived = new Array(results).fill(null);
    this.#gradient = gradient;
  }

  override get leaf(): boolean {
    return false;
  }

  override pass(_first: Tensor, createGraph: boolean): void {
    const gradients = (this.#gradient as JointGradient)(this.arrived.slice(), createGraph);
    for (const [i, parent] of this.parents.entries()) {
      const gradient = gradients[i];
      if (parent === null || gradient === null || gradient === undefined) continue;
      if (!(parent instanceof TapeNode)) refuseEnded();
      collect(parent, gradient);
    }
  }

  override forget(): void {
    super.forget();
    this.arrived.fill(null);
  }

  override free(): void {
    super.free();
    this.#gradient = null;
  }
}

/** One result of several. */
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

/** Puts `results` on the tape, all computed at once from the tensors of `parents`, which have these shapes. */
export function recordTogether(
  parents: readonly Parent[],
  shapes: readonly Shape[],
  results: readonly Tensor[],
  gradient: JointGradient,
): void {
  const joint = new JointNode(parents, shapes, results.length, gradient);
  for (const [i, x] of results.entries()) x.node = new ResultNode(joint, i);
}

function recordJoint(op: JointOp, inputs: readonly Tensor[], params: unknown, outputs: readonly Tensor[]): void {
  const parents = inputs.map((x) => x.node as Parent);
  const shapes = inputs.map((x) => x.shape);
  const saved = outputs.map((x, i) => (op.saves.includes(i) ? x : null)) as readonly Tensor[];
  const wanted = parents.map((parent) => parent !== null);
  recordTogether(parents, shapes, outputs, (g, createGraph) =>
    createGraph
      ? composedGradients(op, inputs, params, g)
      : op.gradients(g, { inputs, outputs: saved, shapes, params }, wanted),
  );
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
  const ends = new Map(stand.flatMap((x) => (x.requiresGrad ? [[x.node as TapeNode, null] as const] : [])));
  walkBetween(starts, ends, true);
  return stand.map((x) => {
    const node = x.node as TapeNode | null;
    const gradient = node?.adjoint ?? null;
    node?.forget();
    return gradient;
  });
}

/** Passes gradients on from `starts` as far as `ends`, where they are left; some of those have one to begin with. */
function walkBetween(
  starts: readonly (readonly [TapeNode, Tensor])[],
  ends: ReadonlyMap<TapeNode, Tensor | null>,
  createGraph: boolean,
): void {
  const order = reachable(
    starts.map(([node]) => node),
    ends,
  );
  for (const [node, gradient] of ends) node.adjoint = gradient;
  // What was reached past the ends is somebody else's.
  walkFrom(
    starts,
    order.filter((node) => !ends.has(node)),
    { createGraph },
    () => false,
  );
}

/**
 * The gradients to `variables`, given those of `roots`, of what was made after node number `since` and is not used again.
 * Each variable comes with what its gradient begins with.
 */
export function pullBack(
  roots: readonly (readonly [Parent, Tensor])[],
  variables: readonly (readonly [TapeNode, Tensor | null])[],
  since: number,
): (Tensor | null)[] {
  const starts = roots.flatMap(([node, g]): [TapeNode, Tensor][] => {
    if (node === null) return [];
    if (!(node instanceof TapeNode)) refuseEnded();
    return [[node, g]];
  });
  const ends = new Map(variables);
  for (const node of reachable(
    starts.map(([start]) => start),
    ends,
  )) {
    if (node.id >= since || ends.has(node)) continue;
    throw new UsageError(
      'backward: a step of a scan used other tensors when it ran again; it must do the same each time',
    );
  }
  // An outer pass may be on its way through the variables.
  const outer = variables.map(([node]) => node.adjoint);
  try {
    walkBetween(starts, ends, isRecording());
    return variables.map(([node]) => node.adjoint);
  } finally {
    for (const [i, [node]] of variables.entries()) node.adjoint = outer[i] ?? null;
  }
}

/** The number of the next node. */
export function nextNode(): number {
  return nextId;
}
