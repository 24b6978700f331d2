import { ValueError } from '@latent/tensor';

/** Rows at a time. */
const CHUNK = 10_000;
const NEWLINE = 10;
const NAMES_OF_HOLES = new Set(['', 'NaN', 'nan', 'NA', 'null']);

/** The fields of a line; a comma in quotes belongs to its field. */
function fieldsOf(text: string): string[] {
  if (!text.includes('"')) return text.split(',').map((field) => field.trim());
  return text.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map((field) => field.trim());
}

/**
 * Rows of numbers from comma-separated text: one row a line, with or without a line of names before; a field may stand in
 * quotes; an empty field, NaN, NA and null are holes. Text and dates are for tables, not for this.
 */
export function* readCsv(
  caller: string,
  bytes: Uint8Array,
  width: number,
): Generator<{ readonly values: Float64Array; readonly count: number }> {
  const decoder = new TextDecoder('utf-8', { fatal: false });
  let values = new Float64Array(CHUNK * width);
  let count = 0;
  let line = 0;
  let from = 0;
  let first = true;
  while (from < bytes.length) {
    const found = bytes.indexOf(NEWLINE, from);
    const end = found < 0 ? bytes.length : found;
    const text = decoder.decode(bytes.subarray(from, end)).trim();
    from = end + 1;
    line++;
    if (text === '') continue;
    const written = fieldsOf(text);
    const fields = written.map((field) => field.replace(/^"(.*)"$/s, '$1').trim());
    const numbers = fields.map((field) => (NAMES_OF_HOLES.has(field) ? Number.NaN : Number(field)));
    const wrong = fields.findIndex((field, i) => Number.isNaN(numbers[i]) && !NAMES_OF_HOLES.has(field));
    const head = first;
    first = false;
    if (wrong >= 0) {
      const number = written.find((field, i) => !field.startsWith('"') && Number.isFinite(numbers[i]));
      if (head && number === undefined) continue; // the names of the columns
      const names = head ? `, so these are no names of columns, for ${number} is one; put names in quotes` : '';
      throw new ValueError(
        `${caller}: line ${line}, field ${wrong} is no number, got ${JSON.stringify(fields[wrong])}${names}`,
      );
    }
    if (fields.length !== width) {
      throw new ValueError(`${caller}: line ${line} has ${fields.length} fields, expected ${width}`);
    }
    values.set(numbers, count * width);
    if (++count === CHUNK) {
      yield { values, count };
      values = new Float64Array(CHUNK * width);
      count = 0;
    }
  }
  if (count > 0) yield { values: values.slice(0, count * width), count };
}
