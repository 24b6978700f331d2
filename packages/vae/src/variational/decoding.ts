import { noGrad } from '@latent/autograd';
import { type Batch, scoring } from '@latent/nn';
import { Rng, step, type Tensor, tensor } from '@latent/tensor';
import { type ReadyRows, type RowsProgram, rowsProgram, tensorsBeside } from '../model/rows-program.ts';
import type { StepwiseDistribution } from '../reconstruction/per-step.ts';
import { outputOf, type UnrollOptions, unrolled } from '../sequence/decoder.ts';
import type { PreviousStep } from '../sequence/previous-step.ts';
import type { Sequence } from '../sequence/sequence.ts';
import type { VaeCore } from './core.ts';

/** From codes to rows, on the model's scale: the means of p(x | z), or draws from it. */
export class Decoding {
  readonly #model: VaeCore;
  readonly #means: RowsProgram<'mean'>;

  constructor(model: VaeCore) {
    this.#model = model;
    this.#means = rowsProgram(({ x: z, beside }) => ({ mean: this.central(model.likelihoodParams(z, beside)) }));
  }

  /** What stands for a row: the mean, and of a sequence the likeliest at each step. */
  central(params: Tensor): Tensor {
    const { reconstructionDistribution: likelihood, sequence } = this.#model;
    return sequence === null ? likelihood.mean(params) : likelihood.mode(params);
  }

  /** What stands for the row of each code: [n, …event]. */
  means(codes: ReadyRows): Tensor {
    const { latentSize } = this.#model.options;
    if (this.#model.previous === null) return this.#means(codes, [latentSize]).mean;
    const z = tensor(codes.values, { shape: [codes.count, latentSize] });
    return this.#unrolled(z, tensorsBeside(codes), { output: 'mean', temperature: 1, rng: new Rng(0) });
  }

  /** A draw from p(x | z) for each code: [n, …event]. */
  draws(codes: Tensor, rng: Rng, beside: Batch, temperature: number): Tensor {
    const { previous, reconstructionDistribution: likelihood } = this.#model;
    const options: UnrollOptions = { output: 'draw', temperature, rng };
    if (previous !== null) return this.#unrolled(codes, beside, options);
    return noGrad(() =>
      scoring(() => step(() => outputOf(likelihood, this.#model.likelihoodParams(codes, beside), options))),
    );
  }

  /** Rows of a decoder that sees the step before, step by step. */
  #unrolled(codes: Tensor, beside: Batch, options: UnrollOptions): Tensor {
    const { decoder, head, previous, sequence, reconstructionDistribution } = this.#model;
    const seen = noGrad(() => this.#model.seenCodes(codes, beside));
    const likelihood = reconstructionDistribution as StepwiseDistribution;
    return unrolled(
      { decoder, head, previous: previous as PreviousStep },
      likelihood,
      sequence as Sequence,
      seen,
      options,
    );
  }
}
