import { noGrad, stopGradient } from '@latent/autograd';
import { buffer, checkRoomInFile, Module } from '@latent/nn';
import {
  type Expr,
  everyStep,
  gather,
  mapInto,
  mapProgram,
  matmul,
  overwrite,
  persistentZeros,
  type Rng,
  scatterAdd,
  type Tensor,
  where,
  zeros,
} from '@latent/tensor';

/** How the codebook follows what is assigned to its codes. */
export interface CodebookOptions {
  readonly codes: number;
  readonly codeSize: number;
  /** γ of the moving averages. */
  readonly decay: number;
  /** A code with less than this share of the mean use is dead. */
  readonly deadBelow: number;
  readonly rng: Rng;
}

/** What vectors became. */
export interface Quantised {
  /** The number of the nearest code of each vector: [vectors]. */
  readonly indices: Tensor;
  /** These codes; the gradient passes to the vectors as if they were those: [vectors, codeSize]. */
  readonly codes: Tensor;
  /** ‖z − e‖² of each vector, e fixed: [vectors]. */
  readonly commitment: Tensor;
  /** e^H of how often the codes are used by these vectors; from 1 to the number of codes. */
  readonly perplexity: Tensor;
}

const AVERAGE = /* @__PURE__ */ mapProgram('movingAverage', 3, (old: Expr, value: Expr, decay: Expr) =>
  old.mul(decay).add(value.sub(value.mul(decay))),
);
/** Of the smoothing of counts (van den Oord et al. 2017). */
const EPSILON = 1e-5;

/**
 * A codebook that learns by moving averages (van den Oord et al. 2017, appendix A.1): code e is the mean of the vectors that were
 * assigned to it, older ones counting less. A code that is hardly used, and at first every code, starts anew at a vector of the
 * batch.
 */
export class Codebook extends Module {
  /** [codes, codeSize]. */
  readonly codes: Tensor;
  /** Moving averages of how many vectors a code has [codes], and of their sums [codes, codeSize]. */
  readonly counts: Tensor;
  readonly sums: Tensor;
  /** Draws the vectors that dead codes start at. */
  readonly rng: Rng;
  readonly #options: CodebookOptions;

  constructor(options: CodebookOptions) {
    super();
    const { codes, codeSize, rng } = options;
    checkRoomInFile(codes * (2 * codeSize + 1), `a codebook of ${codes} codes`);
    this.#options = options;
    this.rng = rng;
    this.codes = buffer(zeros([codes, codeSize]));
    this.counts = buffer(zeros([codes]));
    this.sums = buffer(zeros([codes, codeSize]));
  }

  override get type(): string {
    return 'Codebook';
  }

  /** The nearest code of each vector z [vectors, codeSize]; while training the codebook follows. */
  forward(z: Tensor): Quantised {
    if (this.training) noGrad(() => this.#revive(z.detach()));
    const fixed = stopGradient(z);
    const indices = noGrad(() => this.nearest(fixed));
    const nearest = gather(this.codes, indices);
    const use = noGrad(() => this.#countsOf(indices).div(z.shape[0] as number));
    const result: Quantised = {
      indices,
      codes: z.add(nearest.sub(fixed)),
      commitment: z.sub(nearest).square().sum({ axis: -1 }),
      perplexity: use.mul(use.maximum(1e-10).log()).sum().neg().exp(),
    };
    if (this.training) noGrad(() => this.#follow(fixed, indices));
    return result;
  }

  /** The number of the nearest code of each vector, the first of equals. */
  nearest(z: Tensor): Tensor {
    // −‖z − e‖² but for ‖z‖², which is the same for all codes.
    const closeness = matmul(z, this.codes, { transposeB: true })
      .mul(2)
      .sub(this.codes.square().sum({ axis: -1 }));
    return closeness.argMax({ axis: -1 });
  }

  #countsOf(indices: Tensor): Tensor {
    return scatterAdd(zeros([this.#options.codes, 1]), indices, indices.full([indices.size, 1], 1)).reshape([-1]);
  }

  /** N ← γN + (1 − γ)n, m ← γm + (1 − γ)Σz, e = m/Ñ. */
  #follow(z: Tensor, indices: Tensor): void {
    const { codes, codeSize, decay } = this.#options;
    const count = this.#countsOf(indices);
    const sum = scatterAdd(zeros([codes, codeSize]), indices, z);
    mapInto(AVERAGE, [this.counts], [count, count.scalar(decay)]);
    mapInto(AVERAGE, [this.sums], [sum, sum.scalar(decay)]);
    const total = this.counts.sum();
    const smooth = this.counts
      .add(EPSILON)
      .div(total.add(codes * EPSILON))
      .mul(total);
    overwrite(this.codes, this.sums.div(smooth.reshape([codes, 1])));
  }

  /** Dead codes start at vectors of the batch, with the mean use. */
  #revive(z: Tensor): void {
    const { codes, deadBelow } = this.#options;
    const count = z.shape[0] as number;
    const drawn = persistentZeros([codes]);
    everyStep(() => {
      const u = this.rng.uniform([codes]).data;
      drawn.assign(Float32Array.from(u, (value) => Math.min(count - 1, Math.floor(value * count))));
    });
    const share = count / codes;
    const dead = this.counts.less(deadBelow * share).reshape([codes, 1]);
    const fresh = gather(z, drawn);
    overwrite(this.codes, where(dead, fresh, this.codes));
    overwrite(this.sums, where(dead, fresh.mul(share), this.sums));
    overwrite(this.counts, where(dead.reshape([codes]), share, this.counts));
  }
}
