import { inspecting } from '../eager.ts';
import { UsageError } from '../errors.ts';
import { observeCalls, perform } from '../kernels/execute.ts';
import { type DType, elements } from '../kernels/kernel.ts';
import { insideStep, runStep } from '../memory/storage.ts';
import { setStepWatcher, stepWatcher } from '../memory/watcher.ts';
import { isPlainObject } from '../options.ts';
import { Rng } from '../random.ts';
import { type Shape, sameShape } from '../shape.ts';
import { keepResult, mapTensors } from '../step.ts';
import { Tensor } from '../tensor.ts';
import { Program } from './program.ts';
import { Recorder } from './recorder.ts';
import type { Operand } from './step.ts';

export interface CompileOptions {
  /** Called once where a step cannot be recorded and runs eagerly; a console warning by default. */
  readonly onEager?: (reason: string) => void;
  /** Gives back the same tensors every time, with new numbers: nothing is allocated. Read them before the next call. */
  readonly reuse?: boolean;
}

/** A recorded call: the program, and how its results are put together. */
interface Recording {
  readonly program: Program;
  /** What it was recorded with: programs' own copies of tensors, the rest as it was. */
  readonly args: readonly unknown[];
  readonly result: () => unknown;
}

/** How many recordings of one function are kept (for shapes, constants, modes); the oldest is given up. */
const KEPT = 16;

/**
 * `fn` as a step that is recorded at its first call and replayed at every other with arguments of the same shapes: the
 * same results, without the work of building them. Tensor arguments are copied in; `Rng` arguments are drawn from;
 * other arguments (numbers, strings, booleans) are constants of a recording, so each of their values is recorded anew.
 *
 * JavaScript in `fn` runs while recording only: a number that it computes is a constant, so what changes from call to
 * call must be an argument. Modules' modes, generators and optimizers are followed. A function that looks at computed
 * values (`item()`, `data`) cannot be recorded: it runs eagerly, and says so once.
 *
 * ```ts
 * const trainStep = compile((x: Tensor) => {
 *   const { loss } = vae.loss(x, rng);
 *   loss.backward();
 *   optimizer.step();
 *   optimizer.zeroGrad();
 *   return { loss };
 * });
 * ```
 */
export function compile<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options: CompileOptions = {},
): (...args: A) => R {
  const recordings: Recording[] = [];
  let eager = false;
  return (...args) => {
    if (eager || insideStep() || stepWatcher() !== null || inspecting() || onTape(args)) return eagerly(fn, args);
    for (const recording of recordings) if (serves(recording, args)) return replay(recording, args) as R;
    checkArguments(args);
    const { value, recording, forbidden } = record(fn, args, options.reuse ?? false);
    if (recording !== null) {
      recordings.push(recording);
      if (recordings.length > KEPT) recordings.shift();
    } else {
      eager = true;
      const { onEager = (reason: string) => console.warn(reason) } = options;
      onEager(`compile: ${fn.name || 'the function'} runs eagerly, since ${forbidden} while it runs`);
    }
    return value;
  };
}

function eagerly<A extends readonly unknown[], R>(fn: (...args: A) => R, args: A): R {
  return runStep(() => fn(...args), keepResult);
}

/** Whether gradients would have to flow to an argument. */
function onTape(args: readonly unknown[]): boolean {
  for (const x of args) if (x instanceof Tensor && x.node !== null && !x.node.isParameter) return true;
  return false;
}

function copiedIn(argument: unknown): argument is Tensor {
  return argument instanceof Tensor && argument.node === null;
}

/** Whether the recording is right for these arguments now. Asked at every call, so it makes nothing. */
function serves({ program, args: recorded }: Recording, args: readonly unknown[]): boolean {
  if (args.length !== recorded.length) return false;
  for (let i = 0; i < args.length; i++) {
    const then = recorded[i];
    const now = args[i];
    if (copiedIn(then)) {
      if (!copiedIn(now) || now.dtype !== then.dtype || !sameShape(now.shape, then.shape)) return false;
    } else if (then instanceof Rng) {
      if (!(now instanceof Rng)) return false;
    } else if (!Object.is(then, now)) return false;
  }
  return program.valid;
}

function checkArguments(args: readonly unknown[]): void {
  for (const argument of args) {
    const plain = argument === null || !['object', 'function', 'symbol'].includes(typeof argument);
    if (plain || argument instanceof Tensor || argument instanceof Rng) continue;
    throw new UsageError(
      `compile: arguments must be tensors, generators, numbers, strings or booleans, got ${typeof argument}; keep others in a variable outside`,
    );
  }
}

function record<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  args: A,
  reuse: boolean,
): { value: R; recording: Recording | null; forbidden: string | null } {
  const recorder = new Recorder();
  const inputs: Tensor[] = [];
  const inside = args.map((argument) => {
    if (!copiedIn(argument)) return argument;
    const copy = argument.persisted(true);
    inputs.push(copy);
    return copy;
  }) as unknown as A;
  let describe: ResultOf | null = null;
  const operands: Operand[] = [];
  setStepWatcher(recorder);
  const before = observeCalls((call) => {
    recorder.add(call);
    (before ?? perform)(call);
  });
  let value: R;
  try {
    value = runStep(
      () => fn(...inside),
      (made) => {
        observeCalls(before);
        if (recorder.forbidden === null) describe = resultOf(made, recorder, inputs, operands);
        setStepWatcher(null);
        return keepResult(made);
      },
    );
  } finally {
    setStepWatcher(null);
    observeCalls(before);
  }
  if (recorder.forbidden !== null || describe === null) {
    return { value, recording: null, forbidden: recorder.forbidden ?? 'it failed' };
  }
  const program = new Program(
    recorder,
    inputs,
    operands,
    args.filter((argument) => argument instanceof Rng),
  );
  const read = describe as ResultOf;
  const results = read((operand, shape, dtype) => new Tensor(shape, dtype, program.storageOf(operand)));
  const result = reuse ? () => results : () => mapTensors(results, (x) => (x.node === null ? x.clone() : x));
  return { value, recording: { program, args: inside, result }, forbidden: null };
}

type ResultOf = (view: (operand: Operand, shape: Shape, dtype: DType) => Tensor) => unknown;

/** How to make a result like `made` of views of a program's memory. */
function resultOf(made: unknown, recorder: Recorder, inputs: readonly Tensor[], operands: Operand[]): ResultOf {
  if (made instanceof Tensor) {
    const { storage, shape, dtype, size } = made;
    if (storage.epoch === 0 && !inputs.some((input) => input.storage === storage)) return () => made;
    const operand = recorder.operandAt(storage.pointer, elements(dtype, size));
    operands.push(operand);
    return (view) => view(operand, shape, dtype);
  }
  if (Array.isArray(made)) {
    const parts = made.map((part) => resultOf(part, recorder, inputs, operands));
    return (view) => parts.map((part) => part(view));
  }
  if (isPlainObject(made)) {
    const parts = Object.entries(made).map(
      ([name, part]) => [name, resultOf(part, recorder, inputs, operands)] as const,
    );
    return (view) => Object.fromEntries(parts.map(([name, part]) => [name, part(view)]));
  }
  return () => made;
}

function replay({ program, result }: Recording, args: readonly unknown[]): unknown {
  let next = 0;
  let generators = 0;
  for (const argument of args) {
    if (copiedIn(argument)) program.inputs[next++].assign(argument);
    else if (argument instanceof Rng) program.generators[generators++] = argument;
  }
  program.run();
  return result();
}
