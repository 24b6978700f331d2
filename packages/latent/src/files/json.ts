import { isPlainObject } from '@latent/tensor';
import { DataFault } from '../terminal/fault.ts';
import { type FileTable, fileTable, tableOfRecords } from './columns.ts';

const EXPECTED = 'a list of records [{ "name": value }], or lists by column { "name": [values] }';

/** Parses; where that fails the error has no line of a library, but a sentence. */
function parsed(file: string, text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new DataFault(`${file}: ${where}is no JSON: ${(error as Error).message.slice(0, 120)}`);
  }
}

/** Records, or columns, as one JSON value. */
export function readJson(file: string, text: string): FileTable {
  const value = parsed(file, text.replace(/^\ufeff/, ''), '');
  if (Array.isArray(value)) return tableOfRecords(file, checkedRecords(file, value));
  if (isPlainObject(value) && Object.keys(value).length > 0 && Object.values(value).every(Array.isArray)) {
    const columns = value as Record<string, unknown[]>;
    const lengths = new Set(Object.values(columns).map(({ length }) => length));
    if (lengths.size > 1) throw new DataFault(`${file}: its columns have ${[...lengths].join(' and ')} values`);
    return fileTable(file, Object.keys(columns), Object.values(columns));
  }
  throw new DataFault(`${file} must hold ${EXPECTED}`);
}

/** One record a line. Text may come in pieces. */
export class LineReader {
  readonly #file: string;
  #rest = '';
  #line = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** The records whose lines end in the text so far and were not given before; all of them when it is the last. */
  read(text: string, final: boolean): FileTable {
    const lines = (this.#rest + text).split('\n');
    this.#rest = final ? '' : (lines.pop() as string);
    const records: Record<string, unknown>[] = [];
    for (const line of lines) {
      this.#line++;
      if (line.trim() === '') continue;
      const value = parsed(this.#file, line, `line ${this.#line} `);
      if (!isPlainObject(value)) {
        throw new DataFault(`${this.#file}: line ${this.#line} is no record { "name": value }`);
      }
      records.push(value);
    }
    return tableOfRecords(this.#file, records);
  }
}

/** All records of a text, one a line. */
export function readLines(file: string, text: string): FileTable {
  return new LineReader(file).read(text.replace(/^\ufeff/, ''), true);
}

function checkedRecords(file: string, list: readonly unknown[]): readonly Readonly<Record<string, unknown>>[] {
  const bad = list.findIndex((value) => !isPlainObject(value));
  if (bad >= 0) throw new DataFault(`${file}: its value ${bad} (from 0) is no record; it must hold ${EXPECTED}`);
  return list as readonly Readonly<Record<string, unknown>>[];
}
