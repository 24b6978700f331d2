import type { Rng, Shape } from '@latent/tensor';
import type { Layer } from '../module/module.ts';
import { Kind, type Part } from '../registry/registry.ts';
import type { ActivationName } from './activation.ts';

/** What layers are built with. */
export interface BuildContext {
  /** Draws first weights. */
  readonly weights: Rng;
  /** Draws while training: what is dropped, noise. */
  readonly noise: Rng;
  /** Of layers that have an activation and were not told which. */
  readonly activation: ActivationName;
}

/** A layer as data: what it makes of rows of a shape, known before any number exists. */
export interface LayerSpec extends Part {
  /** The shape of a row that comes out, for rows of shape `input`; throws where such rows cannot go in. */
  outShape(input: Shape): Shape;
  build(input: Shape, context: BuildContext): readonly Layer[];
  /** The way back from what comes out to rows of shape `input`, for decoders that mirror an encoder; none where shapes stay. */
  mirror(input: Shape): readonly LayerSpec[];
  /**
   * The end of a decoder of rows of shape `input`, which end in channels: the way back as far as each place is made by itself.
   * Where the layer can, it makes `count` numbers for each number of a row, the first of every channel before the second,
   * without activation; else channels of its own, for a linear layer at each place. Without it a decoder ends in a linear layer
   * of whole rows.
   */
  head?(input: Shape, count?: number): readonly LayerSpec[];
  /** Whether the same numbers come out, in the same order, in another shape. */
  readonly shapeOnly?: boolean;
  /** Whether rows of shape [steps, …] may have any number of steps, so that batches need not be padded to the most. */
  readonly anySteps?: boolean;
}

/** The layers that networks, and their files, may be made of. */
export const layers: Kind<LayerSpec> = /* @__PURE__ */ new Kind<LayerSpec>(
  'layer',
  (part) => `{ ${part === 'gaussianNoise' ? 'noise' : part} } from '@latent/nn'`,
);

/** What specifications of layers that keep their rows' shape, and have no way back, have in common. */
export function sameShapeLayer(build: LayerSpec['build']): Omit<LayerSpec, keyof Part> {
  return { outShape: (input) => input, build, mirror: () => [], anySteps: true };
}
