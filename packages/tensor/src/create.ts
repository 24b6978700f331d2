import { ShapeError, ValueError } from './errors.ts';
import type { DType } from './kernels/kernel.ts';
import { allocate } from './memory/storage.ts';
import { checkCount } from './ops/indices.ts';
import { checkedSize, checkShape, formatShape, type Shape, sizeOf } from './shape.ts';
import { type NestedArray, Tensor } from './tensor.ts';

export type TensorData = NestedArray | Float32Array | Float64Array | readonly Float32Array[] | readonly Float64Array[];

export interface TensorOptions {
  /** Element type; 'f32' unless the data is a Float64Array. 'f64' is for tests: it runs on the reference kernels. */
  readonly dtype?: DType;
}

/**
 * A tensor from numbers: a number, nested arrays, a typed array, or an array of typed rows. The data is copied.
 * `shape` lays flat data out; by default it is read off the nesting.
 */
export function tensor(data: TensorData, options: TensorOptions & { readonly shape?: Shape } = {}): Tensor {
  const nested = shapeOfData(data);
  const shape = options.shape ?? nested;
  checkShape('tensor', shape);
  if (sizeOf(shape) !== sizeOf(nested)) {
    throw new ShapeError(`tensor: ${sizeOf(nested)} numbers do not fit shape ${formatShape(shape)}`);
  }
  const dtype = options.dtype ?? (data instanceof Float64Array ? 'f64' : 'f32');
  const storage = allocate(dtype, sizeOf(shape));
  const target = storage.view(dtype, sizeOf(shape));
  if (isTyped(data)) target.set(data);
  else writeNested(data, nested, target);
  return new Tensor([...shape], dtype, storage);
}

function isTyped(data: unknown): data is Float32Array | Float64Array {
  return ArrayBuffer.isView(data);
}

/** The shape of nested data, judged by its first elements; `writeNested` checks the rest. */
function shapeOfData(data: TensorData): number[] {
  const shape: number[] = [];
  let level: unknown = data;
  while (Array.isArray(level) || isTyped(level)) {
    shape.push(level.length);
    if (level.length === 0 || isTyped(level)) break;
    level = level[0];
  }
  return shape;
}

function writeNested(data: TensorData, shape: Shape, target: Float32Array | Float64Array): void {
  let next = 0;
  const visit = (value: unknown, axis: number, path: string): void => {
    if (axis === shape.length) {
      if (typeof value !== 'number')
        throw new ValueError(`tensor: expected a number at ${path || 'the top'}, got ${describe(value)}`);
      target[next++] = value;
      return;
    }
    const row = value as ArrayLike<unknown>;
    if (!(Array.isArray(value) || isTyped(value)) || row.length !== shape[axis]) {
      const got = Array.isArray(value) || isTyped(value) ? `length ${row.length}` : describe(value);
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

function describe(value: unknown): string {
  return value === null
    ? 'null'
    : Array.isArray(value)
      ? 'an array'
      : typeof value === 'string'
        ? JSON.stringify(value)
        : typeof value;
}

/** Every element `value`. */
export function full(shape: Shape, value: number, options?: TensorOptions): Tensor {
  return filled('full', shape, value, options);
}

function filled(name: string, shape: Shape, value: number, options: TensorOptions | undefined): Tensor {
  checkShape(name, shape);
  const dtype = options?.dtype ?? 'f32';
  const size = checkedSize(name, shape, dtype);
  const storage = allocate(dtype, size);
  storage.view(dtype, size).fill(value);
  return new Tensor([...shape], dtype, storage);
}

export function zeros(shape: Shape, options?: TensorOptions): Tensor {
  return filled('zeros', shape, 0, options);
}

export function ones(shape: Shape, options?: TensorOptions): Tensor {
  return filled('ones', shape, 1, options);
}

function generated(
  name: string,
  shape: Shape,
  options: TensorOptions | undefined,
  value: (i: number) => number,
): Tensor {
  const dtype = options?.dtype ?? 'f32';
  const size = checkedSize(name, shape, dtype);
  const storage = allocate(dtype, size);
  const target = storage.view(dtype, size);
  for (let i = 0; i < size; i++) target[i] = value(i);
  return new Tensor([...shape], dtype, storage);
}

/** start, start + step, … while before `stop`. `arange(n)` counts from 0. */
export function arange(start: number, stop?: number, step = 1, options?: TensorOptions): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (step === 0 || !Number.isFinite(from + to + step)) {
    throw new ValueError(`arange: needs finite numbers and a step other than 0, got ${from}, ${to}, ${step}`);
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
