import { checkTensor, formatShape, ShapeError, type Tensor, where } from '@latent/tensor';
import { type Context, withinLengths } from '../../module/context.ts';
import { Module } from '../../module/module.ts';
import { dense } from '../dense.ts';
import { type LayerSpec, layers } from '../layer-spec.ts';
import { POSITIONS, repeat } from './repeat.ts';

/** The mean over the steps that a row has: [rows, steps, features] → [rows, features]; 0 for a row without any. */
export class MeanSteps extends Module {
  override get type(): string {
    return 'MeanSteps';
  }

  forward(x: Tensor, { lengths }: Context = {}): Tensor {
    checkTensor(this.type, x);
    if (x.shape.length !== 3) {
      throw new ShapeError(`meanSteps: expected [rows, steps, features], got ${formatShape(x.shape)}`);
    }
    if (lengths === undefined) return x.mean({ axis: 1 });
    const [rows, steps] = x.shape as [number, number, number];
    const inside = withinLengths(lengths, steps);
    const counts = inside.sum({ axis: 1, keepDims: true }).maximum(1);
    return where(inside.reshape([rows, steps, 1]), x, 0)
      .sum({ axis: 1 })
      .div(counts);
  }
}

export const meanStepsLayer = /* @__PURE__ */ layers.known('meanSteps', {
  options: {},
  build: () => ({
    anySteps: true,
    outShape(input) {
      if (input.length !== 2)
        throw new ShapeError(`meanSteps: rows must be [steps, features], got ${formatShape(input)}`);
      return input.slice(1);
    },
    build: () => [new MeanSteps()],
    mirror: (input) => [
      repeat(input[0] as number, { positions: POSITIONS }),
      dense(input[1] as number, { perStep: true }),
    ],
    head: (input) => [repeat(input[0] as number, { positions: POSITIONS })],
  }),
});

/** The mean over a row's steps, as a layer of a network: after layers that put out every step. */
export function meanSteps(): LayerSpec {
  return meanStepsLayer.make({});
}
