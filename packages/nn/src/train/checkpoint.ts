import { type RngState, type Tensor, UsageError } from '@latent/tensor';
import type { Module } from '../module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { decodeSafetensors, encodeSafetensors } from '../save/safetensors.ts';
import type { PlateauSchedule } from '../schedule/schedule.ts';
import type { EarlyStopping, EarlyStoppingState } from './early-stopping.ts';
import type { TrainPosition } from './train.ts';

/** Where checkpoints are kept. */
export interface CheckpointStore {
  /** The last checkpoint, or null. */
  read(): Promise<Uint8Array | null>;
  /** Must keep the old one whole until the new one is. */
  write(bytes: Uint8Array): Promise<void>;
}

/** All that changes while a model trains. */
export interface TrainingParts {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly stopping: EarlyStopping | null;
}

interface SavedState {
  readonly version: 1;
  /** What the run was started with; a run that differs cannot go on from here. */
  readonly run: Readonly<Record<string, unknown>>;
  readonly position: TrainPosition;
  readonly generators: Readonly<Record<string, RngState>>;
  readonly optimizer: {
    readonly t: number;
    readonly epoch: number;
    readonly learningRate: number;
    readonly slots: number;
  };
  readonly plateau: PlateauSchedule['state'] | null;
  readonly stopping: EarlyStoppingState | null;
  /** What the caller keeps beside: its history. */
  readonly history: readonly unknown[];
}

/** Names of tensors and metadata that belong to the training and not to the model. */
const PREFIX = 'training.';

/** The tensors of a file without those of a training run. */
export function modelTensors(tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith(PREFIX)));
}

function plateauOf(optimizer: Optimizer): PlateauSchedule | null {
  return optimizer.schedule !== null && 'observe' in optimizer.schedule
    ? (optimizer.schedule as PlateauSchedule)
    : null;
}

/** The model's file with the state of its training: a model that can be loaded, and a run that can go on to the same bits. */
export function encodeCheckpoint(
  metadata: Readonly<Record<string, string>>,
  { model, optimizer, stopping }: TrainingParts,
  run: Readonly<Record<string, unknown>>,
  position: TrainPosition,
  history: readonly unknown[],
): Uint8Array<ArrayBuffer> {
  const { slots, ...numbers } = optimizer.state();
  const tensors: Record<string, Tensor> = { ...model.stateDict() };
  slots.forEach((ofParameter, i) => {
    ofParameter.forEach((slot, j) => {
      tensors[`${PREFIX}slot.${i}.${j}`] = slot;
    });
  });
  for (const [name, weights] of Object.entries(stopping?.bestWeights ?? {})) tensors[`${PREFIX}best.${name}`] = weights;
  const state: SavedState = {
    version: 1,
    run,
    position,
    generators: Object.fromEntries(model.generators().map(([name, generator]) => [name, generator.state])),
    optimizer: { ...numbers, slots: slots[0].length },
    plateau: plateauOf(optimizer)?.state ?? null,
    stopping: stopping?.state ?? null,
    history,
  };
  return encodeSafetensors(tensors, { ...metadata, training: JSON.stringify(state) });
}

/** Puts everything back as it was when the checkpoint was written; says where the run goes on. */
export function restoreCheckpoint(
  bytes: Uint8Array,
  { model, optimizer, stopping }: TrainingParts,
  run: Readonly<Record<string, unknown>>,
): { position: TrainPosition; history: readonly unknown[] } {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata.training === undefined) throw new UsageError('resume: the file holds a model but no training state');
  const state = JSON.parse(metadata.training) as SavedState;
  if (state.version !== 1) throw new UsageError(`resume: the training state has version ${state.version}, expected 1`);
  for (const name of new Set([...Object.keys(run), ...Object.keys(state.run)])) {
    const [now, then] = [JSON.stringify(run[name]), JSON.stringify(state.run[name])];
    if (now !== then) {
      throw new UsageError(`resume: ${name} is ${now ?? 'not given'}, but the run was started with ${then ?? 'none'}`);
    }
  }
  model.loadStateDict(modelTensors(tensors));
  const generators = new Map(model.generators());
  for (const [name, saved] of Object.entries(state.generators)) generators.get(name)?.restore(saved);
  const count = model.trainableParameters().length;
  const slots = Array.from({ length: count }, (_, i) =>
    Array.from({ length: state.optimizer.slots }, (_, j) => tensors[`${PREFIX}slot.${i}.${j}`]),
  );
  optimizer.loadState({ ...state.optimizer, slots });
  const plateau = plateauOf(optimizer);
  if (plateau !== null && state.plateau !== null) plateau.state = state.plateau;
  if (stopping !== null && state.stopping !== null) {
    const best = Object.entries(tensors).filter(([name]) => name.startsWith(`${PREFIX}best.`));
    stopping.load(
      state.stopping,
      Object.fromEntries(best.map(([name, weights]) => [name.slice(PREFIX.length + 5), weights])),
    );
  }
  return { position: state.position, history: state.history };
}
