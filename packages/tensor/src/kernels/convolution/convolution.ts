import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, LINE, moved } from '../kernel.ts';
import { forwardPasses } from './passes.ts';
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

/** y = convolution of x with w; see `ConvolutionShape`. Pointers are y, x, w. Features `begin` … `begin + count` − 1 are written. */
export interface ConvolutionCall extends KernelCall {
  readonly shape: ConvolutionShape;
  readonly begin: number;
  readonly count: number;
}

export function convolutionCall(
  dtype: DType,
  pointers: readonly [y: number, x: number, w: number],
  shape: ConvolutionShape,
): ConvolutionCall {
  return { kernel: convolutionKernel, dtype, pointers, shape, begin: 0, count: shape.features };
}

export const convolutionKernel: Kernel<ConvolutionCall> = {
  name: 'convolution',
  outputs: () => 1,

  extents({ dtype, shape, begin, count }) {
    const { x, y, w } = sizesOf(shape);
    const none = y === 0 || count === 0;
    return [
      columnsExtent(dtype, y, shape.features, begin, count),
      elements(dtype, none ? 0 : x),
      elements(dtype, none ? 0 : w),
    ];
  },

  written: ({ dtype, shape, count }) => (count === shape.features ? elements(dtype, sizesOf(shape).y).to : 0),

  split(call, share) {
    const { shape, begin } = call;
    const { images, input, channels, output, features, groups } = shape;
    if (images >= share.threads) {
      const part = share.of(images);
      const steps = [part.begin * output[0] * output[1] * features, part.begin * input[0] * input[1] * channels, 0];
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
  label: ({ shape }) => `convolution ${shapeLabel(shape)}`,

  reference({ dtype, pointers, shape, begin, count }) {
    const { images, input, channels, output, features, kernel, stride, dilation, padding, groups } = shape;
    const heap = view(dtype);
    const [y, x, w] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number, number];
    const inGroup = channels / groups;
    const outGroup = features / groups;
    for (let n = 0; n < images; n++) {
      for (let i = 0; i < output[0]; i++) {
        for (let j = 0; j < output[1]; j++) {
          for (let o = begin; o < begin + count; o++) {
            const first = Math.floor(o / outGroup) * inGroup;
            let total = 0;
            for (let r = 0; r < kernel[0]; r++) {
              const h = i * stride[0] + r * dilation[0] - padding[0];
              if (h < 0 || h >= input[0]) continue;
              for (let q = 0; q < kernel[1]; q++) {
                const v = j * stride[1] + q * dilation[1] - padding[1];
                if (v < 0 || v >= input[1]) continue;
                const pixel = x + ((n * input[0] + h) * input[1] + v) * channels + first;
                const tap = w + (r * kernel[1] + q) * inGroup * features + o;
                for (let c = 0; c < inGroup; c++) total += heap[pixel + c]! * heap[tap + c * features]!;
              }
            }
            heap[y + ((n * output[0] + i) * output[1] + j) * features + o] = total;
          }
        }
      }
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    scratch: (call) => productScratch(call.shape, forwardPasses(call.shape)),
    run({ pointers, shape, begin, count }, linker, scratch) {
      runProduct(pointers as [number, number, number], shape, forwardPasses(shape), begin, count, linker, scratch);
    },
  },
};
