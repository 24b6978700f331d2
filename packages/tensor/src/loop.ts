import { addressOf } from './eager.ts';
import { ShapeError } from './errors.ts';
import { execute } from './kernels/execute.ts';
import { FULL } from './kernels/map/layout.ts';
import { mapCall } from './kernels/map/map.ts';
import { IDENTITY } from './kernels/map/map-program.ts';
import { allocate, bytesOf, type Storage } from './memory/storage.ts';
import { type StepWatcher, stepWatcher } from './memory/watcher.ts';
import { formatShape, sameShape, sizeOf } from './shape.ts';
import { Tensor } from './tensor.ts';

/** What a turn makes: what the next one begins with, and its rows of what the loop gives. */
export interface TurnResult {
  readonly carries: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** What `runLoop` does. */
export interface LoopOptions {
  readonly turns: number;
  /** From the last turn to the first. */
  readonly reverse: boolean;
  /** What the first turn begins with. */
  readonly init: readonly Tensor[];
  /** [turns, …]: turn t sees row t of each. */
  readonly inputs: readonly Tensor[];
  /** Whether what each turn began with is wanted. */
  readonly keep: boolean;
  /**
   * The turn with number `turn`; −1 where it stands for all turns, as it does while a step is recorded. It returns carries of
   * the shapes and dtypes that it was given.
   */
  body(turn: number, carries: readonly Tensor[], inputs: readonly Tensor[]): TurnResult;
}

/** What `runLoop` gives. */
export interface LoopResult {
  /** What the last turn made. */
  readonly carries: readonly Tensor[];
  /** [turns, …]: row t is of turn t. */
  readonly outputs: readonly Tensor[];
  /** [turns, …]: what turn t began with; nothing unless kept. */
  readonly kept: readonly Tensor[];
}

/**
 * Runs `body` for each turn, its results becoming the next turn's. While a step is recorded `body` runs once, and what it
 * does becomes a loop of the program. Off any tape; `scan` of package autograd is the function with gradients.
 */
export function runLoop(options: LoopOptions): LoopResult {
  for (const x of [...options.init, ...options.inputs]) x.storage.checkAlive('scan');
  const watcher = stepWatcher();
  return watcher === null || watcher.forbidden !== null ? runTurns(options) : recordTurn(options, watcher);
}

function runTurns({ turns, reverse, init, inputs, keep, body }: LoopOptions): LoopResult {
  const kept = keep ? init.map((x) => stackOf(x, turns)) : [];
  let carries = init.map((x) => x.detach());
  let outputs: readonly Tensor[] | null = null;
  for (let nth = 0; nth < turns; nth++) {
    const turn = reverse ? turns - 1 - nth : nth;
    for (const [i, stack] of kept.entries()) writeRow(stack, turn, carries[i] as Tensor);
    const rows = inputs.map((x) => row(x, turn));
    const made = body(turn, carries, rows);
    outputs ??= made.outputs.map((y) => stackOf(y, turns));
    for (const [i, stack] of outputs.entries()) writeRow(stack, turn, made.outputs[i]);
    carries = owned(made.carries, rows, (x, to) => to.copyFrom(x.storage, x.dtype, x.size));
  }
  return { carries, outputs: outputs ?? [], kept };
}

function recordTurn({ turns, reverse, init, inputs, keep, body }: LoopOptions, watcher: StepWatcher): LoopResult {
  // Kept carries stand in turns + 1 rows, each turn reading one and writing the next; others in one that is written over.
  const slots = init.map((x) => {
    const bytes = bytesOf(x.dtype, x.size);
    const stride = keep ? bytes : 0;
    const storage = allocate(x.dtype, keep ? (turns + 1) * x.size : x.size);
    const [before, after] = reverse ? [stride, 0] : [0, stride];
    const last = turns * stride;
    copy(x, storage.pointer + (reverse ? last : 0));
    return { like: x, storage, bytes, stride, before, after, end: reverse ? 0 : last };
  });
  const stacks = inputs.map((x) => ({ x, pointer: addressOf(x, 'scan') }));
  let outputs: Tensor[] = [];
  watcher.beginLoop(turns, reverse);
  try {
    const carries = slots.map(({ like, storage, bytes, stride, before }) => {
      const room = allocate(like.dtype, like.size);
      watcher.window(room.pointer, bytes, storage.pointer + before, stride, false);
      return new Tensor(like.shape, like.dtype, room);
    });
    const rows = stacks.map(({ x, pointer }) => {
      const shape = x.shape.slice(1);
      const size = sizeOf(shape);
      const room = allocate(x.dtype, size);
      watcher.window(room.pointer, bytesOf(x.dtype, size), pointer, bytesOf(x.dtype, size), false);
      return new Tensor(shape, x.dtype, room);
    });
    const made = body(-1, carries, rows);
    const leave = (value: Tensor, whole: number, stride: number): void => {
      const bytes = bytesOf(value.dtype, value.size);
      const room = allocate(value.dtype, value.size);
      watcher.window(room.pointer, bytes, whole, stride, true);
      copy(value, room.pointer);
    };
    // A carry's place is written over, so one that becomes another's is copied first.
    const next = owned(made.carries, carries, (x, to) => copy(x, to.pointer));
    outputs = made.outputs.map((y) => stackOf(y, turns));
    for (const [i, y] of made.outputs.entries()) {
      leave(y, outputs[i]!.storage.pointer, bytesOf(y.dtype, y.size));
    }
    for (const [i, { storage, stride, after }] of slots.entries()) {
      leave(next[i] as Tensor, storage.pointer + after, stride);
    }
  } catch (error) {
    watcher.endLoop('up');
    throw error;
  }
  watcher.endLoop();
  const at = ({ like, storage, bytes }: (typeof slots)[number], begin: number, rows: number | null): Tensor => {
    const shape = rows === null ? like.shape : [rows, ...like.shape];
    return new Tensor(shape, like.dtype, storage.part(begin, begin + bytes * (rows ?? 1)));
  };
  return {
    carries: slots.map((slot) => at(slot, slot.end, null)),
    outputs,
    kept: keep ? slots.map((slot) => at(slot, slot.before, turns)) : [],
  };
}

/** The tensors off any tape; those in the places of `places` are copied. */
function owned(
  tensors: readonly Tensor[],
  places: readonly Tensor[],
  write: (x: Tensor, to: Storage) => void,
): Tensor[] {
  const taken = new Set<Storage>(places.map(({ storage }) => storage));
  return tensors.map((x) => {
    if (!taken.has(x.storage)) return x.detach();
    const storage = allocate(x.dtype, x.size);
    write(x, storage);
    return new Tensor(x.shape, x.dtype, storage);
  });
}

function copy(x: Tensor, pointer: number): void {
  execute(mapCall(IDENTITY, x.dtype, 1, x.size, [pointer, addressOf(x, 'scan')], [FULL]));
}

function stackOf({ shape, dtype, size }: Tensor, rows: number): Tensor {
  return new Tensor([rows, ...shape], dtype, allocate(dtype, rows * size));
}

function row(stack: Tensor, turn: number): Tensor {
  const shape = stack.shape.slice(1);
  const bytes = bytesOf(stack.dtype, sizeOf(shape));
  return new Tensor(shape, stack.dtype, stack.storage.part(turn * bytes, (turn + 1) * bytes));
}

function writeRow(stack: Tensor, turn: number, x: Tensor | undefined): void {
  const place = row(stack, turn);
  if (x === undefined || x.dtype !== place.dtype || !sameShape(x.shape, place.shape)) {
    const got = x === undefined ? 'none' : `${formatShape(x.shape)} of ${x.dtype}`;
    throw new ShapeError(
      `scan: every turn must give outputs of the same shapes: turn ${turn} was to give ${formatShape(place.shape)} of ${place.dtype}, got ${got}`,
    );
  }
  place.storage.copyFrom(x.storage, x.dtype, x.size);
}
