import {
  type ActivationName,
  activationCheck,
  partOf,
  quantile,
  standardise,
  type Transform,
  transforms,
} from '@latent/nn';
import { type Check, fields, flag, list, oneOf, real, whole } from '@latent/tensor';

/** What a model is fitted for: `all` does everything, the others one thing best. */
export type Task = 'all' | 'anomalies' | 'imputation' | 'synthesis' | 'embedding';

/** How a table is encoded and learned, with sizes still open. */
interface TaskDefaults {
  readonly numbers: () => Transform;
  readonly discrete: number;
  readonly minStd: number;
  /** Models of different seeds, whose answers are averaged. */
  readonly members: number;
  /**
   * Whether the first alone sees parts of rows, and so answers for cells; all score. Encoders that see whole rows tell odd
   * rows better where none was learned, the other where some were.
   */
  readonly apart: boolean;
  readonly mostHidden: number;
  readonly mostLatents: number;
  readonly activation: ActivationName;
  readonly beta: number;
  /** Of numbers in the loss, beside categories. */
  readonly numberWeight: number;
  /** Share of the rows of which the encoder is shown some columns only. */
  readonly hide: number;
  /** Components of the mixture that is p(z); 0 for N(0, I). */
  readonly components: number;
  readonly learningRate: number;
  readonly steps: number;
  readonly batch: number;
  /** Whether linear relations take part in filling holes. */
  readonly linear: boolean;
  /** Weight of the distances to learned rows in the score; 0 for none. */
  readonly neighbours: number;
}

const everything: TaskDefaults = {
  numbers: quantile,
  discrete: 0,
  minStd: 0.02,
  members: 1,
  apart: false,
  mostHidden: 128,
  mostLatents: 16,
  activation: 'relu',
  beta: 0.3,
  numberWeight: 0.3,
  hide: 0.3,
  components: 100,
  learningRate: 2e-3,
  steps: 5000,
  batch: 256,
  linear: true,
  neighbours: 0,
};

export const TASKS: Readonly<Record<Task, TaskDefaults>> = {
  all: everything,
  synthesis: { ...everything, hide: 0, linear: false },
  embedding: { ...everything, beta: 1, numberWeight: 1, components: 0, steps: 3000, linear: false },
  imputation: { ...everything, members: 3, numberWeight: 1, hide: 0.5, minStd: 0.1 },
  anomalies: {
    numbers: standardise,
    discrete: 0,
    minStd: 0.1,
    members: 3,
    apart: true,
    mostHidden: 64,
    mostLatents: 16,
    activation: 'tanh',
    beta: 1,
    numberWeight: 1,
    hide: 0.3,
    components: 0,
    learningRate: 2e-3,
    steps: 1500,
    batch: 128,
    linear: false,
    neighbours: 4,
  },
};

export const taskCheck = /* @__PURE__ */ oneOf('all', 'anomalies', 'imputation', 'synthesis', 'embedding');
const numbersCheck: Check<Transform> = (value, at) => partOf(transforms, 'quantile()')(value, at);

/** A check for what a file says of how a table is encoded and learned. */
export const recipeCheck = /* @__PURE__ */ fields({
  task: taskCheck,
  numbers: numbersCheck,
  discrete: /* @__PURE__ */ whole({ min: 0, max: 5000 }),
  minStd: /* @__PURE__ */ real({ above: 0 }),
  members: /* @__PURE__ */ whole({ min: 1, max: 32 }),
  apart: /* @__PURE__ */ flag(),
  hidden: /* @__PURE__ */ list(/* @__PURE__ */ whole({ min: 1, max: 4096 }), { max: 16 }),
  latentSize: /* @__PURE__ */ whole({ min: 1, max: 1024 }),
  activation: activationCheck,
  beta: /* @__PURE__ */ real({ min: 0 }),
  numberWeight: /* @__PURE__ */ real({ above: 0 }),
  hide: /* @__PURE__ */ real({ min: 0, max: 1 }),
  components: /* @__PURE__ */ whole({ min: 0, max: 10_000 }),
  learningRate: /* @__PURE__ */ real({ above: 0 }),
  epochs: /* @__PURE__ */ whole({ min: 0 }),
  batch: /* @__PURE__ */ whole({ min: 1 }),
  linear: /* @__PURE__ */ flag(),
  neighbours: /* @__PURE__ */ real({ min: 0 }),
  draws: /* @__PURE__ */ whole({ min: 1, max: 1024 }),
});

/** How a table is encoded and learned, every number settled. Files have it. */
export type Recipe = ReturnType<typeof recipeCheck>;

/** Of the members, those that answer for cells. */
export function readersOf<M>(members: readonly M[], { apart }: Pick<Recipe, 'apart'>): readonly M[] {
  return apart && members.length > 1 ? members.slice(0, 1) : members;
}

/** Of the members, those that have always seen whole rows. */
export function wholeReadersOf<M>(members: readonly M[], { apart }: Pick<Recipe, 'apart'>): readonly M[] {
  return apart && members.length > 1 ? members.slice(1) : members;
}

/** What callers may change of a task's recipe. */
export interface RecipeOptions {
  readonly members?: number | undefined;
  readonly hidden?: readonly number[] | undefined;
  readonly latentSize?: number | undefined;
  readonly epochs?: number | undefined;
  readonly draws?: number | undefined;
}

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, Math.round(value)));

/** Fewer rows than this are learned in smaller batches. */
const FEW_ROWS = 1000;
/** A small table is gone through this often at most. */
const MOST_EPOCHS = 800;

/** A task's recipe for a table of so many rows, coded in so many numbers. */
export function recipeFor(task: Task, rows: number, width: number, options: RecipeOptions): Recipe {
  const { numbers, mostHidden, mostLatents, steps, ...defaults } = TASKS[task];
  const hidden = clamp(2 * width, 16, mostHidden);
  const batch = rows < FEW_ROWS ? Math.min(64, defaults.batch) : defaults.batch;
  const epochs = clamp(steps / Math.max(1, Math.ceil(rows / batch)), 1, MOST_EPOCHS);
  const settled = {
    ...defaults,
    task,
    numbers: numbers(),
    members: options.members ?? defaults.members,
    hidden: options.hidden ?? [hidden, hidden],
    latentSize: options.latentSize ?? clamp(width / 3, 2, mostLatents),
    epochs: options.epochs ?? epochs,
    batch,
    draws: options.draws ?? 16,
    components: Math.min(defaults.components, Math.floor(rows / 20)),
  };
  // In the order of a file, so that a model that was read is written as it was.
  return recipeCheck(settled, { caller: 'TableModel.fit', path: 'recipe' });
}
