import { checkOptions, flag, isPlainObject, optional, real, type Tensor, whole } from '@latent/tensor';
import { type Callback, type CallbackState, unlike } from './callback.ts';

/** When a run ends early, and on which weights. */
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

/** A callback that ends a run whose loss falls no more; it goes back to the best weights. */
export interface EarlyStopping extends Callback {
  /** The epoch with the lowest loss so far. */
  readonly best: { readonly epoch: number; readonly loss: number } | null;
}

/**
 * Watches the loss of epochs, remembers the best weights and says when to stop (Prechelt 1998): the validation loss where
 * there is validation data, else the training loss.
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): EarlyStopping {
  const checked = checkOptions('earlyStopping', options, {
    patience: optional(whole({ min: 1 }), 10),
    minDelta: optional(real({ min: 0 }), 0),
    target: optional(real()),
    restoreBest: optional(flag(), true),
  });
  const { patience, minDelta, target = -Infinity, restoreBest } = checked;
  let best: EarlyStopping['best'] = null;
  let waited = 0;
  let weights: Record<string, Tensor> | null = null;
  return {
    name: 'earlyStopping',
    config: () => ({ ...checked }),
    get best() {
      return best;
    },
    begin() {
      best = null;
      waited = 0;
      weights = null;
    },
    afterEpoch(event, { watched, scored }) {
      const loss = watched(event);
      if (loss < (best?.loss ?? Infinity) - minDelta) {
        best = { epoch: event.epoch, loss };
        waited = 0;
        if (restoreBest) weights = scored();
      } else waited++;
      if (loss <= target) return 'target';
      return waited >= patience ? 'patience' : undefined;
    },
    end({ model }) {
      if (weights !== null) model.loadStateDict(weights);
    },
    state: () => ({ values: { best, waited }, ...(weights !== null && { tensors: weights }) }),
    refuses({ values, tensors }, { model }) {
      const { best, waited } = values;
      const known = best === null || (isPlainObject(best) && isNumber(best.epoch) && isNumber(best.loss));
      if (!known || !Number.isSafeInteger(waited) || (waited as number) < 0)
        return 'it has no best epoch and count of epochs waited';
      if (restoreBest && best !== null && tensors === undefined) return 'it has no weights of the best epoch';
      return tensors === undefined ? null : unlike(tensors, model.namedTensors(), 'weight');
    },
    restore({ values, tensors }: CallbackState) {
      best = values.best as EarlyStopping['best'];
      waited = values.waited as number;
      weights = tensors === undefined ? null : { ...tensors };
    },
  };
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
