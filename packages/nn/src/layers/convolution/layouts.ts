import {
  checkTensor,
  formatShape,
  list,
  type Shape,
  ShapeError,
  sizeOf,
  type Tensor,
  UsageError,
  whole,
} from '@latent/tensor';
import { type Layer, layerCheck } from '../../module/module.ts';
import { Linear } from '../linear.ts';
import { Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d } from './convolution.ts';

// Weights here have PyTorch's layouts, so its state dictionaries are taken over by name. Two things differ elsewhere: where
// Keras has its axes, and in which order a picture becomes a line.

/** How Keras lays out the weight of a layer: its axes in ours, after the weight was given this shape. */
interface KerasLayout {
  readonly shape: Shape;
  readonly axes: readonly number[];
  /** The shape in Keras. */
  readonly theirs: Shape;
}

function layoutOf(op: string, layer: Layer): KerasLayout {
  layerCheck(layer, { caller: op, path: 'the layer' });
  if (layer instanceof Linear) {
    const [out = 0, into = 0] = layer.weight.shape;
    return { shape: [out, into], axes: [1, 0], theirs: [into, out] };
  }
  const isConv = layer instanceof Conv1d || layer instanceof Conv2d;
  if (isConv || layer instanceof ConvTranspose1d || layer instanceof ConvTranspose2d) {
    const [first = 0, second = 0, ...kernel] = layer.weight.shape;
    const { groups = 1 } = layer.options;
    const places = kernel.map((_, d) => d + 2);
    if (isConv && groups > 1 && second === 1) {
      // Keras's depthwise kernel: [kernel…, channels, multiplier].
      const multiplier = first / groups;
      return {
        shape: [groups, multiplier, ...kernel],
        axes: [...places, 0, 1],
        theirs: [...kernel, groups, multiplier],
      };
    }
    if (!isConv && groups > 1) throw new UsageError(`${op}: Keras has no transposed convolutions in groups`);
    return { shape: [first, second, ...kernel], axes: [...places, 1, 0], theirs: [...kernel, second, first] };
  }
  throw new UsageError(`${op}: ${layer.type} has no kernel`);
}

/** The layer's weight as Keras has its kernel: [in, out], [kernel…, in, out], transposed [kernel…, out, in], depthwise [kernel…, in, multiplier]. */
export function weightToKeras(layer: Layer & { readonly weight: Tensor }): Tensor {
  const { shape, axes } = layoutOf('weightToKeras', layer);
  return layer.weight.detach().reshape(shape).transpose(axes);
}

/** Keras's kernel as this layer's weight: `layer.weight.assign(weightFromKeras(layer, kernel))`. */
export function weightFromKeras(layer: Layer & { readonly weight: Tensor }, kernel: Tensor): Tensor {
  const { axes, theirs } = layoutOf('weightFromKeras', layer);
  checkTensor('weightFromKeras', kernel);
  if (formatShape(kernel.shape) !== formatShape(theirs)) {
    throw new ShapeError(
      `weightFromKeras: the kernel of this ${layer.type} is ${formatShape(theirs)} in Keras, got ${formatShape(kernel.shape)}`,
    );
  }
  const back = axes.map((_, d) => axes.indexOf(d));
  return kernel.transpose(back).reshape(layer.weight.shape);
}

/** Throws unless an axis of x is a row of this shape as a line. */
function lineAxis(op: string, x: Tensor, row: Shape, axis: number): number {
  checkTensor(op, x);
  list(whole({ min: 1 }), { min: 2 })(row, { caller: op, path: 'row' });
  const axes = x.shape.length;
  const own = whole({ min: -axes, max: axes - 1 })(axis, { caller: op, path: 'axis' }) + (axis < 0 ? axes : 0);
  if (x.shape[own] !== sizeOf(row)) {
    throw new ShapeError(
      `${op}: axis ${axis} must hold ${formatShape(row)} = ${sizeOf(row)} numbers, got ${formatShape(x.shape)}`,
    );
  }
  return own;
}

/**
 * x with an axis that holds rows flattened with channels first, as PyTorch flattens them, in the order that they have here, with
 * channels last. `row` is the shape here, [height, width, channels]: a `Linear` after a flattened picture takes
 * `channelsLast(weight, row, 1)`, one before a picture `channelsLast(weight, row, 0)` and `channelsLast(bias, row, 0)`.
 */
export function channelsLast(x: Tensor, row: Shape, axis = -1): Tensor {
  const own = lineAxis('channelsLast', x, row, axis);
  return turned(x, own, [row.at(-1) as number, ...row.slice(0, -1)], [...row.slice(0, -1).map((_, d) => d + 1), 0]);
}

/** The opposite of `channelsLast`: from the order here to PyTorch's. */
export function channelsFirst(x: Tensor, row: Shape, axis = -1): Tensor {
  const own = lineAxis('channelsFirst', x, row, axis);
  return turned(x, own, row, [row.length - 1, ...row.slice(0, -1).map((_, d) => d)]);
}

/** An axis seen as this shape, its parts reordered. */
function turned(x: Tensor, axis: number, parts: Shape, order: readonly number[]): Tensor {
  const before = x.shape.slice(0, axis);
  const after = x.shape.slice(axis + 1);
  const axes = [
    ...before.map((_, d) => d),
    ...order.map((d) => axis + d),
    ...after.map((_, d) => axis + parts.length + d),
  ];
  return x
    .reshape([...before, ...parts, ...after])
    .transpose(axes)
    .reshape(x.shape);
}
