import type { Calibration } from '../calibrate/conformal.ts';
import type { ReadRows, RowCode } from '../encode/row-code.ts';
import type { Card, ColumnImputationError, TableHistory } from '../results.ts';
import type { Blend, LinearFill } from './linear-fill.ts';
import type { Neighbours } from './neighbours.ts';
import type { Recipe } from './recipe.ts';
import type { TableVae } from './table-vae.ts';

/** Columns whose holes one number tells. */
export const HOLES_PER_NUMBER = 24;

/** Codes of learned rows: means and log-variances [count, latent], and the rows' places among those given to `fit`. */
export interface CodeBank {
  /** Which columns of each row are holes, a bit for each, 24 to a number. */
  readonly holes: Float32Array;
  readonly count: number;
  readonly latent: number;
  readonly mean: Float32Array;
  readonly logVariance: Float32Array;
  readonly places: Uint32Array;
}

/** All that a fitted model knows. */
export interface TableState {
  readonly code: RowCode;
  readonly recipe: Recipe;
  readonly seed: number;
  readonly members: readonly TableVae[];
  readonly calibration: Calibration;
  readonly neighbours: Neighbours | null;
  /** Nats of one standard deviation of the distances to learned rows. */
  readonly neighbourScale: number;
  /** Coded rows that took no part in fitting, and their scores. */
  readonly reference: { readonly rows: Float32Array; readonly scores: Float32Array };
  readonly bank: CodeBank;
  /** Null where the task does without, or a row has too much to it. */
  readonly linear: LinearFill | null;
  /** Of each column that the model sees, what fills its holes. */
  readonly blends: readonly Blend[];
  readonly imputation: readonly ColumnImputationError[];
  readonly history: TableHistory;
  readonly card: Card;
}

/** Rows that are scored at a time. */
const BLOCK = 4096;

/**
 * The scores of rows: −ELBO in nats, the mean over the members, and for detectors the distance to learned rows on the same scale.
 * A row's score depends on the row and the model alone. Single precision, so that it is the same after a file.
 */
export function scoreRows(
  {
    members,
    recipe,
    neighbours,
    neighbourScale,
    seed,
  }: Pick<TableState, 'members' | 'recipe' | 'neighbours' | 'neighbourScale' | 'seed'>,
  read: ReadRows,
  coded: Float32Array,
): Float32Array {
  const width = members[0]?.options.inputSize ?? 1;
  const scores = new Float64Array(read.count);
  for (let start = 0; start < read.count; start += BLOCK) {
    const count = Math.min(BLOCK, read.count - start);
    const rows = coded.subarray(start * width, (start + count) * width);
    for (const member of members) {
      const bound = member.elboPerRow(rows, { samples: recipe.draws, seed }).data;
      for (let r = 0; r < count; r++)
        scores[start + r] = (scores[start + r] as number) - (bound[r] as number) / members.length;
    }
  }
  if (neighbours !== null && neighbourScale > 0) {
    neighbours.scores(read).forEach((distance, r) => {
      scores[r] = (scores[r] as number) + neighbourScale * distance;
    });
  }
  return Float32Array.from(scores);
}

/** What models that users hold know, for what of this package stands beside them. */
const states = /* @__PURE__ */ new WeakMap<object, TableState>();

/** Remembers what a model knows. */
export function keepState(model: object, state: TableState): void {
  states.set(model, state);
}

/** What a model knows; undefined for anything else. */
export function stateOf(model: object): TableState | undefined {
  return states.get(model);
}
