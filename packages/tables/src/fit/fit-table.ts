import { adam, cosineSchedule, type History } from '@latent/nn';
import { refuseUnknown, type Tensor, tensor, ValueError } from '@latent/tensor';
import type { FitOptions, Vae, VaeNumbers } from '@latent/vae';
import {
  joinRows,
  type LearnedColumns,
  pickRows,
  type ReadRows,
  RowCode,
  RowLearner,
  readRows,
  seenColumns,
} from '../encode/row-code.ts';
import type { Rows } from '../input/source.ts';
import type { Recipe } from '../model/recipe.ts';
import type { TableVae } from '../model/table-vae.ts';
import { RowSample, schemaOf } from '../schema/infer.ts';
import type { Schema } from '../schema/schema.ts';
import { ROLE, type Split, splitRows } from './split.ts';

/** Fewer rows than this are no table to learn from. */
const FEWEST_ROWS = 20;

/** What the first walk over the rows finds. */
export interface Survey {
  readonly schema: Schema;
  readonly rows: number;
  /** Of each row, where rows go together. */
  readonly groups: readonly string[] | null;
}

/** Counts the rows and tells the kinds of their columns. */
export async function survey(
  caller: string,
  { walk }: Rows,
  given: Schema | null,
  groupBy: string | null,
  signal: AbortSignal | undefined,
): Promise<Survey> {
  const sample = new RowSample();
  // Columns that the rows must have, looked for until all are found.
  const asked = [
    ...(given === null ? [] : seenColumns(given).map(({ name }) => name)),
    ...(groupBy === null ? [] : [groupBy]),
  ];
  const groups: string[] = [];
  const names = new Set<string>();
  let rows = 0;
  for await (const table of walk()) {
    signal?.throwIfAborted();
    if (asked.some((name) => !names.has(name))) for (const name of table.names) names.add(name);
    if (given === null) sample.add(table, rows);
    if (groupBy !== null) for (const cell of Array.from(table.column(groupBy))) groups.push(String(cell));
    rows += table.count;
  }
  if (rows < FEWEST_ROWS) {
    throw new ValueError(`${caller}: ${rows} rows are too few to learn from; it takes ${FEWEST_ROWS}`);
  }
  for (const name of asked) if (!names.has(name)) refuseUnknown(caller, 'column of the rows', name, [...names]);
  return { schema: given ?? schemaOf(caller, sample), rows, groups: groupBy === null ? null : groups };
}

/** Rows by what they are for, read. */
export interface SortedRows {
  readonly learned: ReadRows;
  readonly watched: ReadRows;
  readonly calibration: ReadRows;
  /** The places of the learned rows among those given. */
  readonly places: Uint32Array;
  readonly columns: LearnedColumns;
}

/** The second walk: learns the columns from all rows that neither calibrate nor are watched, and keeps the rows that are needed. */
export async function sortRows(
  caller: string,
  { walk }: Rows,
  schema: Schema,
  split: Split,
  recipe: Pick<Recipe, 'numbers' | 'discrete'>,
  signal: AbortSignal | undefined,
): Promise<SortedRows> {
  const learner = new RowLearner(schema, recipe);
  const kept: Record<'learned' | 'watched' | 'calibration', ReadRows[]> = { learned: [], watched: [], calibration: [] };
  const places: number[] = [];
  let first = 0;
  for await (const table of walk()) {
    signal?.throwIfAborted();
    const read = readRows(caller, schema, table, first);
    const of = (...roles: number[]): number[] =>
      Array.from({ length: read.count }, (_, r) => r).filter((r) => roles.includes(split.roles[first + r] as number));
    const own = of(ROLE.learned);
    learner.add(own.length === read.count ? read : pickRows(read, of(ROLE.learned, ROLE.unused)));
    for (const r of own) places.push(first + r);
    kept.learned.push(withoutCells(pickRows(read, own)));
    kept.watched.push(withoutCells(pickRows(read, of(ROLE.watched))));
    kept.calibration.push(withoutCells(pickRows(read, of(ROLE.calibration))));
    first += table.count;
  }
  if (first !== split.roles.length) {
    throw new ValueError(
      `${caller}: the source gave ${split.roles.length} rows and then ${first}; it must give the same rows each time`,
    );
  }
  return {
    learned: joinRows(kept.learned),
    watched: joinRows(kept.watched),
    calibration: joinRows(kept.calibration),
    places: Uint32Array.from(places),
    columns: learner.learned(),
  };
}

/** What was read, without the cells it was read from. */
function withoutCells({ count, columns }: ReadRows): ReadRows {
  return { count, columns: columns.map((column) => ({ ...column, cells: [] })) };
}

/** The epochs of one member. */
export interface MemberHistory {
  readonly epochs: readonly {
    readonly epoch: number;
    readonly loss: number;
    readonly reconstruction: number;
    readonly kl: number;
    readonly validation: number;
  }[];
  readonly best: number;
  readonly stopped: string;
}

/** A member that is to be trained: on rows of the model's code, with the options of its own `fit`. */
export interface MemberTraining {
  /** Its number, from 0. */
  readonly member: number;
  readonly model: Vae;
  readonly rows: Tensor;
  readonly options: FitOptions;
}

/** Trains a member in place and tells how it went; `({ model, rows, options }) => model.fit(rows, options)` is what is done else. */
export type MemberTrainer = (training: MemberTraining) => Promise<History<VaeNumbers>>;

export interface TrainingWatch {
  /** The number of the member. */
  readonly member: number;
  readonly train: MemberTrainer | undefined;
  readonly signal: AbortSignal | undefined;
  readonly maxSeconds: number | undefined;
  onStep(event: {
    readonly epoch: number;
    readonly epochs: number;
    readonly done: number;
    readonly loss: number;
  }): void;
  onWarning(message: string): void;
}

/** Trains one member; the weights of its best epoch on the watched rows stay. */
export async function trainMember(
  vae: TableVae,
  learned: Float32Array,
  watched: Float32Array,
  recipe: Recipe,
  watch: TrainingWatch,
): Promise<MemberHistory> {
  const width = vae.options.inputSize;
  const { epochs, batch, learningRate } = recipe;
  const rows = tensor(learned, { shape: [learned.length / width, width] });
  const options: FitOptions = {
    epochs,
    batchSize: batch,
    optimizer: adam({ learningRate: cosineSchedule({ rate: learningRate, steps: Math.max(1, epochs), by: 'epoch' }) }),
    validationData: tensor(watched, { shape: [watched.length / width, width] }),
    earlyStopping: { patience: Math.max(10, Math.ceil(epochs / 5)) },
    ...(watch.signal !== undefined && { signal: watch.signal }),
    ...(watch.maxSeconds !== undefined && { maxSeconds: watch.maxSeconds }),
    onEpoch: ({ epoch, epochs: of, loss }) => watch.onStep({ epoch, epochs: of, done: epoch / of, loss }),
    onWarning: watch.onWarning,
  };
  const history = await (watch.train === undefined
    ? vae.fit(rows, options)
    : watch.train({ member: watch.member, model: vae, rows, options }));
  return {
    epochs: history.epochs.map(({ epoch, loss, reconstruction, kl, validation }) => ({
      epoch,
      loss,
      reconstruction,
      kl,
      validation: validation?.loss ?? Number.NaN,
    })),
    best: history.best?.epoch ?? history.epochs.length,
    stopped: history.stopped,
  };
}

/** The code of sorted rows. */
export function codeOf(caller: string, schema: Schema, { columns }: SortedRows): RowCode {
  return new RowCode(caller, schema, columns);
}

/** Shares the rows of a survey out. */
export function splitOf({ rows, groups }: Survey, seed: number, share: number, inOrder: boolean): Split {
  return splitRows(rows, seed, share, { groups, inOrder });
}
