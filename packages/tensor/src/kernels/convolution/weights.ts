import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, LINE } from '../kernel.ts';
import { type ConvolutionShape, columnsExtent, convolutionTime, flopOf, shapeLabel, sizesOf } from './shape.ts';
import { runWeights, weightsScratch } from './weights-product.ts';

/**
 * w = Σ over images and places of patches of x times y, which is the gradient of a convolution to its weights, y standing for
 * the gradient to its result. See `ConvolutionShape`. Pointers are w, x, y. Of the rows [kernel…, channels/groups] those from
 * `firstRow` on, `rows` of them, and of the features `begin` … `begin + count` − 1 are written.
 */
export interface ConvolutionWeightsCall extends KernelCall {
  readonly shape: ConvolutionShape;
  readonly firstRow: number;
  readonly rows: number;
  readonly begin: number;
  readonly count: number;
}

export function convolutionWeightsCall(
  dtype: DType,
  pointers: readonly [w: number, x: number, y: number],
  shape: ConvolutionShape,
): ConvolutionWeightsCall {
  const rows = rowsOf(shape);
  return {
    kernel: convolutionWeightsKernel,
    dtype,
    pointers,
    shape,
    firstRow: 0,
    rows,
    begin: 0,
    count: shape.features,
  };
}

function rowsOf({ kernel, channels, groups }: ConvolutionShape): number {
  return (kernel[0] * kernel[1] * channels) / groups;
}

export const convolutionWeightsKernel: Kernel<ConvolutionWeightsCall> = {
  name: 'convolutionWeights',
  outputs: () => 1,

  extents({ dtype, shape, firstRow, rows, begin, count }) {
    const { x, y, w } = sizesOf(shape);
    const { features } = shape;
    const none = w === 0 || rows === 0 || count === 0;
    const { from, to } = columnsExtent(dtype, none ? 0 : rows * features, features, begin, count);
    const before = none ? 0 : elements(dtype, firstRow * features).to;
    return [{ from: before + from, to: before + to }, elements(dtype, none ? 0 : x), elements(dtype, none ? 0 : y)];
  },

  written: ({ dtype, shape, rows, count }) =>
    rows * count === sizesOf(shape).w ? elements(dtype, rows * count).to : 0,

  split(call, share) {
    const { firstRow, rows, begin, count, shape } = call;
    if (count >= LINE * share.threads && shape.groups === 1) {
      const part = share.of(count, LINE);
      return part.count === 0 ? null : { ...call, begin: begin + part.begin, count: part.count };
    }
    const part = share.of(rows);
    return part.count === 0 ? null : { ...call, firstRow: firstRow + part.begin, rows: part.count };
  },

  nanoseconds: ({ shape }) => convolutionTime(shape),
  flop: ({ shape }) => flopOf(shape),
  label: ({ shape }) => `convolution weights ${shapeLabel(shape)}`,

  reference({ dtype, pointers, shape, firstRow, rows, begin, count }) {
    const { images, input, channels, output, features, kernel, stride, dilation, padding, groups } = shape;
    const heap = view(dtype);
    const [w, x, y] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number, number];
    const inGroup = channels / groups;
    const outGroup = features / groups;
    for (let row = firstRow; row < firstRow + rows; row++) {
      const tap = Math.floor(row / inGroup);
      const [r, q] = [Math.floor(tap / kernel[1]), tap % kernel[1]];
      for (let o = begin; o < begin + count; o++) {
        const c = Math.floor(o / outGroup) * inGroup + (row % inGroup);
        let total = 0;
        for (let n = 0; n < images; n++) {
          for (let i = 0; i < output[0]; i++) {
            const h = i * stride[0] + r * dilation[0] - padding[0];
            if (h < 0 || h >= input[0]) continue;
            for (let j = 0; j < output[1]; j++) {
              const v = j * stride[1] + q * dilation[1] - padding[1];
              if (v < 0 || v >= input[1]) continue;
              const seen = heap[x + ((n * input[0] + h) * input[1] + v) * channels + c]!;
              total += seen * heap[y + ((n * output[0] + i) * output[1] + j) * features + o]!;
            }
          }
        }
        heap[w + row * features + o] = total;
      }
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    scratch: ({ shape }) => weightsScratch(shape),
    run: runWeights,
  },
};
