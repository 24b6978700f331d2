import { DataFault } from '../terminal/fault.ts';
import { type FileTable, fileTable } from './columns.ts';

/** What may stand between fields, most usual first. */
const DELIMITERS = [',', '\t', ';', '|'] as const;

/** The character that the first line has most often outside of quotes; null where the line does not end in this text. */
function delimiterOf(text: string, final: boolean): string | null {
  const counts = new Map<string, number>();
  let [quoted, whole] = [false, final];
  for (const letter of text) {
    if (letter === '"') quoted = !quoted;
    else if (!quoted && (letter === '\n' || letter === '\r')) {
      whole = true;
      break;
    } else if (!quoted) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  if (!whole) return null;
  const found = DELIMITERS.map((letter) => [letter, counts.get(letter) ?? 0] as const).filter(([, count]) => count > 0);
  return found.sort((a, b) => b[1] - a[1])[0]?.[0] ?? ',';
}

/**
 * Fields between delimiters, as RFC 4180 has it: quoted ones may hold delimiters, line ends and doubled quotes. All cells are text;
 * what they are is for the schema to say. The first line has the names. A line with more or fewer fields than names, or a quote
 * that is not closed, is refused with its line. Text may come in pieces.
 */
export class CsvReader {
  readonly #file: string;
  #between: string | null;
  #heads: readonly string[] | null = null;
  #rest = '';
  #line = 1;

  constructor(file: string, delimiter?: string) {
    this.#file = file;
    this.#between = delimiter ?? null;
  }

  /** The rows that end in the text so far and were not given before; all of them when it is the last. */
  read(text: string, final: boolean): FileTable {
    this.#rest += text;
    this.#between ??= delimiterOf(this.#rest, final);
    const cells: string[][] = this.#heads?.map(() => []) ?? [];
    if (this.#between !== null) {
      let at = 0;
      for (;;) {
        const record = this.#record(this.#rest, at, final);
        if (record === null) break;
        at = record.end;
        this.#take(record.fields, record.line, cells, final && at >= this.#rest.length);
      }
      this.#rest = this.#rest.slice(at);
    }
    if (this.#heads === null) {
      if (final) throw new DataFault(`${this.#file} is empty; its first line must name the columns`);
      return { names: [], columns: {}, rows: 0 };
    }
    return fileTable(this.#file, this.#heads, cells);
  }

  /** The fields from a place on, up to the end of their line; null where that is still to come. */
  #record(text: string, from: number, final: boolean): { fields: string[]; end: number; line: number } | null {
    if (from >= text.length) return null;
    const first = this.#line;
    const fields: string[] = [];
    let [at, line] = [from, first];
    for (;;) {
      let field: string;
      if (text[at] === '"') {
        let start = at + 1;
        field = '';
        for (;;) {
          const close = text.indexOf('"', start);
          if (close < 0 || (!final && close + 1 === text.length)) {
            if (!final) return null;
            throw new DataFault(`${this.#file}: the quote that opens in line ${line} is not closed`);
          }
          field += text.slice(start, close);
          at = close + 1;
          if (text[at] !== '"') break;
          field += '"';
          start = at + 1;
        }
        for (let end = field.indexOf('\n'); end >= 0; end = field.indexOf('\n', end + 1)) line++;
        const next = text[at];
        if (next !== undefined && next !== this.#between && next !== '\n' && next !== '\r') {
          throw new DataFault(
            `${this.#file}: text follows a closing quote in line ${line}; quotes within a field are doubled`,
          );
        }
      } else {
        const start = at;
        for (; at < text.length; at++) {
          const letter = text[at];
          if (letter === this.#between || letter === '\n' || letter === '\r') break;
        }
        field = text.slice(start, at);
      }
      fields.push(field);
      // What ends here may go on in the next piece.
      if (!final && (at >= text.length || (text[at] === '\r' && at + 1 === text.length))) return null;
      if (text[at] === this.#between) at++;
      else {
        if (text[at] === '\r') at++;
        if (text[at] === '\n') at++;
        this.#line = line + 1;
        return { fields, end: at, line: first };
      }
    }
  }

  #take(fields: readonly string[], line: number, cells: string[][], last: boolean): void {
    // An empty line: of one column it would be a hole, but files end in such lines.
    if (fields.length === 1 && fields[0] === '' && (this.#heads === null || this.#heads.length > 1 || last)) return;
    if (this.#heads === null) {
      this.#heads = fields;
      for (let c = 0; c < fields.length; c++) cells.push([]);
    } else if (fields.length === this.#heads.length) {
      for (const [c, field] of fields.entries()) (cells[c] as string[]).push(field);
    } else {
      const hint =
        this.#between === ',' ? '' : `, taking ${JSON.stringify(this.#between)} for what stands between them`;
      throw new DataFault(
        `${this.#file}: line ${line} has ${fields.length} fields, and the names in the first line are ${this.#heads.length}${hint}`,
      );
    }
  }
}

/** All rows of a text; see `CsvReader`. */
export function readCsv(file: string, text: string, delimiter?: string): FileTable {
  return new CsvReader(file, delimiter).read(text.startsWith('\ufeff') ? text.slice(1) : text, true);
}

/** A cell as a field, quoted where it must be. */
function fieldOf(cell: unknown, between: string): string {
  if (cell === null || cell === undefined || (typeof cell === 'number' && Number.isNaN(cell))) return '';
  const text =
    cell instanceof Date ? cell.toISOString() : typeof cell === 'object' ? (JSON.stringify(cell) ?? '') : String(cell);
  const bare = !text.includes(between) && !/["\n\r]/.test(text) && text.trim() === text;
  return bare ? text : `"${text.replaceAll('"', '""')}"`;
}

/** A line of fields. */
export function csvLine(cells: readonly unknown[], between = ','): string {
  // A single empty field would be an empty line.
  return cells.length === 1 && fieldOf(cells[0], between) === ''
    ? '""\n'
    : `${cells.map((cell) => fieldOf(cell, between)).join(between)}\n`;
}
