import {
  anything,
  type Check,
  type Checked,
  callable,
  checkOptions,
  describeValue,
  fields,
  flag,
  instance,
  isPlainObject,
  list,
  optional,
  type Rng,
  real,
  refuse,
  text,
  ValueError,
  whole,
} from '@latent/tensor';
import { batchSizeCheck, type Dataset } from '../data/dataset.ts';
import { type OptimizerSpec, optimizers, type Rate, rateCheck } from '../optim/optimizer.ts';
import { type Constraint, constraintCheck, strengthCheck } from '../optim/penalty.ts';
import { generatorCheck } from '../registry/generator.ts';
import { partOf } from '../registry/registry.ts';
import { readFileIfThere, writeFileAtomically } from '../save/file.ts';
import type { Callback } from './callback.ts';
import type { CheckpointStore } from './checkpoint.ts';
import type { EarlyStoppingOptions } from './early-stopping.ts';
import type { FitEvent } from './history.ts';
import type { MovingAverageOptions } from './moving-average.ts';

/** Where and how often a run is kept, so that it can be resumed. */
export interface CheckpointOptions {
  /** A file (Node), or a place of your own to keep bytes in. */
  readonly to: string | CheckpointStore;
  /** Epochs between two checkpoints; 1 by default. One is written at the start and one at the end too. */
  readonly everyEpochs?: number;
  /** Also after so many updates, counted from where the run began or was resumed. `write` is waited for. */
  readonly everySteps?: number;
  /** Also after so many minutes, within an epoch. */
  readonly everyMinutes?: number;
  /** Goes on from the checkpoint that is there, to the same bits as a run that was never stopped; false by default. */
  readonly resume?: boolean;
}

/** How a model is trained. `N` are the names of what the model reports beside its loss. */
export interface TrainingOptions<N extends string = never> {
  /** Passes over the data; 10 by default. */
  readonly epochs?: number;
  /** Rows per step; 128 by default. */
  readonly batchSize?: number;
  /** Batches whose gradients are added up before each update: steps of batchSize·accumulate rows in the memory of one; 1 by default. */
  readonly accumulate?: number;
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
  /** Ends the run when the validation loss (the training loss without validation data) no longer falls; off by default. */
  readonly earlyStopping?: EarlyStoppingOptions;
  /** Scores, and ends with, a moving average of the weights; off by default. */
  readonly movingAverage?: MovingAverageOptions;
  /** What else accompanies the run, in this order. */
  readonly callbacks?: readonly Callback[];
  /** Ends the run after the epoch in which this many seconds have passed. */
  readonly maxSeconds?: number;
  /** Where the run is kept, so that it can go on: a file's path, or more of it. */
  readonly checkpoint?: string | CheckpointOptions;
  /** Stops between two steps; the weights keep what was learned. */
  readonly signal?: AbortSignal;
  onProgress?(event: FitEvent<N>): void;
  onEpoch?(event: FitEvent<N>): void;
  /** Told what is odd about the data or the run; the console's `warn` by default. */
  onWarning?(message: string): void;
}

/** Everything that `fit` may be told. */
export interface FitOptions<N extends string = never> extends TrainingOptions<N> {
  /** Scored after each epoch. */
  readonly validation?: Dataset;
  /** Draws the order of rows and what the model draws; `new Rng(seed)` by default. */
  readonly rng?: Rng;
  /** 0 by default. */
  readonly seed?: number;
  /** What is odd about the data, found by whoever prepared it. */
  readonly warnings?: readonly string[];
  /** Told when nothing can be refused any more, neither an option nor a checkpoint: training begins. */
  onStart?(): void;
}

const norm = /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0 }));

const storeCheck: Check<CheckpointStore> = (value, at) => {
  if (typeof value === 'string' && value !== '') {
    return { read: () => readFileIfThere(value), write: (bytes) => writeFileAtomically(value, bytes) };
  }
  const store = value as Partial<CheckpointStore> | null;
  return typeof store?.read === 'function' && typeof store.write === 'function'
    ? (store as CheckpointStore)
    : refuse(at, 'a path, or an object with read and write', value);
};

const checkpointFields = /* @__PURE__ */ fields({
  to: storeCheck,
  everyEpochs: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 1),
  everySteps: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), Infinity),
  everyMinutes: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), Infinity),
  resume: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
});

const checkpointCheck: Check<ReturnType<typeof checkpointFields>> = (value, at) => {
  if (isPlainObject(value)) return checkpointFields(value, at);
  if (typeof value === 'string') return checkpointFields({ to: value }, at);
  return refuse(at, "a path, or an object such as { to: 'run.safetensors', resume: true }", value);
};

const callbackCheck: Check<Callback> = (value, at) =>
  typeof value === 'object' && value !== null && typeof (value as Callback).name === 'string'
    ? (value as Callback)
    : refuse(at, 'a callback with a name', value);

/** A check for a data set. */
export const datasetCheck: Check<Dataset> = /* @__PURE__ */ instance<Dataset>(
  'a data set: dataset({ x: rows }) or stream(…)',
  (value) => 'spec' in value && typeof (value as Dataset).pass === 'function',
);

/** The checks of what says how a model is trained, for `fit` and for what calls it. */
export const trainingChecks = {
  epochs: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 }), 10),
  batchSize: /* @__PURE__ */ optional(batchSizeCheck, 128),
  accumulate: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 1),
  learningRate: /* @__PURE__ */ optional(rateCheck),
  optimizer: /* @__PURE__ */ optional<OptimizerSpec>((value, at) =>
    partOf(optimizers, 'adam({ learningRate: 1e-3 })')(value, at),
  ),
  clipNorm: norm,
  clipParameterNorm: norm,
  clipValue: norm,
  l1: /* @__PURE__ */ optional(strengthCheck, 0),
  l2: /* @__PURE__ */ optional(strengthCheck, 0),
  constraints: /* @__PURE__ */ optional(/* @__PURE__ */ list(constraintCheck), []),
  // Their own functions check these, and name themselves.
  earlyStopping: /* @__PURE__ */ optional(/* @__PURE__ */ anything()),
  movingAverage: /* @__PURE__ */ optional(/* @__PURE__ */ anything()),
  callbacks: /* @__PURE__ */ optional(/* @__PURE__ */ list(callbackCheck), []),
  maxSeconds: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0, infinite: true }), Infinity),
  checkpoint: /* @__PURE__ */ optional(checkpointCheck),
  signal: /* @__PURE__ */ optional(
    /* @__PURE__ */ instance<AbortSignal>('an AbortSignal', (value) => 'aborted' in value),
  ),
  onProgress: /* @__PURE__ */ optional(/* @__PURE__ */ callable<(event: FitEvent) => void>()),
  onEpoch: /* @__PURE__ */ optional(/* @__PURE__ */ callable<(event: FitEvent) => void>()),
  onWarning: /* @__PURE__ */ optional(/* @__PURE__ */ callable<(message: string) => void>(), (message: string) =>
    console.warn(message),
  ),
};

const fitChecks = /* @__PURE__ */ Object.assign({}, trainingChecks, {
  validation: /* @__PURE__ */ optional(datasetCheck),
  rng: /* @__PURE__ */ optional(generatorCheck),
  seed: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 }), 0),
  warnings: /* @__PURE__ */ optional(/* @__PURE__ */ list(/* @__PURE__ */ text()), []),
  onStart: /* @__PURE__ */ optional(/* @__PURE__ */ callable<() => void>()),
});

export type CheckedFitOptions = Checked<typeof fitChecks>;

/** The options with their defaults; throws a `ValueError` that names the one that cannot be. */
export function checkFitOptions(caller: string, options: unknown): CheckedFitOptions {
  const checked = checkOptions(caller, options, fitChecks);
  const { optimizer, learningRate, rng } = checked;
  if (optimizer !== undefined && learningRate !== undefined) {
    throw new ValueError(`${caller}: give the learning rate to the optimizer, not beside it`);
  }
  if (rng !== undefined && isPlainObject(options) && options.seed !== undefined) {
    throw new ValueError(`${caller}: give a seed or a generator, not both`);
  }
  for (const name of ['earlyStopping', 'movingAverage'] as const) {
    const value = checked[name];
    if (value !== undefined && !isPlainObject(value)) {
      throw new ValueError(
        `${caller}: ${name} must be an object of its options ({} for the defaults), got ${describeValue(value)}`,
      );
    }
  }
  return checked;
}
