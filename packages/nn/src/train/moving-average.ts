import {
  checkOptions,
  type DType,
  mapInto,
  mapProgram,
  optional,
  persistentZeros,
  real,
  type Tensor,
} from '@latent/tensor';
import { type Callback, type Run, unlike } from './callback.ts';

/** How fast the average of weights follows them. */
export interface MovingAverageOptions {
  /** Share of the old average kept at each step; 0.999 by default. */
  readonly decay?: number;
}

const AVERAGE = /* @__PURE__ */ mapProgram('movingAverage', 3, (old, value, keep) =>
  keep.mul(old).add(keep.neg().add(1).mul(value)),
);

/**
 * Keeps a moving average of the weights (Polyak & Juditsky 1992; Tarvainen & Valpola 2017): ā ← d·ā + (1 − d)·w after each
 * step, with d = min(decay, (1 + t)/(10 + t)) at step t, so that the start is soon forgotten. Validation scores the average,
 * and the model has it at the end; training goes on with the weights themselves.
 */
export function movingAverage(options: MovingAverageOptions = {}): Callback {
  const { decay } = checkOptions('movingAverage', options, { decay: optional(real({ min: 0, below: 1 }), 0.999) });
  let averages: Map<string, Tensor> | null = null;
  let kept: Record<string, Tensor> | null = null;
  let steps = 0;
  /** The share of the old average, in each precision. */
  const shares = new Map<DType, Tensor>();

  const start = ({ model }: Run): Map<string, Tensor> => {
    averages ??= new Map(model.trainable().map(([name, parameter]) => [name, parameter.persisted(true)]));
    for (const { dtype } of averages.values()) {
      if (!shares.has(dtype)) shares.set(dtype, persistentZeros([1], { dtype }));
    }
    return averages;
  };
  const swapIn = (run: Run): void => {
    kept = run.model.stateDict();
    for (const [name, parameter] of run.model.trainable()) parameter.assign(start(run).get(name) as Tensor);
  };
  return {
    name: 'movingAverage',
    config: () => ({ decay }),
    begin() {
      averages = null;
      steps = 0;
    },
    afterStep(run) {
      const all = start(run);
      steps++;
      for (const share of shares.values()) share.assign(Math.min(decay, (1 + steps) / (10 + steps)));
      for (const [name, parameter] of run.model.trainable()) {
        mapInto(AVERAGE, [all.get(name) as Tensor], [parameter.detach(), shares.get(parameter.dtype) as Tensor]);
      }
    },
    beforeEvaluation: swapIn,
    afterEvaluation({ model }) {
      if (kept !== null) model.loadStateDict(kept);
      kept = null;
    },
    end: swapIn,
    state: () => ({ values: { steps }, ...(averages !== null && { tensors: Object.fromEntries(averages) }) }),
    refuses: ({ values, tensors = {} }, { model }) => {
      if (!Number.isSafeInteger(values.steps) || (values.steps as number) < 0) return 'it has no count of steps';
      return values.steps === 0 ? null : unlike(tensors, model.trainable(), 'average');
    },
    restore({ values, tensors = {} }) {
      steps = values.steps as number;
      const entries = Object.entries(tensors);
      averages = entries.length === 0 ? null : new Map(entries.map(([name, x]) => [name, x.persisted(true)]));
    },
  };
}
