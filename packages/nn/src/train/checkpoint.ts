import { isPlainObject, type Rng, type RngState, type Tensor, UsageError } from '@latent/tensor';
import type { Optimizer } from '../optim/optimizer.ts';
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from '../save/safetensors.ts';
import type { Callback } from './callback.ts';
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

interface SavedState extends RunState {
  readonly version: 2;
  /** What the run was started with; a run that differs cannot go on from here. */
  readonly run: Readonly<Record<string, unknown>>;
  readonly generators: Readonly<Record<string, RngState>>;
  readonly rng: RngState;
  readonly optimizer: {
    readonly t: number;
    readonly epoch: number;
    readonly learningRate: number;
    readonly slots: number;
  };
  readonly callbacks: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

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
  tensors[STATE] = new TextEncoder().encode(JSON.stringify(saved));
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
    state = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new UsageError('resume: the training state is not JSON; the file is altered');
  }
  if (!isPlainObject(state) || state.version !== 2) {
    throw new UsageError(`resume: the training state has version ${(state as SavedState | null)?.version}, expected 2`);
  }
  const { position, history, optimizer, run, generators, callbacks } = state as unknown as SavedState;
  const sound =
    isPlainObject(position) &&
    [position.epoch, position.step, position.rows].every((n) => Number.isSafeInteger(n) && (n as number) >= 0) &&
    Array.isArray(history) &&
    [optimizer, run, generators, callbacks].every(isPlainObject) &&
    Number.isSafeInteger(optimizer.t) &&
    Number.isFinite(optimizer.learningRate);
  if (!sound) throw new UsageError('resume: the training state lacks what a run needs; the file is altered');
  return state as unknown as SavedState;
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

/**
 * Puts everything back as it was when the checkpoint was written; says where the run goes on. A checkpoint of another model
 * or another run is refused before anything is changed, with what differs.
 */
export function restoreCheckpoint(
  bytes: Uint8Array,
  { model, optimizer, callbacks, rng }: RunParts,
  run: Readonly<Record<string, unknown>>,
): RunState {
  const file = decodeSafetensors(bytes);
  const state = readState(file);
  const other =
    difference(description(model.metadata?.() ?? {}), description(file.metadata), 'the model:') ??
    difference(JSON.parse(JSON.stringify(run)), state.run, '');
  if (other !== null) throw new UsageError(`resume: ${other.replace('the model:.', 'the model: ')}`);

  const named = (prefix: string): Record<string, Tensor> =>
    Object.fromEntries(
      Object.keys(file.tensors)
        .filter((name) => name.startsWith(prefix))
        .map((name) => [name.slice(prefix.length), file.tensors[name] as Tensor]),
    );
  const last = named(`${PREFIX}last.`);
  const weights = Object.keys(last).length > 0 ? last : modelTensors(file.tensors);
  const slotTensors = named(`${PREFIX}slot.`);
  const slots = model
    .trainableParameters()
    .map((_, i) =>
      Array.from({ length: Math.min(8, state.optimizer.slots) }, (_, j) => slotTensors[`${i}.${j}`] as Tensor).filter(
        Boolean,
      ),
    );
  const problems = [
    optimizer.refuses({ slots }),
    ...callbacks.flatMap((callback) => {
      const values = state.callbacks[callback.name];
      if (callback.state === undefined || callback.restore === undefined) return [];
      if (!isPlainObject(values)) return [`it has nothing of the callback ${callback.name}`];
      return [callback.refuses?.({ values, tensors: named(`${PREFIX}callback.${callback.name}.`) }) ?? null];
    }),
  ].filter((problem) => problem !== null);
  if (problems.length > 0) throw new UsageError(`resume: the training state does not fit: ${problems[0]}`);

  model.loadStateDict(weights); // refuses as a whole, or takes all
  optimizer.loadState({ ...state.optimizer, slots });
  const generators = new Map(model.generators());
  for (const [name, saved] of Object.entries(state.generators)) generators.get(name)?.restore(saved);
  rng.restore(state.rng);
  for (const callback of callbacks) {
    const values = state.callbacks[callback.name];
    if (values === undefined) continue;
    const tensors = named(`${PREFIX}callback.${callback.name}.`);
    callback.restore?.({ values, ...(Object.keys(tensors).length > 0 && { tensors }) });
  }
  return { position: state.position, history: state.history, warnings: state.warnings ?? [], stopped: state.stopped };
}
