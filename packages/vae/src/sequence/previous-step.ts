import { Embedding, layerParameter, Module } from '@latent/nn';
import { broadcastTo, concat, type Rng, type Tensor, zeros } from '@latent/tensor';
import type { Sequence } from './sequence.ts';

/**
 * What a decoder sees that goes step by step: at each step the code, and the step before it. Of tokens a vector stands for each; before
 * the first step stands a learned one. While training some steps are hidden: their place is zeros.
 */
export class PreviousStep extends Module {
  /** Of tokens; null where a step is numbers. */
  readonly embedding: Embedding | null;
  /** Before the first step: [width]. */
  readonly start: Tensor;
  readonly dropout: number;
  readonly #rng: Rng;

  constructor({ features, tokenizer, previous }: Sequence, options: { readonly weights: Rng; readonly noise: Rng }) {
    super();
    const { dropout = 0, width: wanted = features } = previous ?? {};
    const width = tokenizer === null ? features : wanted;
    this.embedding = tokenizer === null ? null : new Embedding(tokenizer.size, width, { rng: options.weights });
    this.start = layerParameter('bias', [width], () => zeros([width]));
    this.dropout = dropout;
    this.#rng = options.noise;
  }

  override get type(): string {
    return 'PreviousStep';
  }

  get width(): number {
    return this.start.size;
  }

  /** Codes [rows, latent] and rows x [rows, steps] of tokens or [rows, steps, features] → [rows, steps, latent + width]. */
  forward(codes: Tensor, x: Tensor): Tensor {
    const [rows = 0, steps = 1] = x.shape;
    const shown = this.#shown(x);
    const hidden =
      this.training && this.dropout > 0
        ? shown.mul(this.#rng.bernoulli([rows, steps, 1], { p: 1 - this.dropout, dtype: shown.dtype }))
        : shown;
    const before = concat([this.#first(rows), hidden.slice([null, [0, steps - 1]])], 1);
    return this.#beside(codes, steps === 1 ? this.#first(rows) : before, steps);
  }

  /** The same for one step alone: after `before` [rows] or [rows, features], or at the start. → [rows, 1, latent + width]. */
  next(codes: Tensor, before: Tensor | null): Tensor {
    const [rows = 0] = codes.shape;
    const shown =
      before === null
        ? this.#first(rows)
        : this.#shown(before.reshape([rows, 1, ...(this.embedding ? [] : [this.width])]));
    return this.#beside(codes, shown, 1);
  }

  #shown(x: Tensor): Tensor {
    return this.embedding === null ? x : this.embedding.forward(x);
  }

  #first(rows: number): Tensor {
    return broadcastTo(this.start, [rows, 1, this.width]);
  }

  #beside(codes: Tensor, shown: Tensor, steps: number): Tensor {
    const [rows = 0, latent = 1] = codes.shape;
    return concat([broadcastTo(codes.reshape([rows, 1, latent]), [rows, steps, latent]), shown], -1);
  }
}
