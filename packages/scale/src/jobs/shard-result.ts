import { isPlainObject, ValueError } from '@latent/tensor';
import { decodeTensors, encodeTensors } from '../store/blob.ts';
import type { Weights } from '../train/average.ts';

/** What a shard made of a round: tensors, and sums over its rows of what the model reports. */
export interface ShardResult {
  readonly tensors: Weights;
  readonly totals: Readonly<Record<string, number>>;
  readonly rows: number;
}

/** A shard's result as a blob: the same bytes whoever made it, so without a clock or a worker's name. */
export function encodeShard({ tensors, totals, rows }: ShardResult): Uint8Array {
  return encodeTensors('shard', tensors, { sums: JSON.stringify({ rows, totals }) });
}

/** A shard's result again. */
export function decodeShard(key: string, bytes: Uint8Array): ShardResult {
  const { values, metadata } = decodeTensors('shard', key, bytes);
  let sums: unknown;
  try {
    sums = JSON.parse(metadata.sums ?? '');
  } catch {
    sums = null;
  }
  const { rows, totals } = (isPlainObject(sums) ? sums : {}) as { rows?: unknown; totals?: unknown };
  const sound =
    Number.isSafeInteger(rows) &&
    (rows as number) > 0 &&
    isPlainObject(totals) &&
    Object.values(totals).every((total) => typeof total === 'number' || total === null);
  if (!sound) throw new ValueError(`store: ${key} has no sums over rows; the blob is altered`);
  // JSON has no word for numbers that are not finite.
  const read = Object.entries(totals as Record<string, number | null>).map(([name, total]) => [
    name,
    total ?? Number.NaN,
  ]);
  return { tensors: values, totals: Object.fromEntries(read), rows: rows as number };
}

/** Means over the rows of all shards, added in the order of the shards. */
export class Totals {
  rows = 0;
  readonly #sums: Record<string, number> = {};

  add({ totals, rows }: ShardResult): void {
    for (const [name, total] of Object.entries(totals)) this.#sums[name] = (this.#sums[name] ?? 0) + total;
    this.rows += rows;
  }

  means(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.#sums).map(([name, sum]) => [name, sum / this.rows]));
  }
}
