import { Rng } from '@latent/tensor';

/** Some rows by chance, end to end, and where they were. */
export function someRows(
  rows: Float32Array,
  width: number,
  most: number,
  seed: number,
): { readonly rows: Float32Array; readonly places: Uint32Array } {
  const count = rows.length / width;
  const places =
    count <= most
      ? Uint32Array.from({ length: count }, (_, i) => i)
      : new Rng(seed).permutation(count).slice(0, most).sort();
  const picked = new Float32Array(places.length * width);
  places.forEach((r, i) => {
    picked.set(rows.subarray(r * width, (r + 1) * width), i * width);
  });
  return { rows: picked, places };
}

/** Rows that are asked about at a time, and the numbers that may stand for them together. */
const BLOCK = 128;
const MOST_NUMBERS = 1_000_000;

/** How many rows are asked about at a time, where each is answered in so many numbers. */
export function rowsAtOnce(numbers: number): number {
  return Math.max(1, Math.min(BLOCK, Math.floor(MOST_NUMBERS / numbers)));
}
