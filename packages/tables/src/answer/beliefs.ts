import { normalQuantile } from '@latent/nn';
import type { CodedColumn, RowCode } from '../encode/row-code.ts';
import type { Blend, LinearFill } from '../model/linear-fill.ts';
import { readersOf } from '../model/recipe.ts';
import type { TableState } from '../model/state.ts';
import type { Conditionals } from '../model/table-vae.ts';
import type { Expected } from '../results.ts';

/** Places of a Gaussian that stand for it, each for as much. */
export const NODES: Float64Array = Float64Array.from({ length: 5 }, (_, i) => normalQuantile((i + 0.5) / 5));
/** Levels below this share are not told. */
const LIKELY = 0.05;
const [LOW, HIGH] = [0.05, 0.95];

/** What the members of a model say of some rows. */
export interface Said {
  readonly code: RowCode;
  readonly members: readonly Conditionals[];
}

/** What is said of coded rows of which the encoders are shown `shown`. */
export function ask(
  { code, members, seed, recipe }: Pick<TableState, 'code' | 'members' | 'seed' | 'recipe'>,
  rows: Float32Array,
  shown: Float32Array,
  samples: number,
): Said {
  return { code, members: readersOf(members, recipe).map((member) => member.conditionals(rows, shown, samples, seed)) };
}

/** How much each code of a row counts, for each member: of one row they sum to 1. */
export type RowWeights = readonly Float64Array[];

/** Importance weights from all columns of a row but those that are hidden. */
export function weightsOf({ members }: Said, row: number, hidden: readonly number[]): RowWeights {
  return members.map((c) => {
    const out = new Uint8Array(c.columns);
    for (const column of hidden) out[column] = 1;
    const logs = new Float64Array(c.samples);
    for (let k = 0; k < c.samples; k++) {
      let sum = c.base[row * c.samples + k] as number;
      const from = (row * c.samples + k) * c.columns;
      for (let j = 0; j < c.columns; j++) if (out[j] === 0) sum += c.terms[from + j] as number;
      logs[k] = sum;
    }
    return shares(logs);
  });
}

/** e^logs, scaled to sum to 1; in place. */
function shares(logs: Float64Array): Float64Array {
  let largest = -Infinity;
  for (const log of logs) if (log > largest) largest = log;
  let total = 0;
  for (let k = 0; k < logs.length; k++) {
    const w = largest === -Infinity ? 1 : Math.exp((logs[k] as number) - largest);
    logs[k] = w;
    total += w;
  }
  for (let k = 0; k < logs.length; k++) logs[k] = (logs[k] as number) / total;
  return logs;
}

/** −log p(x_j | the other columns), in nats: the mean over the members. `weights` hide the column. */
export function surprise({ members }: Said, row: number, column: number, weights: RowWeights): number {
  let total = 0;
  members.forEach((c, m) => {
    let largest = -Infinity;
    const at = (k: number): number => c.terms[(row * c.samples + k) * c.columns + column] as number;
    for (let k = 0; k < c.samples; k++) largest = Math.max(largest, at(k));
    let sum = 0;
    for (let k = 0; k < c.samples; k++) sum += ((weights[m] as Float64Array)[k] as number) * Math.exp(at(k) - largest);
    total -= largest + Math.log(sum);
  });
  return total / members.length;
}

/** A cell's possible values with their weights, which sum to 1. */
export type Belief =
  | { readonly role: 'levels'; readonly levels: readonly unknown[]; readonly probabilities: Float64Array }
  | {
      readonly role: 'numbers';
      readonly values: Float64Array;
      readonly weights: Float64Array;
      /** Whether some values are apart from the rest. */
      readonly apart: boolean;
      /** What is expected, where it is not the mean of the values. */
      readonly mean?: number;
      cellOf(value: number): unknown;
    };

/** What is believed of a cell, given how much each code of its row counts. */
export function belief(said: Said, row: number, column: number, weights: RowWeights): Belief {
  const coded = said.code.columns[column] as CodedColumn;
  const { outcomes } = coded.code;
  if (outcomes === null) throw new Error(`column '${coded.name}' has no outcomes`);
  const share = 1 / said.members.length;
  if (outcomes.role === 'levels') {
    const start = coded.at[outcomes.slot] as number;
    const probabilities = new Float64Array(outcomes.levels.length + 1);
    said.members.forEach((c, m) => {
      const own = weights[m] as Float64Array;
      for (let k = 0; k < c.samples; k++) {
        const from = (row * c.samples + k) * c.width + start;
        for (let l = 0; l < probabilities.length; l++) {
          probabilities[l] = (probabilities[l] as number) + share * (own[k] as number) * (c.center[from + l] as number);
        }
      }
    });
    return { role: 'levels', levels: outcomes.levels, probabilities };
  }
  const { atoms, levelSlot, numberSlot } = outcomes;
  const codes = said.members.reduce((sum, { samples }) => sum + samples, 0);
  const most = (numberSlot === null ? 0 : codes * NODES.length) + atoms.length;
  const places = new Float64Array(most);
  const counts = new Float64Array(most);
  let found = 0;
  const levelAt = levelSlot === null ? 0 : (coded.at[levelSlot] as number);
  const numberAt = numberSlot === null ? 0 : (coded.at[numberSlot] as number);
  const held = new Float64Array(atoms.length);
  said.members.forEach((c, m) => {
    const own = weights[m] as Float64Array;
    for (let k = 0; k < c.samples; k++) {
      const weight = share * (own[k] as number);
      if (weight < 1e-6) continue;
      const from = (row * c.samples + k) * c.width;
      let rest = 1;
      for (let a = 0; a < atoms.length; a++) {
        const p = c.center[from + levelAt + a] as number;
        held[a] = (held[a] as number) + weight * p;
        rest -= p;
      }
      if (numberSlot === null || rest <= 1e-9) continue;
      const mean = c.center[from + numberAt] as number;
      const std = c.std[(row * c.samples + k) * c.numbers + numberAt] as number;
      for (const node of NODES) {
        places[found] = mean + std * node;
        counts[found++] = (weight * rest) / NODES.length;
      }
    }
  });
  const size = found + atoms.length;
  const values = new Float64Array(size);
  values.set(outcomes.inverse(places.subarray(0, found)));
  values.set(atoms, found);
  counts.set(held, found);
  let total = 0;
  for (let i = 0; i < size; i++) total += counts[i] as number;
  return {
    role: 'numbers',
    values,
    weights: counts.subarray(0, size).map((w) => w / total),
    apart: atoms.length > 0,
    cellOf: outcomes.cellOf,
  };
}

/** The place of the largest. */
function mostLikely(probabilities: Float64Array): number {
  let best = 0;
  probabilities.forEach((p, i) => {
    if (p > (probabilities[best] as number)) best = i;
  });
  return best;
}

/** A level by its place; the last place stands for levels too rare to be told apart, of which none is named. */
function levelAt({ levels, probabilities }: Extract<Belief, { role: 'levels' }>, place: number): unknown {
  if (place < levels.length) return levels[place];
  return levels[mostLikely(probabilities.subarray(0, levels.length))];
}

/** The value that a hole is filled with: the expected number, or the most likely level. */
export function bestValue(believed: Belief): unknown {
  if (believed.role === 'levels') return levelAt(believed, mostLikely(believed.probabilities));
  return believed.cellOf(meanOf(believed));
}

/** E[x] of numbers. */
export function meanOf({ values, weights, mean }: Extract<Belief, { role: 'numbers' }>): number {
  if (mean !== undefined) return mean;
  return values.reduce((sum, value, i) => sum + value * (weights[i] as number), 0);
}

/**
 * What networks believe of a cell, mixed with what straight lines say of it (`filled`, the row as these fill it) and what is usual.
 * Numbers keep their spread around another middle; where some are apart from the rest, only the middle moves.
 */
export function blended(
  believed: Belief,
  linear: LinearFill,
  column: number,
  filled: Float64Array | null,
  [network, lines, usual]: Blend,
): Belief {
  if (network === 1) return believed;
  if (believed.role === 'levels') {
    const said = linear.shares(column, filled);
    const all = linear.shares(column, null);
    return {
      ...believed,
      probabilities: believed.probabilities.map((p, k) => network * p + lines * (said[k] ?? 0) + usual * (all[k] ?? 0)),
    };
  }
  const own = meanOf(believed);
  const mean = network * own + lines * linear.number(column, filled) + usual * linear.number(column, null);
  return believed.apart
    ? { ...believed, mean }
    : { ...believed, mean, values: believed.values.map((x) => x + mean - own) };
}

/** A draw; `u` is uniform on [0, 1). */
export function drawnValue(believed: Belief, u: number): unknown {
  const weights = believed.role === 'levels' ? believed.probabilities : believed.weights;
  let [left, place] = [u, 0];
  while (place < weights.length - 1 && left >= (weights[place] as number)) left -= weights[place++] as number;
  return believed.role === 'levels' ? levelAt(believed, place) : believed.cellOf(believed.values[place] as number);
}

/** What is to be expected, in words that can be shown. */
export function expectedOf(believed: Belief): Expected {
  if (believed.role === 'levels') {
    const { levels, probabilities } = believed;
    const likely = levels
      .map((value, i) => ({ value, probability: probabilities[i] as number }))
      .filter(({ probability }) => probability >= LIKELY)
      .sort((a, b) => b.probability - a.probability);
    const best = mostLikely(probabilities);
    if (likely.length > 0) return { likely };
    return { likely: [{ value: levelAt(believed, best), probability: probabilities[best] as number }] };
  }
  const order = Array.from(believed.values.keys()).sort(
    (a, b) => (believed.values[a] as number) - (believed.values[b] as number),
  );
  const at = (share: number): unknown => {
    let sum = 0;
    for (const i of order) {
      sum += believed.weights[i] as number;
      if (sum >= share) return believed.cellOf(believed.values[i] as number);
    }
    return believed.cellOf(believed.values[order[order.length - 1] as number] as number);
  };
  return { value: at(0.5), low: at(LOW), high: at(HIGH) };
}
