import { ValueError } from '@latent/tensor';
import type { Order } from '../run/order.ts';
import type { JobContext } from '../worker/context.ts';

/** The order of a job's run, which must be of the kind that the job is for. */
export function orderOf<K extends Order['kind']>({ order, run }: JobContext, kind: K): Extract<Order, { kind: K }> {
  if (order.kind !== kind)
    throw new ValueError(`job: the run ${run} is a ${order.kind}, and this job belongs to a ${kind}`);
  return order as Extract<Order, { kind: K }>;
}
