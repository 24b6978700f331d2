import { access, constants, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomically } from '@latent/nn';
import { LatentError } from '@latent/tensor';
import { type FormatName, formatByName, tableText, writtenFormats } from '../files/table.ts';
import { UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { Call } from './command.ts';

/** Letters of a file that are written at once, and kept until then. */
const MOST_AT_ONCE = 16_000_000;

/** Writes rows where the call says: to a file that is whole or not there, or to the output as they are made. */
export async function writeRows(
  call: Call,
  terminal: Terminal,
  names: readonly string[],
  rows: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>,
): Promise<void> {
  const path = call.text('out');
  const given = call.choice('format', writtenFormats) as FormatName | undefined;
  const byName = path === undefined ? null : formatByName(path);
  if (given === undefined && byName === 'parquet') {
    throw new UsageFault(`Parquet is not written; take ${writtenFormats.join(', ')}`);
  }
  const format = given ?? (call.flag('json') ? 'json' : (byName ?? 'csv'));
  if (path === undefined || path === '-') {
    for await (const part of tableText(format, names, rows)) await terminal.out(part);
    return;
  }
  await writePieces(path, tableText(format, names, rows));
}

/** A file of what comes, whole or not there. */
async function writePieces(path: string, pieces: AsyncIterable<string>): Promise<void> {
  const parts: string[] = [];
  let size = 0;
  const made = pieces[Symbol.asyncIterator]();
  let next = await made.next();
  for (; !next.done && size < MOST_AT_ONCE; next = await made.next()) {
    parts.push(next.value);
    size += next.value.length;
  }
  if (next.done) {
    await writeText(path, parts.join(''));
    return;
  }
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      for (const part of parts) await file.write(part);
      for (; !next.done; next = await made.next()) await file.write(next.value);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new UsageFault(`${path} cannot be written: ${(error as Error).message}`);
  }
}

/** A file with this text, whole or not there. */
export async function writeText(path: string, text: string | Uint8Array): Promise<void> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  try {
    await writeFileAtomically(path, bytes);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined && !(error instanceof LatentError)) throw error;
    throw new UsageFault(`${path} cannot be written: ${message}`);
  }
}

/** Throws where a file could not be written: before hours of work, not after. */
export async function checkWritable(path: string): Promise<void> {
  await access(dirname(path), constants.W_OK).catch((error: Error) => {
    throw new UsageFault(`${path} cannot be written: ${error.message}`);
  });
}

/** A value as JSON for programs: what is no number is null. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, (_, each: unknown) => {
    if (ArrayBuffer.isView(each)) return Array.from(each as unknown as ArrayLike<number>);
    return typeof each === 'number' && !Number.isFinite(each) ? null : each;
  })}\n`;
}
