import { less, reshape, type Tensor } from '@latent/tensor';

/**
 * What goes with rows on their way through a network, for the layers that ask for it. Networks pass it on from layer to layer,
 * as the second argument of `forward`.
 */
export interface Context {
  /** Steps of each row [rows], where rows are sequences; what comes after them is padding. All by default. */
  readonly lengths?: Tensor;
  /** Steps that rows have in this batch, padding included, where those are fewer than the network was made for. */
  readonly steps?: number;
}

/** 1 at the steps that rows have, 0 at those after: lengths [rows] → [rows, steps]. */
export function withinLengths(lengths: Tensor, steps: number): Tensor {
  const positions = lengths.from(
    Array.from({ length: steps }, (_, t) => t),
    [steps],
  );
  return less(positions, reshape(lengths, [-1, 1]));
}

/** The context of rows that are repeated as a whole, one copy after the other: draws of a code for each. */
export function repeatedContext(context: Context, copies: number): Context {
  const { lengths } = context;
  if (lengths === undefined || copies === 1) return context;
  return { ...context, lengths: reshape(lengths.broadcastTo([copies, lengths.size]), [copies * lengths.size]) };
}
