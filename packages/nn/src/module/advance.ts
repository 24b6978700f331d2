import type { Tensor } from '@latent/tensor';
import type { Layer } from './module.ts';

/** What a layer remembers between two steps: tensors, nested as its layers are. */
export type StepState = readonly (Tensor | StepState)[];

/** What a step gives. */
export interface Advance {
  /** [rows, 1, features]. */
  readonly output: Tensor;
  readonly state: StepState;
}

/** A layer that remembers something from step to step. */
interface Stepping {
  /** One step from a state on, which is what the step before gave; null at the start. */
  advance(x: Tensor, state: StepState | null): Advance;
}

/**
 * One step of a network over rows that come step by step: x [rows, 1, features]. Layers that remember nothing are taken to look at
 * each step by itself.
 */
export function advanced(layer: Layer, x: Tensor, state: StepState | null): Advance {
  const { advance } = layer as Partial<Stepping>;
  return advance === undefined ? { output: layer.forward(x), state: [] } : advance.call(layer, x, state);
}
