import {
  adam,
  clipGradNorm,
  Dataset,
  type EpochSummary,
  type Module,
  type OptimizerSpec,
  type ProgressEvent,
  train,
} from '@latent/nn';
import { compile, type Rng, type Tensor, ValueError } from '@latent/tensor';
import type { Rows } from './rows.ts';

/** What a model reports of its loss, in nats per row (or in the loss's own unit). */
export interface LossNumbers {
  readonly loss: number;
  /** A VAE's parts: −log p(x | z) and the KL. */
  readonly reconstruction?: number;
  readonly kl?: number;
}

/** Progress of a run, after each step and after each epoch. Losses are means over the epoch's rows so far. */
export interface FitEvent extends LossNumbers {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  readonly rows: number;
  readonly rowsPerSecond: number;
  /** At the end of an epoch, where there is validation data. */
  readonly validation?: LossNumbers;
}

export interface FitOptions {
  /** Passes over the data; 10 by default. */
  readonly epochs?: number;
  /** Rows per step; 128 by default. */
  readonly batchSize?: number;
  /** Of the default optimizer, Adam; 1e-3 by default. */
  readonly learningRate?: number;
  /** In place of Adam, with a learning rate of its own. */
  readonly optimizer?: OptimizerSpec;
  /** Scales the gradients down to this joint norm where they are larger; off by default. */
  readonly clipNorm?: number;
  /** Scored after each epoch. */
  readonly validationData?: Rows;
  /** Stops between two steps; the weights keep what was learned. */
  readonly signal?: AbortSignal;
  onProgress?(event: FitEvent): void;
  onEpoch?(event: FitEvent): void;
}

export interface History {
  readonly epochs: readonly FitEvent[];
  readonly stopped: 'finished' | 'aborted';
}

interface FitRun {
  readonly model: Module;
  readonly rows: Float32Array;
  readonly width: number;
  readonly rng: Rng;
  readonly options: FitOptions;
  loss(batch: Tensor): { readonly loss: Tensor; readonly reconstruction?: Tensor; readonly kl?: Tensor };
  validate?(): LossNumbers;
}

/** The training run that every model shares: shuffled batches, one recorded step each, events and a history. */
export async function fitModel({ model, rows, width, rng, options, loss, validate }: FitRun): Promise<History> {
  if (options.optimizer !== undefined && options.learningRate !== undefined) {
    throw new ValueError('fit: give the learning rate to the optimizer, not beside it');
  }
  const { signal, epochs = 10, batchSize = 128, clipNorm } = options;
  const spec = options.optimizer ?? adam({ learningRate: options.learningRate ?? 1e-3 });
  const parameters = model.parameters();
  const optimizer = spec.create(parameters);
  const recorded = compile(
    (batch: Tensor): Record<string, Tensor> => {
      const parts = loss(batch);
      parts.loss.backward();
      if (clipNorm !== undefined) clipGradNorm(parameters, clipNorm);
      optimizer.step();
      optimizer.zeroGrad();
      return { ...parts };
    },
    { reuse: true },
  );
  const numbers: Record<string, number> = {};
  const trainStep = (batch: Tensor): Record<string, number> => {
    const parts = recorded(batch);
    for (const name in parts) numbers[name] = parts[name].item();
    return numbers;
  };

  const history: FitEvent[] = [];
  model.train();
  try {
    const run = train({
      data: Dataset.fromFlat(rows, width),
      step: trainStep,
      epochs,
      batchSize,
      rng,
      ...(signal && { signal }),
      ...(options.onProgress && {
        onProgress: (event: ProgressEvent<Record<string, number>>) => options.onProgress?.(flat(event)),
      }),
    });
    for await (const epoch of run) {
      model.eval();
      const steps = Math.ceil(epoch.rows / batchSize);
      const event = { ...flat({ ...epoch, step: steps, steps }), ...(validate && { validation: validate() }) };
      model.train();
      history.push(event);
      options.onEpoch?.(event);
    }
  } finally {
    model.eval();
  }
  return { epochs: history, stopped: signal?.aborted && history.length < epochs ? 'aborted' : 'finished' };
}

function flat(
  event: Omit<EpochSummary<Record<string, number>>, 'seconds'> & { step: number; steps: number },
): FitEvent {
  const { epoch, epochs, step: done, steps, rows, rowsPerSecond, metrics } = event;
  return {
    epoch,
    epochs,
    step: done,
    steps,
    rows,
    rowsPerSecond,
    ...(metrics as Record<string, number> & LossNumbers),
  };
}
