// What stands in a page: text that cannot be anything else, and numbers as people read them.

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

// Control characters, halves of surrogate pairs, and marks that turn the direction of what follows: none has a shape.
const SHAPELESS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Longest text of a cell or a name that is shown; the rest is cut. */
const LONGEST = 48;

/** The text as it may stand in a page or an attribute, whatever it holds. */
export function escaped(text: string): string {
  return text.replace(SHAPELESS, '\u00b7').replace(/[&<>"']/g, (c) => ENTITIES[c] as string);
}

/** The first letters of a text, escaped: names and cells are of any length. */
export function shown(value: unknown, longest = LONGEST): string {
  const text = plain(value);
  // By letters, so that no pair is cut in two.
  const letters = text.length <= longest ? null : Array.from(text.slice(0, 2 * longest + 2));
  if (letters === null || letters.length <= longest) return escaped(text);
  return `${escaped(letters.slice(0, longest - 1).join(''))}\u2026`;
}

/** A cell as text; a hole is a dash. */
export function plain(value: unknown): string {
  if (value === null || value === undefined || value === '' || (typeof value === 'number' && Number.isNaN(value)))
    return '\u2013';
  if (typeof value === 'number') return numeral(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '\u2013' : dateText(value);
  if (typeof value === 'object') return JSON.stringify(value) ?? '';
  return String(value);
}

function dateText(date: Date): string {
  const text = date.toISOString();
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text.slice(0, 19).replace('T', ' ');
}

/** A number with four digits that count, thousands apart. */
export function numeral(x: number): string {
  if (!Number.isFinite(x)) return x > 0 ? '\u221e' : x < 0 ? '\u2212\u221e' : '\u2013';
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return x.toExponential(2).replace('-', '\u2212');
  const digits = Number.isInteger(x) ? x : Number(x.toPrecision(4));
  const [whole = '', part] = Math.abs(digits).toString().split('.');
  const grouped = whole.length < 5 ? whole : whole.replace(/\B(?=(\d{3})+$)/g, '\u202f');
  return `${x < 0 ? '\u2212' : ''}${grouped}${part === undefined ? '' : `.${part}`}`;
}

/** A sentence with a capital at its beginning. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A share as percent. */
export function percent(share: number): string {
  // Products of shares and 100 are off in their last digit.
  const value = Number((100 * share).toPrecision(12));
  if (value !== 0 && Math.abs(value) < 0.01) return '< 0.01 %';
  return `${value === 0 || Number.isInteger(value) ? value : value.toFixed(Math.abs(value) < 1 ? 2 : 1)} %`;
}

/** A p-value. */
export function pValueText(p: number): string {
  return p < 1e-4 ? p.toExponential(1).replace('-', '\u2212') : p.toPrecision(2);
}
