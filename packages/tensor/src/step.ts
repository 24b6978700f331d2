import { runStep } from './memory/storage.ts';
import { Tensor } from './tensor.ts';

/**
 * Runs `body` with every intermediate in an arena that is given up when it ends: a step that repeats takes no new
 * memory. What `body` returns (a tensor, or arrays and plain objects of tensors) is copied out; any other tensor made
 * inside must not be used afterwards, and says so when it is. Gradients made inside end with the step.
 */
export function step<T>(body: () => T): T {
  return runStep(body, keep);
}

function keep<T>(value: T): T {
  if (value instanceof Tensor) return (value.storage.epoch === 0 ? value : value.persisted(false)) as T;
  if (Array.isArray(value)) return value.map(keep) as T;
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, keep(part)])) as T;
  }
  return value;
}
