import type { TypedArray } from '../create.ts';
import { type DType, elementBytes } from '../dtype.ts';
import { addressOf } from '../eager.ts';
import { ValueError } from '../errors.ts';
import { checkIndicesCall, clearFault, FAULT_BYTES, readFault } from '../kernels/check-indices/check-indices.ts';
import { execute } from '../kernels/execute.ts';
import { markScratch, releaseScratch, scratch } from '../memory/storage.ts';
import { stepWatcher } from '../memory/watcher.ts';
import { describeValue } from '../options.ts';
import type { Tensor } from '../tensor.ts';
import { checkTensor } from './argument.ts';

/** Whole numbers as positions along an axis: a tensor of them, or an array. */
export type Indices = Tensor | readonly number[] | TypedArray;

/** Up to here, and not past it, single precision has every whole number. */
export const MOST_EXACT = 2 ** 24;

/** Throws where counting to `size` − 1 is more than the dtype can. */
export function checkCount(op: string, what: string, size: number, dtype: DType): void {
  if (dtype === 'f32' && Math.abs(size) > MOST_EXACT) {
    throw new ValueError(
      `${op}: ${what} ${size.toLocaleString('en-US')} needs numbers past 2²⁴ = 16,777,216, which f32 does not all have; use dtype 'f64'`,
    );
  }
}

function badIndex(op: string, size: number) {
  return (position: number, value: unknown, note = ''): ValueError =>
    new ValueError(
      `${op}: index ${position} must be a whole number ${size === 0 ? 'below 0, of which there is none' : `from 0 to ${size - 1}`}, got ${describeValue(value)}${note}`,
    );
}

/**
 * Throws unless every number is a whole one from 0 to size − 1. In a compiled function this is checked at every call: before
 * the step where the numbers are an argument's, after it where they are computed.
 */
export function checkIndices(op: string, indices: Tensor, size: number): void {
  checkWhole(op, indices, size, badIndex(op, size));
}

/** The same with an error of one's own. */
export function checkWhole(
  op: string,
  indices: Tensor,
  size: number,
  bad: (position: number, value: number, note?: string) => Error,
): void {
  const { dtype, storage } = indices;
  const watcher = stepWatcher();
  if (storage.heap !== null && watcher === null) {
    const at = firstBad(storage.heap, size);
    if (at >= 0) throw bad(at, storage.heap[at] as number);
    return;
  }
  const mark = markScratch();
  const pointer = addressOf(indices, op);
  const fault = scratch(FAULT_BYTES);
  clearFault(fault);
  watcher?.checks(fault, bad);
  execute(checkIndicesCall(dtype, fault, pointer, indices.size, size));
  const found = readFault(fault);
  releaseScratch(mark);
  if (found !== null) throw bad((found.address - pointer) / elementBytes(dtype), found.value);
}

/** The indices as a tensor like `like`, each from 0 to size − 1. */
export function indexTensor(op: string, indices: Indices, like: Tensor, size: number): Tensor {
  checkCount(op, 'an axis of', size, like.dtype);
  if (!Array.isArray(indices) && !ArrayBuffer.isView(indices)) {
    checkIndices(op, checkTensor(op, indices as Tensor), size);
    return indices as Tensor;
  }
  const values = indices as ArrayLike<number>;
  const at = firstBad(values, size);
  if (at >= 0) throw badIndex(op, size)(at, values[at]);
  return like.from(values, [values.length]);
}

function firstBad(values: ArrayLike<unknown>, size: number): number {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= size) return i;
  }
  return -1;
}
