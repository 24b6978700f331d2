import { inspecting } from '../eager.ts';
import { UsageError } from '../errors.ts';
import type { DType } from '../kernels/kernels.ts';
import { interposeKernels, kernels } from '../kernels/select.ts';
import { insideStep, runStep } from '../memory/storage.ts';
import { setStepWatcher, stepWatcher } from '../memory/watcher.ts';
import { Rng } from '../random.ts';
import type { Shape } from '../shape.ts';
import { isPlainObject, keepResult, mapTensors } from '../step.ts';
import { Tensor } from '../tensor.ts';
import { observedKernels } from './observe.ts';
import { Program } from './program.ts';
import { type Operand, Recorder } from './recorder.ts';

export interface CompileOptions {
  /** Called once where a step cannot be recorded and runs eagerly; a console warning by default. */
  readonly onEager?: (reason: string) => void;
  /** Gives back the same tensors every time, with new numbers: nothing is allocated. Read them before the next call. */
  readonly reuse?: boolean;
}

/** A recorded call: the program, and how its results are put together. */
interface Recording {
  readonly program: Program;
  readonly result: () => unknown;
}

/** How many recordings of one function are kept; the oldest is given up. */
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
  const recordings = new Map<string, Recording[]>();
  let eager = false;
  return (...args) => {
    if (eager || insideStep() || stepWatcher() !== null || inspecting() || args.some(onTape)) return eagerly(fn, args);
    const key = signature(args);
    const known = recordings.get(key);
    const found = known?.find(({ program }) => program.valid);
    if (found !== undefined) return replay(found, args) as R;
    const { value, recording, forbidden } = record(fn, args, options.reuse ?? false);
    if (recording !== null) {
      if (known === undefined) recordings.set(key, [recording]);
      else known.push(recording);
      if (recordings.size > KEPT) recordings.delete(recordings.keys().next().value as string);
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

/** Gradients would have to flow to such an argument. */
function onTape(argument: unknown): boolean {
  return argument instanceof Tensor && argument.node !== null && !argument.node.isParameter;
}

function copiedIn(argument: unknown): argument is Tensor {
  return argument instanceof Tensor && argument.node === null;
}

/** Two calls with the same signature may share a recording. */
function signature(args: readonly unknown[]): string {
  let key = '';
  for (const argument of args) {
    if (argument instanceof Tensor) {
      key += argument.node === null ? `${argument.dtype}[${argument.shape}]` : `parameter ${argument.storage.pointer}`;
    } else if (argument instanceof Rng) key += 'rng';
    else if (argument === null || ['number', 'string', 'boolean', 'undefined'].includes(typeof argument)) {
      key += typeof argument === 'string' ? JSON.stringify(argument) : String(argument);
    } else {
      throw new UsageError(
        `compile: arguments must be tensors, generators, numbers, strings or booleans, got ${typeof argument}; keep others in a variable outside`,
      );
    }
    key += ' ';
  }
  return key;
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
  const set = kernels();
  setStepWatcher(recorder);
  interposeKernels(
    observedKernels(set, (call, perform) => {
      recorder.add(call);
      perform();
    }),
  );
  let value: R;
  try {
    value = runStep(
      () => fn(...inside),
      (made) => {
        interposeKernels(null);
        if (recorder.forbidden === null) describe = resultOf(made, recorder, inputs, operands);
        setStepWatcher(null);
        return keepResult(made);
      },
    );
  } finally {
    setStepWatcher(null);
    interposeKernels(null);
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
  return { value, recording: { program, result }, forbidden: null };
}

type ResultOf = (view: (operand: Operand, shape: Shape, dtype: DType) => Tensor) => unknown;

/** How to make a result like `made` of views of a program's memory. */
function resultOf(made: unknown, recorder: Recorder, inputs: readonly Tensor[], operands: Operand[]): ResultOf {
  if (made instanceof Tensor) {
    const { storage, shape, dtype, size } = made;
    if (storage.epoch === 0 && !inputs.some((input) => input.storage === storage)) return () => made;
    const operand = recorder.operandAt(storage.pointer, size * (dtype === 'f32' ? 4 : 8));
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
