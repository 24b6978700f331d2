import { ValueError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';

/** What ops take for an operand: a tensor, or a number that is broadcast. */
export type Operand = Tensor | number;

function isTensor(value: unknown): value is Tensor {
  return typeof value === 'object' && value !== null && 'storage' in value;
}

/** The operands as tensors of one dtype; numbers take the dtype of the first tensor. */
export function operands(op: string, values: readonly Operand[]): Tensor[] {
  let first: Tensor | undefined;
  for (const value of values) {
    if (isTensor(value)) first ??= value;
    else if (typeof value !== 'number') {
      throw new ValueError(
        `${op}: expected a tensor or a number, got ${describe(value)}; make arrays into tensors with tensor(...)`,
      );
    }
  }
  if (first === undefined) throw new ValueError(`${op}: at least one operand must be a tensor, got only numbers`);
  const like = first;
  return values.map((value) => (typeof value === 'number' ? like.scalar(value) : value));
}

/** Throws unless `value` is a tensor. */
export function checkTensor(op: string, value: Tensor): Tensor {
  if (!isTensor(value)) {
    throw new ValueError(`${op}: expected a tensor, got ${describe(value)}; make arrays into tensors with tensor(...)`);
  }
  return value;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return value === null ? 'null' : typeof value === 'object' ? (value.constructor?.name ?? 'an object') : typeof value;
}
