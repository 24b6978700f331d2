import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, LINE, moved } from '../kernel.ts';
import { transposedPasses } from './passes.ts';
import { runProduct } from './product.ts';
import { productScratch } from './product-room.ts';
import {
  type ConvolutionShape,
  columnsExtent,
  convolutionTime,
  flopOf,
  isDepthwise,
  shapeLabel,
  sizesOf,
} from './shape.ts';

/**
 * x = transposed convolution of y with w, which is the gradient of a convolution to its input: the sum over all places of y
 * that see an element of x. See `ConvolutionShape`. Pointers are x, y, w. Channels `begin` … `begin + count` − 1 are written.
 */
export interface TransposedConvolutionCall extends KernelCall {
  readonly shape: ConvolutionShape;
  readonly begin: number;
  readonly count: number;
}

export function transposedConvolutionCall(
  dtype: DType,
  pointers: readonly [x: number, y: number, w: number],
  shape: ConvolutionShape,
): TransposedConvolutionCall {
  return { kernel: transposedConvolutionKernel, dtype, pointers, shape, begin: 0, count: shape.channels };
}

export const transposedConvolutionKernel: Kernel<TransposedConvolutionCall> = {
  name: 'transposedConvolution',
  outputs: () => 1,

  extents({ dtype, shape, begin, count }) {
    const { x, y, w } = sizesOf(shape);
    const none = x === 0 || count === 0;
    return [
      columnsExtent(dtype, x, shape.channels, begin, count),
      elements(dtype, none ? 0 : y),
      elements(dtype, none ? 0 : w),
    ];
  },

  written: ({ dtype, shape, count }) => (count === shape.channels ? elements(dtype, sizesOf(shape).x).to : 0),

  split(call, share) {
    const { shape, begin } = call;
    const { images, input, channels, output, features, groups } = shape;
    if (images >= share.threads) {
      const part = share.of(images);
      const steps = [part.begin * input[0] * input[1] * channels, part.begin * output[0] * output[1] * features, 0];
      return part.count === 0
        ? null
        : { ...call, shape: { ...shape, images: part.count }, pointers: moved(call, steps) };
    }
    if ((groups > 1 && !isDepthwise(shape)) || call.count < LINE * share.threads) return share.whole(call);
    const part = share.of(call.count, LINE);
    return part.count === 0 ? null : { ...call, begin: begin + part.begin, count: part.count };
  },

  nanoseconds: ({ shape }) => convolutionTime(shape),
  flop: ({ shape }) => flopOf(shape),
  label: ({ shape }) => `transposed convolution ${shapeLabel(shape)}`,

  reference({ dtype, pointers, shape, begin, count }) {
    const { images, input, channels, output, features, kernel, stride, dilation, padding, groups } = shape;
    const heap = view(dtype);
    const [x, y, w] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number, number];
    const inGroup = channels / groups;
    const outGroup = features / groups;
    for (let n = 0; n < images; n++) {
      for (let h = 0; h < input[0]; h++) {
        for (let v = 0; v < input[1]; v++) {
          for (let c = begin; c < begin + count; c++) {
            const first = Math.floor(c / inGroup) * outGroup;
            let total = 0;
            for (let r = 0; r < kernel[0]; r++) {
              const i = (h + padding[0] - r * dilation[0]) / stride[0];
              if (i < 0 || i >= output[0] || !Number.isInteger(i)) continue;
              for (let q = 0; q < kernel[1]; q++) {
                const j = (v + padding[1] - q * dilation[1]) / stride[1];
                if (j < 0 || j >= output[1] || !Number.isInteger(j)) continue;
                const pixel = y + ((n * output[0] + i) * output[1] + j) * features + first;
                const tap = w + ((r * kernel[1] + q) * inGroup + (c % inGroup)) * features + first;
                for (let o = 0; o < outGroup; o++) total += heap[pixel + o]! * heap[tap + o]!;
              }
            }
            heap[x + ((n * input[0] + h) * input[1] + v) * channels + c] = total;
          }
        }
      }
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    scratch: (call) => productScratch(call.shape, transposedPasses(call.shape)),
    run({ pointers, shape, begin, count }, linker, scratch) {
      runProduct(pointers as [number, number, number], shape, transposedPasses(shape), begin, count, linker, scratch);
    },
  },
};
