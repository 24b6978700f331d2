import { isPlainObject, Rng, type Tensor, tensor } from '@latent/tensor';
import { joinRows, type ReadRows } from '../encode/row-code.ts';
import type { Schema } from '../schema/schema.ts';
import { type Axis, axesFrom, momentsOf, place, spaceOf, widthOf } from './row-space.ts';

/** What distances are made of, as plain data. */
export interface NeighbourConfig {
  readonly axes: readonly Axis[];
  /** Mean and standard deviation of the learned rows' own distances. */
  readonly scale: readonly [mean: number, std: number];
}

/** Rows that the nearest are looked for among, at most. */
const MOST_ROWS = 4096;
/** The mean of so many nearest. */
export const NEAREST = 3;
/** Small samples, and the rows of each: the distance to the nearest of a few is large only where few rows are. */
const SAMPLES = 60;
const SAMPLE = 16;
/** Learned rows whose own distances tell the scale. */
const TOLD = 1000;
/** The share of the most lonely rows that is asked whether they keep each other company, and the neighbours of each. */
const LONELY = 0.1;
const COMPANY = 5;
/** From where on they do, as the mean rank of their neighbours among all rows, and from where on that counts in full. */
const [SOME_COMPANY, MUCH_COMPANY] = [0.75, 0.9];

/**
 * How far a row is from the rows that were learned: the mean of the three least of d(x, r) + λ·a(r) over learned rows r, d
 * Euclidean. How lonely r is itself, a(r), is its mean distance to the nearest of samples of 16 rows (Pang, Ting & Albrecht
 * 2015): a group of odd rows among the learned ones, each of which is near to another, is far from most such samples, so that it cannot
 * vouch for further ones. Where only usual rows were learned, d alone is sharper. Which of the two it is, is told by the
 * company of the loneliest tenth: rows that stand alone have usual neighbours, those of a group have each other. λ goes from 0
 * to 1 as the mean rank of their neighbours' loneliness goes from 0.75 to 0.9. A learned row is not its own neighbour.
 */
export class Neighbours {
  readonly #config: NeighbourConfig;
  /** Rows end to end, [n, width], and λ·a of each. */
  readonly #rows: Float32Array;
  readonly #penalties: Float32Array;

  constructor(config: NeighbourConfig, rows: Float32Array, penalties: Float32Array) {
    this.#config = config;
    this.#rows = rows;
    this.#penalties = penalties;
  }

  /** Learns from rows, those that training watched among them. */
  static of(schema: Schema, learned: ReadRows, watched: ReadRows, seed: number): Neighbours {
    const axes = spaceOf(schema, learned);
    const width = widthOf(axes);
    const all = place(axes, joinRows([learned, watched]));
    const rng = new Rng(seed);
    const places = rng.permutation(all.length / width).subarray(0, MOST_ROWS);
    const rows = new Float32Array(places.length * width);
    places.forEach((r, i) => {
      rows.set(all.subarray(r * width, (r + 1) * width), i * width);
    });
    const lonely = loneliness(rows, width, rng);
    const share = clamp((companyOf(rows, width, lonely) - SOME_COMPANY) / (MUCH_COMPANY - SOME_COMPANY));
    const penalties = lonely.map((value) => share * value);
    const plain = new Neighbours({ axes, scale: [0, 1] }, rows, penalties);
    return new Neighbours(
      { axes, scale: momentsOf(plain.#distances(rows.subarray(0, TOLD * width))) },
      rows,
      penalties,
    );
  }

  /** What distances are made of. */
  get config(): NeighbourConfig {
    return this.#config;
  }

  /** The distance of each row, in standard deviations from the mean. */
  scores(rows: ReadRows): Float64Array {
    const { axes, scale } = this.#config;
    const [mean, std] = scale;
    return this.#distances(place(axes, rows)).map((distance) => (distance - mean) / std);
  }

  #distances(rows: Float32Array): Float64Array {
    const width = widthOf(this.#config.axes);
    const search = new Search(this.#rows, this.#penalties, width, NEAREST);
    return Float64Array.from({ length: rows.length / width }, (_, r) => search.mean(rows, r * width));
  }

  /** As a file has it. */
  save(): { readonly config: NeighbourConfig; readonly tensors: Readonly<Record<string, Tensor>> } {
    const rows = tensor(this.#rows, { shape: [this.#penalties.length, widthOf(this.#config.axes)] });
    return { config: this.#config, tensors: { rows, penalties: tensor(this.#penalties) } };
  }

  static load(
    config: unknown,
    { rows, penalties }: Readonly<Record<string, Tensor | undefined>>,
    columns: number,
    fail: (what: string) => never,
  ): Neighbours {
    if (!isPlainObject(config)) return fail('neighbours');
    const axes = axesFrom(config.axes, columns);
    const scale: readonly unknown[] = Array.isArray(config.scale) ? config.scale : [];
    const sound = scale.length === 2 && scale.every(Number.isFinite) && (scale[1] as number) > 0;
    if (axes === null || !sound || rows === undefined || penalties === undefined) return fail('neighbours');
    const fits =
      penalties.shape.length === 1 &&
      penalties.size > 0 &&
      rows.shape.length === 2 &&
      rows.shape[0] === penalties.size &&
      rows.shape[1] === widthOf(axes);
    const held = [Float32Array.from(rows.data), Float32Array.from(penalties.data)] as const;
    if (!fits || !held[0].every(Number.isFinite) || !held[1].every((value) => value >= 0 && value < Infinity))
      return fail('neighbours');
    return new Neighbours({ axes, scale: scale as unknown as [number, number] }, ...held);
  }
}

/** The least of distance and penalty over rows: a sum that is past the farthest of those that are kept is not finished. */
class Search {
  readonly #rows: Float32Array;
  readonly #penalties: Float32Array;
  readonly #width: number;
  readonly #values: Float64Array;
  /** Which rows were found, nearest first; as many as `found` says. */
  readonly places: Uint32Array;
  found = 0;

  constructor(rows: Float32Array, penalties: Float32Array, width: number, most: number) {
    this.#rows = rows;
    this.#penalties = penalties;
    this.#width = width;
    this.#values = new Float64Array(most);
    this.places = new Uint32Array(most);
  }

  /** The mean of the least for the row that begins at `start`; one equal row is left out, which may be itself. */
  mean(of: Float32Array, start: number): number {
    const [others, penalties, width, values] = [this.#rows, this.#penalties, this.#width, this.#values];
    const most = values.length;
    values.fill(Infinity);
    this.found = 0;
    let own = true;
    for (let i = 0; i < penalties.length; i++) {
      const penalty = penalties[i] as number;
      const room = (values[most - 1] as number) - penalty;
      if (room <= 0) continue;
      const bound = room * room;
      const other = i * width;
      let [sum, c] = [0, 0];
      // Four at a time: asking for the bound costs as much as a term.
      for (; c + 4 <= width && sum < bound; c += 4) {
        const a = (of[start + c] as number) - (others[other + c] as number);
        const b = (of[start + c + 1] as number) - (others[other + c + 1] as number);
        const d = (of[start + c + 2] as number) - (others[other + c + 2] as number);
        const e = (of[start + c + 3] as number) - (others[other + c + 3] as number);
        sum += a * a + b * b + d * d + e * e;
      }
      for (; c < width && sum < bound; c++) {
        const a = (of[start + c] as number) - (others[other + c] as number);
        sum += a * a;
      }
      if (sum >= bound) continue;
      if (sum === 0 && own) {
        own = false;
        continue;
      }
      const value = Math.sqrt(sum) + penalty;
      let at = Math.min(this.found, most - 1);
      for (; at > 0 && (values[at - 1] as number) > value; at--) {
        values[at] = values[at - 1] as number;
        this.places[at] = this.places[at - 1] as number;
      }
      values[at] = value;
      this.places[at] = i;
      if (this.found < most) this.found++;
    }
    let total = 0;
    for (let k = 0; k < this.found; k++) total += values[k] as number;
    return this.found === 0 ? 0 : total / this.found;
  }
}

/**
 * Of each row the mean over samples of the distance to the nearest of a sample, itself left out. Distances are sums of absolute
 * differences, which one far column sways less than squares, brought to the scale of Euclidean ones.
 */
function loneliness(rows: Float32Array, width: number, rng: Rng): Float32Array {
  const count = rows.length / width;
  // So few that odd rows among a table's are missing from most samples.
  const size = Math.max(2, Math.min(SAMPLE, count >> 3));
  const samples = Array.from({ length: SAMPLES }, () => rng.permutation(count).slice(0, size));
  const scale = euclideanShare(rows, width);
  return Float32Array.from({ length: count }, (_, r) => {
    let total = 0;
    for (const sample of samples) {
      let least = Infinity;
      for (const other of sample) {
        if (other === r) continue;
        let sum = 0;
        for (let c = 0; c < width && sum < least; c++)
          sum += Math.abs((rows[r * width + c] as number) - (rows[other * width + c] as number));
        least = Math.min(least, sum);
      }
      total += least;
    }
    return (scale * total) / SAMPLES;
  });
}

/** Euclidean distances of pairs of rows as a share of sums of absolute differences. */
function euclideanShare(rows: Float32Array, width: number): number {
  let [euclidean, absolute] = [0, 0];
  for (let r = 0; r + 1 < Math.min(TOLD, rows.length / width); r++) {
    let squares = 0;
    for (let c = 0; c < width; c++) {
      const difference = (rows[r * width + c] as number) - (rows[(r + 1) * width + c] as number);
      squares += difference * difference;
      absolute += Math.abs(difference);
    }
    euclidean += Math.sqrt(squares);
  }
  return absolute > 0 ? euclidean / absolute : 0;
}

/** The mean rank, from 0 to 1, of the loneliness of the neighbours of the loneliest tenth of the rows. */
function companyOf(rows: Float32Array, width: number, lonely: Float32Array): number {
  const order = Uint32Array.from(lonely.keys()).sort((a, b) => (lonely[a] as number) - (lonely[b] as number) || a - b);
  const rank = new Float64Array(order.length);
  order.forEach((r, i) => {
    rank[r] = i / order.length;
  });
  const search = new Search(rows, new Float32Array(order.length), width, COMPANY);
  let [total, count] = [0, 0];
  for (const r of order.subarray(Math.floor((1 - LONELY) * order.length))) {
    search.mean(rows, r * width);
    for (let k = 0; k < search.found; k++, count++) total += rank[search.places[k] as number] as number;
  }
  return count === 0 ? 0 : total / count;
}

function clamp(share: number): number {
  return Math.max(0, Math.min(1, share));
}
