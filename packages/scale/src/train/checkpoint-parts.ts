import { decodeSafetensors, encodeSafetensors } from '@latent/nn';
import { isPlainObject, type Tensor, ValueError } from '@latent/tensor';

/** Names of a checkpoint's tensors that belong to the run and not to the model. */
const PREFIX = 'training.';
const STATE = `${PREFIX}state`;

/** A checkpoint in two: what is averaged, and what a shard goes on with by itself. */
export interface CheckpointParts {
  readonly weights: Readonly<Record<string, Tensor>>;
  /** The optimizer's numbers, generators and the place in the epoch, as a file of its own. */
  readonly state: Uint8Array;
}

/** Rows of the epoch under way that are done, and sums over them. */
export interface EpochSoFar {
  readonly rows: number;
  readonly totals: Readonly<Record<string, number>>;
}

/** Takes a checkpoint apart. Its history is left out: it grows, and it knows the clock, which two workers do not share. */
export function splitCheckpoint(bytes: Uint8Array): CheckpointParts {
  const { tensors, bytes: texts, metadata } = decodeSafetensors(bytes);
  const names = Object.keys(tensors);
  const own = (training: boolean): Record<string, Tensor> =>
    Object.fromEntries(
      names
        .filter((name) => name.startsWith(PREFIX) === training && name !== STATE)
        .map((name) => [name, tensors[name] as Tensor]),
    );
  const state = { ...own(true), [STATE]: withoutHistory(texts[STATE]) };
  return { weights: own(false), state: encodeSafetensors(state, metadata) };
}

/** A checkpoint from weights and what a shard kept; a file that `fit` resumes from. */
export function joinCheckpoint(weights: Readonly<Record<string, Tensor>>, state: Uint8Array): Uint8Array {
  const { tensors, bytes, metadata } = decodeSafetensors(state);
  const kept = Object.fromEntries(
    Object.keys(tensors)
      .filter((name) => name !== STATE)
      .map((name) => [name, tensors[name] as Tensor]),
  );
  return encodeSafetensors({ ...weights, ...kept, [STATE]: bytes[STATE] ?? new Uint8Array() }, metadata);
}

/** How far a shard is in its epoch. */
export function epochSoFar(state: Uint8Array): EpochSoFar {
  const { position } = parsed(decodeSafetensors(state).bytes[STATE]);
  if (!isPlainObject(position) || !isPlainObject(position.totals))
    throw new ValueError('checkpoint: it has no position');
  const totals = Object.entries(position.totals).map(([name, total]) => [name, Number(total)]);
  return { rows: Number(position.rows), totals: Object.fromEntries(totals) };
}

function withoutHistory(json: Uint8Array | undefined): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ ...parsed(json), history: [], warnings: [] }));
}

function parsed(json: Uint8Array | undefined): Record<string, unknown> {
  const state: unknown = JSON.parse(new TextDecoder().decode(json));
  if (!isPlainObject(state)) throw new ValueError('checkpoint: its state is not an object');
  return state;
}
