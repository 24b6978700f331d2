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
   * The way back of a first layer, as far as a head goes on from that makes the parameters of each position by itself; none
   * where the head undoes the layer (default).
   */
  mirrorToHead?(input: Shape): readonly LayerSpec[];
  /** Whether rows of shape [steps, …] may have any number of steps, so that batches need not be padded to the most. */
  readonly anySteps?: boolean;
}

/** The layers that networks, and their files, may be made of. */
export const layers: Kind<LayerSpec> = /* @__PURE__ */ new Kind<LayerSpec>('layer');

/** What specifications of layers that keep their rows' shape, and have no way back, have in common. */
export function sameShapeLayer(build: LayerSpec['build']): Omit<LayerSpec, keyof Part> {
  return { outShape: (input) => input, build, mirror: () => [], anySteps: true };
}
