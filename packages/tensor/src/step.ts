import { runStep } from './memory/storage.ts';
import { checkFunction } from './ops/argument.ts';
import { isPlainObject } from './options.ts';
import { Tensor } from './tensor.ts';

/**
 * Runs `body` with every intermediate in an arena that is given up when it ends: a step that repeats takes no new
 * memory. What `body` returns (a tensor, or arrays and plain objects of tensors) is copied out; any other tensor made
 * inside must not be used afterwards, and says so when it is. Gradients end with the step: call `backward` inside; a
 * `backward` that would have to go on into a step that has ended says so.
 */
export function step<T>(body: () => T): T {
  checkFunction('step', 'the function', body);
  return runStep(body, keepResult);
}

/** `value` with the tensors of a step moved out of it; gradients end there. */
export function keepResult<T>(value: T): T {
  return mapTensors(value, (x) => {
    if (!x.storage.temporary) return x;
    const kept = x.persisted(false);
    kept.node = x.node?.end() ?? null;
    return kept;
  });
}

/** `value` with its tensors replaced, in arrays and plain objects to any depth. */
export function mapTensors<T>(value: T, change: (x: Tensor) => Tensor): T {
  if (value instanceof Tensor) return change(value) as T;
  if (Array.isArray(value)) return value.map((part) => mapTensors(part, change)) as T;
  if (isPlainObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, mapTensors(part, change)])) as T;
  }
  return value;
}
