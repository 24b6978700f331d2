import { broadcastTo, reshape, type Shape, sum, type Tensor } from '@latent/tensor';

/** Undoes broadcasting: sums over the axes along which the operand was repeated. */
export function fitTo(gradient: Tensor, shape: Shape): Tensor {
  const from = gradient.shape;
  if (from.length === shape.length && from.every((size, axis) => size === shape[axis])) return gradient;
  const lead = from.length - shape.length;
  const axes: number[] = [];
  for (let axis = 0; axis < from.length; axis++) {
    if (axis < lead || (shape[axis - lead] === 1 && from[axis] !== 1)) axes.push(axis);
  }
  const summed =
    axes.length > 0 ? reshape(sum(gradient, { axis: axes, keepDims: true }), shapeAfter(from, axes, lead)) : gradient;
  return broadcastTo(summed, shape);
}

function shapeAfter(from: Shape, axes: readonly number[], lead: number): Shape {
  return from.map((size, axis) => (axes.includes(axis) ? 1 : size)).slice(Math.max(0, lead));
}
