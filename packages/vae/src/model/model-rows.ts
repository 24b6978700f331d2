import {
  FittedTransform,
  type FlatRows,
  parseRows,
  placeOf,
  type Rows,
  stepsAsRows,
  type Transform,
  zeroPadded,
} from '@latent/nn';
import { type Shape, sizeOf, type Tensor, tensor, UsageError, ValueError } from '@latent/tensor';
import { checkSupport, REAL, type ReconstructionDistribution, type Support } from '../reconstruction/likelihood.ts';
import { isStepwise } from '../reconstruction/per-step.ts';
import { lengthsByStop, parseSequences, type Sequence } from '../sequence/sequence.ts';
import type { ReadyRows } from './rows-program.ts';
import { FARTHEST, SeenRange } from './seen-range.ts';

/** Rows on a model's scale, and as they were given. */
export interface PreparedRows extends ReadyRows {
  readonly raw: FlatRows;
}

/** The largest number of single precision. */
const LARGEST_SINGLE = (2 - 2 ** -23) * 2 ** 127;

/** What a model knows of its data, beside its weights. */
export interface Learned {
  readonly transform: FittedTransform | null;
  readonly range: SeenRange | null;
}

/** What a model says of its rows; asked when it is needed, since subclasses say it. */
export interface RowTraits {
  /** What errors call the model. */
  name(): string;
  /** What the rows may hold: null for any number. */
  likelihood(): ReconstructionDistribution | null;
  /** Whether values may be missing. */
  holes(): boolean;
  /** Whether batches of sequences may be cut to their longest row. */
  anySteps(): boolean;
  /** A transform that was fitted elsewhere and is this model's too. */
  lent(): FittedTransform | null;
}

/** The rows of a model: how they are read, put on its scale, and back; with what it learned of their columns. */
export class ModelRows {
  readonly event: Shape;
  readonly sequence: Sequence | null;
  readonly traits: RowTraits;
  /** The transform that the first `fit` learns. */
  readonly spec: Transform | null;
  learned: Learned;
  /** Before anything was learned. */
  #unseen: SeenRange | null = null;

  constructor(
    event: Shape,
    transform: Transform | FittedTransform | null,
    sequence: Sequence | null,
    traits: RowTraits,
  ) {
    this.event = event;
    this.sequence = sequence;
    this.traits = traits;
    this.spec = transform instanceof FittedTransform ? null : transform;
    this.learned = { transform: transform instanceof FittedTransform ? transform : null, range: null };
    if (transform instanceof FittedTransform && transform.width !== this.width) {
      throw new ValueError(
        `${traits.name()}: the transform was fitted to rows of ${transform.width} values, but these have ${this.width}`,
      );
    }
  }

  get transform(): FittedTransform | null {
    return this.traits.lent() ?? this.learned.transform;
  }

  /** Columns: of sequences those of a step, since all steps have one scale. */
  get width(): number {
    return this.sequence?.features ?? sizeOf(this.event);
  }

  /** Rows as what transforms, ranges and supports know: of sequences their steps. */
  asColumns(rows: FlatRows): FlatRows {
    return this.sequence === null ? rows : stepsAsRows(rows, this.sequence.features);
  }

  /** What each column may hold. */
  supports(): readonly Support[] {
    const width = this.width;
    return this.traits.likelihood()?.support(width) ?? new Array<Support>(width).fill(REAL);
  }

  parse(caller: string, data: Rows, single = false): FlatRows {
    if (this.sequence !== null) return parseSequences(caller, data, this.sequence);
    return parseRows(caller, data, this.event, {
      holes: this.traits.holes(),
      single,
      remedy: 'for rows with holes make the model with { missing: true }',
    });
  }

  /**
   * Rows on the model's scale, each value one that its likelihood can have. Values that single precision does not reach are
   * refused, or `held` at its end.
   */
  scaled(caller: string, raw: FlatRows, transform: FittedTransform | null, held = false): Float32Array {
    const columns = this.asColumns(raw);
    let values: Float32Array;
    if (transform !== null) values = transform.forward(caller, columns);
    else values = raw.values instanceof Float32Array ? raw.values : new Float32Array(raw.values);
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (!(Math.abs(value) > FARTHEST)) continue;
      // Such values are held, and the rows as they were given stay what they are.
      if (values === raw.values) values = values.slice();
      if (Math.abs(value) !== Infinity) continue;
      if (!held) {
        throw new ValueError(
          `${caller}: ${raw.values[i]} at ${placeOf(i, columns)} is too large for single precision on the model's scale`,
        );
      }
      values[i] = Math.sign(value) * LARGEST_SINGLE;
    }
    const likelihood = this.traits.likelihood();
    if (likelihood !== null) {
      // Past a row's end there is nothing, as in a hole.
      const holes = this.traits.holes() || this.sequence !== null;
      const own = isStepwise(likelihood) ? likelihood.ofStep : likelihood;
      checkSupport(caller, own, values, columns.width, holes, columns.steps);
    }
    return values;
  }

  /** Rows to be encoded or scored. */
  prepared(caller: string, data: Rows, of: 'codes' | 'scores'): PreparedRows {
    const { transform } = this;
    const raw = this.parse(caller, data, transform === null);
    if (transform === null && this.spec !== null) throw notLearned(caller, this.spec, "the columns' scales");
    const values = this.scaled(caller, raw, transform, true);
    this.#unseen ??= SeenRange.unknown(this.width);
    const range = this.learned.range ?? this.#unseen;
    // Numbers of things have no far end.
    const near = this.sequence?.tokenizer ? null : range.drawIn(values, of);
    const { count, lengths } = raw;
    if (lengths === undefined || this.sequence === null) return { raw, values, near, count };
    const { steps } = this.sequence;
    const padded = (x: Float32Array): Float32Array => zeroPadded(x, lengths, raw.width, steps);
    const parts = { values: padded(values), near: near === null ? null : padded(near) };
    return { raw, ...parts, count, lengths, cut: this.traits.anySteps() };
  }

  /**
   * Rows [n, …] that the model made for `caller`, in the event's shape and on the scale of the data. Sequences are NaN past their
   * `lengths`, or past where they stop by themselves.
   */
  restored(caller: string, rows: Tensor, lengths?: ArrayLike<number>): Tensor {
    const { transform } = this;
    if (transform === null && this.spec !== null) {
      throw notLearned(caller, this.spec, "the columns' scales");
    }
    const [count = 0] = rows.shape;
    const whole = this.sequence === null ? rows : allSteps(rows, sizeOf(this.event));
    const shaped = whole.reshape([count, ...this.event]);
    const scaled = transform === null ? shaped : transform.inverseTensor(shaped);
    const { sequence } = this;
    if (sequence === null) return scaled;
    const values = scaled.data;
    const ends = lengths ?? lengthsByStop(values, sequence);
    const width = sequence.steps * sequence.features;
    for (let r = 0; r < ends.length; r++) {
      values.fill(Number.NaN, r * width + (ends[r] as number) * sequence.features, (r + 1) * width);
    }
    return tensor(values, { shape: scaled.shape, dtype: scaled.dtype });
  }

  /** What was computed of each step, [n, steps], with NaN past each row's end. */
  perStep(steps: Tensor, { lengths = [] }: ReadyRows): Tensor {
    const { steps: most } = this.sequence as Sequence;
    const values = allSteps(steps, most).data;
    for (let r = 0; r < lengths.length; r++) values.fill(Number.NaN, r * most + (lengths[r] as number), (r + 1) * most);
    return tensor(values, { shape: [lengths.length, most] });
  }

  /**
   * log |dy/dx| of rows: what turns densities on the model's scale into those of the data, [n, columns]; null where there is
   * nothing to turn.
   */
  logJacobian(rows: FlatRows): Tensor | null {
    const { transform } = this;
    if (transform === null || this.traits.likelihood()?.normalized === false) return null;
    const slopes = transform.logJacobian(this.traits.name(), this.asColumns(rows));
    return tensor(Float32Array.from(slopes), { shape: [rows.count, rows.width] });
  }
}

/** Rows that were made without steps that none of them has, with zeros in their place: [rows, numbers] → [rows, width]. */
export function allSteps(rows: Tensor, width: number): Tensor {
  const [count = 0] = rows.shape;
  const own = count === 0 ? width : rows.size / count;
  if (own === width) return rows;
  const values = new Float32Array(count * width);
  const numbers = rows.data;
  for (let r = 0; r < count; r++) values.set(numbers.subarray(r * own, (r + 1) * own), r * width);
  return tensor(values, { shape: [count, width] });
}

/** The error of a method that needs what only `fit` learns. */
export function notLearned(caller: string, { name }: Transform, what: string): UsageError {
  return new UsageError(
    `${caller}: ${name}() learns ${what} from the first fit; call fit before, or give a fitted one: ${name}().fit(rows)`,
  );
}
