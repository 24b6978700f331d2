import { checkOptions, mapInto, mapProgram, optional, real, type Tensor } from '@latent/tensor';
import type { Callback, Run } from './callback.ts';

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
  let keep: Tensor | null = null;
  let steps = 0;

  const start = ({ model }: Run): Map<string, Tensor> => {
    const parameters = model.trainable();
    averages ??= new Map(parameters.map(([name, parameter]) => [name, parameter.persisted(true)]));
    const [, some] = parameters[0] as [string, Tensor]; // the optimizer has refused a model without
    keep ??= some.scalar(0).persisted(true);
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
      (keep as Tensor).assign(Math.min(decay, (1 + steps) / (10 + steps)));
      for (const [name, parameter] of run.model.trainable()) {
        mapInto(AVERAGE, [all.get(name) as Tensor], [parameter.detach(), keep as Tensor]);
      }
    },
    beforeEvaluation: swapIn,
    afterEvaluation({ model }) {
      if (kept !== null) model.loadStateDict(kept);
      kept = null;
    },
    end: swapIn,
    state: () => ({ values: { steps }, tensors: Object.fromEntries(averages ?? []) }),
    refuses: ({ values }) => (Number.isInteger(values.steps) ? null : 'it has no count of steps'),
    restore({ values, tensors = {} }) {
      steps = values.steps as number;
      averages = new Map(Object.entries(tensors).map(([name, average]) => [name, average.persisted(true)]));
    },
  };
}
