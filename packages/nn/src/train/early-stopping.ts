import { type Tensor, ValueError } from '@latent/tensor';
import type { Module } from '../module.ts';

export interface EarlyStoppingOptions {
  /** Epochs without a lower loss before the run stops; 10 by default. */
  readonly patience?: number;
  /** A loss counts as lower when it is by more than this; 0 by default. */
  readonly minDelta?: number;
  /** Stop when the loss is at most this. */
  readonly target?: number;
  /** At the end take back the weights of the best epoch; true by default. */
  readonly restoreBest?: boolean;
}

/** What it has seen, as plain data. */
export interface EarlyStoppingState {
  readonly best: { readonly epoch: number; readonly loss: number } | null;
  readonly waited: number;
}

/** Watches the loss of epochs, remembers the best weights and says when to stop (Prechelt 1998). */
export class EarlyStopping {
  #best: EarlyStoppingState['best'] = null;
  #waited = 0;
  #weights: Record<string, Tensor> | null = null;
  readonly #model: Module;
  readonly #options: Required<Omit<EarlyStoppingOptions, 'target'>> & { target: number };

  constructor(model: Module, options: EarlyStoppingOptions) {
    const { patience = 10, minDelta = 0, target = -Infinity, restoreBest = true } = options;
    if (!(Number.isInteger(patience) && patience >= 1)) {
      throw new ValueError(`earlyStopping: patience must be a whole number ≥ 1, got ${patience}`);
    }
    if (!(minDelta >= 0)) throw new ValueError(`earlyStopping: minDelta must be ≥ 0, got ${minDelta}`);
    this.#model = model;
    this.#options = { patience, minDelta, target, restoreBest };
  }

  get state(): EarlyStoppingState {
    return { best: this.#best, waited: this.#waited };
  }

  /** The weights of the best epoch, where they are wanted. */
  get bestWeights(): Readonly<Record<string, Tensor>> {
    return this.#weights ?? {};
  }

  load(state: EarlyStoppingState, weights: Record<string, Tensor>): void {
    this.#best = state.best;
    this.#waited = state.waited;
    this.#weights = Object.keys(weights).length > 0 ? weights : null;
  }

  /** Takes in an epoch's loss; the reason to stop now, or null. */
  observe(epoch: number, loss: number): 'patience' | 'target' | null {
    const { patience, minDelta, target, restoreBest } = this.#options;
    if (loss < (this.#best?.loss ?? Infinity) - minDelta) {
      this.#best = { epoch, loss };
      this.#waited = 0;
      if (restoreBest) this.#weights = this.#model.stateDict();
    } else this.#waited++;
    if (loss <= target) return 'target';
    return this.#waited >= patience ? 'patience' : null;
  }

  /** Takes back the best weights, where there are some. */
  restore(): void {
    if (this.#weights !== null) this.#model.loadStateDict(this.#weights);
  }
}
