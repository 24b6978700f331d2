/** Text that stands for a missing value, whatever the column holds. */
export const HOLES: readonly string[] = ['', '?'];
/** Text that stands for a missing value where the rest of the column are numbers, dates or truth values. */
export const NUMBER_HOLES: readonly string[] = [
  ...HOLES,
  'NA',
  'N/A',
  'n/a',
  'na',
  'NaN',
  'nan',
  'null',
  'NULL',
  'None',
  '-',
  '#N/A',
  '.',
];

/** Whether a cell holds nothing: null, undefined, NaN, an invalid date, or one of these words. */
export function isHole(cell: unknown, words: readonly string[] = HOLES): boolean {
  if (cell === null || cell === undefined) return true;
  if (typeof cell === 'number') return Number.isNaN(cell);
  if (typeof cell === 'string') return cell.length <= LONGEST && words.includes(cell.trim());
  return cell instanceof Date && Number.isNaN(cell.getTime());
}

/** No word for a hole is longer, blanks around it included. */
const LONGEST = 8;

const NUMERIC = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The number that a cell is: a finite number, a safe bigint, or text that says one; NaN where it is none. */
export function numberOf(cell: unknown): number {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : Number.NaN;
  if (typeof cell === 'bigint') return exact(Number(cell));
  if (typeof cell !== 'string') return Number.NaN;
  const text = cell.trim();
  if (!NUMERIC.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isInteger(value) && !/[.e]/i.test(text) ? exact(value) : value;
}

/** A whole number past 2⁵³ is not what was written. */
function exact(value: number): number {
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Whether text is a number that would lose something by being read as one: `007` is a code. */
export function losesDigits(cell: unknown): boolean {
  return typeof cell === 'string' && /^[+-]?0\d/.test(cell.trim());
}

/** Digits after the point that a number is written with; of a double that needs more than 12, none is meant. */
export function decimalsOf(value: number): number {
  if (Number.isInteger(value)) return 0;
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const digits = mantissa.split('.')[1]?.length ?? 0;
  return Math.max(0, digits - Number(exponent));
}

/** What a category's level is known by: `1` and `'1'` are one level. */
export function levelKey(cell: unknown): string {
  if (typeof cell === 'string') return cell;
  if (cell instanceof Date) return cell.toISOString();
  if (typeof cell === 'object') return JSON.stringify(cell) ?? 'null';
  return Object.is(cell, -0) ? '0' : String(cell);
}
