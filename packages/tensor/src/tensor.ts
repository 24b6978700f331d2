import { ShapeError, UsageError, ValueError } from './errors.ts';
import { formatTensor } from './format.ts';
import type { DType } from './kernels/kernels.ts';
import { allocate, allocateOutside, type Storage } from './memory/storage.ts';
import { stepWatcher } from './memory/watcher.ts';
import type { GraphNode } from './op.ts';
import type { Operand } from './ops/argument.ts';
import * as e from './ops/elementwise.ts';
import * as i from './ops/indexing.ts';
import * as l from './ops/layout.ts';
import * as m from './ops/linalg.ts';
import * as r from './ops/reduce.ts';
import { formatShape, type Shape } from './shape.ts';

export type NestedArray = number | readonly NestedArray[];

/**
 * An n-dimensional array of numbers: contiguous, row-major, never changed by an op. It is an ordinary value: the garbage
 * collector takes it back, and reading it never consumes it. Every op is a function and a method: `add(a, b)`, `a.add(b)`.
 */
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
    for (let axis = 0; axis < shape.length; axis++) size *= shape[axis];
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
      axis === this.shape.length ? flat[next++] : Array.from({ length: this.shape[axis] }, () => build(axis + 1));
    return build(0);
  }

  /** The only element, as a number. */
  item(): number {
    if (this.size !== 1) throw new ShapeError(`item: needs a tensor of one element, got ${formatShape(this.shape)}`);
    return this.storage.first(this.dtype);
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
    const storage = allocate(dtype, this.size); // before the view: allocating may move the memory
    return new Tensor(this.shape, dtype, copied(dtype, this.storage.read(this.dtype, this.size, 'cast'), storage));
  }

  /** Whether gradients flow through this tensor. */
  get requiresGrad(): boolean {
    return this.node !== null;
  }

  /** A parameter's gradient, summed over `backward` calls; null before the first, and when its step has ended. */
  get grad(): Tensor | null {
    const grad = this.node?.grad ?? null;
    return grad?.storage.alive ? grad : null;
  }

  /** Gradients of this scalar to every parameter it was computed from; see package autograd. */
  backward(options: { createGraph?: boolean; retainGraph?: boolean } = {}): void {
    if (this.node === null) {
      throw new UsageError('backward: the loss depends on no parameter; make some inputs with parameter(...)');
    }
    this.node.backward(this, options);
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
    const storage = allocateOutside(this.dtype, this.size, pinned);
    return new Tensor(
      this.shape,
      this.dtype,
      copied(this.dtype, this.storage.read(this.dtype, this.size, 'clone'), storage),
    );
  }
  /** Overwrites the elements in place. Only for parameters and buffers: tapes do not see it. */
  assign(values: Tensor | ArrayLike<number>): void {
    const isTensor = values instanceof Tensor;
    stepWatcher()?.forbid('assign');
    const source: ArrayLike<number> = isTensor ? values.storage.view(values.dtype, values.size) : values;
    if (source.length !== this.size) {
      throw new ValueError(
        `assign: expected ${this.size} elements for ${formatShape(this.shape)}, got ${isTensor ? formatShape(values.shape) : source.length}`,
      );
    }
    this.storage.view(this.dtype, this.size).set(source);
  }

  // The ops as methods; each is the function of the same name.

  add(other: Operand): Tensor {
    return e.add(this, other);
  }
  sub(other: Operand): Tensor {
    return e.sub(this, other);
  }
  mul(other: Operand): Tensor {
    return e.mul(this, other);
  }
  div(other: Operand): Tensor {
    return e.div(this, other);
  }
  maximum(other: Operand): Tensor {
    return e.maximum(this, other);
  }
  minimum(other: Operand): Tensor {
    return e.minimum(this, other);
  }
  pow(other: Operand): Tensor {
    return e.pow(this, other);
  }
  equal(other: Operand): Tensor {
    return e.equal(this, other);
  }
  notEqual(other: Operand): Tensor {
    return e.notEqual(this, other);
  }
  less(other: Operand): Tensor {
    return e.less(this, other);
  }
  lessEqual(other: Operand): Tensor {
    return e.lessEqual(this, other);
  }
  greater(other: Operand): Tensor {
    return e.greater(this, other);
  }
  greaterEqual(other: Operand): Tensor {
    return e.greaterEqual(this, other);
  }
  abs(): Tensor {
    return e.abs(this);
  }
  neg(): Tensor {
    return e.neg(this);
  }
  sign(): Tensor {
    return e.sign(this);
  }
  exp(): Tensor {
    return e.exp(this);
  }
  log(): Tensor {
    return e.log(this);
  }
  log1p(): Tensor {
    return e.log1p(this);
  }
  expm1(): Tensor {
    return e.expm1(this);
  }
  sqrt(): Tensor {
    return e.sqrt(this);
  }
  rsqrt(): Tensor {
    return e.rsqrt(this);
  }
  square(): Tensor {
    return e.square(this);
  }
  reciprocal(): Tensor {
    return e.reciprocal(this);
  }
  sin(): Tensor {
    return e.sin(this);
  }
  cos(): Tensor {
    return e.cos(this);
  }
  erf(): Tensor {
    return e.erf(this);
  }
  tanh(): Tensor {
    return e.tanh(this);
  }
  sigmoid(): Tensor {
    return e.sigmoid(this);
  }
  softplus(): Tensor {
    return e.softplus(this);
  }
  relu(): Tensor {
    return e.relu(this);
  }
  selu(): Tensor {
    return e.selu(this);
  }
  gelu(): Tensor {
    return e.gelu(this);
  }
  silu(): Tensor {
    return e.silu(this);
  }
  mish(): Tensor {
    return e.mish(this);
  }
  hardSigmoid(): Tensor {
    return e.hardSigmoid(this);
  }
  hardTanh(): Tensor {
    return e.hardTanh(this);
  }
  clamp(low: Operand, high: Operand): Tensor {
    return e.clamp(this, low, high);
  }
  leakyRelu(slope?: Operand): Tensor {
    return e.leakyRelu(this, slope);
  }
  elu(alpha?: Operand): Tensor {
    return e.elu(this, alpha);
  }
  sum(options?: r.ReduceOptions): Tensor {
    return r.sum(this, options);
  }
  mean(options?: r.ReduceOptions): Tensor {
    return r.mean(this, options);
  }
  max(options?: r.ReduceOptions): Tensor {
    return r.max(this, options);
  }
  min(options?: r.ReduceOptions): Tensor {
    return r.min(this, options);
  }
  prod(options?: r.ReduceOptions): Tensor {
    return r.prod(this, options);
  }
  logSumExp(options?: r.ReduceOptions): Tensor {
    return r.logSumExp(this, options);
  }
  variance(options?: r.VarianceOptions): Tensor {
    return r.variance(this, options);
  }
  argMax(options?: { axis?: number; keepDims?: boolean }): Tensor {
    return r.argMax(this, options);
  }
  softmax(axis?: number): Tensor {
    return r.softmax(this, axis);
  }
  logSoftmax(axis?: number): Tensor {
    return r.logSoftmax(this, axis);
  }
  cumulativeSum(options?: { axis?: number; reverse?: boolean }): Tensor {
    return r.cumulativeSum(this, options);
  }
  matmul(other: Tensor, options?: m.MatmulOptions): Tensor {
    return m.matmul(this, other, options);
  }
  reshape(shape: Shape): Tensor {
    return l.reshape(this, shape);
  }
  transpose(axes?: readonly number[]): Tensor {
    return l.transpose(this, axes);
  }
  broadcastTo(shape: Shape): Tensor {
    return l.broadcastTo(this, shape);
  }
  slice(ranges: readonly (l.Range | null)[]): Tensor {
    return l.slice(this, ranges);
  }
  split(parts: number | readonly number[], axis?: number): Tensor[] {
    return l.split(this, parts, axis);
  }
  pad(padding: readonly (readonly [before: number, after: number])[], value?: number): Tensor {
    return l.pad(this, padding, value);
  }
  flip(axes?: number | readonly number[]): Tensor {
    return l.flip(this, axes);
  }
  expandDims(axis: number): Tensor {
    return l.expandDims(this, axis);
  }
  squeeze(axes?: number | readonly number[]): Tensor {
    return l.squeeze(this, axes);
  }
  gather(indices: i.Indices, axis?: number): Tensor {
    return i.gather(this, indices, axis);
  }
  scatterAdd(indices: i.Indices, rows: Tensor): Tensor {
    return i.scatterAdd(this, indices, rows);
  }
  oneHot(depth: number): Tensor {
    return i.oneHot(this, depth);
  }
}

/** Writes `values` to `storage` (views are taken after the storage exists, since making it may move the memory). */
function copied(dtype: DType, values: ArrayLike<number>, storage: Storage): Storage {
  storage.view(dtype, values.length).set(values);
  return storage;
}
