import {
  checkTensor,
  checkWhole,
  formatShape,
  gather,
  optional,
  type Rng,
  ShapeError,
  type Tensor,
  tensor,
  ValueError,
  whole,
} from '@latent/tensor';
import { normalInit } from '../../init.ts';
import { Module } from '../../module/module.ts';
import { layerParameter } from '../../module/role.ts';
import { type LayerSpec, layers } from '../layer-spec.ts';

/** Of an `Embedding`. */
export interface EmbeddingOptions {
  /** Draws the first vectors, from N(0, 1) as PyTorch does. */
  readonly rng: Rng;
  /** An index that stands for nothing: its vector is 0 and stays so. None by default. */
  readonly padding?: number | undefined;
}

/**
 * A vector for each of `size` things (letters, words, categories): indices [rows, …] → [rows, …, width]. Parameter `weight` [size,
 * width]. An index that is no whole number from 0 to size − 1 is refused, with its row; gradients of things that occur often are
 * added up in their order.
 */
export class Embedding extends Module {
  readonly weight: Tensor;
  readonly padding: number | null;

  constructor(size: number, width: number, options: EmbeddingOptions) {
    super();
    for (const [path, value] of Object.entries({ size, width }))
      whole({ min: 1 })(value, { caller: 'Embedding', path });
    const { rng, padding } = options;
    if (padding !== undefined) whole({ min: 0, max: size - 1 })(padding, { caller: 'Embedding', path: 'padding' });
    this.padding = padding ?? null;
    this.weight = layerParameter('table', [size, width], () => {
      const first = normalInit()([size, width], rng);
      if (padding === undefined) return first;
      return tensor(first.data.fill(0, padding * width, (padding + 1) * width), { shape: [size, width] });
    });
  }

  override get type(): string {
    return 'Embedding';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    const [size, width] = this.weight.shape as [number, number];
    const perRow = x.shape[0] ? x.size / x.shape[0] : 1;
    const bad = (position: number, value: number, note = ''): ValueError => {
      const [row, step] = [Math.floor(position / perRow), position % perRow];
      const place = perRow === 1 ? `row ${row}` : `row ${row}, step ${step}`;
      return new ValueError(`embedding: ${place} must be a whole number from 0 to ${size - 1}, got ${value}${note}`);
    };
    const table =
      this.padding === null
        ? this.weight
        : // No gradient comes to the vector that stands for nothing.
          this.weight.mul(this.weight.from(kept(size, this.padding), [size, 1]));
    checkWhole('embedding', x, size, bad);
    return gather(table, x).reshape([...x.shape, width]);
  }
}

function kept(size: number, padding: number): number[] {
  return Array.from({ length: size }, (_, i) => (i === padding ? 0 : 1));
}

const checks = {
  size: /* @__PURE__ */ whole({ min: 1 }),
  width: /* @__PURE__ */ whole({ min: 1 }),
  padding: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 })),
};

export const embeddingLayer = /* @__PURE__ */ layers.known('embedding', {
  options: checks,
  build: ({ size, width, padding }, caller) => {
    if (padding !== undefined && padding >= size) {
      throw new ValueError(`${caller}: padding must be one of the ${size} indices, got ${padding}`);
    }
    return {
      anySteps: true,
      outShape(input) {
        if (input.length !== 1)
          throw new ShapeError(`embedding: rows must be [steps] of indices, got ${formatShape(input)}`);
        return [...input, width];
      },
      build: (_input, { weights }) => [new Embedding(size, width, { rng: weights, padding })],
      // The head says which index, from what is there at each step.
      mirror: () => [],
    };
  },
});

/**
 * Vectors for indices, as the first layer of a network: rows [steps] of whole numbers below `size` → [steps, width]. With `padding`
 * the vector of that index is 0.
 */
export function embedding(size: number, width: number, options: { readonly padding?: number } = {}): LayerSpec {
  return embeddingLayer.with({ size, width }, options);
}
