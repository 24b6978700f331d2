import { FittedTransform, fitRows } from '@latent/nn';
import { type Check, isPlainObject, oneOf, optional } from '@latent/tensor';
import { NUMBER_HOLES, numberOf } from '../input/cell.ts';
import { DATE_FORMATS, type DateFormat, formatByName, isoAny, TIME_FORMATS } from '../input/date-format.ts';
import { type ColumnCode, type ColumnKind, columnKinds, type SlotCondition } from './column-kind.ts';
import { linearScale, NumberLearner } from './number-learner.ts';

const DAY = 86_400_000;
/** Of a sine or cosine, so that its variance is 1. */
const ROOT_2 = Math.SQRT2;

type Epoch = 'seconds' | 'milliseconds';

/** How a cell becomes milliseconds, and back. */
interface Spelling {
  readonly format: DateFormat | null;
  readonly epoch: Epoch | null;
}

/** What is learned of dates. */
export interface LearnedDates {
  readonly scale: ReturnType<FittedTransform['config']>;
  readonly least: number;
  readonly most: number;
  /** Smallest unit in ms that all values are a multiple of: a day, a second, one. */
  readonly unit: number;
  /** Periods, in ms, whose phase a model sees: a day, a week, a year. */
  readonly periods: readonly number[];
  /** Whether cells were Dates. */
  readonly objects: boolean;
}

/** How text is read: as told, and beside `Date`s as JSON and databases write them, which leaves no doubt. */
function textOf({ format, epoch }: Spelling): DateFormat | null {
  return format ?? (epoch === null ? isoAny : null);
}

const UNITS = [DAY, 3_600_000, 60_000, 1000, 1];
const YEAR = 365.2425 * DAY;

function dates(spelling: Spelling, time: boolean): Omit<ColumnKind, 'name' | 'config'> {
  const { format, epoch } = spelling;
  const scaleOf = epoch === 'seconds' ? 1000 : 1;
  const text = textOf(spelling);
  return {
    role: 'number',
    expects:
      format !== null
        ? `text as ${format.name}`
        : text !== null
          ? `a Date, or text as ${text.name}`
          : `a time in ${epoch} since 1970`,
    holes: NUMBER_HOLES,
    unit: DAY,
    number: (cell) => {
      if (cell instanceof Date) return cell.getTime();
      if (text !== null && typeof cell === 'string') return text.read(cell.trim());
      return epoch === null ? Number.NaN : numberOf(cell) * scaleOf;
    },
    learner: (encoding) => {
      const numbers = new NumberLearner([], linearScale, { ...encoding, discrete: 0 });
      let [unit, objects, seen] = [0, 0, 0];
      return {
        add(read) {
          numbers.add(read);
          for (let i = 0; i < read.values.length; i++) {
            const ms = read.values[i] as number;
            if (Number.isNaN(ms)) continue;
            seen++;
            if (read.cells[i] instanceof Date) objects++;
            while (unit < UNITS.length - 1 && ms % (UNITS[unit] as number) !== 0) unit++;
          }
        },
        again: () => false,
        learned: (): LearnedDates => {
          const { scale, least, most } = numbers.learned();
          const span = most - least;
          const own = UNITS[unit] as number;
          const periods = time
            ? [DAY]
            : [...(own < DAY ? [DAY] : []), ...(span > 14 * DAY ? [7 * DAY] : []), ...(span > 2 * YEAR ? [YEAR] : [])];
          const empty = (): LearnedDates['scale'] =>
            fitRows(encoding.numbers, { values: Float64Array.of(0, 1), count: 2, width: 1 }).config();
          return { scale: scale ?? empty(), least, most, unit: own, periods, objects: objects > seen / 2 };
        },
      };
    },
    code: (learned, fail) => dateCode(checkDates(learned, fail), spelling),
  };
}

function dateCode(learned: LearnedDates, spelling: Spelling): ColumnCode {
  const { format, epoch } = spelling;
  const { least, most, unit, periods, objects } = learned;
  const map = FittedTransform.fromConfig(learned.scale, { caller: 'column', path: 'scale' });
  const cellOf = (ms: number): unknown => {
    const rounded = Math.round(Math.min(most, Math.max(least, ms)) / unit) * unit;
    if (objects) return new Date(rounded);
    if (format !== null) return format.write(rounded);
    return epoch === 'seconds' ? rounded / 1000 : epoch === null ? new Date(rounded) : rounded;
  };
  const place = (ms: number): number =>
    map.forward('column', { values: Float64Array.of(ms), count: 1, width: 1 })[0] as number;
  return {
    slots: [{ role: 'numbers', size: 1 + 2 * periods.length }],
    outcomes: {
      role: 'numbers',
      atoms: [],
      levelSlot: null,
      numberSlot: 0,
      inverse: (places) => map.inverse(places),
      cellOf,
    },
    encode({ values }, { values: out, width, at }) {
      const start = at[0] as number;
      const ms = Float64Array.from(values as Float64Array);
      const scaled = map.forward('column', { values: ms, count: ms.length, width: 1 });
      for (let r = 0; r < ms.length; r++) {
        out[r * width + start] = scaled[r] as number;
        periods.forEach((period, i) => {
          const phase = (2 * Math.PI * (ms[r] as number)) / period;
          out[r * width + start + 1 + 2 * i] = ROOT_2 * Math.cos(phase);
          out[r * width + start + 2 + 2 * i] = ROOT_2 * Math.sin(phase);
        });
      }
    },
    decode({ values, count, width, at }) {
      const numbers = map.inverse(
        Float64Array.from({ length: count }, (_, r) => values[r * width + (at[0] as number)] as number),
      );
      return Array.from(numbers, (ms, r) => {
        // The time of day that was drawn, on the nearest day that has it.
        const daily = periods.indexOf(DAY);
        if (daily < 0) return cellOf(ms);
        const start = r * width + (at[0] as number) + 1 + 2 * daily;
        const phase = Math.atan2(values[start + 1] as number, values[start] as number) / (2 * Math.PI);
        const time = (phase < 0 ? phase + 1 : phase) * DAY;
        return cellOf(Math.round((ms - time) / DAY) * DAY + time);
      });
    },
    conditions({ equals, min, max }, fail) {
      const ms = (value: unknown): number => {
        const text = textOf(spelling);
        const found =
          value instanceof Date
            ? value.getTime()
            : typeof value === 'string' && text !== null
              ? text.read(value)
              : Number(value);
        return Number.isNaN(found) ? fail(text === null ? 'a Date' : `a Date, or text as ${text.name}`, value) : found;
      };
      const any: SlotCondition = null;
      if (periods.length > 0) fail('nothing: conditions on dates are not possible with times of day or weeks', any);
      const ranges = equals === undefined ? [[min, max]] : equals.map((value) => [value, value]);
      return ranges.map(([low, high]): readonly SlotCondition[] => [
        {
          low: low === undefined ? -Infinity : place(ms(low) - unit / 2),
          high: high === undefined ? Infinity : place(ms(high) + unit / 2),
        },
      ]);
    },
  };
}

function checkDates(learned: unknown, fail: (problem: string) => never): LearnedDates {
  if (!isPlainObject(learned)) return fail('has no dates');
  const { scale, least, most, unit, periods, objects } = learned;
  const sound =
    isPlainObject(scale) &&
    [least, most].every(Number.isFinite) &&
    UNITS.includes(unit as number) &&
    Array.isArray(periods) &&
    periods.every((period) => [DAY, 7 * DAY, YEAR].includes(period as number)) &&
    typeof objects === 'boolean';
  return sound ? (learned as unknown as LearnedDates) : fail('has dates that do not belong together');
}

const formatCheck: Check<string | undefined> = /* @__PURE__ */ optional(oneOf(...DATE_FORMATS.map(({ name }) => name)));
const timeCheck: Check<string> = /* @__PURE__ */ optional(oneOf(...TIME_FORMATS.map(({ name }) => name)), 'hh:mm:ss');

const dateChecks = {
  format: formatCheck,
  epoch: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('seconds', 'milliseconds')),
};

export const dateKind = /* @__PURE__ */ columnKinds.part('date', {
  options: dateChecks,
  build: ({ format, epoch }) =>
    dates({ format: format === undefined ? null : (formatByName(format) ?? null), epoch: epoch ?? null }, false),
});
export const timeKind = /* @__PURE__ */ columnKinds.part('time', {
  options: { format: timeCheck },
  build: ({ format }) => dates({ format: formatByName(format) ?? null, epoch: null }, true),
});

/**
 * Days, or moments: `Date` objects (or the ISO text that JSON makes of them), text in one of the known formats, or numbers of seconds or milliseconds since 1970. A
 * model sees when it was, the time of day, the day of the week and the season. Text without a zone is read as UTC.
 */
export function date(options: { readonly format?: string; readonly epoch?: Epoch } = {}): ColumnKind {
  return dateKind.make(options);
}

/** Times of day as text, `hh:mm` or `hh:mm:ss`. */
export function time(options: { readonly format?: string } = {}): ColumnKind {
  return timeKind.make(options);
}
