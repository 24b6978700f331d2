import { normalCdf, normalQuantile } from '@latent/nn';
import { type Rng, ValueError } from '@latent/tensor';
import type { CodedColumn } from '../encode/row-code.ts';
import type { SlotCondition } from '../kinds/column-kind.ts';
import { HOLES_PER_NUMBER, type TableState } from '../model/state.ts';

/** What one column of drawn rows must satisfy: one of several ways. */
export interface ColumnCondition {
  readonly column: CodedColumn;
  readonly ways: readonly (readonly SlotCondition[])[];
}

/** Codes that a condition is first looked for among. */
const LOOKED_AT = 16_384;
/** Share of codes that are drawn as without the condition, so that no row is left out. */
const AT_RANDOM = 0.1;

/** Uniform numbers of a generator, some at a time. */
class Uniforms {
  readonly #rng: Rng;
  #held: ArrayLike<number> = [];
  #used = 0;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  next(): number {
    if (this.#used === this.#held.length) {
      this.#held = this.#rng.uniform([4096]).data;
      this.#used = 0;
    }
    return this.#held[this.#used++] as number;
  }
}

/** Codes drawn from the mixture of the learned rows' posteriors, each with the place of its row. */
function drawCodes(
  { bank }: TableState,
  count: number,
  pick: () => number,
  rng: Rng,
): { codes: Float32Array; places: Uint32Array } {
  const { latent, mean, logVariance } = bank;
  const noise = rng.normal([Math.max(1, count * latent)]).data;
  const codes = new Float32Array(count * latent);
  const places = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const from = pick();
    places[i] = from;
    for (let l = 0; l < latent; l++) {
      const std = Math.exp(0.5 * (logVariance[from * latent + l] as number));
      codes[i * latent + l] = (mean[from * latent + l] as number) + std * (noise[i * latent + l] as number);
    }
  }
  return { codes, places };
}

/** Rows that were drawn, coded, and the learned row that each was drawn around: the holes are that row's. */
export interface DrawnRows {
  readonly rows: Float32Array;
  readonly around: Uint32Array;
}

/** Whether a learned row has a hole in a column. */
export function hasHole({ bank }: TableState, row: number, column: number): boolean {
  const words = bank.holes.length / bank.count;
  const word = bank.holes[row * words + Math.floor(column / HOLES_PER_NUMBER)] as number;
  return ((word >>> (column % HOLES_PER_NUMBER)) & 1) === 1;
}

/** Rows drawn from the model: a learned row's posterior, a code of it, and a draw of every column. */
export function drawRows(state: TableState, count: number, rng: Rng): DrawnRows {
  const uniforms = new Uniforms(rng);
  const { codes, places } = drawCodes(state, count, () => Math.floor(uniforms.next() * state.bank.count), rng);
  return { rows: drawGiven(state, codes, [], uniforms, rng).rows, around: places };
}

/** Draws every column given codes; where there are conditions, from the part of its distribution that meets them. */
function drawGiven(
  { code, members }: TableState,
  codes: Float32Array,
  conditions: readonly ColumnCondition[],
  uniforms: Uniforms,
  rng: Rng,
): { rows: Float32Array } {
  const [member] = members;
  if (member === undefined) throw new Error('a model has a member');
  const count = codes.length / member.options.latentSize;
  const rows = new Float32Array(count * code.width);
  const groups = code.groups();
  const { numbers, width } = code;
  for (let start = 0; start < count; start += BLOCK) {
    const n = Math.min(BLOCK, count - start);
    const { center, std } = member.expectedOf(
      codes.subarray(start * member.options.latentSize, (start + n) * member.options.latentSize),
    );
    const noise = numbers > 0 ? rng.normal([n * numbers]).data : [];
    for (let r = 0; r < n; r++) {
      const to = (start + r) * width;
      for (let c = 0; c < numbers; c++) {
        rows[to + c] =
          (center[r * width + c] as number) + (std[r * numbers + c] as number) * (noise[r * numbers + c] as number);
      }
      for (const [a, b] of groups) {
        let left = uniforms.next();
        let level = a;
        while (level < b - 1 && left >= (center[r * width + level] as number))
          left -= center[r * width + level++] as number;
        rows[to + level] = 1;
      }
      for (const { column, ways } of conditions) {
        const likely = ways.map((way) => chanceOf(column, way, center, std, r, width, numbers));
        const total = likely.reduce((sum, p) => sum + p, 0);
        let left = uniforms.next() * total;
        let w = 0;
        while (w < ways.length - 1 && left >= (likely[w] as number)) left -= likely[w++] as number;
        meet(column, ways[w] as readonly SlotCondition[], rows, to, center, std, r, width, numbers, uniforms);
      }
    }
  }
  return { rows };
}

const BLOCK = 4096;

/** The chance that a column meets a condition in one way, given a code. */
function chanceOf(
  { at, code }: CodedColumn,
  way: readonly SlotCondition[],
  center: Float32Array,
  std: Float32Array,
  row: number,
  width: number,
  numbers: number,
): number {
  let chance = 1;
  way.forEach((condition, s) => {
    if (condition === null) return;
    const start = at[s] as number;
    if ('levels' in condition) {
      let sum = 0;
      condition.levels.forEach((met, l) => {
        if (met) sum += center[row * width + start + l] as number;
      });
      chance *= sum;
    } else {
      const [mean, spread] = [center[row * width + start] as number, std[row * numbers + start] as number];
      chance *= Math.max(0, normalCdf((condition.high - mean) / spread) - normalCdf((condition.low - mean) / spread));
    }
  });
  return code.slots.length === 0 ? 1 : chance;
}

/** Draws a column again, from the part that meets the condition. */
function meet(
  { at, code }: CodedColumn,
  way: readonly SlotCondition[],
  rows: Float32Array,
  to: number,
  center: Float32Array,
  std: Float32Array,
  row: number,
  width: number,
  numbers: number,
  uniforms: Uniforms,
): void {
  way.forEach((condition, s) => {
    if (condition === null) return;
    const start = at[s] as number;
    if ('levels' in condition) {
      const shares = condition.levels.map((met, l) => (met ? (center[row * width + start + l] as number) : 0));
      let left = uniforms.next() * shares.reduce((sum, p) => sum + p, 0);
      let level = condition.levels.indexOf(true);
      for (let l = 0; l < shares.length; l++) {
        if (!condition.levels[l]) continue;
        level = l;
        left -= shares[l] as number;
        if (left < 0) break;
      }
      const { size } = code.slots[s] as { readonly size: number };
      for (let l = 0; l < size; l++) rows[to + start + l] = l === level ? 1 : 0;
    } else {
      const [mean, spread] = [center[row * width + start] as number, std[row * numbers + start] as number];
      const [low, high] = [normalCdf((condition.low - mean) / spread), normalCdf((condition.high - mean) / spread)];
      const p = low + (high - low) * uniforms.next();
      const drawn = p > 0 && p < 1 ? mean + spread * normalQuantile(p) : mean;
      rows[to + start] = Math.min(condition.high, Math.max(condition.low, drawn));
    }
  });
}

/** Rows that were drawn under conditions, coded. */
export interface ConditionedRows extends DrawnRows {
  /** The share of all rows that the model thinks meet the conditions. */
  readonly share: number;
  /** How many different codes the draws are worth. */
  readonly effective: number;
}

/**
 * Rows that meet conditions, without trying and throwing away: codes are drawn, weighted by the chance that a row of theirs meets
 * the conditions, and drawn again from the learned rows that carry the weight (two rounds of importance sampling; Rubin
 * 1988), then other columns given the codes and the columns concerned from the part of their distribution that is asked for.
 */
export function drawConditioned(
  state: TableState,
  count: number,
  conditions: readonly ColumnCondition[],
  rng: Rng,
): ConditionedRows {
  const uniforms = new Uniforms(rng);
  const { bank } = state;
  const first = Math.max(LOOKED_AT, Math.min(4 * count, 4 * LOOKED_AT));
  // Every learned row is looked at as often as the others.
  let turn = 0;
  const one = drawCodes(state, first, () => turn++ % bank.count, rng);
  const chances = chancesOf(state, one.codes, conditions);
  const share = chances.reduce((sum, p) => sum + p, 0) / first;
  if (!(share > 0)) {
    throw new ValueError(
      'TableModel.synthesize: no row that the model knows of meets `where`; ask for something that occurs',
    );
  }
  const perRow = new Float64Array(bank.count);
  one.places.forEach((from, i) => {
    perRow[from] = (perRow[from] as number) + (chances[i] as number);
  });
  const total = perRow.reduce((sum, p) => sum + p, 0);
  const proposal = perRow.map((p) => (1 - AT_RANDOM) * (p / total) + AT_RANDOM / bank.count);
  const steps = cumulated(proposal);
  const two = drawCodes(state, first, () => placeIn(steps, uniforms.next()), rng);
  const weights = chancesOf(state, two.codes, conditions).map(
    (p, i) => p / (bank.count * (proposal[two.places[i] as number] as number)),
  );
  const sum = weights.reduce((a, b) => a + b, 0);
  const squares = weights.reduce((a, b) => a + b * b, 0);
  const resampling = cumulated(weights);
  const { latent } = bank;
  const codes = new Float32Array(count * latent);
  const around = new Uint32Array(count);
  // One place in each of `count` equal parts, which repeats no code more often than its weight says.
  const offset = uniforms.next();
  const order = rng.permutation(count);
  for (let i = 0; i < count; i++) {
    const from = placeIn(resampling, (i + offset) / count);
    codes.set(two.codes.subarray(from * latent, (from + 1) * latent), (order[i] as number) * latent);
    around[order[i] as number] = two.places[from] as number;
  }
  const { rows } = drawGiven(state, codes, conditions, uniforms, rng);
  return { rows, around, share, effective: (sum * sum) / squares };
}

/** The chance that a row of each code meets all conditions. */
function chancesOf(
  { members, code }: TableState,
  codes: Float32Array,
  conditions: readonly ColumnCondition[],
): Float64Array {
  const [member] = members;
  if (member === undefined) throw new Error('a model has a member');
  const { latentSize } = member.options;
  const count = codes.length / latentSize;
  const chances = new Float64Array(count);
  for (let start = 0; start < count; start += BLOCK) {
    const n = Math.min(BLOCK, count - start);
    const { center, std } = member.expectedOf(codes.subarray(start * latentSize, (start + n) * latentSize));
    for (let r = 0; r < n; r++) {
      let chance = 1;
      for (const { column, ways } of conditions) {
        chance *= ways.reduce((sum, way) => sum + chanceOf(column, way, center, std, r, code.width, code.numbers), 0);
      }
      chances[start + r] = chance;
    }
  }
  return chances;
}

/** Running sums, brought to 1. */
function cumulated(weights: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(weights.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i] as number;
    sums[i] = sum;
  }
  return sums.map((value) => value / sum);
}

/** The first place whose running sum is above u. */
function placeIn(sums: Float64Array, u: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] as number) > u) high = middle;
    else low = middle + 1;
  }
  return low;
}
