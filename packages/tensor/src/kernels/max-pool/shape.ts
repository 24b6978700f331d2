import type { Pair } from '../convolution/shape.ts';

/**
 * The windows of a pooling: at place (i, j) of the output the elements (i·s₀ + r·d₀ − p₀, j·s₁ + q·d₁ − p₁) of the input that
 * there are, for each channel. Every window has at least one.
 */
export interface PoolShape {
  readonly images: number;
  readonly input: Pair;
  readonly channels: number;
  readonly output: Pair;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: Pair;
}

export function poolSizes({ images, input, output, channels }: PoolShape): { readonly x: number; readonly y: number } {
  return { x: images * input[0] * input[1] * channels, y: images * output[0] * output[1] * channels };
}

/** Visits the elements of each window in their order: `first` before them, then `visit`, then `last`, with places in x and y. */
export function eachWindow(
  { images, input, output, channels, kernel, stride, dilation, padding }: PoolShape,
  visit: (x: number, y: number, isFirst: boolean) => void,
): void {
  for (let n = 0; n < images; n++) {
    for (let i = 0; i < output[0]; i++) {
      for (let j = 0; j < output[1]; j++) {
        for (let c = 0; c < channels; c++) {
          const y = ((n * output[0] + i) * output[1] + j) * channels + c;
          let isFirst = true;
          for (let r = 0; r < kernel[0]; r++) {
            const h = i * stride[0] + r * dilation[0] - padding[0];
            if (h < 0 || h >= input[0]) continue;
            for (let q = 0; q < kernel[1]; q++) {
              const v = j * stride[1] + q * dilation[1] - padding[1];
              if (v < 0 || v >= input[1]) continue;
              visit(((n * input[0] + h) * input[1] + v) * channels + c, y, isFirst);
              isFirst = false;
            }
          }
        }
      }
    }
  }
}
