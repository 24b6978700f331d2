import {
  checkTensor,
  flag,
  formatShape,
  gelu,
  optional,
  type Rng,
  type Shape,
  ShapeError,
  type Tensor,
  whole,
} from '@latent/tensor';
import type { Context } from '../../module/context.ts';
import { inLayer, Module } from '../../module/module.ts';
import { Dropout, rateCheck } from '../dropout.ts';
import { LayerNorm } from '../layer-norm.ts';
import { type LayerSpec, layers } from '../layer-spec.ts';
import { Linear } from '../linear.ts';
import { type AttentionOptions, MultiHeadAttention } from './multi-head-attention.ts';

/** Of a `TransformerBlock`. */
export interface TransformerOptions extends AttentionOptions {
  /** Width of the layer between; 4·width by default. */
  readonly feedForward?: number;
}

/**
 * A pre-norm transformer block (Vaswani et al. 2017; Xiong et al. 2020): x ← x + attention(norm(x)), x ← x + W₂·gelu(W₁·norm(x)) with
 * the exact GELU x·Φ(x). x [rows, steps, width] → the same shape. Names are those of PyTorch's `TransformerEncoderLayer` with
 * `norm_first=True, activation="gelu"`.
 */
export class TransformerBlock extends Module {
  readonly self_attn: MultiHeadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout: Dropout | null;

  constructor(width: number, heads: number, options: TransformerOptions) {
    super();
    const { rng, dropout = 0, feedForward = 4 * width } = options;
    const noise = options.noise ?? (rng.split(1) as [Rng])[0];
    this.self_attn = new MultiHeadAttention(width, heads, { ...options, noise });
    this.linear1 = new Linear(width, feedForward, { rng });
    this.linear2 = new Linear(feedForward, width, { rng });
    this.norm1 = new LayerNorm(width);
    this.norm2 = new LayerNorm(width);
    this.dropout = dropout > 0 ? new Dropout(dropout, { rng: noise }) : null;
  }

  override get type(): string {
    return 'TransformerBlock';
  }

  forward(x: Tensor, context: Context = {}): Tensor {
    checkTensor(this.type, x);
    const drop = (value: Tensor): Tensor => this.dropout?.forward(value) ?? value;
    const attended = inLayer('self_attn', () => this.self_attn.forward(this.norm1.forward(x), context));
    const between = x.add(drop(attended));
    const widened = drop(gelu(this.linear1.forward(this.norm2.forward(between))));
    return between.add(drop(this.linear2.forward(widened)));
  }
}

/** Of `transformer` in a network. */
export interface TransformerSpecOptions {
  /** Width of the layer between; four times that of the rows by default. */
  readonly feedForward?: number;
  /** Share that is dropped while training, of the attention and after each part; 0 by default. */
  readonly dropout?: number;
  /** Each step looks at itself and those before it alone; false by default. */
  readonly causal?: boolean;
}

const attentionChecks = {
  heads: /* @__PURE__ */ whole({ min: 1 }),
  dropout: /* @__PURE__ */ optional(rateCheck, 0),
  causal: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
};

/** The shape of rows that a layer of `heads` heads keeps. */
function attended(name: string, heads: number, input: Shape): Shape {
  if (input.length !== 2) throw new ShapeError(`${name}: rows must be [steps, width], got ${formatShape(input)}`);
  if ((input[1] as number) % heads === 0) return input;
  throw new ShapeError(`${name}: width ${input[1]} does not divide into ${heads} heads`);
}

const transformerChecks = /* @__PURE__ */ Object.assign({}, attentionChecks, {
  feedForward: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 })),
});

export const transformerLayer = /* @__PURE__ */ layers.known('transformer', {
  options: transformerChecks,
  build: ({ heads, dropout, causal, feedForward }) => ({
    anySteps: true,
    outShape: (input) => attended('transformer', heads, input),
    build: (input, { weights, noise }) => {
      const width = input[1] as number;
      const options = { rng: weights, noise, dropout, causal, ...(feedForward !== undefined && { feedForward }) };
      return [new TransformerBlock(width, heads, options)];
    },
    mirror: () => [transformer(heads, { dropout, causal, ...(feedForward !== undefined && { feedForward }) })],
  }),
});

/** A pre-norm transformer block, as a layer of a network: rows [steps, width] → the same. Put `positions` before the first. */
export function transformer(heads: number, options: TransformerSpecOptions = {}): LayerSpec {
  return transformerLayer.with({ heads }, options);
}

export const attentionLayer = /* @__PURE__ */ layers.known('attention', {
  options: attentionChecks,
  build: ({ heads, dropout, causal }) => ({
    anySteps: true,
    outShape: (input) => attended('attention', heads, input),
    build: (input, { weights, noise }) => [
      new MultiHeadAttention(input[1] as number, heads, { rng: weights, noise, dropout, causal }),
    ],
    mirror: () => [attention(heads, { dropout, causal })],
  }),
});

/** Multi-head attention alone, as a layer of a network: rows [steps, width] → the same. */
export function attention(
  heads: number,
  options: { readonly dropout?: number; readonly causal?: boolean } = {},
): LayerSpec {
  return attentionLayer.with({ heads }, options);
}
