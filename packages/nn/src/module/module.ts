import {
  type Check,
  callable,
  checkOptions,
  describeValue,
  formatShape,
  isPlainObject,
  LatentError,
  optional,
  Rng,
  recordedValue,
  refuse,
  sameShape,
  Tensor,
  UsageError,
  ValueError,
} from '@latent/tensor';
import { refuseTrained } from './being-trained.ts';
import type { Context } from './context.ts';
import { roleOf } from './role.ts';
import { summaryTable } from './summary.ts';

/** What the code that runs is for. It decides over the modes that modules were set to; null leaves them. */
let purpose: 'score' | 'step' | null = null;

/**
 * Runs `body` as a score: dropout and corruption are off in it, for every module, and afterwards all is as it was. So a
 * model may be scored while it trains.
 */
export function scoring<T>(body: () => T): T {
  return withPurpose('score', body, undefined);
}

/** Runs `body` as a step of training: whatever modes a callback has set, every module is in training mode in it. */
export function stepping<A, T>(body: (argument: A) => T, argument: A): T {
  return withPurpose('step', body, argument);
}

function withPurpose<A, T>(next: 'score' | 'step', body: (argument: A) => T, argument: A): T {
  const before = purpose;
  purpose = next;
  try {
    return body(argument);
  } finally {
    purpose = before;
  }
}

/**
 * Something with parameters. A module's parameters are found by walking its own fields: a field that holds a parameter or a
 * buffer is one, a field that holds a module (or an array of modules) is a child, and names are the paths:
 * `encoder.0.weight`. What is held in two places is one thing, by the name that comes first.
 */
export abstract class Module {
  #training = true;
  #frozen = false;

  /**
   * True while training: dropout and corruption act. Set by `train()` and `eval()`; always false in scores, and true in the
   * steps of `fit`.
   */
  get training(): boolean {
    return recordedValue(() => (purpose === null ? this.#training : purpose === 'step'));
  }

  /** What `summary` calls it. */
  get type(): string {
    return this.constructor.name;
  }

  train(): this {
    return this.#setMode(true);
  }

  /** For scoring: dropout is off. */
  eval(): this {
    return this.#setMode(false);
  }

  #setMode(training: boolean): this {
    for (const [, module] of this.namedModules()) module.#training = training;
    return this;
  }

  /** This module and all below it, each once, by path; this one's is ''. */
  *namedModules(): Generator<[path: string, module: Module]> {
    yield* below(this, '', new Set());
  }

  /** The tensors held in fields of this module and all below, each once: parameters, and with `buffers` those too. */
  *#tensors(buffers: boolean): Generator<[name: string, tensor: Tensor, owner: Module]> {
    const seen = new Set<Tensor>();
    for (const [path, module] of this.namedModules()) {
      for (const [name, value] of Object.entries(module)) {
        if (!(value instanceof Tensor) || seen.has(value)) continue;
        const role = roleOf(value);
        if (role === null || (role === 'buffer' && !buffers)) continue;
        seen.add(value);
        yield [join(path, name), value, module];
      }
    }
  }

  namedParameters(): [name: string, parameter: Tensor][] {
    return Array.from(this.#tensors(false), ([name, parameter]) => [name, parameter]);
  }

  /** Parameters and buffers by name: all numbers that the module's file holds. */
  namedTensors(): [name: string, tensor: Tensor][] {
    return Array.from(this.#tensors(true), ([name, tensor]) => [name, tensor]);
  }

  /** The random generators held in fields, by path: with the tensors, all that training changes. */
  generators(): [name: string, generator: Rng][] {
    const seen = new Set<Rng>();
    return [...this.namedModules()].flatMap(([path, module]) =>
      Object.entries(module).flatMap(([name, value]): [string, Rng][] => {
        if (!(value instanceof Rng) || seen.has(value)) return [];
        seen.add(value);
        return [[join(path, name), value]];
      }),
    );
  }

  parameters(): Tensor[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** Leaves the parameters of this module and all below as they are: training passes them by. Not while it is being trained. */
  freeze(): this {
    refuseTrained('freeze', this.namedModules());
    for (const [, module] of this.namedModules()) module.#frozen = true;
    return this;
  }

  unfreeze(): this {
    refuseTrained('unfreeze', this.namedModules());
    for (const [, module] of this.namedModules()) module.#frozen = false;
    return this;
  }

  /** The parameters that are not frozen, by name. A parameter that a frozen and another module hold counts as frozen. */
  trainable(): [name: string, parameter: Tensor][] {
    const frozen = new Set<unknown>();
    for (const [, module] of this.namedModules()) {
      if (module.#frozen) for (const value of Object.values(module)) frozen.add(value);
    }
    return this.namedParameters().filter(([, parameter]) => !frozen.has(parameter));
  }

  trainableParameters(): Tensor[] {
    return this.trainable().map(([, parameter]) => parameter);
  }

  /** Copies of parameters and buffers by name. */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(this.namedTensors().map(([name, tensor]) => [name, tensor.clone()]));
  }

  /**
   * Takes over the values of `state`, which must name exactly this module's parameters and buffers in their shapes; else
   * nothing changes. `rename` gives this module's name for one of `state` (null to leave it out), for the files of others.
   */
  loadStateDict(
    state: Readonly<Record<string, Tensor>>,
    options: { readonly rename?: (name: string) => string | null } = {},
  ): void {
    const { rename } = checkOptions('loadStateDict', options, stateChecks);
    const own = new Map(this.namedTensors());
    const given = renamed(state, rename);
    const problems: string[] = [];
    for (const [name, tensor] of own) {
      const value: unknown = given.get(name);
      if (value === undefined) problems.push(`missing ${name} ${formatShape(tensor.shape)}`);
      else if (!(value instanceof Tensor)) problems.push(`${name} must be a tensor, got ${describeValue(value)}`);
      else if (!sameShape(value.shape, tensor.shape)) {
        problems.push(`${name} must be ${formatShape(tensor.shape)}, got ${formatShape(value.shape)}`);
      }
    }
    for (const name of given.keys()) if (!own.has(name)) problems.push(`unexpected ${name}`);
    if (problems.length > 0) throw new ValueError(`loadStateDict: ${shortened(problems)}`);
    for (const [name, { dtype }] of own) {
      const { data } = given.get(name) as Tensor;
      const bad = firstNotFinite(data, dtype === 'f32');
      if (bad < 0) continue;
      const past = Number.isFinite(data[bad]) ? ', which is too large for single precision' : '';
      problems.push(`element ${bad} of ${name} is ${data[bad]}${past}`);
    }
    if (problems.length > 0) throw new ValueError(`loadStateDict: numbers must be finite, but ${shortened(problems)}`);
    for (const [name, tensor] of own) tensor.assign(given.get(name) as Tensor);
  }

  /** A table of the modules with parameters, their shapes and counts, and the total. */
  summary(): string {
    const rows = new Map<Module, { path: string; tensors: [string, Tensor][] }>();
    for (const [path, module] of this.namedModules()) rows.set(module, { path, tensors: [] });
    for (const [name, tensor, owner] of this.#tensors(true)) {
      rows.get(owner)?.tensors.push([name.slice(name.lastIndexOf('.') + 1), tensor]);
    }
    return summaryTable([...rows].map(([module, { path, tensors }]) => ({ path, type: module.type, tensors })));
  }
}

/** A module with one input and one output. What goes with the rows is for those that ask for it. */
export interface Layer extends Module {
  forward(x: Tensor, context?: Context): Tensor;
}

/** Whether a value is a module with a forward pass. */
export function isLayer(value: unknown): value is Layer {
  return typeof (value as Partial<Layer> | null | undefined)?.forward === 'function' && isModule(value);
}

/** A check for a layer. */
export const layerCheck: Check<Layer> = (value, at) =>
  isLayer(value) ? value : refuse(at, 'a module with forward(x)', value);

/** A check for a module. */
export const moduleCheck: Check<Module> = (value, at) => (isModule(value) ? value : refuse(at, 'a module', value));

const MOST_PROBLEMS = 8;

const stateChecks = {
  rename: /* @__PURE__ */ optional(/* @__PURE__ */ callable<(name: string) => string | null>(), (name: string) => name),
};

/** Where the first number is that is not finite, also as a `single` (a double may be finite and still past the largest one); else −1. */
function firstNotFinite(numbers: ArrayLike<number>, single: boolean): number {
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number;
    if (!Number.isFinite(single ? Math.fround(value) : value)) return i;
  }
  return -1;
}

/** Tensors by the names that `rename` gives them. */
function renamed(state: unknown, rename: (name: string) => string | null): ReadonlyMap<string, unknown> {
  if (!isPlainObject(state)) {
    throw new ValueError(`loadStateDict: the state must be an object of tensors by name, got ${describeValue(state)}`);
  }
  const given = new Map<string, unknown>();
  const before = new Map<string, string>();
  // What is left out is not read: a file may make its tensors when they are asked for.
  for (const theirs of Object.keys(state)) {
    const name: unknown = rename(theirs);
    if (name === null) continue;
    if (typeof name !== 'string') {
      throw new ValueError(`loadStateDict: rename must give a name or null for ${theirs}, got ${describeValue(name)}`);
    }
    const other = before.get(name);
    if (other !== undefined) throw new ValueError(`loadStateDict: ${other} and ${theirs} are both renamed to ${name}`);
    before.set(name, theirs);
    given.set(name, state[theirs]);
  }
  return given;
}

function shortened(problems: readonly string[]): string {
  const rest = problems.length - MOST_PROBLEMS;
  return [...problems.slice(0, MOST_PROBLEMS), ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ');
}

function join(path: string, name: string): string {
  return path === '' ? name : name === '' ? path : `${path}.${name}`;
}

function* below(module: Module, path: string, seen: Set<Module>): Generator<[path: string, module: Module]> {
  if (seen.has(module)) return;
  seen.add(module);
  yield [path, module];
  for (const [name, child] of children(module)) yield* below(child, join(path, name), seen);
}

/** The modules held in fields. `Sequential` names its layers by position, without the field's name. */
function* children(module: Module): Generator<[name: string, child: Module]> {
  for (const [name, value] of Object.entries(module)) {
    if (isModule(value)) yield [name, value];
    else if (Array.isArray(value)) {
      const prefix = name === 'layers' ? '' : `${name}.`;
      for (const [i, item] of value.entries()) if (isModule(item)) yield [`${prefix}${i}`, item];
    }
  }
}

/** Known to every copy of this package. */
const BRAND = Symbol.for('latent.module');
Object.defineProperty(Module.prototype, BRAND, { value: true });

/** Whether a value is a module; one of another copy of the package has parameters that this one would not find. */
function isModule(value: unknown): value is Module {
  if (value instanceof Module) return true;
  if (typeof value === 'object' && value !== null && BRAND in value) {
    throw new UsageError(
      'module: this one was made by another copy of @latent/nn; see that one version is installed (npm ls @latent/nn)',
    );
  }
  return false;
}

/** Runs `forward`; an error from inside gets `name` in front, so that a nested one reads `encoder.0: …`. */
export function inLayer<T>(name: string, forward: () => T): T {
  try {
    return forward();
  } catch (error) {
    if (error instanceof LatentError) throw prefixed(error, name);
    throw error;
  }
}

function prefixed(error: LatentError, name: string): LatentError {
  const path = /^([\w.]+): /.exec(error.message);
  const inside =
    path !== null && (error as { layerPath?: boolean }).layerPath
      ? `${name}.${error.message}`
      : `${name}: ${strip(error.message)}`;
  const copy = new (error.constructor as new (message: string) => LatentError)(inside);
  Object.assign(copy, { layerPath: true, cause: error });
  return copy;
}

/** `linear: expected …` inside a layer reads better without the op's name. */
function strip(message: string): string {
  return message.replace(/^linear: /, '');
}
