import { type TrainingOptions, toJson, trainingChecks } from '@latent/nn';
import {
  type Check,
  type Checked,
  checkOptions,
  fields,
  isPlainObject,
  list,
  nullable,
  oneOf,
  optional,
  real,
  refuse,
  text,
  whole,
} from '@latent/tensor';
import { partsDataCheck } from '../data/part.ts';

/** Options of `fit` that say what a step is; the others belong to who calls it. */
const stepChecks = {
  batchSize: trainingChecks.batchSize,
  accumulate: trainingChecks.accumulate,
  learningRate: trainingChecks.learningRate,
  optimizer: trainingChecks.optimizer,
  clipNorm: trainingChecks.clipNorm,
  clipParameterNorm: trainingChecks.clipParameterNorm,
  clipValue: trainingChecks.clipValue,
  l1: trainingChecks.l1,
  l2: trainingChecks.l2,
  constraints: trainingChecks.constraints,
};

/** The names of the options of `fit` that runs can have. */
export const stepOptionNames: readonly string[] = /* @__PURE__ */ Object.keys(stepChecks);

/** How a step is made, as in `fit`. */
export type StepTraining = Pick<
  TrainingOptions,
  | 'batchSize'
  | 'accumulate'
  | 'learningRate'
  | 'optimizer'
  | 'clipNorm'
  | 'clipParameterNorm'
  | 'clipValue'
  | 'l1'
  | 'l2'
  | 'constraints'
>;

/** A check for how a step is made, given by a caller or read from an order. */
export const trainingCheck: Check<StepTraining> = (value, at) =>
  isPlainObject(value)
    ? (checkOptions(at.caller, value, stepChecks, at.path) as StepTraining)
    : refuse(at, 'an object', value);

/** Numbers of parts and shards that a run can have. */
export const MOST_SHARDS = 4096;

const outerCheck = /* @__PURE__ */ fields({
  learningRate: real({ above: 0, max: 10 }),
  momentum: real({ min: 0, below: 1 }),
});

const round = /* @__PURE__ */ whole({ min: 1, max: 1e9 });

const orderChecks = {
  fit: {
    kind: oneOf('fit'),
    model: text(),
    data: partsDataCheck,
    validation: nullable(partsDataCheck),
    shards: whole({ min: 1, max: MOST_SHARDS }),
    localSteps: round,
    rounds: round,
    outer: nullable(outerCheck),
    training: trainingCheck,
    keepRounds: whole({ min: 1 }),
    seed: whole({ min: 0 }),
  },
  score: {
    kind: oneOf('score'),
    model: text(),
    data: partsDataCheck,
    score: text(),
    options: ((value, at) => (isPlainObject(value) ? value : refuse(at, 'an object', value))) as Check<
      Readonly<Record<string, unknown>>
    >,
  },
  sweep: {
    kind: oneOf('sweep'),
    data: partsDataCheck,
    validation: partsDataCheck,
    trials: list(fields({ name: text(), model: text(), training: trainingCheck }), { min: 1, max: 10_000 }),
    rungs: list(round, { min: 1, max: 32 }),
    keep: real({ above: 0, max: 1 }),
  },
} as const;

/** What is asked of workers, as the run's first blob says it. */
export type FitOrder = Checked<(typeof orderChecks)['fit']>;
/** Rows to be scored. */
export type ScoreOrder = Checked<(typeof orderChecks)['score']>;
/** Models to be compared. */
export type SweepOrder = Checked<(typeof orderChecks)['sweep']>;
/** Any of them. */
export type Order = FitOrder | ScoreOrder | SweepOrder;

/** A check for an order, whatever it asks for. */
export const orderCheck: Check<Order> = (value, at) => {
  if (!isPlainObject(value)) return refuse(at, 'an order', value);
  const kind = oneOf('fit', 'score', 'sweep')(value.kind, { ...at, path: `${at.path}.kind` });
  return fields(orderChecks[kind] as (typeof orderChecks)['fit'])(value, at) as Order;
};

/** An order as JSON: optimizers and schedules as their descriptions. */
export function orderJson(order: Order): unknown {
  return toJson(order, 'order');
}

const partRecord = fields({ rows: whole({ min: 0 }), checksum: text() });

/** What was found of the data when a run began; every worker sees to it that it stays so. */
export const recordCheck = /* @__PURE__ */ fields({
  data: list(partRecord),
  validation: optional(list(partRecord), []),
  warnings: list(text()),
  seconds: real({ min: 0 }),
});

/** The record of a run. */
export type RunRecord = ReturnType<typeof recordCheck>;
export { partRecord as partRecordCheck };
