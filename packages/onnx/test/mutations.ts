import { LatentError, Rng } from '@latent/tensor';
import { expect } from 'vitest';

/** One damage to a file. */
type Mutation = (bytes: Uint8Array, random: (below: number) => number) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  // A bit, a byte, several bytes.
  (bytes, random) => bytes.with(random(bytes.length), random(256)),
  (bytes, random) => {
    const at = random(bytes.length);
    return bytes.with(at, (bytes[at] as number) ^ (1 << random(8)));
  },
  (bytes, random) => {
    const result = bytes.slice();
    for (let i = 0; i < 8; i++) result[random(bytes.length)] = random(256);
    return result;
  },
  // Sizes that are huge.
  (bytes, random) => {
    const result = bytes.slice();
    result.fill(0xff, random(bytes.length), random(bytes.length));
    return result;
  },
  (bytes, random) => {
    const at = random(bytes.length);
    const result = bytes.slice();
    result.fill(random(2) === 0 ? 0xff : 0x7f, at, at + 1 + random(8));
    return result;
  },
  // Cut, doubled, moved.
  (bytes, random) => bytes.slice(0, random(bytes.length)),
  (bytes, random) => {
    const at = random(bytes.length);
    return joined(bytes.slice(0, at), bytes.slice(at + random(16)));
  },
  (bytes, random) => {
    const at = random(bytes.length);
    return joined(bytes.slice(0, at), bytes.slice(at, at + random(64)), bytes.slice(at));
  },
  (bytes, random) => {
    const at = random(bytes.length);
    return joined(bytes.slice(0, at), bytes.slice(random(bytes.length)));
  },
];

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** How long one file may keep its reader; a busy machine needs a fraction. */
const LONGEST = 4000;

/**
 * Reads 2,000 damaged copies of files: each must be refused with a sentence, or give tensors. Those that are given must be finite in
 * number and size, whatever the file claimed. Returns how many were refused.
 */
export async function mutated(
  files: readonly Uint8Array[],
  read: (bytes: Uint8Array) => unknown,
  count = 2000,
): Promise<number> {
  const rng = new Rng(17);
  const numbers = rng.uniform([count * 64]).data;
  let next = 0;
  const random = (below: number): number => Math.floor((numbers[next++ % numbers.length] as number) * below);
  let refused = 0;
  for (let i = 0; i < count; i++) {
    const file = files[i % files.length] as Uint8Array;
    const bytes = (MUTATIONS[random(MUTATIONS.length)] as Mutation)(file, random);
    const before = performance.now();
    try {
      await read(bytes);
    } catch (error) {
      // Anything but a sentence of ours is a bug of the reader.
      if (!(error instanceof LatentError)) throw new Error(`mutation ${i}: ${String(error)}`, { cause: error });
      expect(error.message.length).toBeGreaterThan(10);
      expect(error.message.length).toBeLessThan(700);
      refused++;
    }
    expect(performance.now() - before).toBeLessThan(LONGEST);
  }
  return refused;
}
