import { adam, cosineSchedule } from '@latent/nn';
import { Rng, tensor, ValueError } from '@latent/tensor';
import { mixturePrior, standardNormalPrior } from '@latent/vae';
import { type LearnedColumns, pickRows, joinRows, RowCode, RowLearner, type ReadRows, readRows } from '../encode/row-code.ts';
import type { Rows } from '../input/source.ts';
import { RowSample, schemaOf } from '../schema/infer.ts';
import type { Schema } from '../schema/schema.ts';
import { hidingObjective, tableObjectives } from './hiding.ts';
import type { Recipe } from './recipe.ts';
import { ROLE, type Split, splitRows } from './split.ts';
import { TableVae } from './table-vae.ts';

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
  const groups: string[] = [];
  let rows = 0;
  for await (const table of walk()) {
    signal?.throwIfAborted();
    if (given === null) sample.add(table, rows);
    if (groupBy !== null) for (const cell of Array.from(table.column(groupBy))) groups.push(String(cell));
    rows += table.count;
  }
  if (rows < FEWEST_ROWS) {
    throw new ValueError(`${caller}: ${rows} rows are too few to learn from; it takes ${FEWEST_ROWS}`);
  }
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

export interface TrainingWatch {
  readonly signal: AbortSignal | undefined;
  readonly maxSeconds: number | undefined;
  onStep(event: { readonly epoch: number; readonly epochs: number; readonly done: number; readonly loss: number }): void;
  onWarning(message: string): void;
}

/** A model for rows of this code, before it has learned. */
export function makeMember(code: RowCode, recipe: Recipe, seed: number): TableVae {
  const owner = Array.from(code.owner);
  const vae = new TableVae({
    inputSize: code.width,
    latentSize: recipe.latentSize,
    encoder: [...recipe.hidden],
    activation: recipe.activation,
    missing: true,
    reconstruction: code.likelihood(recipe.minStd),
    objective: tableObjectives.resolve(
      {
        name: hidingObjective.name,
        beta: recipe.beta,
        weights: owner.map((_, i) => (i < code.numbers ? recipe.numberWeight : 1)),
        owner,
        hide: recipe.hide,
      },
      { caller: 'TableModel', path: 'objective' },
    ),
    prior: recipe.components > 0 ? mixturePrior({ components: recipe.components }) : standardNormalPrior(),
    seed,
  });
  describe(vae, code, recipe);
  return vae;
}

/** Tells a model how its rows belong to columns. */
export function describe(vae: TableVae, code: RowCode, recipe: Recipe): void {
  vae.describeRows(code.owner, code.columns.length, code.numbers, recipe.minStd);
}

/** Trains one member; the weights of its best epoch on the watched rows stay. */
export async function trainMember(
  vae: TableVae,
  learned: Float32Array,
  watched: Float32Array,
  recipe: Recipe,
  watch: TrainingWatch,
): Promise<MemberHistory> {
  const { width } = { width: vae.options.inputSize };
  const { epochs, batch, learningRate } = recipe;
  const history = await vae.fit(tensor(learned, { shape: [learned.length / width, width] }), {
    epochs,
    batchSize: batch,
    optimizer: adam({ learningRate: cosineSchedule({ rate: learningRate, steps: Math.max(1, epochs), by: 'epoch' }) }),
    validationData: tensor(watched, { shape: [watched.length / width, width] }),
    earlyStopping: { patience: Math.max(10, Math.ceil(epochs / 5)) },
    ...(watch.signal !== undefined && { signal: watch.signal }),
    ...(watch.maxSeconds !== undefined && { maxSeconds: watch.maxSeconds }),
    onEpoch: ({ epoch, epochs: of, loss }) => watch.onStep({ epoch, epochs: of, done: epoch / of, loss }),
    onWarning: watch.onWarning,
  });
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
export function splitOf(
  { rows, groups }: Survey,
  seed: number,
  share: number,
  inOrder: boolean,
): Split {
  return splitRows(rows, seed, share, { groups, inOrder });
}

/** Some rows by chance, end to end, and where they were. */
export function someRows(
  rows: Float32Array,
  width: number,
  most: number,
  seed: number,
): { readonly rows: Float32Array; readonly places: Uint32Array } {
  const count = rows.length / width;
  const places = count <= most ? Uint32Array.from({ length: count }, (_, i) => i) : new Rng(seed).permutation(count).slice(0, most).sort();
  const picked = new Float32Array(places.length * width);
  places.forEach((r, i) => {
    picked.set(rows.subarray(r * width, (r + 1) * width), i * width);
  });
  return { rows: picked, places };
}
