import { crc32 } from 'node:zlib';
import { type Picture, writeWhole } from './picture.ts';

/** A chunk of a PNG file: its four letters and what it holds. */
interface Chunk {
  readonly name: string;
  readonly data: Uint8Array;
}

const SIGNATURE = 8;

/**
 * Writes pictures of one size as an animated PNG that goes round for ever, each shown for so many milliseconds, the last four
 * times as long. (PNG, third edition, 11.3.7: a first frame in IDAT and further ones in fdAT chunks, each with its fcTL.)
 */
export function writeAnimation(path: string, frames: readonly Picture[], milliseconds: number): void {
  const [first] = frames;
  if (first === undefined) throw new Error('writeAnimation: no frames');
  const other = frames.find(({ width, height }) => width !== first.width || height !== first.height);
  if (other !== undefined) {
    throw new Error(
      `writeAnimation: frames of one size, got ${first.width}×${first.height} and ${other.width}×${other.height}`,
    );
  }
  const files = frames.map((frame) => frame.png());
  let sequence = 0;
  const shown = files.flatMap((file, i) => {
    const delay = milliseconds * (i === files.length - 1 ? 4 : 1);
    const control = { name: 'fcTL', data: frameControl(sequence++, first, delay) };
    const data = chunksOf(file)
      .filter(({ name }) => name === 'IDAT')
      .map(({ data }) =>
        i === 0 ? { name: 'IDAT', data } : { name: 'fdAT', data: joined([numbers(sequence++), data]) },
      );
    return [control, ...data];
  });
  const [header] = chunksOf(files[0] as Uint8Array) as [Chunk];
  const animation = { name: 'acTL', data: numbers(frames.length, 0) };
  const chunks = [header, animation, ...shown, { name: 'IEND', data: new Uint8Array(0) }];
  writeWhole(path, joined([(files[0] as Uint8Array).subarray(0, SIGNATURE), ...chunks.map(written)]));
}

function frameControl(sequence: number, { width, height }: Picture, milliseconds: number): Uint8Array {
  const delay = new Uint8Array([milliseconds >> 8, milliseconds & 255, 1000 >> 8, 1000 & 255]);
  // Nothing is left of the frame before, and nothing shows through.
  return joined([numbers(sequence, width, height, 0, 0), delay, new Uint8Array([0, 0])]);
}

function chunksOf(file: Uint8Array): Chunk[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE; at < file.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...file.subarray(at + 4, at + 8));
    chunks.push({ name, data: file.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

function written({ name, data }: Chunk): Uint8Array {
  const body = joined([Uint8Array.from(name, (letter) => letter.charCodeAt(0)), data]);
  return joined([numbers(data.length), body, numbers(crc32(body))]);
}

/** Whole numbers of 32 bits, the highest byte first. */
function numbers(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
