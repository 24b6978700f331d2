/**
 * Draws that belong to rows: two whole numbers below 2²⁴ for each row, made of its numbers, a seed and a block of draws. So
 * what a row is scored with depends on the row alone, not on what stands beside it.
 */
export function rowKeys(rows: Float32Array, width: number, seed: number, block: number, keys: Float32Array): void {
  const words = new Int32Array(rows.buffer, rows.byteOffset, rows.length);
  const low = seed | 0;
  const high = Math.floor(seed / 2 ** 32) | 0;
  const start = mix(mix(mix(0x9e3779b9 | 0, low), high), block);
  for (let r = 0; r < rows.length / width; r++) {
    let [a, b] = [start, ~start];
    for (let i = r * width; i < (r + 1) * width; i++) {
      const word = words[i] as number;
      // −0 is 0 and a hole is a hole, whatever their bits.
      const value = word === SIGN ? 0 : (word & MAGNITUDE) > INFINITE ? HOLE : word;
      a = mix(a, value);
      b = Math.imul(b ^ value, 0x01000193) ^ (a >>> 15);
    }
    keys[2 * r] = finish(a) >>> 8;
    keys[2 * r + 1] = finish(b ^ a) >>> 8;
  }
}

const SIGN = -0x80000000;
const MAGNITUDE = 0x7fffffff;
const INFINITE = 0x7f800000;
const HOLE = 0x7fc00000;

/** A round of MurmurHash3 (Appleby 2011). */
function mix(hash: number, word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  const h = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** Its last mixing, after which every bit of the hash depends on every other. */
function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
