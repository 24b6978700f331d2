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
