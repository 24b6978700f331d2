import { isList } from '@latent/nn';
import {
  checkOptions,
  flag,
  instance,
  matmul,
  optional,
  refuse,
  step,
  Tensor,
  tensor,
  ValueError,
  whole,
} from '@latent/tensor';

/** The nearest of each query: row q of `indices` and `distances` [queries·k] has its k nearest, nearest first. */
export interface Neighbours {
  readonly k: number;
  readonly indices: Uint32Array;
  /** Euclidean. */
  readonly distances: Float32Array;
}

/** Codes: a tensor [n, latent], or rows of numbers. */
export type Codes = Tensor | readonly ArrayLike<number>[];

/** Queries at a time. */
const BLOCK = 256;

const neighbourChecks = {
  k: /* @__PURE__ */ whole({ min: 1 }),
  indices: /* @__PURE__ */ instance<Uint32Array>(
    'what nearestNeighbours found',
    (value) => value instanceof Uint32Array,
  ),
  distances: /* @__PURE__ */ instance<Float32Array>(
    'what nearestNeighbours found',
    (value) => value instanceof Float32Array,
  ),
};

const checks = {
  k: /* @__PURE__ */ whole({ min: 1 }),
  leaveOneOut: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
};

/**
 * The k nearest of `reference` [n, d] for each of `queries` [m, d], by Euclidean distance, ties by number. With `leaveOneOut` the
 * queries are the reference, and none is its own neighbour.
 */
export function nearestNeighbours(
  reference: Codes,
  queries: Codes,
  options: { readonly k: number; readonly leaveOneOut?: boolean },
): Neighbours {
  const caller = 'nearestNeighbours';
  const { k, leaveOneOut } = checkOptions(caller, options, checks);
  const [known, asked] = [codesOf(caller, 'reference', reference), codesOf(caller, 'queries', queries)];
  const [n = 0, width = 0] = known.shape;
  const [m = 0, queryWidth = 0] = asked.shape;
  if (width !== queryWidth) {
    throw new ValueError(`${caller}: reference has codes of ${width} numbers, but queries of ${queryWidth}`);
  }
  if (leaveOneOut && n !== m) {
    throw new ValueError(`${caller}: with leaveOneOut queries are the reference, got ${n} and ${m} rows`);
  }
  const most = leaveOneOut ? n - 1 : n;
  whole({ min: 1, max: most })(k, { caller, path: 'k' });
  const indices = new Uint32Array(m * k);
  const distances = new Float32Array(m * k);
  const lengths = step(() => known.square().sum({ axis: -1 }));
  for (let start = 0; start < m; start += BLOCK) {
    const end = Math.min(m, start + BLOCK);
    const part = asked.slice([[start, end]]);
    // ‖q − r‖² = ‖q‖² + ‖r‖² − 2q·r, of which ‖q‖² is the same for all.
    const ranks: Float32Array | Float64Array = step(() =>
      lengths.sub(matmul(part, known, { transposeB: true }).mul(2)),
    ).data;
    for (let q = start; q < end; q++) {
      const row = ranks.subarray((q - start) * n, (q - start + 1) * n);
      smallest(row, leaveOneOut ? q : -1, indices.subarray(q * k, (q + 1) * k), k);
    }
  }
  const [r, a] = [known.data, asked.data];
  for (let i = 0; i < indices.length; i++) {
    const [from, to] = [(indices[i] as number) * width, Math.floor(i / k) * width];
    let sum = 0;
    for (let j = 0; j < width; j++) sum += ((r[from + j] as number) - (a[to + j] as number)) ** 2;
    distances[i] = Math.sqrt(sum);
  }
  return { k, indices, distances };
}

/** The class of each query by the vote of its neighbours; of equal votes the class of the nearest. */
export function neighbourVotes(neighbours: Neighbours, labels: ArrayLike<number>): number[] {
  const caller = 'neighbourVotes';
  const { k, indices } = checkOptions(caller, neighbours, neighbourChecks, 'neighbours');
  if (!isList(labels))
    refuse({ caller, path: 'labels' }, 'an array of labels, one for each row of the reference', labels);
  const classes: number[] = [];
  for (let q = 0; q < indices.length / k; q++) {
    const votes = new Map<number, number>();
    for (let i = q * k; i < (q + 1) * k; i++) {
      const index = indices[i] as number;
      const label = labels[index];
      if (label === undefined) {
        throw new ValueError(`neighbourVotes: there are ${labels.length} labels, but a neighbour is number ${index}`);
      }
      votes.set(label, (votes.get(label) ?? 0) + 1);
    }
    // A map keeps the order of first votes, and those come nearest first.
    let [best, most] = [Number.NaN, 0];
    for (const [label, count] of votes) if (count > most) [best, most] = [label, count];
    classes.push(best);
  }
  return classes;
}

/** The positions of the k smallest, in order, by insertion into a short list. */
function smallest(values: ArrayLike<number>, without: number, into: Uint32Array, k: number): void {
  const kept = new Float32Array(k).fill(Infinity);
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (i === without || (count === k && value >= (kept[k - 1] as number))) continue;
    let at = count < k ? count++ : k - 1;
    while (at > 0 && (kept[at - 1] as number) > value) {
      kept[at] = kept[at - 1] as number;
      into[at] = into[at - 1] as number;
      at--;
    }
    kept[at] = value;
    into[at] = i;
  }
}

function codesOf(caller: string, name: string, codes: Codes): Tensor {
  if (!(codes instanceof Tensor) && !Array.isArray(codes)) {
    refuse({ caller, path: name }, 'codes: a tensor [n, numbers], or rows of numbers', codes);
  }
  const given = codes instanceof Tensor ? codes : tensor(codes as never);
  if (given.shape.length !== 2 || given.size === 0) {
    throw new ValueError(`${caller}: ${name} must be codes [n, numbers], got [${given.shape.join(', ')}]`);
  }
  const bad = given.data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const width = given.shape[1] as number;
    throw new ValueError(
      `${caller}: ${name} has ${given.data[bad]} at row ${Math.floor(bad / width)}, column ${bad % width}`,
    );
  }
  return given;
}
