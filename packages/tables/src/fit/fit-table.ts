import { ArrayDataset, adam, cosineSchedule, type Dataset, type History } from '@latent/nn';
import { refuseUnknown, tensor, ValueError } from '@latent/tensor';
import type { FitOptions, Vae, VaeNumbers } from '@latent/vae';
import {
  KeptRows,
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
  const kept = {
    learned: new KeptRows(schema, split.learned),
    watched: new KeptRows(schema, split.watched),
    calibration: new KeptRows(schema, split.calibration),
  };
  const places = new Uint32Array(split.learned);
  let learned = 0;
  let first = 0;
  for await (const table of walk()) {
    signal?.throwIfAborted();
    const read = readRows(caller, schema, table, first);
    const of: Record<number, number[]> = {
      [ROLE.unused]: [],
      [ROLE.learned]: [],
      [ROLE.watched]: [],
      [ROLE.calibration]: [],
    };
    const fitted: number[] = [];
    for (let r = 0; r < read.count && first + r < split.roles.length; r++) {
      const role = split.roles[first + r] as number;
      (of[role] as number[]).push(r);
      if (role === ROLE.learned) places[learned++] = first + r;
      if (role === ROLE.learned || role === ROLE.unused) fitted.push(r);
    }
    learner.add(fitted.length === read.count ? read : pickRows(read, fitted));
    kept.learned.add(read, of[ROLE.learned] as number[]);
    kept.watched.add(read, of[ROLE.watched] as number[]);
    kept.calibration.add(read, of[ROLE.calibration] as number[]);
    first += table.count;
  }
  if (first !== split.roles.length) {
    throw new ValueError(
      `${caller}: the source gave ${split.roles.length} rows and then ${first}; it must give the same rows each time`,
    );
  }
  return {
    learned: kept.learned.rows,
    watched: kept.watched.rows,
    calibration: kept.calibration.rows,
    places,
    columns: learner.learned(),
  };
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
  readonly rows: Dataset & { readonly length: number };
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
  // As they are: a tensor of them would be another copy of what may be the most of a fit's memory.
  const shaped = { values: learned, count: learned.length / width, width };
  const rows = new ArrayDataset({ x: { rows: shaped, shape: [width] } });
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
