import {
  checkTensor,
  formatShape,
  list,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
  type Tensor,
  whole,
} from '@latent/tensor';
import { Module } from '../module/module.ts';
import { type LayerSpec, layers } from './layer-spec.ts';

/** Gives every row a shape: x [rows, …] → [rows, …shape], the same numbers in order. */
export class Reshape extends Module {
  readonly shape: Shape;

  constructor(shape: Shape) {
    super();
    this.shape = list(whole({ min: 1 }))(shape, { caller: 'Reshape', path: 'shape' });
  }

  override get type(): string {
    return 'Reshape';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    const rows = x.shape[0] ?? 1;
    if (x.size !== rows * sizeOf(this.shape)) {
      throw new ShapeError(`reshape: rows of ${formatShape(x.shape.slice(1))} do not fit ${formatShape(this.shape)}`);
    }
    return x.reshape([rows, ...this.shape]);
  }
}

const reshapeChecks = { shape: /* @__PURE__ */ list(/* @__PURE__ */ whole({ min: 1 }), { min: 1, max: 8 }) };

export const reshapeLayer = /* @__PURE__ */ layers.known('reshape', {
  options: reshapeChecks,
  build: ({ shape }) => ({
    shapeOnly: true,
    outShape(input) {
      if (sizeOf(input) !== sizeOf(shape)) {
        throw new ShapeError(`reshape: rows of ${formatShape(input)} do not fit ${formatShape(shape)}`);
      }
      return shape;
    },
    build: () => [new Reshape(shape)],
    mirror: (input) => (sameShape(input, shape) ? [] : [reshape(input)]),
  }),
});

/** Rows in another shape, as a layer of a network. */
export function reshape(shape: Shape): LayerSpec {
  return reshapeLayer.make({ shape });
}

export const flattenLayer = /* @__PURE__ */ layers.known('flatten', {
  options: {},
  build: () => ({
    shapeOnly: true,
    outShape: (input) => [sizeOf(input)],
    build: (input) => (input.length === 1 ? [] : [new Reshape([sizeOf(input)])]),
    mirror: (input) => (input.length === 1 ? [] : [reshape(input)]),
  }),
});

/** Each row as one line of numbers, as a layer of a network. */
export function flatten(): LayerSpec {
  return flattenLayer.make({});
}
