import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Rng } from '@latent/tensor';
import { type Digits, loadDigits, PIXELS } from '../../demo/digits.ts';

/** What every example gets. */
export interface Setting {
  /** Few rows and few epochs, to see that it runs; the numbers then mean little. */
  readonly quick: boolean;
  /** Where pictures go. */
  path(name: string): string;
  say(line: string): void;
}

/** Numbers that an example found, for its test. */
export type Findings = Readonly<Record<string, number>>;
export type Example = (setting: Setting) => Promise<Findings>;

export function setting(out: string, quick: boolean, say: (line: string) => void): Setting {
  mkdirSync(out, { recursive: true });
  return { quick, say, path: (name) => join(out, name) };
}

/** The digits; in a quick run every so many of each set. */
export function digits({ quick }: Setting): { train: Digits; test: Digits } {
  const { train, test } = loadDigits();
  return quick ? { train: every(train, 20), test: every(test, 20) } : { train, test };
}

function every(set: Digits, step: number): Digits {
  return pick(set, (_, i) => i % step === 0);
}

/** The images that `keep` chooses. */
export function pick(set: Digits, keep: (label: number, i: number) => boolean): Digits {
  const chosen = Array.from(set.labels.keys()).filter((i) => keep(set.labels[i] as number, i));
  const images = new Float32Array(chosen.length * PIXELS);
  chosen.forEach((i, k) => {
    images.set(set.images.subarray(i * PIXELS, (i + 1) * PIXELS), k * PIXELS);
  });
  return { images, labels: Uint8Array.from(chosen, (i) => set.labels[i] as number) };
}

/** Images of zeros and ones: each pixel is 1 with the probability that its grey value is. */
export function binarised(images: Float32Array, seed: number): Float32Array {
  const u = new Rng(seed).uniform([images.length]).data;
  return images.map((grey, i) => ((u[i] as number) < grey ? 1 : 0));
}

/** Rows of a flat array. */
export function rowsOf(flat: ArrayLike<number>, width = PIXELS): Float32Array[] {
  const all = Float32Array.from(flat);
  return Array.from({ length: all.length / width }, (_, r) => all.subarray(r * width, (r + 1) * width));
}

/** Positions from the smallest value to the largest. */
export function ranked(values: ArrayLike<number>): number[] {
  return Array.from({ length: values.length }, (_, i) => i).sort(
    (a, b) => (values[a] as number) - (values[b] as number),
  );
}
