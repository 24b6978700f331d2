import type { Batch, Context } from '@latent/nn';
import type { Tensor } from '@latent/tensor';

/** What goes with the rows of a batch through networks: of sequences their lengths, and the steps that the batch was cut to. */
export function contextOf({ x, lengths }: Batch): Context {
  return lengths === undefined ? {} : { lengths, steps: (x as Tensor).shape[1] as number };
}
