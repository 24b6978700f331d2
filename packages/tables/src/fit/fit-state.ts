import { ValueError } from '@latent/tensor';
import { settleFills } from '../answer/impute.ts';
import { Calibration } from '../calibrate/conformal.ts';
import type { RowCode } from '../encode/row-code.ts';
import type { Rows } from '../input/source.ts';
import { LIMITS, VERSION } from '../model/card.ts';
import { LinearFill } from '../model/linear-fill.ts';
import { makeMember } from '../model/member.ts';
import { Neighbours } from '../model/neighbours.ts';
import { nullLoss } from '../model/null-line.ts';
import { type Recipe, type RecipeOptions, recipeFor, TASKS, type Task } from '../model/recipe.ts';
import { someRows } from '../model/some-rows.ts';
import { type CodeBank, HOLES_PER_NUMBER, scoreRows, type TableState } from '../model/state.ts';
import type { TableVae } from '../model/table-vae.ts';
import type { Card, TableProgress } from '../results.ts';
import type { Schema } from '../schema/schema.ts';
import {
  codeOf,
  type MemberHistory,
  type MemberTrainer,
  type SortedRows,
  sortRows,
  splitOf,
  survey,
  trainMember,
} from './fit-table.ts';

/** Learned rows whose codes are kept, at most: to draw rows around and to find the nearest. */
const MOST_CODES = 30_000;
/** Calibration rows that are kept coded, at most: to hold cells and new data against. */
const MOST_REFERENCE = 2000;

/** What a fit is asked for, checked. */
export interface FitRequest extends RecipeOptions {
  readonly task: Task;
  readonly seed: number;
  readonly schema: Schema | null;
  readonly calibration: number;
  readonly groupBy: string | null;
  readonly inOrder: boolean;
  readonly maxSeconds: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Ends training with what has been learned. */
  readonly finish: AbortSignal | undefined;
  readonly train: MemberTrainer | undefined;
  onProgress(event: TableProgress): void;
  onWarning(message: string): void;
}

/** Shares of a fit's time, roughly. */
const PHASES = { read: [0, 0.02], learn: [0.02, 0.06], train: [0.06, 0.9], calibrate: [0.9, 1] } as const;

/** Fits a model to rows: two walks over them, then training, then calibration. */
export async function fitState(caller: string, input: Rows, request: FitRequest): Promise<TableState> {
  const began = performance.now();
  const { task, seed, signal, finish } = request;
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
    request.onWarning(message);
  };
  const progress = (phase: keyof typeof PHASES, share: number, more: Partial<TableProgress> = {}): void => {
    const [from, to] = PHASES[phase];
    const done = from + (to - from) * share;
    const seconds = (performance.now() - began) / 1000;
    request.onProgress({ phase, done, secondsLeft: done > 0.08 ? (seconds * (1 - done)) / done : null, ...more });
  };

  progress('read', 0);
  const found = await survey(caller, input, request.schema, request.groupBy, signal);
  const split = splitOf(found, seed, request.calibration, request.inOrder);
  if (split.calibration === 0 || split.watched === 0 || split.learned === 0) {
    throw new ValueError(`${caller}: ${found.rows} rows in such groups leave none to learn from or to calibrate with`);
  }
  progress('learn', 0);
  const { numbers, discrete } = TASKS[task];
  const rows = await sortRows(caller, input, found.schema, split, { numbers: numbers(), discrete }, signal);
  const code = codeOf(caller, found.schema, rows);
  const wanted = recipeFor(task, split.learned, code.width, request);
  const watched = code.encode(rows.watched);
  const { members, histories, bank, line } = await learn(code, rows, watched, wanted, request, (share, more) =>
    progress('train', share, more),
  );
  const recipe = { ...wanted, members: members.length };
  if (finish?.aborted) warn('training was ended before it was done; the model is what had been learned by then');

  progress('calibrate', 0);
  const neighbours = recipe.neighbours > 0 ? Neighbours.of(found.schema, rows.learned, rows.watched, seed) : null;
  const asked = { members, recipe, neighbours, seed };
  const plain = scoreRows({ ...asked, neighbours: null, neighbourScale: 0 }, rows.watched, watched);
  const scored = { ...asked, neighbourScale: neighbours === null ? 0 : recipe.neighbours * spreadOf(plain) };
  const calibrationRows = code.encode(rows.calibration);
  const scores = scoreRows(scored, rows.calibration, calibrationRows);
  progress('calibrate', 0.3);
  const reference = someRows(calibrationRows, code.width, MOST_REFERENCE, seed);
  progress('calibrate', 0.5);
  const others = [rows.calibration, rows.watched];
  const lines = recipe.linear && LinearFill.suits(code) ? LinearFill.of(code, [rows.learned], seed) : null;
  const { blends, errors: imputation } = settleFills({ code, members, seed, recipe }, lines, rows.learned, others);
  // How much it says was settled by rows that it had not seen; now it learns from these too.
  const linear = lines === null ? null : LinearFill.of(code, [rows.learned, ...others], seed);

  const model = plain.reduce((sum, score) => sum + score, 0) / Math.max(1, plain.length);
  if (model >= line) {
    warn(
      `the null wins: watched rows cost ${model.toFixed(2)} nats, and ${line.toFixed(2)} with columns that know nothing of each other; the columns may be independent, or the rows too few`,
    );
  }
  const unused = code.schema.columns.filter(({ kind }) => kind.role === 'none').map(({ name }) => name);
  if (unused.length > 0) warn(`not learned from: ${some(unused)} (ids, texts or ignored)`);
  const worse = imputation.filter(({ better, cells }) => cells > 0 && !better).map(({ column }) => column);
  if (worse.length > 0)
    warn(`holes are filled no better than by the mean or the most frequent level in: ${some(worse)}`);
  progress('calibrate', 1, { secondsLeft: 0 });
  const calibration = new Calibration(scores);
  const card: Card = {
    library: '@latent/tables',
    version: VERSION,
    task,
    created: new Date().toISOString(),
    seed,
    seconds: (performance.now() - began) / 1000,
    rows: { given: found.rows, learned: split.learned, watched: split.watched, calibration: split.calibration },
    columns: code.schema.columns.map(({ name, kind, holes, why }) => ({ name, kind: kind.name, holes, why })),
    model: {
      members: recipe.members,
      hidden: [...recipe.hidden],
      latentSize: recipe.latentSize,
      activation: recipe.activation,
      numbers: recipe.numbers.name,
      likelihood: 'Gaussians whose variance depends on the row, and categories',
      parameters: members.reduce((sum, member) => sum + parametersOf(member), 0),
      epochs: histories.reduce((most, { epochs }) => Math.max(most, epochs.length), 0),
    },
    loss: { model, null: line, nullWins: model >= line },
    calibration: { rows: calibration.rows, smallestRate: calibration.smallestRate },
    imputation,
    warnings,
    limits: LIMITS,
  };
  return {
    code,
    recipe,
    seed,
    members,
    calibration,
    neighbours,
    neighbourScale: scored.neighbourScale,
    reference: { rows: reference.rows, scores: pick(scores, reference.places) },
    bank,
    linear,
    blends,
    imputation,
    history: { members: histories, nullLoss: line },
    card,
  };
}

/** Trains the members. The coded rows, which may be the most of a fit's memory, are given up with it. */
async function learn(
  code: RowCode,
  rows: SortedRows,
  watched: Float32Array,
  recipe: Recipe,
  { seed, train, maxSeconds, signal, finish }: FitRequest,
  progress: (share: number, more: Partial<TableProgress>) => void,
): Promise<{ members: TableVae[]; histories: MemberHistory[]; bank: CodeBank; line: number }> {
  const learned = code.encode(rows.learned);
  const ends = [signal, finish].filter((each) => each !== undefined);
  const histories: MemberHistory[] = [];
  const members: TableVae[] = [];
  for (let i = 0; i < recipe.members; i++) {
    if (i > 0 && finish?.aborted) break;
    const member = makeMember(code, recipe, seed, i);
    const history = await trainMember(member, learned, watched, recipe, {
      member: i,
      train,
      signal: ends.length === 0 ? undefined : AbortSignal.any(ends),
      maxSeconds: maxSeconds === undefined ? undefined : maxSeconds / recipe.members,
      onStep: ({ epoch, epochs, done, loss }) => progress((i + done) / recipe.members, { epoch, epochs, loss }),
      onWarning: () => {},
    });
    signal?.throwIfAborted();
    histories.push(history);
    members.push(member);
  }
  return {
    members,
    histories,
    bank: bankOf(members[0] as TableVae, learned, code, rows.places, seed),
    line: nullLoss(code, learned, watched, recipe.minStd),
  };
}

/** Names in a sentence, at most 50 of them. */
function some(names: readonly string[]): string {
  const rest = names.length - 50;
  return names.slice(0, 50).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function parametersOf(member: { stateDict(): Record<string, { readonly size: number }> }): number {
  return Object.values(member.stateDict()).reduce((sum, x) => sum + x.size, 0);
}

function pick(values: Float32Array, places: Uint32Array): Float32Array {
  return Float32Array.from(places, (place) => values[place] as number);
}

/** Half the width of the middle 68 %: a standard deviation that odd rows do not move. */
function spreadOf(scores: Float32Array): number {
  const sorted = scores.slice().sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return Math.max(1e-6, (at(0.84) - at(0.16)) / 2);
}

function bankOf(
  member: {
    codesOf(rows: Float32Array): { mean: Float32Array; logVariance: Float32Array };
    readonly options: { readonly latentSize: number };
  },
  learned: Float32Array,
  code: RowCode,
  places: Uint32Array,
  seed: number,
): CodeBank {
  const some = someRows(learned, code.width, MOST_CODES, seed);
  const words = Math.ceil(code.columns.length / HOLES_PER_NUMBER);
  const holes = new Float32Array(some.places.length * words);
  for (let r = 0; r < some.places.length; r++) {
    code.columns.forEach(({ at }, c) => {
      if (!Number.isNaN(some.rows[r * code.width + (at[0] as number)])) return;
      const word = r * words + Math.floor(c / HOLES_PER_NUMBER);
      holes[word] = (holes[word] as number) + 2 ** (c % HOLES_PER_NUMBER);
    });
  }
  const { mean, logVariance } = member.codesOf(some.rows);
  return {
    count: some.places.length,
    latent: member.options.latentSize,
    mean,
    logVariance,
    holes,
    places: Uint32Array.from(some.places, (place) => places[place] as number),
  };
}
