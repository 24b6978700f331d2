/// <reference lib="esnext.disposable" preserve="true" />

import type { DType } from './dtype.ts';
import { ShapeError, UsageError, ValueError } from './errors.ts';
import { formatTensor } from './format.ts';
import { allocate, allocateOutside, allocatePinned, bytesOf, type Storage } from './memory/storage.ts';
import { stepWatcher } from './memory/watcher.ts';
import type { GraphNode } from './op.ts';
import { checkFlag, isTensor, refuseForeign } from './ops/argument.ts';
import * as e from './ops/elementwise.ts';
import * as i from './ops/indexing.ts';
import * as l from './ops/layout.ts';
import * as m from './ops/linalg.ts';
import * as r from './ops/reduce.ts';
import { checkNames, describeValue, refuse } from './options.ts';
import { formatShape, type Shape } from './shape.ts';

/** Numbers in nested arrays, as deep as there are axes: what `toArray` gives. */
export type NestedArray = number | readonly NestedArray[];

/**
 * An n-dimensional array of numbers: contiguous, row-major, never changed by an op. It is an ordinary value: the garbage
 * collector takes it back, and reading it never consumes it. Every op is a function and a method: `add(a, b)`, `a.add(b)`.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the loop at the end adds exactly the methods of the interface.
export class Tensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly size: number;
  /** Where the numbers are. The engine's; not part of the public contract. */
  readonly storage: Storage;
  /** The place on a tape, for tensors that gradients flow through. The engine's. */
  node: GraphNode | null = null;

  constructor(shape: Shape, dtype: DType, storage: Storage) {
    let size = 1;
    for (let axis = 0; axis < shape.length; axis++) size *= shape[axis]!;
    this.shape = shape;
    this.dtype = dtype;
    this.size = size;
    this.storage = storage;
  }

  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** A fresh typed array of the elements in row-major order. */
  get data(): Float32Array | Float64Array {
    return this.storage.read(this.dtype, this.size, 'data').slice();
  }

  /** Nested arrays of numbers; a plain number for a scalar. */
  toArray(): NestedArray {
    const flat = this.storage.read(this.dtype, this.size, 'toArray');
    let next = 0;
    const build = (axis: number): NestedArray =>
      axis === this.shape.length
        ? flat[next++]!
        : Array.from({ length: this.shape[axis] as number }, () => build(axis + 1));
    return build(0);
  }

  /** The only element, as a number. */
  item(): number {
    if (this.size !== 1) throw new ShapeError(`item: needs a tensor of one element, got ${formatShape(this.shape)}`);
    return this.storage.first(this.dtype);
  }

  /** What `JSON.stringify` writes: nested arrays of numbers (NaN and ±∞ as null, which is all that JSON has). */
  toJSON(): NestedArray {
    return this.toArray();
  }

  toString(): string {
    return formatTensor(this.storage.read(this.dtype, this.size, 'toString'), this.shape, this.dtype);
  }

  /** A copy with its own numbers, off any tape, that outlives steps. */
  clone(): Tensor {
    return this.persisted(false);
  }

  /** The same numbers, off any tape. */
  detach(): Tensor {
    return new Tensor(this.shape, this.dtype, this.storage);
  }

  /** A copy in another dtype, off any tape. */
  cast(dtype: DType): Tensor {
    if (dtype !== 'f32' && dtype !== 'f64') refuse({ caller: 'cast', path: 'dtype' }, "'f32' or 'f64'", dtype);
    const storage = allocate(dtype, this.size); // before the view: allocating may move the memory
    return new Tensor(this.shape, dtype, copied(dtype, this.storage.read(this.dtype, this.size, 'cast'), storage));
  }

  /** Whether gradients flow through this tensor. */
  get requiresGrad(): boolean {
    return this.node !== null && !this.node.ended;
  }

  /** A parameter's gradient, summed over `backward` calls; null before the first, and when its step has ended. */
  get grad(): Tensor | null {
    const grad = this.node?.grad ?? null;
    return grad?.storage.alive ? grad : null;
  }

  /** Gradients of this scalar to every parameter it was computed from; see package autograd. */
  backward(options?: { readonly createGraph?: boolean; readonly retainGraph?: boolean }): void {
    checkNames('backward', options, ['createGraph', 'retainGraph']);
    const createGraph = checkFlag('backward', 'createGraph', options?.createGraph);
    const retainGraph =
      options?.retainGraph === undefined ? createGraph : checkFlag('backward', 'retainGraph', options.retainGraph);
    if (this.node === null) {
      throw new UsageError('backward: the loss depends on no parameter; make some inputs with parameter(...)');
    }
    this.node.backward(this, { createGraph, retainGraph });
  }

  /**
   * Gives the memory back now, where waiting for the garbage collector would take too long: in loops that never await, and
   * of large models. Optional. Afterwards this tensor, its reshaped views and compiled functions that use it throw a
   * `LifetimeError`; disposing twice is nothing.
   */
  dispose(): void {
    stepWatcher()?.forbid('dispose');
    this.storage.release();
    if (this.node !== null) this.node.grad = null;
  }

  // What ops use to make tensors without importing this class.

  /** A tensor of this dtype over the given storage. */
  sibling(shape: Shape, storage: Storage): Tensor {
    return new Tensor(shape, this.dtype, storage);
  }
  /** A scalar of this dtype. */
  scalar(value: number): Tensor {
    return this.from([value], []);
  }
  /** A tensor of this dtype with these elements. */
  from(values: ArrayLike<number>, shape: Shape): Tensor {
    return new Tensor(shape, this.dtype, copied(this.dtype, values, allocate(this.dtype, values.length)));
  }
  /** A tensor of this dtype with every element `value`. */
  full(shape: Shape, value: number): Tensor {
    return l.broadcastTo(this.scalar(value), shape);
  }
  /** A copy outside any step; `pinned` keeps it at a fixed address (parameters). */
  persisted(pinned: boolean): Tensor {
    const storage = pinned
      ? allocatePinned(bytesOf(this.dtype, this.size), 'parameters')
      : allocateOutside(this.dtype, this.size);
    return new Tensor(
      this.shape,
      this.dtype,
      copied(this.dtype, this.storage.read(this.dtype, this.size, 'clone'), storage),
    );
  }
  /** Overwrites the elements in place. Only for parameters and buffers: tapes do not see it. */
  assign(values: Tensor | ArrayLike<number> | number): void {
    stepWatcher()?.forbid('assign');
    const { dtype, size, shape } = this;
    if (typeof values === 'number') {
      if (size !== 1) throw new ShapeError(`assign: ${formatShape(shape)} takes ${size} elements, got a number`);
      this.storage.setFirst(dtype, values);
      return;
    }
    const from = isTensor(values) ? values : null;
    if (from === null) checkNumbers(values as ArrayLike<number>);
    const count = from === null ? (values as ArrayLike<number>).length : from.size;
    if (count !== size) {
      throw new ValueError(
        `assign: expected ${size} elements for ${formatShape(shape)}, got ${from === null ? count : formatShape(from.shape)}`,
      );
    }
    if (from !== null && from.dtype === dtype) this.storage.copyFrom(from.storage, dtype, size);
    else {
      const source = from === null ? (values as ArrayLike<number>) : from.storage.view(from.dtype, size, 'assign');
      this.storage.changes();
      this.storage.view(dtype, size, 'assign').set(source);
    }
  }
}

/** Throws unless these are numbers, and all of them. */
function checkNumbers(values: ArrayLike<number>): void {
  refuseForeign('assign', values);
  const typed = ArrayBuffer.isView(values) && 'length' in values && typeof values[0] !== 'bigint';
  if (typed) return;
  if (!Array.isArray(values)) {
    throw new ValueError(`assign: expected a tensor, numbers in an array, or a number, got ${describeValue(values)}`);
  }
  for (let i = 0; i < values.length; i++) {
    if (typeof values[i] !== 'number') {
      throw new ValueError(`assign: expected a number at [${i}], got ${describeValue(values[i])}`);
    }
  }
}

// Node's console shows a tensor as it prints; browsers show the object.
Object.defineProperty(Tensor.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Tensor): string {
    return this.storage.alive ? this.toString() : `Tensor ${formatShape(this.shape)} ${this.dtype} (given up)`;
  },
});
// Where the platform has `using`, tensors are disposed at the end of their block.
if (typeof Symbol.dispose === 'symbol') {
  Object.defineProperty(Tensor.prototype, Symbol.dispose, {
    value(this: Tensor): void {
      this.dispose();
    },
  });
}

/** The ops that are methods too: `add(a, b)` is `a.add(b)`. */
const methods = {
  ...{ add: e.add, sub: e.sub, mul: e.mul, div: e.div, maximum: e.maximum, minimum: e.minimum, pow: e.pow },
  ...{ equal: e.equal, notEqual: e.notEqual, less: e.less, lessEqual: e.lessEqual },
  ...{ greater: e.greater, greaterEqual: e.greaterEqual, clamp: e.clamp, leakyRelu: e.leakyRelu, elu: e.elu },
  ...{ abs: e.abs, neg: e.neg, sign: e.sign, exp: e.exp, log: e.log, log1p: e.log1p, expm1: e.expm1 },
  ...{ sqrt: e.sqrt, rsqrt: e.rsqrt, square: e.square, reciprocal: e.reciprocal, sin: e.sin, cos: e.cos, erf: e.erf },
  ...{
    tanh: e.tanh,
    sigmoid: e.sigmoid,
    softplus: e.softplus,
    logSigmoid: e.logSigmoid,
    relu: e.relu,
    selu: e.selu,
    gelu: e.gelu,
  },
  ...{ silu: e.silu, mish: e.mish, hardSigmoid: e.hardSigmoid, hardTanh: e.hardTanh },
  ...{ sum: r.sum, mean: r.mean, max: r.max, min: r.min, prod: r.prod, logSumExp: r.logSumExp },
  ...{ variance: r.variance, argMax: r.argMax, softmax: r.softmax, logSoftmax: r.logSoftmax },
  ...{ cumulativeSum: r.cumulativeSum, matmul: m.matmul, gather: i.gather, scatterAdd: i.scatterAdd, oneHot: i.oneHot },
  ...{ reshape: l.reshape, transpose: l.transpose, broadcastTo: l.broadcastTo, slice: l.slice, split: l.split },
  ...{ pad: l.pad, flip: l.flip, expandDims: l.expandDims, squeeze: l.squeeze },
};

/** A function of a tensor as a method of it. */
type Method<F> = F extends (x: never, ...rest: infer R) => infer T ? (...rest: R) => T : never;
type Methods = { [K in keyof typeof methods]: Method<(typeof methods)[K]> };

export interface Tensor extends Methods {
  [Symbol.dispose](): void;
}

for (const [name, f] of Object.entries(methods) as [string, (x: Tensor, a?: unknown, b?: unknown) => unknown][]) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, a?: unknown, b?: unknown) {
      return f(this, a, b);
    },
  });
}

/** Writes `values` to `storage` (views are taken after the storage exists, since making it may move the memory). */
function copied(dtype: DType, values: ArrayLike<number>, storage: Storage): Storage {
  storage.view(dtype, values.length).set(values);
  return storage;
}
