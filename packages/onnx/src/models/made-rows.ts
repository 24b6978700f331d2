import { type Advance, advanced, type Layer, type StepState } from '@latent/nn';
import { concat, type Tensor } from '@latent/tensor';
import type { Head, PreviousStep, ReconstructionDistribution, Sequence, StepwiseDistribution } from '@latent/vae';

/** From codes to what is made of them. */
interface Decoder {
  readonly decoder: Layer;
  readonly head: Head;
  readonly sequence: Sequence | null;
}

/** What stands for rows of these parameters: the mean, and of sequences the likeliest at each step. */
export function central({ sequence }: Decoder, likelihood: ReconstructionDistribution, params: Tensor): Tensor {
  return sequence === null ? likelihood.mean(params) : likelihood.mode(params);
}

/**
 * Rows of a decoder that sees the step before, the likeliest step after the other: codes as it sees them [rows, …] →
 * [rows, steps·features]. All steps are made; those after a stop are told apart later.
 */
export function unrolled(
  { decoder, head, sequence }: Decoder,
  previous: PreviousStep,
  likelihood: ReconstructionDistribution,
  codes: Tensor,
): Tensor {
  const { ofStep } = likelihood as StepwiseDistribution;
  const made: Tensor[] = [];
  let state: StepState | null = null;
  for (let t = 0; t < (sequence as Sequence).steps; t++) {
    const next: Advance = advanced(decoder, previous.next(codes, made.at(-1) ?? null), state);
    made.push(ofStep.mode(head.forward(next.output)));
    ({ state } = next);
  }
  return concat(made, -1);
}
