import type { DType } from '../dtype.ts';
import { UsageError, ValueError } from '../errors.ts';
import { memory } from '../memory/linear-memory.ts';
import { type Check, describeValue, refuse } from '../options.ts';
import type { Tensor } from '../tensor.ts';

/** What ops take for an operand: a tensor, or a number that is broadcast. */
export type Operand = Tensor | number;

/** Whether a value is a tensor in the memory of this copy of the package. */
export function isTensor(value: unknown): value is Tensor {
  return typeof value === 'object' && value !== null && (value as Partial<Tensor>).storage?.memory === memory;
}

/** Throws where a tensor is of another copy of the package: its numbers are in another memory. */
export function refuseForeign(op: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || !('storage' in value && 'dtype' in value && 'shape' in value))
    return;
  throw new UsageError(
    `${op}: the tensor is of another copy of @latent/tensor, whose numbers are in another memory; install one version for all (npm ls @latent/tensor shows them), or pass the numbers: tensor(x.toArray())`,
  );
}

function refuseOther(op: string, expected: string, value: unknown): never {
  refuseForeign(op, value);
  const remedy = Array.isArray(value) || ArrayBuffer.isView(value) ? '; make arrays into tensors with tensor(...)' : '';
  throw new ValueError(`${op}: expected ${expected}, got ${describeValue(value)}${remedy}`);
}

/** The operands as tensors of one dtype; numbers take the dtype of the first tensor. */
export function operands(op: string, values: readonly Operand[]): Tensor[] {
  let first: Tensor | undefined;
  for (const value of values) {
    if (isTensor(value)) first ??= value;
    else if (typeof value !== 'number') refuseOther(op, 'a tensor or a number', value);
  }
  if (first === undefined) throw new ValueError(`${op}: at least one operand must be a tensor, got only numbers`);
  const like = first;
  return values.map((value) => (typeof value === 'number' ? like.scalar(value) : value));
}

/** Throws unless `value` is a tensor. */
export function checkTensor(op: string, value: Tensor): Tensor {
  return isTensor(value) ? value : refuseOther(op, 'a tensor', value);
}

/** A check for options that are tensors. */
export const tensorCheck: Check<Tensor> = (value, at) => (isTensor(value) ? value : refuse(at, 'a tensor', value));

/** Throws unless `values` is an array of tensors. */
export function checkTensors(op: string, values: readonly Tensor[]): readonly Tensor[] {
  if (!Array.isArray(values)) throw new ValueError(`${op}: expected an array of tensors, got ${describeValue(values)}`);
  for (let i = 0; i < values.length; i++) checkTensor(op, values[i] as Tensor);
  return values;
}

/** A switch that may be left out. */
export function checkFlag(op: string, path: string, value: boolean | undefined): boolean {
  if (value === undefined) return false;
  return typeof value === 'boolean' ? value : refuse({ caller: op, path }, 'true or false', value);
}

/** Throws unless `value` is a number; ±∞ and NaN are numbers. */
export function checkNumber(op: string, path: string, value: number): number {
  return typeof value === 'number' ? value : refuse({ caller: op, path }, 'a number', value);
}

/** Throws unless `value` is a list (of axes, ranges, sizes); `expected` says of what. */
export function checkList<T>(op: string, path: string, value: readonly T[], expected: string): readonly T[] {
  return Array.isArray(value) ? value : refuse({ caller: op, path }, expected, value);
}

/** A dtype that may be left out. */
export function checkDType(op: string, dtype: DType | undefined, fallback: DType): DType {
  if (dtype === undefined) return fallback;
  return dtype === 'f32' || dtype === 'f64' ? dtype : refuse({ caller: op, path: 'dtype' }, "'f32' or 'f64'", dtype);
}

/** Throws unless `value` is a function. */
export function checkFunction<F>(op: string, path: string, value: F): F {
  return typeof value === 'function' ? value : refuse({ caller: op, path }, 'a function', value);
}
