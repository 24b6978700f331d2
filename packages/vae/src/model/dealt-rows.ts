import { ArrayDataset, type BatchSpec, type Dataset } from '@latent/nn';
import { formatShape, sameShape, UsageError, ValueError } from '@latent/tensor';
import type { Columns } from './training-rows.ts';

/** Throws unless a data set brings what stands beside rows x, and in its shape. */
export function checkBeside(caller: string, data: Dataset, beside: BatchSpec): void {
  for (const [name, shape] of Object.entries(beside)) {
    const given = data.spec[name];
    if (given !== undefined && sameShape(given, shape)) continue;
    throw new ValueError(
      `${caller}: the data set must have ${name} of ${formatShape(shape)} beside x, got ${given === undefined ? Object.keys(data.spec).join(', ') : formatShape(given)}`,
    );
  }
}

/** The rows of a data set in memory, by name. */
export function inMemory(caller: string, data: Dataset): Columns & { readonly x: Columns[string] } {
  if (data instanceof ArrayDataset) return data.columns as ReturnType<typeof inMemory>;
  throw new UsageError(`${caller}: takes all rows at once; give rows in memory`);
}
