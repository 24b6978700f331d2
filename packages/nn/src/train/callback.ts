import { formatShape, sameShape, type Tensor } from '@latent/tensor';
import type { Module } from '../module/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { FitEvent, Stopped } from './history.ts';

/** What a callback sees of the run. */
export interface Run {
  readonly model: Module;
  readonly optimizer: Optimizer;
  /** What is watched of an epoch: the validation loss, else the training loss as the model wants it seen. */
  watched(event: FitEvent): number;
  /** Copies of the weights that the validation loss is of: a moving average's, where there is one. */
  scored(): Record<string, Tensor>;
}

/** What a callback remembers, for a checkpoint: plain data and tensors. */
export interface CallbackState {
  readonly values: Readonly<Record<string, unknown>>;
  readonly tensors?: Readonly<Record<string, Tensor>>;
}

/**
 * Something that accompanies a run and may end it. What it remembers goes into checkpoints, by its name, so that a run that
 * is resumed goes on as if it had not been stopped.
 */
export interface Callback {
  /** Of one callback in a run. */
  readonly name: string;
  /** What it was made with: a run goes on from a checkpoint only with the same. */
  config?(): Readonly<Record<string, unknown>>;
  begin?(run: Run): void;
  afterStep?(run: Run): void;
  /** Around the scoring of validation data. */
  beforeEvaluation?(run: Run): void;
  afterEvaluation?(run: Run): void;
  /** May end the run, by saying why. */
  afterEpoch?(event: FitEvent, run: Run): Stopped | undefined;
  /** When the run has ended; the last word on the weights. Not called for a run that was aborted. */
  end?(run: Run): void;
  state?(): CallbackState;
  /** Why `state` cannot be its own; null if it can. Asked before anything of the run is restored. */
  refuses?(state: CallbackState, run: Run): string | null;
  restore?(state: CallbackState): void;
}

/** Why `tensors` cannot stand for those of a model, name by name; null if they can. */
export function unlike(
  tensors: Readonly<Record<string, Tensor>>,
  own: readonly (readonly [name: string, tensor: Tensor])[],
  what: string,
): string | null {
  for (const [name, { shape }] of own) {
    const other = tensors[name];
    if (other === undefined) return `it has no ${what} of ${name}`;
    if (!sameShape(other.shape, shape)) {
      return `its ${what} of ${name} must be ${formatShape(shape)}, got ${formatShape(other.shape)}`;
    }
    if (!other.data.every(Number.isFinite)) return `its ${what} of ${name} is not finite`;
  }
  const extra = Object.keys(tensors).length - own.length;
  return extra > 0 ? `it has ${extra} ${what}s too many` : null;
}
