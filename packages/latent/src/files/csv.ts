import { DataFault } from '../terminal/fault.ts';
import { type FileTable, fileTable } from './columns.ts';

/** What may stand between fields, most usual first. */
const DELIMITERS = [',', '\t', ';', '|'] as const;

/** The character that the first line has most often outside of quotes. */
function delimiterOf(text: string): string {
  const counts = new Map<string, number>();
  let quoted = false;
  for (const letter of text) {
    if (letter === '"') quoted = !quoted;
    else if (!quoted && (letter === '\n' || letter === '\r')) break;
    else if (!quoted) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  const found = DELIMITERS.map((letter) => [letter, counts.get(letter) ?? 0] as const).filter(([, count]) => count > 0);
  return found.sort((a, b) => b[1] - a[1])[0]?.[0] ?? ',';
}

/**
 * Fields between delimiters, as RFC 4180 has it: quoted ones may hold delimiters, line ends and doubled quotes. All cells are text;
 * what they are is for the schema to say. The first line has the names. A line with more or fewer fields than names, or a quote
 * that is not closed, is refused with its line.
 */
export function readCsv(file: string, given: string, delimiter?: string): FileTable {
  const text = given.startsWith('\ufeff') ? given.slice(1) : given;
  const between = delimiter ?? delimiterOf(text);
  let heads: string[] | null = null;
  let cells: string[][] = [];
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const first = line;
    const fields: string[] = [];
    let ended = false;
    while (!ended) {
      let field: string;
      if (text[at] === '"') {
        let from = at + 1;
        field = '';
        for (;;) {
          const close = text.indexOf('"', from);
          if (close < 0) throw new DataFault(`${file}: the quote that opens in line ${line} is not closed`);
          field += text.slice(from, close);
          at = close + 1;
          if (text[at] !== '"') break;
          field += '"';
          from = at + 1;
        }
        for (let end = field.indexOf('\n'); end >= 0; end = field.indexOf('\n', end + 1)) line++;
        const next = text[at];
        if (next !== undefined && next !== between && next !== '\n' && next !== '\r') {
          throw new DataFault(
            `${file}: text follows a closing quote in line ${line}; quotes within a field are doubled`,
          );
        }
      } else {
        const start = at;
        for (; at < text.length; at++) {
          const letter = text[at];
          if (letter === between || letter === '\n' || letter === '\r') break;
        }
        field = text.slice(start, at);
      }
      fields.push(field);
      if (text[at] === between) at++;
      else {
        if (text[at] === '\r') at++;
        if (text[at] === '\n') at++;
        line++;
        ended = true;
      }
    }
    // An empty line: of one column it would be a hole, but files end in such lines.
    if (fields.length === 1 && fields[0] === '' && (heads === null || heads.length > 1 || at >= text.length)) continue;
    if (heads === null) {
      heads = fields;
      cells = heads.map(() => []);
    } else if (fields.length === heads.length) {
      for (const [c, field] of fields.entries()) (cells[c] as string[]).push(field);
    } else {
      const hint = between === ',' ? '' : `, taking ${JSON.stringify(between)} for what stands between them`;
      throw new DataFault(
        `${file}: line ${first} has ${fields.length} fields, and the names in the first line are ${heads.length}${hint}`,
      );
    }
  }
  if (heads === null) throw new DataFault(`${file} is empty; its first line must name the columns`);
  return fileTable(file, heads, cells);
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
