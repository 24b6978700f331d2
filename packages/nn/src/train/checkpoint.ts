import {
  type Check,
  type Checked,
  checkOptions,
  fields,
  isPlainObject,
  list,
  nullable,
  oneOf,
  type Rng,
  type RngState,
  real,
  refuse,
  type Tensor,
  text,
  UsageError,
  whole,
} from '@latent/tensor';
import type { Optimizer } from '../optim/optimizer.ts';
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from '../save/safetensors.ts';
import { decodeUtf8, encodeUtf8 } from '../save/utf8.ts';
import type { Callback, Run } from './callback.ts';
import type { FitEvent, Stopped } from './history.ts';
import type { Trainable } from './trainable.ts';

/** Where checkpoints are kept. */
export interface CheckpointStore {
  /** The last checkpoint, or null. */
  read(): Promise<Uint8Array | null>;
  /** Must keep the old one whole until the new one is. */
  write(bytes: Uint8Array): Promise<void>;
}

/** A place in a run, as plain data. */
export interface TrainPosition {
  /** The epoch under way, from 1, and its steps and rows that are done. */
  readonly epoch: number;
  readonly step: number;
  readonly rows: number;
  /** The generator before it shuffled this epoch's rows; null at the start of an epoch. */
  readonly order: RngState | null;
  /** Sums over the rows of this epoch. */
  readonly totals: Readonly<Record<string, number>>;
}

/** All that changes while a model trains. */
export interface RunParts {
  readonly model: Trainable<string>;
  readonly optimizer: Optimizer;
  readonly callbacks: readonly Callback[];
  /** What draws in the run, where the model does not hold it itself. */
  readonly rng: Rng;
}

/** What is said of a run in its checkpoint. */
export interface RunState {
  readonly position: TrainPosition;
  readonly history: readonly FitEvent[];
  readonly warnings: readonly string[];
  /** Why the run ended; null for one under way. */
  readonly stopped: Stopped | null;
}

/** Numbers by name. JSON has no word for those that are not finite; they are text in a file. */
const numbersCheck: Check<Readonly<Record<string, number>>> = (value, at) => {
  if (!isPlainObject(value)) return refuse(at, 'an object of numbers', value);
  return Object.fromEntries(
    Object.entries(value).map(([name, number]) => {
      const read = typeof number === 'string' && NOT_FINITE.includes(number) ? Number(number) : number;
      return [
        name,
        typeof read === 'number' ? read : refuse({ ...at, path: `${at.path}.${name}` }, 'a number', number),
      ];
    }),
  );
};
const NOT_FINITE = ['NaN', 'Infinity', '-Infinity'];

/** An event of a history: numbers, of which those that count unknown rows may be null, and the validation's. */
const eventCheck: Check<FitEvent> = (value, at) => {
  if (!isPlainObject(value)) return refuse(at, 'an object of numbers', value);
  const { validation, steps, secondsLeft, ...rest } = value;
  const counts = { steps: nullable(real()), secondsLeft: nullable(real()) };
  return {
    ...numbersCheck(rest, at),
    ...checkOptions(at.caller, { steps, secondsLeft }, counts, at.path),
    ...(validation !== undefined && { validation: numbersCheck(validation, { ...at, path: `${at.path}.validation` }) }),
  } as FitEvent;
};

const word = /* @__PURE__ */ whole({ min: 0, max: 2 ** 32 - 1 });
const words: Check<readonly [number, number]> = (value, at) =>
  list(word, { min: 2, max: 2 })(value, at) as readonly [number, number];
const generatorCheck = /* @__PURE__ */ fields({ key: words, counter: words });
const count = /* @__PURE__ */ whole({ min: 0 });

/** An object of values by names of the model's or the caller's. */
function byName<T>(each: Check<T>): Check<Readonly<Record<string, T>>> {
  return (value, at) => {
    if (!isPlainObject(value)) return refuse(at, 'an object', value);
    return Object.fromEntries(
      Object.entries(value).map(([name, of]) => [name, each(of, { ...at, path: `${at.path}.${name}` })]),
    );
  };
}

const plain: Check<Readonly<Record<string, unknown>>> = (value, at) =>
  isPlainObject(value) ? value : refuse(at, 'an object', value);

/** What is saved of a run, beside tensors. */
const stateChecks = {
  version: /* @__PURE__ */ whole({ min: 2, max: 2 }),
  position: /* @__PURE__ */ fields({
    epoch: /* @__PURE__ */ whole({ min: 1 }),
    step: count,
    rows: count,
    order: /* @__PURE__ */ nullable(generatorCheck),
    totals: numbersCheck,
  }),
  history: /* @__PURE__ */ list(eventCheck),
  warnings: /* @__PURE__ */ list(/* @__PURE__ */ text()),
  stopped: /* @__PURE__ */ nullable(
    /* @__PURE__ */ oneOf('finished', 'aborted', 'patience', 'target', 'time', 'callback'),
  ),
  /** What the run was started with; a run that differs cannot go on from here. */
  run: plain,
  generators: /* @__PURE__ */ byName(generatorCheck),
  rng: generatorCheck,
  optimizer: /* @__PURE__ */ fields({
    t: count,
    epoch: count,
    learningRate: /* @__PURE__ */ real({ min: 0 }),
    slots: /* @__PURE__ */ whole({ min: 0, max: 8 }),
  }),
  callbacks: /* @__PURE__ */ byName(plain),
};

type SavedState = Checked<typeof stateChecks>;

/** Names of tensors that belong to the training and not to the model. */
const PREFIX = 'training.';
/** The run's state as JSON, which grows with the history: not for the header. */
const STATE = `${PREFIX}state`;

/** The tensors of a file without those of a training run. */
export function modelTensors(tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const own = Object.keys(tensors).filter((name) => !name.startsWith(PREFIX));
  return Object.fromEntries(own.map((name) => [name, tensors[name] as Tensor]));
}

/**
 * The model's file with the state of its training: a model that can be loaded, and a run that can go on to the same bits.
 * `last` are the weights that training goes on with, where the model's own are others (the best epoch's).
 */
export function encodeCheckpoint(
  { model, optimizer, callbacks, rng }: RunParts,
  run: Readonly<Record<string, unknown>>,
  state: RunState,
  last: Readonly<Record<string, Tensor>> | null,
): Uint8Array<ArrayBuffer> {
  const { slots, ...numbers } = optimizer.state();
  const tensors: Record<string, Tensor | Uint8Array> = { ...model.stateDict() };
  slots.forEach((ofParameter, i) => {
    ofParameter.forEach((slot, j) => {
      tensors[`${PREFIX}slot.${i}.${j}`] = slot;
    });
  });
  for (const [name, weights] of Object.entries(last ?? {})) tensors[`${PREFIX}last.${name}`] = weights;
  const remembered: Record<string, Readonly<Record<string, unknown>>> = {};
  for (const callback of callbacks) {
    const own = callback.state?.();
    if (own === undefined) continue;
    remembered[callback.name] = own.values;
    for (const [name, tensor] of Object.entries(own.tensors ?? {})) {
      tensors[`${PREFIX}callback.${callback.name}.${name}`] = tensor;
    }
  }
  const saved: SavedState = {
    version: 2,
    ...state,
    run,
    generators: Object.fromEntries(model.generators().map(([name, generator]) => [name, generator.state])),
    rng: rng.state,
    optimizer: { ...numbers, slots: slots[0]?.length ?? 0 },
    callbacks: remembered,
  };
  const json = JSON.stringify(saved, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
  tensors[STATE] = encodeUtf8(json);
  const bytes = encodeSafetensors(tensors, model.metadata?.() ?? {});
  // What cannot be read again must not take the place of what can.
  readState(decodeSafetensors(bytes));
  return bytes;
}

function readState(file: SafetensorsFile): SavedState {
  const bytes = file.bytes[STATE];
  if (bytes === undefined) {
    const old = file.metadata.training === undefined ? 'no training state' : 'a training state of version 1';
    throw new UsageError(`resume: the file holds a model but ${old}, expected version 2`);
  }
  let state: unknown;
  try {
    state = JSON.parse(decodeUtf8(bytes) ?? '');
  } catch {
    throw new UsageError('resume: the training state is not JSON; the file is altered');
  }
  const { version } = (state ?? {}) as { readonly version?: unknown };
  if (version !== 2) throw new UsageError(`resume: the training state has version ${version}, expected 2`);
  return fields(stateChecks)(state, { caller: 'resume', path: 'the training state' });
}

/** Where two descriptions first differ, in words; null where they do not. Undefined counts as not there. */
function difference(now: unknown, then: unknown, path: string): string | null {
  if (isPlainObject(now) && isPlainObject(then)) {
    for (const name of new Set([...Object.keys(now), ...Object.keys(then)])) {
      const found = difference(now[name], then[name], path === '' ? name : `${path}.${name}`);
      if (found !== null) return found;
    }
    return null;
  }
  const [a, b] = [JSON.stringify(now), JSON.stringify(then)];
  return a === b ? null : `${path} is ${a ?? 'not given'}, but the run was started with ${b ?? 'none'}`;
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return text;
  }
}

/** What a model is, but for its seed, which says nothing of a model whose weights come from a file. */
function description(metadata: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(metadata).map(([key, text]) => {
      const value = parsed(text);
      if (!isPlainObject(value)) return [key, value];
      const { seed: _, ...rest } = value;
      return [key, rest];
    }),
  );
}

/** What a run was started with, without how many rows there are where one of the two did not know. */
function comparable(run: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): object {
  const { rows, ...rest } = run;
  return rows == null || other.rows == null ? rest : run;
}

/** Tensors whose names begin so, by the rest of their names. */
function named(tensors: Readonly<Record<string, Tensor>>, prefix: string): Record<string, Tensor> {
  return Object.fromEntries(
    Object.keys(tensors)
      .filter((name) => name.startsWith(prefix))
      .map((name) => [name.slice(prefix.length), tensors[name] as Tensor]),
  );
}

/**
 * Puts everything back as it was when the checkpoint was written; says where the run goes on. A checkpoint of another model
 * or another run is refused before anything is changed, with what differs.
 */
export function restoreCheckpoint(
  bytes: Uint8Array,
  { model, optimizer, callbacks, rng }: RunParts,
  described: Readonly<Record<string, unknown>>,
  run: Run,
): RunState {
  const file = decodeSafetensors(bytes);
  const state = readState(file);
  const now = JSON.parse(JSON.stringify(described)) as Record<string, unknown>;
  const other =
    difference(description(model.metadata?.() ?? {}), description(file.metadata), 'the model:') ??
    difference(comparable(now, state.run), comparable(state.run, now), '');
  if (other !== null) throw new UsageError(`resume: ${other.replace('the model:.', 'the model: ')}`);

  const last = named(file.tensors, `${PREFIX}last.`);
  const weights = Object.keys(last).length > 0 ? last : modelTensors(file.tensors);
  const slotTensors = named(file.tensors, `${PREFIX}slot.`);
  const slots = model
    .trainableParameters()
    .map((_, i) =>
      Array.from({ length: state.optimizer.slots }, (_, j) => slotTensors[`${i}.${j}`]).filter(
        (slot) => slot !== undefined,
      ),
    );
  const generators = new Map(model.generators());
  const remembering = callbacks.flatMap((callback) => {
    if (callback.state === undefined || callback.restore === undefined) return [];
    const tensors = named(file.tensors, `${PREFIX}callback.${callback.name}.`);
    const values = state.callbacks[callback.name];
    return [{ callback, values, tensors: Object.keys(tensors).length > 0 ? tensors : undefined }];
  });
  const problems = [
    optimizer.refuses({ slots }),
    slots.flat().every((slot) => slot.data.every(Number.isFinite)) ? null : "the optimizer's numbers are not finite",
    difference([...generators.keys()].sort(), Object.keys(state.generators).sort(), 'generators'),
    ...remembering.map(({ callback, values, tensors }) => {
      if (values === undefined) return `it has nothing of the callback ${callback.name}`;
      return callback.refuses?.({ values, ...(tensors && { tensors }) }, run) ?? null;
    }),
  ].filter((problem) => problem !== null);
  if (problems.length > 0) throw new UsageError(`resume: the training state does not fit: ${problems[0]}`);

  model.loadStateDict(weights); // refuses as a whole, or takes all
  optimizer.loadState({ ...state.optimizer, slots });
  for (const [name, saved] of Object.entries(state.generators)) generators.get(name)?.restore(saved);
  rng.restore(state.rng);
  for (const { callback, values, tensors } of remembering) {
    callback.restore?.({ values: values ?? {}, ...(tensors && { tensors }) });
  }
  return state;
}
