import { Linear, layerParameter, Module, uniformInit } from '@latent/nn';
import { linear, type Rng, type Shape, type Tensor, tensor } from '@latent/tensor';

/** A dense layer whose weights are held to the ones of a mask: x·(W ⊙ M)ᵀ + b. */
class MaskedLinear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  /** [out, in], of zeros and ones. */
  readonly mask: Tensor;

  constructor(shape: readonly [out: number, from: number], seen: (out: number, from: number) => boolean, rng: Rng) {
    super();
    const [out, from] = shape;
    const limit = 1 / Math.sqrt(from);
    const first = uniformInit(-limit, limit);
    this.weight = layerParameter('weight', shape, () => first(shape as Shape, rng));
    this.bias = layerParameter('bias', [out], () => new Float32Array(out));
    const values = Float32Array.from({ length: out * from }, (_, i) => Number(seen(Math.floor(i / from), i % from)));
    this.mask = tensor(values, { shape: [out, from] });
  }

  override get type(): string {
    return 'MaskedLinear';
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight.mul(this.mask), this.bias);
  }
}

/** Which of the latents a unit may depend on: those before its place in the order. */
export interface MaskedNetworkOptions {
  readonly latentSize: number;
  readonly features: number;
  readonly hidden: readonly number[];
  /** Numbers made for each latent. */
  readonly outputs: number;
  /** The last latent comes first. */
  readonly reversed: boolean;
  readonly rng: Rng;
}

/**
 * A MADE (Germain et al. 2015): a dense network whose outputs for a latent depend on the latents before it in an order, and
 * on features of the row. A unit of degree d sees the latents with a place up to d, and is seen by the outputs past it.
 */
export class MaskedNetwork extends Module {
  readonly layers: readonly MaskedLinear[];
  /** What the row's features add to the first hidden layer. */
  readonly given: Linear;
  readonly last: MaskedLinear;

  constructor({ latentSize, features, hidden, outputs, reversed, rng }: MaskedNetworkOptions) {
    super();
    // Places from 1; degrees from 0, which sees no latent, to latentSize − 1.
    const place = (latent: number): number => (reversed ? latentSize - latent : latent + 1);
    const degree = (unit: number): number => unit % latentSize;
    this.layers = hidden.map((size, i) => {
      const from = i === 0 ? latentSize : (hidden[i - 1] as number);
      const before = i === 0 ? place : degree;
      return new MaskedLinear([size, from], (unit, input) => before(input) <= degree(unit), rng);
    });
    this.given = new Linear(features, hidden[0] as number, { rng, bias: false });
    const width = hidden.at(-1) as number;
    this.last = new MaskedLinear(
      [outputs * latentSize, width],
      (out, unit) => degree(unit) < place(out % latentSize),
      rng,
    );
  }

  override get type(): string {
    return 'MaskedNetwork';
  }

  /** Of rows' features: z [..., rows, latent] → [..., rows, outputs·latent], each output for all latents in turn. */
  of(features: Tensor): (z: Tensor) => Tensor {
    const given = this.given.forward(features);
    return (z) => {
      const [first, ...rest] = this.layers as readonly [MaskedLinear, ...MaskedLinear[]];
      let x = first.forward(z).add(given).elu();
      for (const layer of rest) x = layer.forward(x).elu();
      return this.last.forward(x);
    };
  }
}
