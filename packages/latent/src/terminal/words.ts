// Words for people: what stands on a terminal must not move its cursor, whatever a file says.

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** The text without what a terminal would obey. */
export function plainText(text: string): string {
  return text.replace(CONTROLS, '\u00b7');
}

/** A cell on a terminal: its first letters, in one line. */
export function cellText(value: unknown, longest = 40): string {
  if (value === null || value === undefined || value === '') return '–';
  const text =
    value instanceof Date
      ? Number.isNaN(value.getTime())
        ? '–'
        : value.toISOString()
      : typeof value === 'number'
        ? String(Number(value.toPrecision(6)))
        : typeof value === 'object'
          ? (JSON.stringify(value) ?? '')
          : String(value);
  const line = plainText(text.replace(/\s+/g, ' '));
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

/** Seconds as a person says them. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
