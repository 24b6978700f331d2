import { createHash } from 'node:crypto';
import { UsageError } from '@latent/tensor';
import { decodeJson, encodeJson } from '../store/blob.ts';
import type { CheckedStore } from '../store/store.ts';
import { keys, runCheck } from './keys.ts';
import { type Order, orderCheck, orderJson } from './order.ts';

/**
 * Writes down what is asked, under a name made of it: the same call finds the run that is there. A name that stands for something
 * else is refused, with what differs.
 */
export async function beginRun(
  caller: string,
  name: string | undefined,
  order: Order,
  models: readonly Uint8Array[],
  store: CheckedStore,
): Promise<string> {
  const checked = orderCheck(JSON.parse(JSON.stringify(orderJson(order))), { caller, path: 'the order' });
  const sums = models.map((bytes) => createHash('sha256').update(bytes).digest('hex'));
  const bytes = encodeJson('order', orderJson(checked));
  const hash = createHash('sha256').update(bytes).update(sums.join()).digest('hex');
  const run = name === undefined ? `${order.kind}-${hash.slice(0, 24)}` : runCheck(name, { caller, path: 'run' });
  for (const [i, model] of models.entries()) {
    if (await store.putOnce(keys.model(run, i), model)) continue;
    const there = await store.need(keys.model(run, i));
    if (createHash('sha256').update(there).digest('hex') === sums[i]) continue;
    throw new UsageError(`${caller}: there is a run ${run} of another model; give this one another name`);
  }
  if (await store.putOnce(keys.order(run), bytes)) return run;
  const there = decodeJson('order', keys.order(run), await store.need(keys.order(run)), orderCheck);
  const differs = difference(orderJson(checked), orderJson(there), '');
  if (differs === null) return run;
  throw new UsageError(`${caller}: there is a run ${run} already, but ${differs}; give this one another name`);
}

/** Where two orders differ, in words; null where they do not. */
function difference(now: unknown, then: unknown, path: string): string | null {
  const [a, b] = [JSON.stringify(now), JSON.stringify(then)];
  if (a === b) return null;
  const both = [now, then].every((value) => typeof value === 'object' && value !== null);
  if (both) {
    const [x, y] = [now as Record<string, unknown>, then as Record<string, unknown>];
    for (const name of new Set([...Object.keys(x), ...Object.keys(y)])) {
      const found = difference(x[name], y[name], path === '' ? name : `${path}.${name}`);
      if (found !== null) return found;
    }
  }
  return `${path} is ${a ?? 'not given'}, and was ${b ?? 'not given'}`;
}
