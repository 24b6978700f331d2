import { decodeSafetensors, encodeSafetensors, type TensorValues } from '@latent/nn';
import { isPlainObject, ValueError } from '@latent/tensor';
import type { Weights } from './average.ts';

/** Names of a checkpoint's tensors that belong to the run and not to the model. */
const PREFIX = 'training.';
const STATE = `${PREFIX}state`;

/** A checkpoint in two: what is averaged, and what a shard goes on with by itself. */
export interface CheckpointParts {
  readonly weights: Weights;
  /** The optimizer's numbers, generators and the place in the epoch, as a file of its own. */
  readonly state: Uint8Array;
  readonly soFar: EpochSoFar;
}

/** Rows of the epoch under way that are done, and sums over them. */
export interface EpochSoFar {
  readonly rows: number;
  readonly totals: Readonly<Record<string, number>>;
}

/** Takes a checkpoint apart. Its history is left out: it grows, and it knows the clock, which two workers do not share. */
export function splitCheckpoint(bytes: Uint8Array): CheckpointParts {
  const { values, bytes: texts, metadata } = decodeSafetensors(bytes);
  const saved = parsed(texts[STATE]);
  const json = new TextEncoder().encode(JSON.stringify({ ...saved, history: [], warnings: [] }));
  const state = encodeSafetensors({ ...ofTraining(values, true), [STATE]: json }, metadata);
  return { weights: ofTraining(values, false), state, soFar: positionOf(saved) };
}

/** A checkpoint from weights and what a shard kept; a file that `fit` resumes from. */
export function joinCheckpoint(weights: Weights, state: Uint8Array): Uint8Array {
  const { values, bytes, metadata } = decodeSafetensors(state);
  const kept = { ...ofTraining(values, true), [STATE]: bytes[STATE] ?? new Uint8Array() };
  return encodeSafetensors({ ...weights, ...kept }, metadata);
}

/** What belongs to the training, or what does not. */
function ofTraining(values: Weights, training: boolean): Weights {
  const names = Object.keys(values).filter((name) => name.startsWith(PREFIX) === training && name !== STATE);
  return Object.fromEntries(names.map((name) => [name, values[name] as TensorValues]));
}

/** How far a shard is in its epoch. */
export function epochSoFar(state: Uint8Array): EpochSoFar {
  return positionOf(parsed(decodeSafetensors(state).bytes[STATE]));
}

function positionOf({ position }: Record<string, unknown>): EpochSoFar {
  if (!isPlainObject(position) || !isPlainObject(position.totals))
    throw new ValueError('checkpoint: it has no position');
  const totals = Object.entries(position.totals).map(([name, total]) => [name, Number(total)]);
  return { rows: Number(position.rows), totals: Object.fromEntries(totals) };
}

function parsed(json: Uint8Array | undefined): Record<string, unknown> {
  const state: unknown = JSON.parse(new TextDecoder().decode(json));
  if (!isPlainObject(state)) throw new ValueError('checkpoint: its state is not an object');
  return state;
}
