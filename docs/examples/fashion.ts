import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type Digits, PIXELS } from '../../demo/digits.ts';
import { pick, type Setting } from './example.ts';

/** What each class of Fashion-MNIST is. */
export const FASHION_CLASSES = [
  'T-shirt',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
] as const;

/** 10,000 images of Fashion-MNIST: of each class every fifth is test data; in a quick run every twentieth of each set. */
export function fashion({ quick }: Setting): { train: Digits; test: Digits } {
  const bytes = (name: string): Buffer =>
    gunzipSync(readFileSync(new URL(`../data/fashion-10k/${name}`, import.meta.url)));
  const pixels = bytes('t10k-images-idx3-ubyte.gz').subarray(16);
  const labels = Uint8Array.from(bytes('t10k-labels-idx1-ubyte.gz').subarray(8));
  const all: Digits = { images: Float32Array.from(pixels, (grey) => grey / 255), labels };
  if (pixels.length !== labels.length * PIXELS) throw new Error('fashion: images and labels differ in number');
  const seen = new Uint32Array(10);
  const place = Array.from(labels, (label) => (seen[label] as number)++);
  const step = quick ? 20 : 1;
  const every = (keep: (nth: number) => boolean): Digits =>
    pick(all, (_, i) => keep(place[i] as number) && Math.floor((place[i] as number) / 5) % step === 0);
  return { train: every((nth) => nth % 5 !== 4), test: every((nth) => nth % 5 === 4) };
}
