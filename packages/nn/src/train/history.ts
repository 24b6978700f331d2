import { LatentError } from '@latent/tensor';
import type { Metrics } from './trainable.ts';

/** Where a run is. */
export interface Progress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done in this epoch. */
  readonly step: number;
  /** Steps of a whole epoch; null while the number of rows is not known. */
  readonly steps: number | null;
  /** Rows trained on in this epoch. */
  readonly rows: number;
  readonly rowsPerSecond: number;
  /** To the end of the last epoch, at this speed; null while the number of rows, or the speed, is not known. */
  readonly secondsLeft: number | null;
}

/** Progress after a step, or after an epoch. Numbers are means over the epoch's rows so far. */
export type FitEvent<N extends string = never> = Progress &
  Metrics<N> & {
    /** At the end of an epoch, where there is validation data. */
    readonly validation?: Metrics<N>;
  };

/**
 * Why a run ended: `finished` its epochs; `aborted` by its signal; by early stopping, out of `patience` or at its `target`;
 * by `time`; or by a callback of the caller's. A run whose loss is no longer finite does not end: it rejects, with a
 * `DivergedError`.
 */
export type Stopped = 'finished' | 'aborted' | 'patience' | 'target' | 'time' | 'callback';

/** What a run was: its epochs, why it ended, and what was odd. */
export interface History<N extends string = never> {
  readonly epochs: readonly FitEvent<N>[];
  readonly stopped: Stopped;
  /** With early stopping: the epoch with the lowest loss. */
  readonly best: { readonly epoch: number; readonly loss: number } | null;
  /**
   * The loss of saying the same of every row, in the unit of the loss: what a model must beat. Of models that restore rows in memory, where
   * their likelihood says it.
   */
  readonly baseline?: number;
  /** What was odd about the data or the run, in sentences. */
  readonly warnings: readonly string[];
}

/** A run whose loss or weights are no longer finite. The model has the weights of the last sound epoch. */
export class DivergedError extends LatentError {
  override name = 'DivergedError';
  /** The epochs before. */
  readonly history: Omit<History, 'stopped'>;

  constructor(message: string, history: DivergedError['history']) {
    super(message);
    this.history = history;
  }
}
