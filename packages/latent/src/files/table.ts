import { refuseUnknown } from '@latent/tensor';
import { DataFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { bytesOf, nameOf, sizeOfFile, textOf, textPieces } from './bytes.ts';
import type { FileTable } from './columns.ts';
import { CsvReader, csvLine, readCsv } from './csv.ts';
import { LineReader, readJson, readLines } from './json.ts';
import { readParquet } from './parquet.ts';

/** How a format is read and written; Parquet is only read. */
interface Format {
  read(file: string, bytes: Uint8Array): FileTable | Promise<FileTable>;
  /** What stands before the first row, for a row, between rows and at the end. */
  readonly write?: {
    head(names: readonly string[]): string;
    row(cells: readonly unknown[], names: readonly string[]): string;
    readonly between: string;
    readonly end: string;
  };
}

const record = (cells: readonly unknown[], names: readonly string[]): string =>
  JSON.stringify(Object.fromEntries(names.map((name, c) => [name, jsonCell(cells[c])])));

/** What JSON has no word for is null. */
const jsonCell = (cell: unknown): unknown =>
  cell === undefined || (typeof cell === 'number' && !Number.isFinite(cell)) ? null : cell;

const FORMATS = {
  csv: {
    read: (file, bytes) => readCsv(file, textOf(file, bytes)),
    write: { head: (names) => csvLine(names), row: (cells) => csvLine(cells), between: '', end: '' },
  },
  tsv: {
    read: (file, bytes) => readCsv(file, textOf(file, bytes), '\t'),
    write: { head: (names) => csvLine(names, '\t'), row: (cells) => csvLine(cells, '\t'), between: '', end: '' },
  },
  json: {
    read: (file, bytes) => readJson(file, textOf(file, bytes)),
    write: { head: () => '[', row: (cells, names) => `\n${record(cells, names)}`, between: ',', end: '\n]\n' },
  },
  ndjson: {
    read: (file, bytes) => readLines(file, textOf(file, bytes)),
    write: { head: () => '', row: (cells, names) => `${record(cells, names)}\n`, between: '', end: '' },
  },
  parquet: { read: readParquet },
} satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;

/** The formats, and those that are written. */
export const formatNames: readonly string[] = Object.keys(FORMATS);
export const writtenFormats: readonly string[] = formatNames.filter((name) => 'write' in FORMATS[name as FormatName]);

/** Endings of files by their format. */
const ENDINGS: Readonly<Record<string, FormatName>> = {
  csv: 'csv',
  txt: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  json: 'json',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
  parquet: 'parquet',
  pq: 'parquet',
};

/** The format of a file by the end of its name; null where that says nothing. */
export function formatByName(path: string): FormatName | null {
  const ending =
    path
      .toLowerCase()
      .replace(/\.gz$/, '')
      .match(/\.([a-z0-9]+)$/)?.[1] ?? '';
  return Object.hasOwn(ENDINGS, ending) ? (ENDINGS[ending] as FormatName) : null;
}

/** The format by the first bytes. */
function formatByBytes(bytes: Uint8Array): FormatName {
  const head = new TextDecoder()
    .decode(bytes.subarray(0, 4096))
    .replace(/^\ufeff/, '')
    .trimStart();
  if (head.startsWith('PAR1')) return 'parquet';
  if (head.startsWith('[')) return 'json';
  if (!head.startsWith('{')) return 'csv';
  // A record a line, or one value over many lines.
  const [line = ''] = head.split('\n');
  try {
    JSON.parse(line);
    return head.includes('\n') || !/^\{\s*"[^"]*"\s*:\s*\[/.test(line) ? 'ndjson' : 'json';
  } catch {
    return 'json';
  }
}

/** The rows of a file, or of `-` what comes in. */
export async function readTable(path: string, terminal: Terminal, format?: string): Promise<FileTable> {
  if (format !== undefined && !Object.hasOwn(FORMATS, format)) {
    refuseUnknown('latent', 'format', format, formatNames);
  }
  return tableOf(path, await bytesOf(path, terminal), format as FormatName | undefined);
}

/** The rows that the bytes of a file hold. */
export async function tableOf(path: string, bytes: Uint8Array, format?: FormatName): Promise<FileTable> {
  const file = nameOf(path);
  if (bytes.length === 0) throw new DataFault(`${file} is empty`);
  return FORMATS[format ?? formatByName(path) ?? formatByBytes(bytes)].read(file, bytes);
}

/** Whether rows are to be read piece by piece: of files of so many bytes, where the format can be. */
export async function isLarge(path: string, format: string | undefined, large: number): Promise<boolean> {
  const name = format ?? formatByName(path);
  return (name === 'csv' || name === 'tsv' || name === 'ndjson') && ((await sizeOfFile(path)) ?? 0) >= large;
}

/** The rows of a large file, some at a time, each time with the same columns. */
export async function* tablePieces(path: string, terminal: Terminal, format?: string): AsyncGenerator<FileTable> {
  const file = nameOf(path);
  const name = format ?? formatByName(path);
  const reader = name === 'ndjson' ? new LineReader(file) : new CsvReader(file, name === 'tsv' ? '\t' : undefined);
  let before: string | null = null;
  const pieces = textPieces(path, terminal);
  for (let next = await pieces.next(), first = true; ; first = false) {
    const text: string = next.done ? '' : next.value;
    const following: IteratorResult<string> = next.done ? next : await pieces.next();
    const final = following.done === true;
    const table = reader.read(first ? text.replace(/^\ufeff/, '') : text, final);
    if (table.names.length > 0) {
      const names = table.names.join('\n');
      before ??= names;
      if (names !== before) {
        throw new DataFault(`${file}: records of a large file must all have the same names, in the same order`);
      }
      yield table;
    }
    if (final) return;
    next = following;
  }
}

/** Rows as text of a format, some at a time. */
export async function* tableText(
  format: FormatName,
  names: readonly string[],
  rows: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>,
): AsyncGenerator<string> {
  const { write } = FORMATS[format] as Format;
  if (write === undefined) throw new DataFault(`${format} is not written; take ${writtenFormats.join(', ')}`);
  let text = write.head(names);
  let first = true;
  for await (const cells of rows) {
    text += (first ? '' : write.between) + write.row(cells, names);
    first = false;
    if (text.length > 65_536) {
      yield text;
      text = '';
    }
  }
  yield text + write.end;
}
