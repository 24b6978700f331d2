import type { DType } from './dtype.ts';
import { ShapeError, ValueError } from './errors.ts';
import { allocate, allocatePinned, bytesOf } from './memory/storage.ts';
import { checkDType, checkNumber, isTensor, refuseForeign } from './ops/argument.ts';
import { checkCount } from './ops/indices.ts';
import { checkNames, describeValue } from './options.ts';
import { checkedSize, checkShape, formatShape, type Shape, sizeOf } from './shape.ts';
import { type NestedArray, Tensor } from './tensor.ts';

/** Numbers in an array of JavaScript's, of any kind but those of BigInts. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** What a tensor can be made of: a number, nested arrays of numbers, a typed array, or an array of typed rows. */
export type TensorData = NestedArray | TypedArray | readonly TypedArray[];

/** Of `tensor` and the other functions that make tensors. */
export interface TensorOptions {
  /** Element type; 'f32' unless the data is a Float64Array. 'f64' is for tests: it runs on the reference kernels. */
  readonly dtype?: DType;
}

/**
 * A tensor from numbers: a number, nested arrays, a typed array, or an array of typed rows. The data is copied.
 * `shape` lays flat data out; by default it is read off the nesting. What is no number is refused with its place.
 */
export function tensor(data: TensorData, options?: TensorOptions & { readonly shape?: Shape }): Tensor {
  checkNames('tensor', options, ['dtype', 'shape']);
  const nested = isTyped(data) ? [data.length] : shapeOfData(data);
  const { shape = nested } = options ?? {};
  checkShape('tensor', shape);
  if (sizeOf(shape) !== sizeOf(nested)) {
    throw new ShapeError(`tensor: ${sizeOf(nested)} numbers do not fit shape ${formatShape(shape)}`);
  }
  const dtype = checkDType('tensor', options?.dtype, kindOf(data) === 'Float64Array' ? 'f64' : 'f32');
  const size = checkedSize('tensor', shape, dtype);
  const storage = allocate(dtype, size);
  const target = storage.view(dtype, size);
  if (isTyped(data)) target.set(data);
  else writeNested(data, nested, target);
  return new Tensor([...shape], dtype, storage);
}

/** The name of a typed array's kind, also one of another realm (a frame, Jest's jsdom); undefined for everything else. */
function kindOf(data: unknown): string | undefined {
  // The two that are met most, told without a word.
  if (data instanceof Float32Array) return 'Float32Array';
  if (data instanceof Float64Array) return 'Float64Array';
  return ArrayBuffer.isView(data) ? Object.prototype.toString.call(data).slice(8, -1) : undefined;
}

function isTyped(data: unknown): data is TypedArray {
  if (data instanceof Float32Array) return true;
  const kind = kindOf(data);
  return kind !== undefined && kind !== 'DataView' && !kind.startsWith('Big');
}

/** The shape of nested data, judged by its first elements; `writeNested` checks the rest. */
function shapeOfData(data: unknown): number[] {
  const shape: number[] = [];
  let level = data;
  while (Array.isArray(level) || isTyped(level)) {
    shape.push(level.length);
    if (level.length === 0 || isTyped(level)) break;
    level = level[0];
  }
  return shape;
}

function writeNested(data: unknown, shape: Shape, target: Float32Array | Float64Array): void {
  let next = 0;
  const visit = (value: unknown, axis: number, path: string): void => {
    if (axis === shape.length) {
      if (typeof value !== 'number') refuseElement(value, path);
      target[next++] = value as number;
      return;
    }
    const row = value as ArrayLike<unknown>;
    if (!(Array.isArray(value) || isTyped(value)) || row.length !== shape[axis]) {
      const got = Array.isArray(value) || isTyped(value) ? `length ${row.length}` : described(value);
      throw new ShapeError(`tensor: rows differ, expected length ${shape[axis]} at ${path || 'the top'}, got ${got}`);
    }
    if (isTyped(value)) {
      if (axis !== shape.length - 1)
        throw new ShapeError(`tensor: rows differ, expected an array at ${path}, got typed numbers`);
      target.set(value, next);
      next += value.length;
    } else for (let i = 0; i < row.length; i++) visit(row[i], axis + 1, `${path}[${i}]`);
  };
  visit(data, 0, '');
}

function refuseElement(value: unknown, path: string): never {
  if (path === '' && isTensor(value))
    throw new ValueError('tensor: expected numbers, got a tensor; copy it with clone()');
  refuseForeign('tensor', value);
  throw new ValueError(`tensor: expected a number at ${path || 'the top'}, got ${described(value)}`);
}

function described(value: unknown): string {
  return typeof value === 'number' ? 'number' : describeValue(value);
}

/** Every element `value`. */
export function full(shape: Shape, value: number, options?: TensorOptions): Tensor {
  checkNumber('full', 'value', value);
  return filled('full', shape, value, options);
}

function filled(
  name: string,
  shape: Shape,
  value: number,
  options: TensorOptions | undefined,
  room = allocate,
): Tensor {
  checkShape(name, shape);
  checkNames(name, options, ['dtype']);
  const dtype = checkDType(name, options?.dtype, 'f32');
  const size = checkedSize(name, shape, dtype);
  const storage = room(dtype, size);
  storage.view(dtype, size).fill(value);
  return new Tensor([...shape], dtype, storage);
}

/** Zeros. */
export function zeros(shape: Shape, options?: TensorOptions): Tensor {
  return filled('zeros', shape, 0, options);
}

/** Zeros outside any step, at an address that stays: to be changed in place, by `assign` or `mapInto`, and read by recorded steps. */
export function persistentZeros(shape: Shape, options?: TensorOptions): Tensor {
  return filled('persistentZeros', shape, 0, options, (dtype, size) =>
    allocatePinned(bytesOf(dtype, size), 'parameters'),
  );
}

/** Ones. */
export function ones(shape: Shape, options?: TensorOptions): Tensor {
  return filled('ones', shape, 1, options);
}

function generated(
  name: string,
  shape: Shape,
  options: TensorOptions | undefined,
  value: (i: number) => number,
): Tensor {
  checkNames(name, options, ['dtype']);
  const dtype = checkDType(name, options?.dtype, 'f32');
  const size = checkedSize(name, shape, dtype);
  const storage = allocate(dtype, size);
  const target = storage.view(dtype, size);
  for (let i = 0; i < size; i++) target[i] = value(i);
  return new Tensor([...shape], dtype, storage);
}

/**
 * start, start + step, … while before `stop`. `arange(n)` counts from 0. Whole numbers that single precision does not have
 * are refused: past 2²⁴ it takes { dtype: 'f64' }.
 */
export function arange(start: number, stop?: number, step = 1, options?: TensorOptions): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (![from, to, step].every(Number.isFinite) || step === 0) {
    throw new ValueError(
      `arange: needs finite numbers and a step other than 0, got ${[from, to, step].map(describeValue).join(', ')}`,
    );
  }
  const count = Math.max(0, Math.ceil((to - from) / step));
  const counts = Number.isInteger(from) && Number.isInteger(step) && count > 0;
  const last = from + (count - 1) * step;
  const furthest = Math.abs(last) > Math.abs(from) ? last : from;
  if (counts) checkCount('arange', 'counting to', furthest, options?.dtype ?? 'f32');
  return generated('arange', [count], options, (i) => from + i * step);
}

/** `count` numbers evenly spaced from `start` to `stop`, both included. */
export function linspace(start: number, stop: number, count: number, options?: TensorOptions): Tensor {
  checkNumber('linspace', 'start', start);
  checkNumber('linspace', 'stop', stop);
  checkShape('linspace', [count]);
  return generated('linspace', [count], options, (i) =>
    i === count - 1 && i > 0 ? stop : start + ((stop - start) * i) / Math.max(1, count - 1),
  );
}

/** The identity matrix. */
export function eye(n: number, options?: TensorOptions): Tensor {
  checkShape('eye', [n]);
  return generated('eye', [n, n], options, (i) => (i % (n + 1) === 0 ? 1 : 0));
}
