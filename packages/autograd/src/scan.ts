import {
  add,
  callable,
  checkOptions,
  flag,
  formatShape,
  type GraphNode,
  LoopDraws,
  optional,
  refuse,
  reshape,
  runLoop,
  type Shape,
  ShapeError,
  sameShape,
  slice,
  stack,
  type Tensor,
  type TurnResult,
  UsageError,
  where,
  whole,
} from '@latent/tensor';
import { type Nest, nestLike, structureOf, tensorsOf } from './nest.ts';
import { isRecording, withRecording } from './recording.ts';
import { nextNode, type Parent, pullBack, recordTogether, TapeNode } from './tape.ts';

/** Of `scan`. */
export interface ScanOptions {
  /** How many steps, where `xs` holds no tensor; else it is the length of their first axis. */
  readonly length?: number;
  /** From the last row of `xs` to the first; false by default. `ys` stay in the order of `xs`. */
  readonly reverse?: boolean;
  /**
   * Truncated back-propagation through time (Williams & Peng 1990): the carry passes no gradient from step n to step n − 1
   * where n, counted from 0 as they run, is a multiple of this. Never by default.
   */
  readonly truncate?: number;
}

/**
 * A loop over the first axis of `xs`: `step(carry, x)` returns `[carry, y]`, the carry goes on to the next step, and the y of
 * all steps are stacked. Returns `[carry after the last step, ys]`. `init`, each x and each y are a tensor, null, or arrays
 * and plain objects of them; x has the shapes of `xs` without their first axis, and y those of `ys`.
 *
 * In a compiled function this is a loop in the program: `step` is recorded once, whatever the length, so recording,
 * memory for code and start do not grow with it. There JavaScript in `step` runs once for all steps, and what a step computes
 * leaves it by what it returns alone. Numbers have the bits of the same steps written one after the other.
 *
 * Gradients flow to `init`, to `xs` and to whatever else `step` uses, by a loop from the last step to the first that runs
 * each step again (Chen et al. 2016): what is kept is the carry of each step, [length, …], and not what steps computed. Draws
 * are the same the second time. A step must change nothing outside. Gradients can be differentiated again. Under `noGrad`
 * nothing is kept.
 *
 * The function is that of jax.lax.scan (Bradbury et al. 2018).
 *
 * ```ts
 * // A recurrent network: xs [time, rows, features], h [rows, units].
 * const [last, all] = scan((h, x) => {
 *   const next = tanh(linear(x, wx, b).add(h.matmul(wh)));
 *   return [next, next];
 * }, zeros([rows, units]), xs);
 * ```
 */
export function scan<C extends Nest, Y extends Nest, X extends Nest = null>(
  step: (carry: C, x: X) => readonly [C, Y],
  init: C,
  xs: X,
  options?: ScanOptions,
): [C, Y] {
  const at = (path: string) => ({ caller: 'scan', path });
  callable()(step, at('the step'));
  const checked = checkOptions('scan', options, {
    length: optional(whole({ min: 1 })),
    reverse: optional(flag(), false),
    truncate: optional(whole({ min: 1 })),
  });
  const inputs = tensorsOf('scan', 'xs', xs);
  const turns = lengthOf(inputs, checked.length);
  let like: Y | null = null;
  const flat: FlatStep = (carries, rows) => {
    const made = step(nestLike(init, carries), nestLike(xs, rows));
    if (!Array.isArray(made) || made.length !== 2) refuse(at('what the step returns'), '[carry, y]', made);
    const [carry, y] = made as unknown as [C, Y];
    const next = tensorsOf('scan', 'the carry that the step returns', carry);
    const outputs = tensorsOf('scan', 'the y that the step returns', y);
    checkStructure('the carry', init, carry);
    checkCarry(next, carries);
    if (like !== null) checkStructure('y', like, y);
    like = y;
    return { carries: next, outputs };
  };
  const first = tensorsOf('scan', 'init', init);
  const { carries, outputs } = loop(flat, first, inputs, {
    turns,
    reverse: checked.reverse,
    truncate: checked.truncate ?? null,
  });
  return [nestLike(init, carries), nestLike(like as Y | null as Y, outputs)];
}

type FlatStep = (carries: readonly Tensor[], inputs: readonly Tensor[], turn: number) => TurnResult;

interface Turns {
  readonly turns: number;
  readonly reverse: boolean;
  readonly truncate: number | null;
}

function lengthOf(inputs: readonly Tensor[], length: number | undefined): number {
  const [first] = inputs;
  const turns = length ?? first?.shape[0];
  if (turns === undefined) {
    const why = first === undefined ? 'xs holds no tensor' : 'xs must have a first axis';
    throw new UsageError(`scan: ${why}; say how many steps with { length }`);
  }
  for (const x of inputs) {
    if (x.shape[0] !== turns) {
      throw new ShapeError(`scan: xs must have ${turns} rows along the first axis, got ${formatShape(x.shape)}`);
    }
  }
  if (turns === 0) throw new ShapeError('scan: needs at least one step, got xs of no rows');
  return turns;
}

function checkStructure(what: string, before: Nest, now: Nest): void {
  const [expected, got] = [structureOf(before), structureOf(now)];
  if (got === expected) return;
  throw new UsageError(
    `scan: ${what} must be made up alike at every step: it was ${expected}, and the step made it ${got}`,
  );
}

function checkCarry(next: readonly Tensor[], before: readonly Tensor[]): void {
  for (const [i, x] of next.entries()) {
    const { shape, dtype } = before[i] as Tensor;
    if (sameShape(x.shape, shape) && x.dtype === dtype) continue;
    throw new ShapeError(
      `scan: the carry must keep its shapes and dtypes: tensor ${i} of it was ${formatShape(shape)} of ${dtype}, and the step made it ${formatShape(x.shape)} of ${x.dtype}`,
    );
  }
}

/** A tensor outside the loop that the step uses and gradients flow to. */
interface Captured {
  readonly shape: Shape;
  /** Some tensor of its dtype. */
  readonly like: Tensor;
}

function loop(step: FlatStep, init: readonly Tensor[], inputs: readonly Tensor[], options: Turns): TurnResult {
  if ([...init, ...inputs].some(({ node }) => isForeign(node))) return unrolled(step, init, inputs, options);
  const { turns, reverse } = options;
  const recording = isRecording();
  const draws = new LoopDraws();
  const captured = new Map<TapeNode, Captured>();
  let ended: Parent = null;
  const { carries, outputs, kept } = runLoop({
    turns,
    reverse,
    init,
    inputs,
    keep: recording,
    body(turn, c, x) {
      const since = nextNode();
      const made = draws.first(turn, () => step(c, x, turn));
      if (recording) ended = capture([...made.carries, ...made.outputs], since, captured) ?? ended;
      return made;
    },
  });
  const results = [...carries, ...outputs, ...kept];
  const given = [...init, ...inputs];
  const nodes = given.map(({ node }) => node as Parent);
  if (recording && (captured.size > 0 || nodes.some((node) => node !== null && !node.ended))) {
    const parents: Parent[] = [...nodes, ...captured.keys()];
    const shapes = [...given.map(({ shape }) => shape), ...[...captured.values()].map(({ shape }) => shape)];
    recordTogether(parents, shapes, results, (adjoints) =>
      backward(step, { ...options, draws, captured, adjoints, init, inputs, carries, outputs, kept }),
    );
  } else if (recording) {
    ended = nodes.find((node) => node !== null) ?? ended;
    for (const x of results) x.node = ended;
  }
  return { carries, outputs };
}

/** Whether a tensor is on a tape of another kind, such as one that writes a graph down. */
function isForeign(node: GraphNode | null): boolean {
  return node !== null && !node.ended && !(node instanceof TapeNode);
}

/** The steps one after the other, made of ordinary ops, which any tape can take down. */
function unrolled(
  step: FlatStep,
  init: readonly Tensor[],
  inputs: readonly Tensor[],
  { turns, reverse }: Turns,
): TurnResult {
  let carries = init;
  const rows: (readonly Tensor[])[] = new Array(turns);
  for (let nth = 0; nth < turns; nth++) {
    const turn = reverse ? turns - 1 - nth : nth;
    const made = step(
      carries,
      inputs.map((x) => reshape(slice(x, [[turn, turn + 1]]), x.shape.slice(1))),
      turn,
    );
    carries = made.carries;
    rows[turn] = made.outputs;
  }
  const outputs = (rows[0] ?? []).map((_, i) =>
    stack(
      rows.map((row) => row[i] as Tensor),
      0,
    ),
  );
  return { carries, outputs };
}

/** Finds what the tensors were computed from that is older than the turn; returns what has ended, if anything has. */
function capture(made: readonly Tensor[], since: number, captured: Map<TapeNode, Captured>): Parent {
  let ended: Parent = null;
  for (const like of made) {
    const seen = new Set<Parent>();
    const meet = (node: Parent, shape: Shape): void => {
      if (node === null || seen.has(node)) return;
      if (isForeign(node)) {
        throw new UsageError(
          'scan: the step uses a tensor that is being written down as a graph, and neither init nor xs is; pass it in the carry',
        );
      }
      if (!(node instanceof TapeNode)) ended = node;
      else {
        seen.add(node);
        if (node.id < since && !captured.has(node)) captured.set(node, { shape, like: like.detach() });
      }
    };
    meet(like.node as Parent, like.shape);
    for (const node of seen) {
      const { id, parents, shapes } = node as TapeNode;
      if (id >= since) for (const [i, parent] of parents.entries()) meet(parent, shapes[i] ?? []);
    }
  }
  return ended;
}

interface Ran extends Turns {
  readonly draws: LoopDraws;
  readonly captured: ReadonlyMap<TapeNode, Captured>;
  /** Of the carries, the outputs and what was kept. */
  readonly adjoints: readonly (Tensor | null)[];
  readonly init: readonly Tensor[];
  readonly inputs: readonly Tensor[];
  readonly carries: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly kept: readonly Tensor[];
}

/**
 * The gradients to init, inputs and captured tensors: a loop the other way, which carries the gradients to the carries and
 * the sums so far of those to captured tensors.
 */
function backward(step: FlatStep, ran: Ran): (Tensor | null)[] {
  const { turns, reverse, truncate, draws, captured, adjoints, init, inputs, carries, outputs, kept } = ran;
  const ofCarries = carries.map((x, i) => adjoints[i] ?? zeros(x));
  const ofOutputs = outputs.map((_, i) => adjoints[carries.length + i] ?? null);
  const ofKept = kept.map((_, i) => adjoints[carries.length + outputs.length + i] ?? null);
  const tracked = inputs.map(({ node }) => node !== null);
  // Negative zero is what leaves every number as it is when added to it.
  const sums = [...captured.values()].map(({ shape, like }) => like.full(shape, -0));
  const masks = truncate === null ? [] : carries.map((x) => x.from(goingOn(turns, reverse, truncate), [turns]));
  const stacks = [kept, inputs, present(ofOutputs), present(ofKept), masks];
  const back: FlatStep = (sofar, rows, turn) => {
    const [c, x, gy, gk, mask] = apart(rows, stacks) as [Tensor[], Tensor[], Tensor[], Tensor[], Tensor[]];
    const createGraph = isRecording();
    const since = nextNode();
    const begin = c.map(leaf);
    const xs = x.map((row, i) => (tracked[i] ? leaf(row) : row));
    const made = withRecording(true, () => draws.again(turn, () => step(begin, xs, turn)));
    const roots = [
      ...made.outputs.filter((_, i) => ofOutputs[i]).map((y, i) => [y.node as Parent, gy[i] as Tensor] as const),
      ...made.carries.map((y, i) => [y.node as Parent, sofar[i] as Tensor] as const),
    ];
    const variables = [...begin, ...xs.filter((_, i) => tracked[i])];
    const wanted = [
      ...variables.map(({ node }) => [node as TapeNode, null] as const),
      ...[...captured.keys()].map((node, i) => [node, sofar[begin.length + i] as Tensor] as const),
    ];
    return withRecording(createGraph, () => {
      const found = pullBack(roots, wanted, since).map((g, i) => g ?? zeros(variables[i] as Tensor));
      const before = found.slice(0, begin.length).map((g, i) => {
        const all = ofKept[i] ? add(g, gk.shift() as Tensor) : g;
        return mask[i] === undefined ? all : where(mask[i], all, 0);
      });
      return {
        carries: [...before, ...found.slice(variables.length)],
        outputs: found.slice(begin.length, variables.length),
      };
    });
  };
  const made = loop(back, [...ofCarries, ...sums], stacks.flat(), { turns, reverse: !reverse, truncate: null });
  const ofInputs = tracked.map((yes, i) =>
    yes ? (made.outputs[tracked.slice(0, i).filter(Boolean).length] as Tensor) : null,
  );
  return [...made.carries.slice(0, init.length), ...ofInputs, ...made.carries.slice(init.length)];
}

/** A tensor that gradients flow to: itself where they do already. */
function leaf(x: Tensor): Tensor {
  if (x.requiresGrad) return x;
  const own = x.detach();
  own.node = new TapeNode(false);
  return own;
}

function zeros(x: Tensor): Tensor {
  return x.full(x.shape, 0);
}

function present(tensors: readonly (Tensor | null)[]): Tensor[] {
  return tensors.filter((x) => x !== null);
}

/** The rows of one stack after the other, as groups like those of the stacks. */
function apart(rows: readonly Tensor[], stacks: readonly (readonly Tensor[])[]): Tensor[][] {
  let end = 0;
  return stacks.map(({ length }) => {
    end += length;
    return rows.slice(end - length, end);
  });
}

/** Of each row, whether gradients go on to the step before (1) or not (0). */
function goingOn(turns: number, reverse: boolean, truncate: number): number[] {
  return Array.from({ length: turns }, (_, turn) => {
    const nth = reverse ? turns - 1 - turn : turn;
    return nth > 0 && nth % truncate === 0 ? 0 : 1;
  });
}
