import { Rng } from '@latent/tensor';

/** So many damaged copies of files: bytes changed, cut out, doubled, filled. */
export function* mutatedCopies(files: readonly Uint8Array[], count: number, seed: number): Generator<Uint8Array> {
  const numbers = new Rng(seed).uniform([4096]).data;
  let next = 0;
  const random = (below: number): number => Math.floor((numbers[next++ % numbers.length] as number) * below * 0.999999);
  for (let i = 0; i < count; i++) {
    const file = files[i % files.length] as Uint8Array;
    const bytes = file.slice();
    const at = random(bytes.length);
    const kind = (i + Math.floor(i / 7)) % 7;
    if (kind === 0) bytes[at] = random(256);
    else if (kind === 1) bytes[at] = (bytes[at] as number) ^ (1 << random(8));
    else if (kind === 2) for (let j = 0; j < 8; j++) bytes[random(bytes.length)] = random(256);
    else if (kind === 3) bytes.fill(random(2) === 0 ? 0xff : 0x22, at, at + 1 + random(8));
    yield kind === 4
      ? bytes.slice(0, at)
      : kind === 5
        ? Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + random(16))])
        : kind === 6
          ? Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at, at + random(64)), ...bytes.subarray(at)])
          : bytes;
  }
}
