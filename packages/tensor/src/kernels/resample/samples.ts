import type { KernelSample, KernelSamples } from '../samples.ts';
import { type ResampleCall, resampleCall } from './resample.ts';

const sample = (
  name: string,
  sizes: Omit<ResampleCall, 'kernel' | 'dtype' | 'pointers'>,
  index: (entry: number) => number,
): KernelSample<ResampleCall> => ({
  name,
  call: resampleCall('f32', [0, 0, 0], sizes),
  tolerance: 2e-6,
  fill: (operand, size, random) =>
    Array.from({ length: size }, (_, i) => (operand === 2 && i % 2 === 0 ? index(i / 2) : 4 * random() - 2)),
});

export const resampleSamples: KernelSamples<ResampleCall> = [
  sample('doubled', { outer: 6, size: 5, places: 10, taps: 1, inner: 7 }, (i) => i >> 1),
  sample('two terms', { outer: 3, size: 4, places: 9, taps: 2, inner: 21 }, (i) => i % 4),
  sample('with places that have no term', { outer: 2, size: 3, places: 5, taps: 3, inner: 4 }, (i) =>
    i % 5 < 2 || (i > 5 && i < 9) ? -1 : i % 3,
  ),
  sample('single numbers', { outer: 5, size: 6, places: 3, taps: 2, inner: 1 }, (i) => 5 - (i % 6)),
  sample('nothing', { outer: 0, size: 3, places: 3, taps: 1, inner: 4 }, (i) => i),
];
