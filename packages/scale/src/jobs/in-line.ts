/** Who did a shard, and when it was done by that worker's clock; from a queue that others may write to. */
interface Done {
  readonly worker?: unknown;
  readonly at?: unknown;
}

/**
 * The shards in the order in which the workers that have them at hand come for the next round, one of each at a time: who was done first
 * waits longest, and `here`, who is still putting them together, comes last. Where that is wrong, shards wait or go to others; the results
 * are the same.
 */
export function inLine(done: readonly Done[], here: string, shards: number): readonly number[] {
  const had = new Map<unknown, number>();
  const all = Array.from({ length: shards }, (_, shard) => {
    const { worker, at } = done[shard] ?? {};
    const turn = had.get(worker) ?? 0;
    had.set(worker, turn + 1);
    const known = typeof at === 'number' && Number.isFinite(at) ? at : 0;
    return { shard, turn, at: worker === here ? Number.MAX_VALUE : known };
  });
  return all.sort((a, b) => a.turn - b.turn || a.at - b.at || a.shard - b.shard).map(({ shard }) => shard);
}
