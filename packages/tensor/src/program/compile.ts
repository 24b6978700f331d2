/// <reference lib="esnext.disposable" preserve="true" />

import type { DType } from '../dtype.ts';
import { inspecting } from '../eager.ts';
import { LifetimeError, UsageError } from '../errors.ts';
import { observeCalls, observingCalls, perform } from '../kernels/execute.ts';
import { elements } from '../kernels/kernel.ts';
import { allocatePinned, bytesOf, insideStep, runStep, type Storage } from '../memory/storage.ts';
import { setStepWatcher, stepWatcher } from '../memory/watcher.ts';
import type { GraphNode } from '../op.ts';
import { refuseForeign } from '../ops/argument.ts';
import { callable, checkOptions, flag, isPlainObject, optional, refuse } from '../options.ts';
import { Rng } from '../random.ts';
import { type Shape, sameShape } from '../shape.ts';
import { keepResult, mapTensors } from '../step.ts';
import { Tensor } from '../tensor.ts';
import { Program } from './program.ts';
import { Recorder } from './recorder.ts';
import type { Operand } from './step.ts';

/** Of `compile`. */
export interface CompileOptions {
  /** Called once where a step cannot be recorded and runs eagerly; a console warning by default. */
  readonly onEager?: (reason: string) => void;
  /** Gives back the same tensors every time, with new numbers: nothing is allocated. Read them before the next call. */
  readonly reuse?: boolean;
  /**
   * It will be called again and again with arguments of the first call's shapes: that call, too, is made by the program, recorded
   * without being computed, so that kernels are compiled once and not one by one before.
   */
  readonly repeats?: boolean;
}

/** A function that `compile` made. */
export interface CompiledFunction<A extends readonly unknown[], R> {
  (...args: A): R;
  /**
   * Gives the memory of all recordings back at once. Optional: the garbage collector does it too, and recordings give way
   * to newer ones when memory is short. A later call throws a `LifetimeError`; disposing twice is nothing.
   */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** What an argument must be for a recording to serve. */
type Spec =
  | { readonly kind: 'tensor'; readonly shape: Shape; readonly dtype: DType }
  | { readonly kind: 'generator' }
  | { readonly kind: 'constant'; readonly value: unknown };

/** A recording that serves. */
type Ready = Recording & { readonly program: Program };

/** What a call is to be: done, a recording to replay, or one that is yet to be put together, with what it uses outside. */
type Prepared = { readonly value: unknown } | Ready | { finish(): Ready; readonly used: ReadonlySet<Storage> };

/** Of a compiled function: gets a call ready. With `defers`, one that has to be recorded is not computed meanwhile. */
const preparing = /* @__PURE__ */ new WeakMap<object, (args: readonly unknown[], defers: boolean) => Prepared>();

/** Gets a call of a compiled function ready; null for another function. */
export function prepared(compiled: object, args: readonly unknown[]): Prepared | null {
  return preparing.get(compiled)?.(args, true) ?? null;
}

/** A recorded call: for which arguments it serves, the program, and how its results are put together. */
interface Recording {
  readonly specs: readonly Spec[];
  /** Null where such a call cannot be recorded. */
  readonly program: Program | null;
  readonly result: (ended: GraphNode | null) => unknown;
}

/** After so many kinds of arguments with none that can be recorded, a function runs eagerly for good. */
const ATTEMPTS = 3;

/**
 * `fn` as a step that is recorded at its first call and replayed at every other with arguments of the same shapes: the
 * same results, without the work of building them. Tensor arguments are copied in; `Rng` arguments are drawn from;
 * other arguments (numbers, strings, booleans) are constants of a recording, so each of their values is recorded anew.
 *
 * JavaScript in `fn` runs while recording only: a number that it computes is a constant, so what changes from call to
 * call must be an argument. Modules' modes, generators and optimizers are followed, and so are tensors from outside, also
 * when they are assigned to. A function that looks at computed values (`item()`, `data`) cannot be recorded: it runs
 * eagerly, and says so once.
 *
 * Gradients end with the call: what it returns cannot be part of a later `backward` (which says so), so call `backward`
 * inside. Recordings of all functions together hold up to a quarter of the memory that there may be (1 GiB of 4); past
 * that those give way that were used longest ago, and are made again when they are needed.
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
  options?: CompileOptions,
): CompiledFunction<A, R> {
  callable()(fn, { caller: 'compile', path: 'the function' });
  const {
    onEager = (reason: string) => console.warn(reason),
    reuse,
    repeats,
  } = checkOptions('compile', options, {
    onEager: optional(callable<(reason: string) => void>()),
    reuse: optional(flag(), false),
    repeats: optional(flag(), false),
  });
  const name = fn.name || 'the function';
  // Most recently used first.
  let recordings: Recording[] = [];
  let warned = false;
  let disposed = false;

  const find = (args: readonly unknown[]): Recording | null => {
    for (let i = 0; i < recordings.length; i++) {
      const recording = recordings[i] as Recording;
      if (!serves(recording.specs, args)) continue;
      const { program } = recording;
      // One that is half done cannot begin anew.
      if (program?.lease.busy) continue;
      if (program?.outdated) {
        recordings.splice(i--, 1);
        program.lease.end();
        continue;
      }
      if (program !== null && !program.valid) continue;
      if (i > 0) {
        recordings.splice(i, 1);
        recordings.unshift(recording);
      }
      return recording;
    }
    return null;
  };
  const cannot = (reason: string): void => {
    if (!warned) onEager(`compile: ${name} runs eagerly, since ${reason} while it runs`);
    warned = true;
  };
  const dispose = (): void => {
    if (recordings.some(({ program }) => program?.lease.busy)) {
      throw new UsageError(`compile: ${name} cannot be disposed while it runs`);
    }
    disposed = true;
    for (const { program } of recordings) program?.lease.end();
    recordings = [];
  };
  const prepare = (args: A, defers: boolean): Prepared => {
    if (disposed) throw new LifetimeError(`compile: ${name} was disposed; compile it again to use it`);
    // Gradients flow through what is not a step of its own.
    if (onTape(args)) return { value: fn(...args) };
    if (insideStep() || stepWatcher() !== null || inspecting()) return { value: eagerly(fn, args) };
    const known = find(args);
    if (known?.program) return known as Ready;
    checkArguments(args);
    const hopeless = recordings.length >= ATTEMPTS && recordings.every(({ program }) => program === null);
    if (known !== null || hopeless) return { value: eagerly(fn, args) };
    const { value, finish, used, forbidden } = record(fn, args, reuse, defers && !observingCalls());
    const keep = (): Ready => {
      const recording = finish();
      recordings = recordings.filter(({ program }) => !program?.outdated);
      recordings.unshift(recording);
      return recording as Ready;
    };
    if (value === DEFERRED) return { finish: keep, used };
    keep();
    if (forbidden !== null) cannot(forbidden);
    return { value };
  };
  const call = (...args: A): R => {
    // Of other shapes, which may come but once, the eager call is the cheaper one.
    const made = prepare(args, repeats && recordings.length === 0);
    if ('value' in made) return made.value as R;
    const { program, result } = 'finish' in made ? made.finish() : made;
    const ended = hand(program, args);
    program.run();
    return result(ended) as R;
  };
  const compiled = Object.assign(call, { dispose });
  preparing.set(compiled, prepare as (args: readonly unknown[], defers: boolean) => Prepared);
  // Where the platform has `using`, it is disposed at the end of its block.
  if (typeof Symbol.dispose === 'symbol') Object.assign(compiled, { [Symbol.dispose]: dispose });
  return compiled as CompiledFunction<A, R>;
}

function eagerly<A extends readonly unknown[], R>(fn: (...args: A) => R, args: A): R {
  return runStep(() => fn(...args), keepResult);
}

/** Whether gradients would have to flow to an argument. */
function onTape(args: readonly unknown[]): boolean {
  for (const x of args) if (x instanceof Tensor && x.requiresGrad && !x.node?.isParameter) return true;
  return false;
}

/** Whether an argument is numbers and nothing else: neither a parameter nor on a tape. */
function copiedIn(argument: unknown): argument is Tensor {
  return argument instanceof Tensor && !argument.requiresGrad;
}

/** Whether a recording for such arguments is right for these. Asked at every call, so it makes nothing. */
function serves(specs: readonly Spec[], args: readonly unknown[]): boolean {
  if (args.length !== specs.length) return false;
  for (let i = 0; i < specs.length; i++) {
    const spec = specs[i] as Spec;
    const now = args[i];
    if (spec.kind === 'tensor') {
      if (!copiedIn(now) || now.dtype !== spec.dtype || !sameShape(now.shape, spec.shape)) return false;
    } else if (spec.kind === 'generator') {
      if (!(now instanceof Rng)) return false;
    } else if (!Object.is(spec.value, now)) return false;
  }
  return true;
}

function specOf(argument: unknown): Spec {
  if (copiedIn(argument)) return { kind: 'tensor', shape: argument.shape, dtype: argument.dtype };
  return argument instanceof Rng ? { kind: 'generator' } : { kind: 'constant', value: argument };
}

function checkArguments(args: readonly unknown[]): void {
  for (const [i, argument] of args.entries()) {
    const plain = argument === null || !['object', 'function', 'symbol'].includes(typeof argument);
    if (plain || argument instanceof Tensor || argument instanceof Rng) continue;
    refuseForeign('compile', argument);
    const at = { caller: 'compile', path: `argument ${i}` };
    refuse(at, 'a tensor, a generator, a number, a string or a boolean (keep others in a variable outside)', argument);
  }
}

/** What the results of a call with these arguments carry: a mark of gradients that ended before. */
function endedBefore(args: readonly unknown[]): GraphNode | null {
  for (const x of args) if (x instanceof Tensor && x.node?.ended) return x.node;
  return null;
}

/** In place of a value: nothing was computed, and the recording is yet to run. */
const DEFERRED: unique symbol = Symbol();

function record<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  args: A,
  reuse: boolean,
  defers: boolean,
): {
  value: R | typeof DEFERRED;
  finish: () => Recording;
  used: ReadonlySet<Storage>;
  forbidden: string | null;
} {
  const recorder = new Recorder(defers);
  const specs = args.map(specOf);
  const inputs: Tensor[] = [];
  const ended = endedBefore(args);
  let describe: ResultOf | null = null;
  const operands: Operand[] = [];
  const release = (): void => {
    for (const { storage } of inputs) storage.release('recalled');
  };
  let value: R | typeof DEFERRED;
  try {
    const inside = args.map((argument) => {
      if (!copiedIn(argument)) return argument;
      const { shape, dtype, size } = argument;
      const copy = new Tensor(shape, dtype, allocatePinned(bytesOf(dtype, size), 'programs'));
      inputs.push(copy);
      copy.assign(argument);
      return copy;
    }) as unknown as A;
    setStepWatcher(recorder);
    const before = observeCalls((call) => {
      // Not what an action of `everyStep` computes: it is done anew before each replay.
      if (stepWatcher() === null || recorder.add(call)) (before ?? perform)(call);
    });
    try {
      value = runStep<R | typeof DEFERRED>(
        () => fn(...inside),
        (made) => {
          observeCalls(before);
          if (recorder.forbidden === null) describe = resultOf(made, recorder, inputs, operands);
          setStepWatcher(null);
          if (defers && recorder.forbidden === null) return DEFERRED;
          recorder.catchUp();
          // An argument that is returned is the caller's own copy.
          return mapTensors(keepResult(made), (x) =>
            marked(inputs.some(({ storage }) => storage === x.storage) ? x.persisted(false) : x, ended),
          );
        },
      );
    } finally {
      setStepWatcher(null);
      observeCalls(before);
    }
    if (recorder.forbidden === null && describe !== null) {
      const generators = args.filter((argument) => argument instanceof Rng);
      const finish = (): Recording => {
        const program = new Program(recorder, inputs, operands, generators, value === DEFERRED);
        return { specs, program, result: resultMaker(program, describe as ResultOf, reuse) };
      };
      return { value, finish, used: recorder.used, forbidden: null };
    }
  } catch (error) {
    release();
    throw error;
  }
  release();
  const nothing = { specs, program: null, result: () => null };
  return { value, finish: () => nothing, used: recorder.used, forbidden: recorder.forbidden };
}

/** The tensor itself, with a mark of gradients that ended before it was made. */
function marked(x: Tensor, ended: GraphNode | null): Tensor {
  if (x.node === null) x.node = ended;
  return x;
}

/** Makes a call's result from a program's memory: the same tensors at every call, or copies. */
function resultMaker(program: Program, describe: ResultOf, reuse: boolean): Recording['result'] {
  let next = 0;
  const own: Tensor[] = [];
  const results = describe((shape, dtype, node) => {
    const x = new Tensor(shape, dtype, program.results[next++]!);
    x.node = node;
    own.push(x);
    return x;
  });
  const nodes = own.map(({ node }) => node);
  return (ended) => {
    if (reuse) {
      for (let i = 0; i < own.length; i++) own[i]!.node = nodes[i] ?? ended;
      return results;
    }
    return mapTensors(results, (x) => {
      const i = own.indexOf(x);
      if (i < 0) return x;
      const copy = x.persisted(false);
      copy.node = nodes[i] ?? ended;
      return copy;
    });
  };
}

type ResultOf = (make: (shape: Shape, dtype: DType, node: GraphNode | null) => Tensor) => unknown;

/** How to make a result like `made`: what is the step's or an argument is made anew, one after the other as in `operands`. */
function resultOf(made: unknown, recorder: Recorder, inputs: readonly Tensor[], operands: Operand[]): ResultOf {
  if (made instanceof Tensor) {
    const { storage, shape, dtype, size } = made;
    if (!storage.temporary && !inputs.some((input) => input.storage === storage)) return () => made;
    operands.push(recorder.operandAt(storage.pointer, elements(dtype, size)));
    const node = made.node?.end() ?? null;
    return (make) => make(shape, dtype, node);
  }
  if (Array.isArray(made)) {
    const parts = made.map((part) => resultOf(part, recorder, inputs, operands));
    return (make) => parts.map((part) => part(make));
  }
  if (isPlainObject(made)) {
    const parts = Object.entries(made).map(
      ([name, part]) => [name, resultOf(part, recorder, inputs, operands)] as const,
    );
    return (make) => Object.fromEntries(parts.map(([name, part]) => [name, part(make)]));
  }
  return () => made;
}

/** Hands a program its arguments; returns what its results are to carry. */
export function hand(program: Program, args: readonly unknown[]): GraphNode | null {
  let next = 0;
  let generators = 0;
  let ended: GraphNode | null = null;
  for (let i = 0; i < args.length; i++) {
    const argument = args[i];
    if (copiedIn(argument)) {
      (program.inputs[next++] as Tensor).assign(argument);
      if (argument.node !== null) ended = argument.node;
    } else if (argument instanceof Rng) program.generators[generators++] = argument;
  }
  return ended;
}
