import {
  type ArrayDataset,
  adam,
  type Batch,
  type Optimizer,
  type OptimizerState,
  type SequenceDataset,
  SplitStep,
  stepping,
  type Trainable,
} from '@latent/nn';
import { Rng, type RngState, type Tensor, ValueError } from '@latent/tensor';
import type { StepTraining } from '../run/order.ts';
import { derived } from './local-shard.ts';

/** Rows in memory, any of which may be a batch. */
export type ShardRows = ArrayDataset | SequenceDataset;

/** Where the generators of a run were when it began. */
type Generators = readonly (readonly [generator: Rng, state: RngState])[];

function generatorsOf(model: Trainable<string>, rng: Rng): Generators {
  return [...new Set([rng, ...model.generators().map(([, generator]) => generator)])].map((of) => [of, of.state]);
}

/** Splits gradient from update, over the rows that a model is trained on. */
function splitStep(model: Trainable<string>, rng: Rng, names: readonly string[], training: StepTraining) {
  const spec = training.optimizer ?? adam({ learningRate: training.learningRate ?? 1e-3 });
  const optimizer: Optimizer = spec.create(model.trainableParameters());
  return { optimizer, step: new SplitStep(model, optimizer, rng, names, training) };
}

/** Sums over rows of a batch: the gradients of all parameters, and what the model reports. */
export interface GradientSum {
  readonly gradient: Tensor;
  readonly totals: Readonly<Record<string, number>>;
  readonly rows: number;
}

/**
 * The gradients of one shard, step by step. All that it draws depends on the shard and the step, so a shard keeps nothing from
 * step to step, and may move to another worker at any time.
 */
export class GradientShard {
  readonly #model: Trainable<string>;
  readonly #dataset: ShardRows;
  readonly #shard: number;
  readonly #batchSize: number;
  readonly #generators: Generators;
  readonly #step: SplitStep;
  readonly #nothing: Tensor;
  #epoch = -1;
  #order: Uint32Array = new Uint32Array();

  constructor(model: Trainable<string>, dataset: ShardRows, shard: number, rng: Rng, training: StepTraining) {
    this.#model = model;
    this.#dataset = dataset;
    this.#shard = shard;
    this.#batchSize = training.batchSize ?? 128;
    this.#generators = generatorsOf(model, rng);
    this.#step = splitStep(model, rng, Object.keys(dataset.spec), training).step;
    this.#nothing = this.#step.gradient.full(this.#step.gradient.shape, 0);
  }

  /** The sum over the rows of this round's batch, at these weights. */
  round(round: number, weights: Readonly<Record<string, Tensor>>): GradientSum {
    this.#model.loadStateDict({ ...weights });
    this.#model.beginEpoch?.(epochOf(round, this.#dataset.length, this.#batchSize));
    const batch = this.#batch(round);
    const rows = (Object.values(batch)[0] as Tensor).shape[0] as number;
    for (const [generator, state] of this.#generators) {
      generator.restore(derived(state, 2 * this.#shard + 2, round));
    }
    this.#step.gradient.assign(this.#nothing);
    const means = stepping((given: Batch) => this.#step.add(given), batch);
    if (!Number.isFinite(means.loss)) {
      throw new ValueError(
        `distributedFit: the loss became ${means.loss} in step ${round + 1} of shard ${this.#shard}; try a smaller learning rate, or clipNorm: 1`,
      );
    }
    const totals = Object.fromEntries(Object.entries(means).map(([name, mean]) => [name, mean * rows]));
    const gradient = this.#step.gradient.clone();
    this.#step.rows = 0;
    this.#step.batches = 0;
    return { gradient, totals, rows };
  }

  /** The rows of a round: those of each epoch in an order of its own. */
  #batch(round: number): Batch {
    const length = this.#dataset.length;
    const perEpoch = Math.ceil(length / this.#batchSize);
    const epoch = epochOf(round, length, this.#batchSize);
    if (epoch !== this.#epoch) {
      const [, state] = this.#generators[0] as Generators[number];
      this.#order = Rng.fromState(derived(state, 2 * this.#shard + 1, epoch)).permutation(length);
      this.#epoch = epoch;
    }
    const start = (round % perEpoch) * this.#batchSize;
    return this.#dataset.rows(this.#order.subarray(start, start + this.#batchSize));
  }
}

/** The epoch, from 0, of a shard's batch. */
export function epochOf(round: number, rows: number, batchSize: number): number {
  return Math.floor(round / Math.ceil(rows / batchSize));
}

/** Updates weights by gradients that were summed elsewhere: one step over the rows of all shards. */
export class LargeBatchUpdate {
  readonly #model: Trainable<string>;
  readonly #optimizer: Optimizer;
  readonly #step: SplitStep;

  constructor(model: Trainable<string>, rng: Rng, names: readonly string[], training: StepTraining) {
    this.#model = model;
    const { optimizer, step } = splitStep(model, rng, names, training);
    this.#optimizer = optimizer;
    this.#step = step;
  }

  /** One update at these weights; `gradient` is the sum over `rows` rows, of a batch of this epoch. */
  update(
    weights: Readonly<Record<string, Tensor>>,
    state: OptimizerState | null,
    gradient: Float64Array,
    { rows, epoch }: { readonly rows: number; readonly epoch: number },
  ): { readonly weights: Record<string, Tensor>; readonly state: OptimizerState } {
    this.#model.loadStateDict({ ...weights });
    if (state !== null) this.#optimizer.loadState(state);
    this.#optimizer.epoch = epoch;
    const own = this.#step.gradient;
    if (gradient.length !== own.size) {
      throw new ValueError(`distributedFit: gradients have ${gradient.length} numbers, but the model has ${own.size}`);
    }
    own.assign(own.dtype === 'f64' ? gradient : Float32Array.from(gradient));
    this.#step.rows = rows;
    stepping((step: SplitStep) => step.update(), this.#step);
    return { weights: this.#model.stateDict(), state: this.#optimizer.state() };
  }
}

/** An optimizer's numbers as tensors by name and a text. */
export function encodeOptimizer({ slots, ...numbers }: OptimizerState): {
  readonly tensors: Record<string, Tensor>;
  readonly text: string;
} {
  const tensors = Object.fromEntries(
    slots.flatMap((own, i) => own.map((slot, j) => [`slot.${i}.${j}`, slot] as const)),
  );
  return { tensors, text: JSON.stringify({ ...numbers, slots: slots.map((own) => own.length) }) };
}

/** An optimizer's numbers again; anything else is refused. */
export function decodeOptimizer(tensors: Readonly<Record<string, Tensor>>, text: string | undefined): OptimizerState {
  const numbers: unknown = JSON.parse(text ?? 'null');
  const { t, epoch, learningRate, slots } = (numbers ?? {}) as Record<string, unknown>;
  const sound =
    Number.isSafeInteger(t) &&
    Number.isSafeInteger(epoch) &&
    typeof learningRate === 'number' &&
    Array.isArray(slots) &&
    slots.every((count) => Number.isSafeInteger(count) && count >= 0 && count <= 8);
  if (!sound) throw new ValueError("store: the optimizer's numbers are altered");
  return {
    t: t as number,
    epoch: epoch as number,
    learningRate: learningRate as number,
    slots: (slots as number[]).map((count, i) =>
      Array.from({ length: count }, (_, j) => {
        const slot = tensors[`slot.${i}.${j}`];
        if (slot === undefined) throw new ValueError(`store: the optimizer has no slot ${j} of parameter ${i}`);
        return slot;
      }),
    ),
  };
}
