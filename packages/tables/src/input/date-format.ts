/** A way to write dates, or times of day, as text. */
export interface DateFormat {
  readonly name: string;
  /** Milliseconds since 1970 in UTC (of a time of day: since midnight); NaN where text is not of this form. */
  read(text: string): number;
  write(ms: number): string;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const LONG_MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const two = (value: number): string => String(value).padStart(2, '0');

interface Fields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

function fieldsOf(ms: number): Fields {
  const date = new Date(ms);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** Midnight of a day that exists; NaN for 31 June. */
function midnight({ year, month, day }: Fields): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : Number.NaN;
}

function day(
  name: string,
  pattern: RegExp,
  read: (parts: string[]) => Fields,
  write: (fields: Fields) => string,
): DateFormat {
  return {
    name,
    read: (text) => {
      const parts = pattern.exec(text);
      return parts === null ? Number.NaN : midnight(read(parts.slice(1)));
    },
    write: (ms) => write(fieldsOf(ms)),
  };
}

function monthOf(name: string): number {
  const wanted = name.toLowerCase();
  const short = MONTHS.findIndex((month) => month.toLowerCase() === wanted);
  return (short >= 0 ? short : LONG_MONTHS.findIndex((month) => month.toLowerCase() === wanted)) + 1;
}

const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?$/;

/** Milliseconds since midnight of `hh:mm`, `hh:mm:ss` or `hh:mm:ss.sss`; NaN where text is none. */
function clockOf(text: string): number {
  const parts = CLOCK.exec(text);
  if (parts === null) return Number.NaN;
  const [hour, minute, second, fraction] = [parts[1], parts[2], parts[3] ?? 0, parts[4] ?? 0].map(Number) as number[];
  if ((hour as number) > 23 || (minute as number) > 59 || (second as number) > 59) return Number.NaN;
  return 1000 * (60 * (60 * (hour as number) + (minute as number)) + (second as number) + (fraction as number));
}

function clock(ms: number, parts: 2 | 3 | 4): string {
  const text = new Date(ms).toISOString().slice(11, 23);
  return parts === 2 ? text.slice(0, 5) : parts === 3 ? text.slice(0, 8) : text;
}

const ISO = /^(\d{4}-\d{2}-\d{2})([T ])(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?$/;
const ISO_DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

const isoDay = day(
  'YYYY-MM-DD',
  ISO_DAY,
  ([year, month, date]) => ({ year: Number(year), month: Number(month), day: Number(date) }),
  ({ year, month, day: date }) => `${String(year).padStart(4, '0')}-${two(month)}-${two(date)}`,
);

/** ISO text with a time; text without a zone is read as UTC, so that it means the same everywhere. */
function isoTime(between: 'T' | ' ', parts: 2 | 3 | 4, zone: '' | 'Z'): DateFormat {
  const shape = `hh:mm${parts > 2 ? ':ss' : ''}${parts > 3 ? '.sss' : ''}`;
  const digits = parts === 2 ? 5 : parts === 3 ? 8 : 9;
  return {
    name: `YYYY-MM-DD${between}${shape}${zone}`,
    read: (text) => {
      const found = ISO.exec(text);
      if (found === null || found[2] !== between || (found[4] === undefined) !== (zone === '')) return Number.NaN;
      const time = found[3] as string;
      if (parts < 4 ? time.length !== digits : time.length < digits) return Number.NaN;
      const offset = found[4];
      const away =
        offset === undefined || offset === 'Z'
          ? 0
          : (offset.startsWith('-') ? -1 : 1) * (60 * Number(offset.slice(1, 3)) + Number(offset.slice(-2)));
      return isoDay.read(found[1] as string) + clockOf(time) - 60_000 * away;
    },
    write: (ms) => `${isoDay.write(ms)}${between}${clock(ms, parts)}${zone}`,
  };
}

/** Any ISO day or time, with or without a zone; written in full. */
export const isoAny: DateFormat = {
  name: 'ISO 8601',
  read: (text) => {
    const found = [isoDay, ...ISO_TIMES].map((format) => format.read(text)).find((ms) => !Number.isNaN(ms));
    return found ?? Number.NaN;
  },
  write: (ms) => new Date(ms).toISOString(),
};

const ISO_TIMES: readonly DateFormat[] = (['T', ' '] as const).flatMap((between) =>
  ([2, 3, 4] as const).flatMap((parts) => (['', 'Z'] as const).map((zone) => isoTime(between, parts, zone))),
);

/** The ways that are known, those that leave no doubt first. */
export const DATE_FORMATS: readonly DateFormat[] = [
  isoDay,
  ...ISO_TIMES,
  isoAny,
  day(
    'YYYY/MM/DD',
    /^(\d{4})\/(\d{1,2})\/(\d{1,2})$/,
    ([year, month, date]) => ({ year: Number(year), month: Number(month), day: Number(date) }),
    ({ year, month, day: date }) => `${year}/${two(month)}/${two(date)}`,
  ),
  day(
    'Mon DD YYYY',
    /^([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})$/,
    ([month, date, year]) => ({ year: Number(year), month: monthOf(month as string), day: Number(date) }),
    ({ year, month, day: date }) => `${MONTHS[month - 1]} ${two(date)} ${year}`,
  ),
  day(
    'DD Mon YYYY',
    /^(\d{1,2}) ([A-Za-z]{3,9})\.? (\d{4})$/,
    ([date, month, year]) => ({ year: Number(year), month: monthOf(month as string), day: Number(date) }),
    ({ year, month, day: date }) => `${two(date)} ${MONTHS[month - 1]} ${year}`,
  ),
  day(
    'MM/DD/YYYY',
    /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/,
    ([month, date, year]) => ({ year: Number(year), month: Number(month), day: Number(date) }),
    ({ year, month, day: date }) => `${two(month)}/${two(date)}/${year}`,
  ),
  day(
    'DD/MM/YYYY',
    /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/,
    ([date, month, year]) => ({ year: Number(year), month: Number(month), day: Number(date) }),
    ({ year, month, day: date }) => `${two(date)}/${two(month)}/${year}`,
  ),
  day(
    'DD.MM.YYYY',
    /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/,
    ([date, month, year]) => ({ year: Number(year), month: Number(month), day: Number(date) }),
    ({ year, month, day: date }) => `${two(date)}.${two(month)}.${year}`,
  ),
];

export const TIME_FORMATS: readonly DateFormat[] = ([2, 3, 4] as const).map((parts) => {
  const digits = parts === 2 ? [4, 5] : parts === 3 ? [7, 8] : [9, 18];
  return {
    name: ['hh:mm', 'hh:mm:ss', 'hh:mm:ss.sss'][parts - 2] as string,
    read: (text) =>
      text.length >= (digits[0] as number) && text.length <= (digits[1] as number) ? clockOf(text) : Number.NaN,
    write: (ms) => clock(ms, parts),
  };
});

/**
 * The format in which all of these texts are dates; null where there is none. `ambiguous`: a day and a month could change
 * places in all of them.
 */
export function formatOf(
  texts: readonly string[],
  formats: readonly DateFormat[],
): { readonly format: DateFormat; readonly ambiguous: boolean } | null {
  if (texts.length === 0) return null;
  const fitting = formats.filter((format) => texts.every((text) => !Number.isNaN(format.read(text.trim()))));
  const [format] = fitting;
  return format === undefined ? null : { format, ambiguous: fitting.length > 1 };
}

export function formatByName(name: string): DateFormat | undefined {
  return [...DATE_FORMATS, ...TIME_FORMATS].find((format) => format.name === name);
}
