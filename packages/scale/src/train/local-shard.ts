import { type Dataset, type FitEvent, fit, type Trainable } from '@latent/nn';
import { Rng, type RngState, type Tensor } from '@latent/tensor';
import type { StepTraining } from '../run/order.ts';
import type { Weights } from './average.ts';
import { type EpochSoFar, epochSoFar, joinCheckpoint, splitCheckpoint } from './checkpoint-parts.ts';

/** What a shard made of a round. */
export interface ShardRound {
  readonly weights: Weights;
  readonly state: Uint8Array;
  /** Sums over the round's rows of what the model reports. */
  readonly totals: Readonly<Record<string, number>>;
  readonly rows: number;
}

/** What one shard's training begins with. */
export interface ShardStart {
  readonly model: Trainable<string>;
  readonly dataset: Dataset;
  readonly training: StepTraining;
  readonly localSteps: number;
  readonly rng: Rng;
  /** What the shard kept of the round before; null for the first. */
  readonly state: Uint8Array | null;
}

/** Generators of shard 0 are the model's own, so one shard trains as `fit` does; every other has some of its own. */
export function ownGenerators(model: Trainable<string>, rng: Rng, shard: number): void {
  if (shard === 0) return;
  const all = new Set([rng, ...model.generators().map(([, generator]) => generator)]);
  for (const generator of all) generator.restore(derived(generator.state, shard));
}

/** A generator that depends on another's key, a number and a second one, and on nothing that either draws. */
export function derived({ key, counter }: RngState, high: number, low = counter[0]): RngState {
  const [child] = Rng.fromState({ key, counter: [low >>> 0, high >>> 0] }).split(1) as [Rng];
  return child.state;
}

/**
 * One shard's training from round to round: a single `fit` that waits after every so many steps, gives what it has, and goes on
 * with the weights of the next round. A shard that moves to another worker resumes from its state, to the same bits.
 */
export class LocalShard {
  /** Told after each step of a round, from 1. */
  onStep: ((step: number) => void) | null = null;
  readonly #start: ShardStart;
  readonly #stop = new AbortController();
  #waiting: { resolve(round: ShardRound): void; reject(error: unknown): void } | null = null;
  #goOn: (() => void) | null = null;
  #failed: unknown = null;
  #ended = false;
  #steps = 0;
  #stepsBefore = 0;
  #rows = 0;
  #totals: Record<string, number> = {};
  /** What of the epoch under way belongs to the rounds before. */
  #before: EpochSoFar = { rows: 0, totals: {} };
  #begun = false;

  constructor(start: ShardStart) {
    this.#start = start;
  }

  /** Trains for a round from these weights. */
  round(weights: Readonly<Record<string, Tensor>>): Promise<ShardRound> {
    const done = new Promise<ShardRound>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    if (this.#failed !== null) this.#fail(this.#failed);
    else if (!this.#begun) this.#begin(weights);
    else {
      this.#start.model.loadStateDict({ ...weights });
      this.#goOn?.();
    }
    return done;
  }

  /** Gives the training up. */
  stop(): void {
    this.#stop.abort();
    this.#goOn?.();
  }

  #begin(weights: Readonly<Record<string, Tensor>>): void {
    const { model, dataset, training, localSteps, rng, state } = this.#start;
    this.#begun = true;
    if (state === null) model.loadStateDict({ ...weights });
    const resumed = state === null ? null : joinCheckpoint(weights, state);
    if (state !== null) this.#before = epochSoFar(state);
    fit(model, dataset, {
      ...training,
      rng,
      // As many epochs as there could be steps: the run ends when nobody asks for more.
      epochs: Number.MAX_SAFE_INTEGER,
      signal: this.#stop.signal,
      checkpoint: {
        to: { read: async () => resumed, write: (bytes) => this.#written(bytes) },
        everySteps: localSteps,
        everyEpochs: Number.MAX_SAFE_INTEGER,
        resume: resumed !== null,
      },
      onWarning: () => {},
      onProgress: () => {
        this.#steps++;
        this.onStep?.(this.#steps - this.#stepsBefore);
      },
      onEpoch: (event) => {
        this.#count(sumsOf(event));
        this.#before = { rows: 0, totals: {} };
      },
    }).then(
      () => this.#fail(new Error('the training ended before its last round')),
      (error: unknown) => this.#fail(error),
    );
  }

  /** Adds what is new in the epoch's sums. A shard that was resumed has the same sums as one that was not, to the bit. */
  #count({ rows, totals }: EpochSoFar): void {
    for (const [name, total] of Object.entries(totals)) {
      this.#totals[name] = (this.#totals[name] ?? 0) + (total - (this.#before.totals[name] ?? 0));
    }
    this.#rows += rows - this.#before.rows;
  }

  /** A checkpoint: at the end of a round the training waits in it. */
  async #written(bytes: Uint8Array): Promise<void> {
    if (this.#ended || this.#steps === this.#stepsBefore || this.#stop.signal.aborted) return;
    this.#stepsBefore = this.#steps;
    const goOn = new Promise<void>((resolve) => {
      this.#goOn = resolve;
    });
    try {
      const { weights, state, soFar } = splitCheckpoint(bytes);
      this.#count(soFar);
      this.#before = soFar;
      const round = { weights, state, totals: this.#totals, rows: this.#rows };
      this.#totals = {};
      this.#rows = 0;
      this.#waiting?.resolve(round);
    } catch (error) {
      this.#fail(error);
    }
    await goOn;
  }

  #fail(error: unknown): void {
    this.#ended = true;
    this.#failed = error;
    this.#waiting?.reject(error);
  }
}

/** An epoch's sums over its rows, from the means that its event tells. */
function sumsOf(event: FitEvent): EpochSoFar {
  const { epoch: _1, epochs: _2, step: _3, steps: _4, rows, rowsPerSecond: _5, secondsLeft: _6, ...rest } = event;
  const { validation: _7, ...means } = rest;
  const totals = Object.entries(means as Readonly<Record<string, number>>).map(([name, mean]) => [name, mean * rows]);
  return { rows, totals: Object.fromEntries(totals) };
}
