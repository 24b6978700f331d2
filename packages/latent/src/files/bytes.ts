import { createReadStream, type Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, gunzip } from 'node:zlib';
import { nearestName } from '@latent/tensor';
import { DataFault, UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';

/** A file beyond this does not fit a text of JavaScript; it is told so before memory runs out. */
const MOST_BYTES = 500_000_000;

/** The bytes of a file, or of `-` what comes in; packed ones unpacked. */
export async function bytesOf(path: string, terminal: Terminal): Promise<Uint8Array> {
  const packed = path === '-' ? await collected(path, terminal.input) : await fileOf(path);
  return packed[0] === 0x1f && packed[1] === 0x8b ? unpacked(path, packed) : packed;
}

/** The text of a file, or of `-`, piece by piece: UTF-8, or UTF-16 with its mark. */
export async function* textPieces(path: string, terminal: Terminal): AsyncGenerator<string> {
  const stream = path === '-' ? terminal.input : await streamOf(path);
  let decoder: TextDecoder | null = null;
  const decoded = (part: Uint8Array | undefined): string => {
    try {
      return (decoder as TextDecoder).decode(part, { stream: part !== undefined });
    } catch {
      throw new DataFault(`${nameOf(path)} is not UTF-8; a file that is read piece by piece must be`);
    }
  };
  for await (const part of unpackedStream(path, stream)) {
    const [a, b] = part;
    const wide = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
    decoder ??= wide
      ? new TextDecoder(a === 0xff ? 'utf-16le' : 'utf-16be')
      : new TextDecoder('utf-8', { fatal: true });
    yield decoded(part);
  }
  if (decoder !== null) yield decoded(undefined);
}

/** The bytes that come, unpacked where they are packed. */
async function* unpackedStream(path: string, stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const parts = stream[Symbol.asyncIterator]();
  const first = await parts.next();
  if (first.done) return;
  const all = (async function* () {
    yield first.value;
    for (let next = await parts.next(); !next.done; next = await parts.next()) yield next.value;
  })();
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
    yield* all;
    return;
  }
  try {
    yield* pipeline(Readable.from(all), createGunzip(), () => {}) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new DataFault(`${nameOf(path)} cannot be unpacked: ${(error as Error).message}`);
  }
}

/** The bytes of a file as they are packed; null for what comes in. */
export async function sizeOfFile(path: string): Promise<number | null> {
  if (path === '-') return null;
  return (await foundFile(path)).size;
}

async function streamOf(path: string): Promise<AsyncIterable<Uint8Array>> {
  await foundFile(path);
  return createReadStream(path, { highWaterMark: 1 << 20 });
}

async function foundFile(path: string): Promise<Stats> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) throw new UsageFault(await whyNot(path, found));
  if (found.isDirectory()) throw new UsageFault(`${path} is a folder; name a file in it`);
  return found;
}

async function fileOf(path: string): Promise<Uint8Array> {
  await foundFile(path);
  try {
    return await collected(path, createReadStream(path));
  } catch (error) {
    if (error instanceof DataFault) throw error;
    throw new UsageFault(`${path} cannot be read: ${(error as Error).message}`);
  }
}

/** Why a file is not there, with the one that may be meant. */
async function whyNot(path: string, error: NodeJS.ErrnoException): Promise<string> {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') return `${path} cannot be read: ${error.message}`;
  const names = await readdir(dirname(path)).catch(() => []);
  const near = nearestName(basename(path), names);
  return `there is no file ${path}${near === null ? '' : `; did you mean ${near}?`}`;
}

async function collected(path: string, stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > MOST_BYTES) throw tooLarge(path);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function tooLarge(path: string): DataFault {
  return new DataFault(
    `${nameOf(path)} has more than ${MOST_BYTES / 1e6} MB; split it, or fit a stream of rows with TableModel.fit of @latent/tables`,
  );
}

function unpacked(path: string, packed: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    gunzip(packed, { maxOutputLength: MOST_BYTES }, (error, bytes) => {
      if (error === null) resolve(bytes);
      else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') reject(tooLarge(path));
      else reject(new DataFault(`${nameOf(path)} cannot be unpacked: ${error.message}`));
    });
  });
}

/** What a file is called in errors. */
export function nameOf(path: string): string {
  return path === '-' ? 'the input' : path;
}

/** Bytes in which a file that is no text has a zero. */
const HEAD = 4096;

/** The bytes as text: UTF-8, UTF-16 where they begin so, and as old Windows programs write where they are neither. */
export function textOf(file: string, bytes: Uint8Array): string {
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    return new TextDecoder(a === 0xff ? 'utf-16le' : 'utf-16be').decode(bytes);
  }
  if (bytes.subarray(0, HEAD).includes(0))
    throw new DataFault(`${file} is no text; name its format with --input-format`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}
