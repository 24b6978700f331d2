import {
  checkTensor,
  formatShape,
  lessEqual,
  linear,
  matmul,
  type Rng,
  ShapeError,
  softmax,
  type Tensor,
  ValueError,
  where,
  whole,
  zeros,
} from '@latent/tensor';
import { xavierUniform } from '../../init.ts';
import { type Context, withinLengths } from '../../module/context.ts';
import { Module } from '../../module/module.ts';
import { layerParameter } from '../../module/role.ts';
import { Dropout } from '../dropout.ts';
import { Linear } from '../linear.ts';

/** Of a `MultiHeadAttention`. */
export interface AttentionOptions {
  /** Draws first weights. */
  readonly rng: Rng;
  /** Draws what is dropped; a child of `rng` by default. */
  readonly noise?: Rng;
  /** Share of the attention that is dropped while training; 0 by default. */
  readonly dropout?: number;
  /** Each step looks at itself and those before it alone; false by default. */
  readonly causal?: boolean;
}

/** What a score is where a step must not be looked at: far below any other, and finite where all are. */
const NEVER = -1e9;

/**
 * Each step's mixture of all steps (Vaswani et al. 2017), by `heads` heads: softmax(Q·Kᵀ/√d)·V with Q, K, V linear in x, each head
 * d = width/heads of the columns. x [rows, steps, width] → the same shape. Steps past a row's end are not looked at, and are 0
 * in the result. Parameters as in PyTorch: `in_proj_weight` [3·width, width] (q, k and v), `in_proj_bias`, `out_proj`.
 */
export class MultiHeadAttention extends Module {
  readonly in_proj_weight: Tensor;
  readonly in_proj_bias: Tensor;
  readonly out_proj: Linear;
  readonly heads: number;
  readonly causal: boolean;
  readonly dropout: Dropout | null;

  constructor(width: number, heads: number, options: AttentionOptions) {
    super();
    whole({ min: 1 })(width, { caller: 'MultiHeadAttention', path: 'width' });
    whole({ min: 1 })(heads, { caller: 'MultiHeadAttention', path: 'heads' });
    if (width % heads !== 0) {
      throw new ValueError(`MultiHeadAttention: width ${width} does not divide into ${heads} heads`);
    }
    const { rng, noise, dropout = 0, causal = false } = options;
    this.heads = heads;
    this.causal = causal;
    this.in_proj_weight = layerParameter('weight', [3 * width, width], () => xavierUniform()([3 * width, width], rng));
    this.in_proj_bias = layerParameter('bias', [3 * width], () => zeros([3 * width]));
    this.out_proj = new Linear(width, width, { rng });
    this.dropout = dropout > 0 ? new Dropout(dropout, { rng: noise ?? (rng.split(1) as [Rng])[0] }) : null;
  }

  override get type(): string {
    return 'MultiHeadAttention';
  }

  forward(x: Tensor, { lengths }: Context = {}): Tensor {
    checkTensor(this.type, x);
    const width = this.out_proj.inFeatures;
    if (x.shape.length !== 3 || x.shape[2] !== width) {
      throw new ShapeError(`attention: expected [rows, steps, ${width}], got ${formatShape(x.shape)}`);
    }
    const [rows, steps] = x.shape as [number, number, number];
    const { heads } = this;
    const depth = width / heads;
    // [3, rows, heads, steps, depth]
    const all = linear(x, this.in_proj_weight, this.in_proj_bias)
      .reshape([rows, steps, 3, heads, depth])
      .transpose([2, 0, 3, 1, 4]);
    const [q, k, v] = all.split(3).map((part) => part.reshape([rows * heads, steps, depth])) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const scores = matmul(q, k, { transposeB: true })
      .mul(1 / Math.sqrt(depth))
      .reshape([rows, heads, steps, steps]);
    const weights = softmax(this.#seen(scores, lengths));
    const shares = this.dropout === null ? weights : this.dropout.forward(weights);
    const mixed = matmul(shares.reshape([rows * heads, steps, steps]), v)
      .reshape([rows, heads, steps, depth])
      .transpose([0, 2, 1, 3])
      .reshape([rows, steps, width]);
    const result = this.out_proj.forward(mixed);
    return lengths === undefined ? result : where(withinLengths(lengths, steps).reshape([rows, steps, 1]), result, 0);
  }

  /** The scores with those of steps that must not be looked at out of the way. */
  #seen(scores: Tensor, lengths: Tensor | undefined): Tensor {
    const [rows, , steps] = scores.shape as [number, number, number, number];
    let seen = scores;
    if (lengths !== undefined) seen = where(withinLengths(lengths, steps).reshape([rows, 1, 1, steps]), seen, NEVER);
    if (this.causal) {
      const places = scores.from(
        Array.from({ length: steps }, (_, t) => t),
        [steps],
      );
      seen = where(lessEqual(places, places.reshape([steps, 1])), seen, NEVER);
    }
    return seen;
  }
}
