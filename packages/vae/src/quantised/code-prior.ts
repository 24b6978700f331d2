import { noGrad } from '@latent/autograd';
import {
  type Batch,
  buffer,
  Embedding,
  LayerNorm,
  Linear,
  Module,
  type Parts,
  Positions,
  scoring,
  type Trainable,
  TransformerBlock,
} from '@latent/nn';
import {
  type CompiledFunction,
  compile,
  full,
  gather,
  oneHot,
  type Rng,
  type Tensor,
  tensor,
  zeros,
} from '@latent/tensor';

/** The size of a prior over codes. */
export interface CodePriorOptions {
  /** Numbers of each place's vector; 64 by default. */
  readonly width?: number;
  /** Transformer blocks; 2 by default. */
  readonly layers?: number;
  /** Of each block; 4 by default. */
  readonly heads?: number;
  /** Share that is dropped while training; 0.1 by default. */
  readonly dropout?: number;
}

/**
 * p(c) = Π p(c_t | c_1 … c_(t−1)) of the codes of a row, places in order: a small causal transformer, in the place of the PixelCNN of
 * van den Oord et al. (2017).
 */
export class CodePrior extends Module implements Trainable {
  readonly embedding: Embedding;
  readonly positions: Positions;
  readonly blocks: readonly TransformerBlock[];
  readonly norm: LayerNorm;
  readonly logits: Linear;
  /** 1 once it was trained for the codebook as it is. */
  readonly trained: Tensor;
  readonly codes: number;
  readonly places: number;
  /** Draws what is dropped. */
  readonly noise: Rng;
  #next: CompiledFunction<[Tensor], Tensor> | null = null;

  constructor(codes: number, places: number, options: Required<CodePriorOptions>, rng: Rng) {
    super();
    const { width, layers, heads, dropout } = options;
    [this.noise] = rng.split(1) as [Rng];
    this.trained = buffer(zeros([1]));
    this.codes = codes;
    this.places = places;
    // The last number stands for the beginning.
    this.embedding = new Embedding(codes + 1, width, { rng });
    this.positions = new Positions(places, width, { rng });
    this.blocks = Array.from(
      { length: layers },
      () => new TransformerBlock(width, heads, { rng, noise: this.noise, dropout, causal: true }),
    );
    this.norm = new LayerNorm(width);
    this.logits = new Linear(width, codes, { rng });
  }

  override get type(): string {
    return 'CodePrior';
  }

  /** The logits of each place's code given those before: codes [rows, places] → [rows, places, codes]. */
  forward(codes: Tensor): Tensor {
    const [rows = 0, places = 0] = codes.shape;
    // Each place sees the code before it; the first sees the beginning.
    const before = full([rows, places], this.codes);
    const shifted =
      places === 1
        ? before
        : codes
            .slice([
              [0, rows],
              [0, places - 1],
            ])
            .pad(
              [
                [0, 0],
                [1, 0],
              ],
              this.codes,
            );
    const first = this.positions.forward(this.embedding.forward(shifted));
    const seen = this.blocks.reduce((x, block) => block.forward(x), first);
    return this.logits.forward(this.norm.forward(seen));
  }

  /** log p(c) of each row's codes, in nats: [rows, places] → [rows]. */
  logProb(codes: Tensor): Tensor {
    return this.forward(codes)
      .logSoftmax()
      .mul(oneHot(codes, this.codes))
      .sum({ axis: [1, 2] });
  }

  parts({ codes }: Batch): Parts {
    return {
      loss: this.logProb(codes as Tensor)
        .mean()
        .neg(),
    };
  }

  /** `n` rows of codes, drawn place by place; a temperature below 1 makes likely codes likelier. [n, places] */
  sample(n: number, rng: Rng, temperature: number): Tensor {
    this.#next ??= compile((codes: Tensor) => noGrad(() => this.forward(codes)), { onEager: () => {} });
    const codes = new Float32Array(n * this.places);
    for (let place = 0; place < this.places; place++) {
      const logits = scoring(() => this.#next?.(tensor(codes, { shape: [n, this.places] }))) as Tensor;
      const own = gather(logits, [place], 1).reshape([n, this.codes]);
      // The largest of logits with Gumbel noise is a draw.
      const drawn = own
        .div(temperature)
        .add(rng.gumbel([n, this.codes]))
        .argMax({ axis: 1 }).data;
      for (let r = 0; r < n; r++) codes[r * this.places + place] = drawn[r] as number;
    }
    return tensor(codes, { shape: [n, this.places] });
  }
}
