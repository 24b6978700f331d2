/** Columns for trees: numbers (NaN where there is none), or the places of levels (−1 where there is none). */
export type TreeColumn =
  | { readonly role: 'number'; readonly values: Float64Array }
  | { readonly role: 'category'; readonly values: Int32Array; readonly levels: number };

/** A split sends rows whose bin is at most `bin` to the left. */
interface Split {
  readonly gain: number;
  readonly feature: number;
  readonly bin: number;
}

/** A node: a leaf's value, or where to go on. */
interface Node {
  feature: number;
  bin: number;
  left: number;
  right: number;
  value: number;
}

/** Bins of a column; the last is for what is missing. */
const BINS = 64;
const LEAVES = 31;
const LEAST_ROWS = 20;
const RATE = 0.1;
const RIDGE = 1;
const MISSING = BINS - 1;

/**
 * Gradient-boosted trees over binned columns (Friedman 2001; Ke et al. 2017): each tree fits the gradient of the loss, splits
 * best leaf first, and adds a tenth of its answer. Levels of a category are ordered by their mean target, so that a split tells any
 * set of them apart. For judging tables, where nothing weaker sees the difference.
 */
export class BoostedTrees {
  readonly #binOf: readonly ((column: TreeColumn, row: number) => number)[];
  readonly #trees: Node[][] = [];
  readonly #start: number;

  /** Fits to labels 0 and 1 by log-loss, or to numbers by squared error. */
  constructor(columns: readonly TreeColumn[], target: Float64Array, loss: 'logistic' | 'squared', trees = 100) {
    const n = target.length;
    const mean = target.reduce((sum, y) => sum + y, 0) / Math.max(1, n);
    const share = Math.min(1 - 1e-6, Math.max(1e-6, mean));
    this.#start = loss === 'logistic' ? Math.log(share / (1 - share)) : mean;
    this.#binOf = columns.map((column) => binning(column, target));
    const bins = columns.map((column, f) => {
      const own = new Uint8Array(n);
      const bin = this.#binOf[f] as (column: TreeColumn, row: number) => number;
      for (let r = 0; r < n; r++) own[r] = bin(column, r);
      return own;
    });
    const score = new Float64Array(n).fill(this.#start);
    const gradient = new Float64Array(n);
    const curvature = new Float64Array(n);
    for (let t = 0; t < trees; t++) {
      for (let r = 0; r < n; r++) {
        if (loss === 'logistic') {
          const p = 1 / (1 + Math.exp(-(score[r] as number)));
          gradient[r] = p - (target[r] as number);
          curvature[r] = p * (1 - p);
        } else {
          gradient[r] = (score[r] as number) - (target[r] as number);
          curvature[r] = 1;
        }
      }
      this.#trees.push(grow(bins, gradient, curvature, score));
    }
  }

  /** Scores of rows: log-odds, or numbers. */
  predict(columns: readonly TreeColumn[]): Float64Array {
    const n = columns[0]?.values.length ?? 0;
    const bins = columns.map((column, f) => {
      const own = new Uint8Array(n);
      const bin = this.#binOf[f] as (column: TreeColumn, row: number) => number;
      for (let r = 0; r < n; r++) own[r] = bin(column, r);
      return own;
    });
    const scores = new Float64Array(n).fill(this.#start);
    for (const tree of this.#trees) {
      for (let r = 0; r < n; r++) {
        let node = tree[0] as Node;
        while (node.left >= 0) {
          node = tree[((bins[node.feature] as Uint8Array)[r] as number) <= node.bin ? node.left : node.right] as Node;
        }
        scores[r] = (scores[r] as number) + node.value;
      }
    }
    return scores;
  }
}

/** How a column's cells fall into bins: numbers by their quantiles, levels by their mean target. */
function binning(column: TreeColumn, target: Float64Array): (column: TreeColumn, row: number) => number {
  if (column.role === 'number') {
    const sorted = column.values.filter((value) => !Number.isNaN(value)).sort();
    const edges: number[] = [];
    for (let b = 1; b < MISSING; b++) {
      const edge = sorted[Math.floor((b * sorted.length) / MISSING)];
      if (edge !== undefined && edge !== edges[edges.length - 1]) edges.push(edge);
    }
    return (of, r) => {
      const value = of.values[r] as number;
      if (Number.isNaN(value)) return MISSING;
      let [low, high] = [0, edges.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((edges[middle] as number) <= value) low = middle + 1;
        else high = middle;
      }
      return low;
    };
  }
  const sums = new Float64Array(column.levels);
  const counts = new Float64Array(column.levels);
  const all = target.reduce((sum, y) => sum + y, 0) / Math.max(1, target.length);
  for (let r = 0; r < target.length; r++) {
    const level = column.values[r] as number;
    if (level < 0) continue;
    sums[level] = (sums[level] as number) + (target[r] as number);
    counts[level] = (counts[level] as number) + 1;
  }
  const key = (level: number): number => ((sums[level] as number) + 10 * all) / ((counts[level] as number) + 10);
  const order = Array.from(sums.keys()).sort((a, b) => key(a) - key(b) || a - b);
  const binOf = new Uint8Array(column.levels);
  order.forEach((level, rank) => {
    binOf[level] = Math.floor((rank * MISSING) / Math.max(order.length, MISSING));
  });
  return (of, r) => {
    const level = of.values[r] as number;
    return level < 0 || level >= binOf.length ? MISSING : (binOf[level] as number);
  };
}

/** Sums of gradient, curvature and rows by bin, of all columns. */
type Histogram = Float64Array;

interface Leaf {
  readonly node: number;
  readonly rows: Uint32Array;
  readonly histogram: Histogram;
  readonly split: Split | null;
}

/** Grows a tree, and adds its answers to `score`. */
function grow(
  bins: readonly Uint8Array[],
  gradient: Float64Array,
  curvature: Float64Array,
  score: Float64Array,
): Node[] {
  const nodes: Node[] = [{ feature: 0, bin: 0, left: -1, right: -1, value: 0 }];
  const all = Uint32Array.from({ length: score.length }, (_, r) => r);
  const leaf = (node: number, rows: Uint32Array, histogram: Histogram): Leaf => ({
    node,
    rows,
    histogram,
    split: bestSplit(histogram, bins.length),
  });
  const leaves = [leaf(0, all, histogramOf(bins, all, gradient, curvature))];
  while (leaves.length < LEAVES) {
    let best = -1;
    leaves.forEach(({ split }, i) => {
      if (split !== null && (best < 0 || split.gain > ((leaves[best] as Leaf).split as Split).gain)) best = i;
    });
    if (best < 0) break;
    const { node, rows, histogram, split } = leaves[best] as Leaf;
    const { feature, bin } = split as Split;
    const own = bins[feature] as Uint8Array;
    const left = rows.filter((r) => (own[r] as number) <= bin);
    const right = rows.filter((r) => (own[r] as number) > bin);
    const few = left.length < right.length ? left : right;
    const counted = histogramOf(bins, few, gradient, curvature);
    const rest = histogram.map((value, i) => value - (counted[i] as number));
    const [a, b] = few === left ? [counted, rest] : [rest, counted];
    Object.assign(nodes[node] as Node, { feature, bin, left: nodes.length, right: nodes.length + 1 });
    nodes.push(
      { feature: 0, bin: 0, left: -1, right: -1, value: 0 },
      { feature: 0, bin: 0, left: -1, right: -1, value: 0 },
    );
    leaves.splice(best, 1, leaf(nodes.length - 2, left, a), leaf(nodes.length - 1, right, b));
  }
  for (const { node, rows } of leaves) {
    let [g, h] = [0, 0];
    for (const r of rows) {
      g += gradient[r] as number;
      h += curvature[r] as number;
    }
    const value = (-RATE * g) / (h + RIDGE);
    (nodes[node] as Node).value = value;
    for (const r of rows) score[r] = (score[r] as number) + value;
  }
  return nodes;
}

function histogramOf(
  bins: readonly Uint8Array[],
  rows: Uint32Array,
  gradient: Float64Array,
  curvature: Float64Array,
): Histogram {
  const histogram = new Float64Array(3 * BINS * bins.length);
  bins.forEach((own, f) => {
    const start = 3 * BINS * f;
    for (let i = 0; i < rows.length; i++) {
      const r = rows[i] as number;
      const at = start + 3 * (own[r] as number);
      histogram[at] = (histogram[at] as number) + (gradient[r] as number);
      histogram[at + 1] = (histogram[at + 1] as number) + (curvature[r] as number);
      histogram[at + 2] = (histogram[at + 2] as number) + 1;
    }
  });
  return histogram;
}

function bestSplit(histogram: Histogram, features: number): Split | null {
  let best: Split | null = null;
  let [g, h, n] = [0, 0, 0];
  for (let b = 0; b < BINS; b++) {
    g += histogram[3 * b] as number;
    h += histogram[3 * b + 1] as number;
    n += histogram[3 * b + 2] as number;
  }
  if (n < 2 * LEAST_ROWS) return null;
  const whole = (g * g) / (h + RIDGE);
  for (let feature = 0; feature < features; feature++) {
    const start = 3 * BINS * feature;
    let [a, b, m] = [0, 0, 0];
    for (let bin = 0; bin < BINS - 1; bin++) {
      a += histogram[start + 3 * bin] as number;
      b += histogram[start + 3 * bin + 1] as number;
      m += histogram[start + 3 * bin + 2] as number;
      if (m < LEAST_ROWS || n - m < LEAST_ROWS) continue;
      const gain = (a * a) / (b + RIDGE) + ((g - a) * (g - a)) / (h - b + RIDGE) - whole;
      if (gain > 1e-6 && (best === null || gain > best.gain)) best = { gain, feature, bin };
    }
  }
  return best;
}
