import {
  adam,
  applyConstraints,
  type CheckpointStore,
  type Constraint,
  clipEachGradNorm,
  clipGradNorm,
  clipGradValue,
  crc32,
  Dataset,
  EarlyStopping,
  type EarlyStoppingOptions,
  encodeCheckpoint,
  type Module,
  type OptimizerSpec,
  type PlateauSchedule,
  type ProgressEvent,
  type Rate,
  readFileIfThere,
  restoreCheckpoint,
  type TrainPosition,
  train,
  weightPenalty,
  writeFileAtomically,
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
  /** To the end of the last epoch, at this speed. */
  readonly secondsLeft: number;
  /** At the end of an epoch, where there is validation data. */
  readonly validation?: LossNumbers;
}

export interface CheckpointOptions {
  /** A file (Node), or a place of your own to keep bytes in. */
  readonly to: string | CheckpointStore;
  /** Epochs between two checkpoints; 1 by default. */
  readonly everyEpochs?: number;
  /** Also after so many minutes, within an epoch. */
  readonly everyMinutes?: number;
  /** Goes on from the checkpoint that is there, to the same bits as a run that was never stopped; false by default. */
  readonly resume?: boolean;
}

export interface FitOptions {
  /** Passes over the data; 10 by default. */
  readonly epochs?: number;
  /** Rows per step; 128 by default. */
  readonly batchSize?: number;
  /** Of the default optimizer, Adam, a number or a schedule; 1e-3 by default. */
  readonly learningRate?: Rate;
  /** In place of Adam, with a learning rate of its own. */
  readonly optimizer?: OptimizerSpec;
  /** Scales the gradients down to this joint norm where they are larger; off by default. */
  readonly clipNorm?: number;
  /** Scales each parameter's gradient down to this norm by itself; off by default. */
  readonly clipParameterNorm?: number;
  /** Holds each element of the gradients to ± this; off by default. */
  readonly clipValue?: number;
  /** Adds l1·Σ|w| to the loss, over weights without biases; 0 by default. */
  readonly l1?: number;
  /** Adds ½·l2·Σw² to the loss, over weights without biases; 0 by default. */
  readonly l2?: number;
  /** What weights are held to after each step; nothing by default. */
  readonly constraints?: readonly Constraint[];
  /** Scored after each epoch. */
  readonly validationData?: Rows;
  /** Ends the run when the validation loss (the training loss without validation data) no longer falls; off by default. */
  readonly earlyStopping?: EarlyStoppingOptions;
  /** Ends the run after the epoch in which this many seconds have passed. */
  readonly maxSeconds?: number;
  readonly checkpoint?: CheckpointOptions;
  /** Stops between two steps; the weights keep what was learned. */
  readonly signal?: AbortSignal;
  onProgress?(event: FitEvent): void;
  onEpoch?(event: FitEvent): void;
}

/**
 * Why a run ended. `diverged`: a loss was not finite; the weights are the best epoch's (or, before the first epoch was
 * over, those of the start).
 */
export type Stopped = 'finished' | 'aborted' | 'patience' | 'target' | 'time' | 'diverged';

export interface History {
  readonly epochs: readonly FitEvent[];
  readonly stopped: Stopped;
  /** With early stopping: the epoch with the lowest loss. */
  readonly best: { readonly epoch: number; readonly loss: number } | null;
}

interface FitRun {
  readonly model: Module;
  readonly rows: Float32Array;
  readonly width: number;
  readonly rng: Rng;
  readonly options: FitOptions;
  /** Of the model's file, which checkpoints are too. */
  metadata(): Record<string, string>;
  loss(batch: Tensor): { readonly loss: Tensor; readonly reconstruction?: Tensor; readonly kl?: Tensor };
  validate?(): LossNumbers;
  /** Told before each epoch, from 0, for what changes by epoch. */
  onEpochStart?(epoch: number): void;
}

/** A loss that is not finite ends the run. */
class Diverged extends Error {}

/** The training run that every model shares: shuffled batches, a recorded step for each, events, checkpoints, a history. */
export async function fitModel(run: FitRun): Promise<History> {
  const { model, rows, width, rng, options, validate } = run;
  if (options.optimizer !== undefined && options.learningRate !== undefined) {
    throw new ValueError('fit: give the learning rate to the optimizer, not beside it');
  }
  const { signal, epochs = 10, batchSize = 128, checkpoint } = options;
  const spec = options.optimizer ?? adam({ learningRate: options.learningRate ?? 1e-3 });
  const optimizer = spec.create(model.trainableParameters());
  const stopping = options.earlyStopping ? new EarlyStopping(model, options.earlyStopping) : null;
  const started = performance.now();
  const parts = { model, optimizer, stopping };
  const store = checkpoint && storeOf(checkpoint.to);
  // What must be the same when a run goes on; the number of epochs may grow.
  const description = {
    optimizer: spec.config(),
    batchSize,
    rows: rows.length / width,
    data: store && crc32(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength)),
    clipNorm: options.clipNorm,
    clipParameterNorm: options.clipParameterNorm,
    clipValue: options.clipValue,
    l1: options.l1,
    l2: options.l2,
    constraints: options.constraints,
  };

  const history: FitEvent[] = [];
  let from: TrainPosition | undefined;
  const bytes = checkpoint?.resume ? await store?.read() : null;
  if (bytes) {
    const restored = restoreCheckpoint(bytes, parts, description);
    from = restored.position;
    history.push(...(restored.history as FitEvent[]));
  }
  const save = async (position: TrainPosition): Promise<void> => {
    await store?.write(encodeCheckpoint(run.metadata(), parts, description, position, history));
    lastSaved = performance.now();
  };
  let lastSaved = started;
  const saveEvery = (checkpoint?.everyMinutes ?? Infinity) * 60_000;
  const beforeRun = model.stateDict();
  let stopped: Stopped = 'finished';

  model.train();
  run.onEpochStart?.((from?.epoch ?? 1) - 1);
  optimizer.epoch = (from?.epoch ?? 1) - 1;
  try {
    const passes = train({
      data: Dataset.fromFlat(rows, width),
      step: trainStep(run, optimizer),
      epochs,
      batchSize,
      rng,
      ...(from && { from }),
      ...(signal && { signal }),
      afterStep: (position) => (performance.now() - lastSaved > saveEvery ? save(position()) : undefined),
      ...(options.onProgress && {
        onProgress: (event: ProgressEvent<Record<string, number>>) => options.onProgress?.(flat(event)),
      }),
    });
    for await (const epoch of passes) {
      model.eval();
      const steps = Math.ceil(epoch.rows / batchSize);
      const event = { ...flat({ ...epoch, step: steps, steps }), ...(validate && { validation: validate() }) };
      model.train();
      history.push(event);
      const monitored = (event.validation ?? event).loss;
      if (optimizer.schedule !== null && 'observe' in optimizer.schedule) {
        (optimizer.schedule as PlateauSchedule).observe(monitored);
      }
      optimizer.epoch = epoch.epoch;
      run.onEpochStart?.(epoch.epoch);
      const reason = stopping?.observe(epoch.epoch, monitored) ?? null;
      if (checkpoint && epoch.epoch % (checkpoint.everyEpochs ?? 1) === 0) {
        await save({ epoch: epoch.epoch + 1, step: 0, rows: 0, order: null, totals: {} });
      }
      options.onEpoch?.(event);
      if (reason !== null) {
        stopped = reason;
        break;
      }
      if (performance.now() - started > 1000 * (options.maxSeconds ?? Infinity)) {
        stopped = 'time';
        break;
      }
    }
    if (stopped === 'finished' && signal?.aborted && history.length < epochs) stopped = 'aborted';
    if (stopped !== 'aborted') stopping?.restore();
  } catch (error) {
    if (!(error instanceof Diverged)) throw error;
    stopped = 'diverged';
    if (stopping?.state.best) stopping.restore();
    else model.loadStateDict(beforeRun);
  } finally {
    model.eval();
  }
  return { epochs: history, stopped, best: stopping?.state.best ?? null };
}

/** One step as a program: what it reports is read from memory into one object. */
function trainStep(
  { model, options, loss }: FitRun,
  optimizer: ReturnType<OptimizerSpec['create']>,
): (batch: Tensor) => Record<string, number> {
  const { clipNorm, clipParameterNorm, clipValue, constraints = [] } = options;
  const parameters = model.trainableParameters();
  const recorded = compile(
    (batch: Tensor): Record<string, Tensor> => {
      const parts = loss(batch);
      const penalty = weightPenalty(model, options);
      (penalty === null ? parts.loss : parts.loss.add(penalty)).backward();
      if (clipValue !== undefined) clipGradValue(parameters, clipValue);
      if (clipParameterNorm !== undefined) clipEachGradNorm(parameters, clipParameterNorm);
      if (clipNorm !== undefined) clipGradNorm(parameters, clipNorm);
      optimizer.step();
      optimizer.zeroGrad();
      if (constraints.length > 0) applyConstraints(model, constraints);
      return { ...parts };
    },
    { reuse: true },
  );
  const numbers: Record<string, number> = {};
  return (batch) => {
    const parts = recorded(batch);
    for (const name in parts) numbers[name] = parts[name].item();
    if (!Number.isFinite(numbers.loss)) throw new Diverged();
    return numbers;
  };
}

function storeOf(to: string | CheckpointStore): CheckpointStore {
  if (typeof to !== 'string') return to;
  return { read: () => readFileIfThere(to), write: (bytes) => writeFileAtomically(to, bytes) };
}

function flat(
  event: Omit<ProgressEvent<Record<string, number>>, 'metrics'> & { metrics: Record<string, number> },
): FitEvent {
  const { epoch, epochs, step, steps, rows, rowsPerSecond, metrics } = event;
  const rowsLeft = ((epochs - epoch) * steps + (steps - step)) * (rows / step);
  return {
    epoch,
    epochs,
    step,
    steps,
    rows,
    rowsPerSecond,
    secondsLeft: rowsLeft / rowsPerSecond,
    ...(metrics as Record<string, number> & LossNumbers),
  };
}
