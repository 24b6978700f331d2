import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomically } from '@latent/nn';
import { LatentError } from '@latent/tensor';
import { type FormatName, formatByName, tableText, writtenFormats } from '../files/table.ts';
import { UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { Call } from './command.ts';

/** Writes rows where the call says: to a file that is whole or not there, or to the output as they are made. */
export async function writeRows(
  call: Call,
  terminal: Terminal,
  names: readonly string[],
  rows: Iterable<readonly unknown[]>,
): Promise<void> {
  const path = call.text('out');
  const given = call.choice('format', writtenFormats) as FormatName | undefined;
  const byName = path === undefined ? null : formatByName(path);
  if (given === undefined && byName === 'parquet') {
    throw new UsageFault(`Parquet is not written; take ${writtenFormats.join(', ')}`);
  }
  const format = given ?? (call.flag('json') ? 'json' : (byName ?? 'csv'));
  if (path === undefined || path === '-') {
    for (const part of tableText(format, names, rows)) await terminal.out(part);
    return;
  }
  await writeText(path, [...tableText(format, names, rows)].join(''));
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
