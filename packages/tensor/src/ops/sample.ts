// What a sample of an op is, and the loops that expectations are made of. Only tests import this.
import type { Shape } from '../shape.ts';
import { sizeOf, stridesOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** Numbers in row-major order and their shape: what an expectation is written in. */
export interface Plain {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
}

export interface Domain {
  readonly low: number;
  readonly high: number;
  /** Kinks to stay away from, by a hundredth. */
  readonly avoid?: readonly number[];
  /** Whole numbers only: indices. They have no gradient. */
  readonly whole?: boolean;
}

export interface Sample {
  call(...inputs: Tensor[]): Tensor;
  /** Groups of input shapes to try. */
  readonly shapes: readonly (readonly Shape[])[];
  /** Where each input's numbers come from; the last entry holds for the rest. −2 … 2 by default. */
  readonly domain?: readonly Domain[];
  /** The result in double precision, from plain loops. */
  expected(...inputs: Plain[]): Plain;
  /** Largest error in f32, relative to max(1, |value|); 2e-6 by default. */
  readonly tolerance?: number;
  /** The same in f64; 1e-13 by default. */
  readonly exact?: number;
  /** Whether second derivatives exist everywhere in the domain. */
  readonly smooth?: boolean;
  /** False for comparisons and the like. */
  readonly differentiable?: boolean;
  /** Inputs and results at the edges of arithmetic, elementwise. */
  readonly special?: readonly (readonly [inputs: readonly number[], output: number])[];
}

/** Position of `index` (of shape `to`) in an operand that is broadcast to it. */
function broadcastIndex(shape: Shape, to: Shape, flat: number): number {
  const strides = stridesOf(to);
  const own = stridesOf(shape);
  const lead = to.length - shape.length;
  let at = 0;
  for (let axis = lead; axis < to.length; axis++) {
    const position = Math.floor(flat / strides[axis]!) % to[axis]!;
    if (shape[axis - lead] !== 1) at += position * own[axis - lead]!;
  }
  return at;
}

/** Element by element, operands broadcast to each other. */
export function each(f: (...values: number[]) => number) {
  return (...inputs: Plain[]): Plain => {
    const rank = Math.max(...inputs.map((x) => x.shape.length));
    const shape = Array.from({ length: rank }, (_, axis) =>
      inputs.reduce((size, x) => {
        const own = x.shape[axis - (rank - x.shape.length)] ?? 1;
        return own === 1 ? size : own;
      }, 1),
    );
    const data = Array.from({ length: sizeOf(shape) }, (_, at) =>
      f(...inputs.map((x) => x.data[broadcastIndex(x.shape, shape, at)]!)),
    );
    return { data, shape };
  };
}

/** A function from each group of elements along `axes` to numbers put back in their place (or one, kept with size 1). */
export function along(axes: readonly number[], f: (values: number[]) => number[], keep = true) {
  return ({ data, shape }: Plain): Plain => {
    const strides = stridesOf(shape);
    const inner = axes.reduce<number[]>(
      (offsets, axis) => offsets.flatMap((o) => Array.from({ length: shape[axis]! }, (_, n) => o + n * strides[axis]!)),
      [0],
    );
    const outerShape = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const results: number[][] = [];
    const starts: number[] = [];
    for (let at = 0; at < sizeOf(shape); at++) {
      if (axes.some((axis) => Math.floor(at / strides[axis]!) % shape[axis]! !== 0)) continue;
      starts.push(at);
      results.push(f(inner.map((offset) => data[at + offset]!)));
    }
    if (results.every((values) => values.length === 1)) {
      const out = keep ? outerShape : outerShape.filter((_, axis) => !axes.includes(axis));
      return { data: results.map(([value]) => value as number), shape: out };
    }
    const out: number[] = new Array(sizeOf(shape));
    starts.forEach((start, group) => {
      inner.forEach((offset, n) => {
        out[start + offset] = results[group]![n]!;
      });
    });
    return { data: out, shape };
  };
}

/** The place of an element, of at most three axes here. */
type Position = readonly [number, number, number];

/** Elements picked one by one: the result's element at `index` is the input's at `from(index)`, or a number. */
export function pick(shape: Shape, from: (index: Position) => { input?: number; index: readonly number[] } | number) {
  return (...inputs: Plain[]): Plain => {
    const strides = stridesOf(shape);
    const data = Array.from({ length: sizeOf(shape) }, (_, at) => {
      const source = from(strides.map((stride, axis) => Math.floor(at / stride) % shape[axis]!) as unknown as Position);
      if (typeof source === 'number') return source;
      const x = inputs[source.input ?? 0] as Plain;
      const own = stridesOf(x.shape);
      return x.data[source.index.reduce((sum, n, axis) => sum + n * own[axis]!, 0)]!;
    });
    return { data, shape };
  };
}
