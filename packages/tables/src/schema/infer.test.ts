import { ValueError } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { isHole } from '../input/cell.ts';
import { DATE_FORMATS } from '../input/date-format.ts';
import { date } from '../kinds/date.ts';
import { inferSchema } from './infer.ts';
import { schemaFrom } from './json-schema.ts';

/** The kind that a column of these cells has, and why. */
function told(cells: readonly unknown[], name = 'x'): string {
  const column = inferSchema(cells.map((cell) => ({ [name]: cell }))).columns[0];
  return `${column?.kind.name} ${JSON.stringify(column?.kind.config())}: ${column?.why}`;
}

const repeated = (cells: readonly unknown[], times = 20): unknown[] =>
  Array.from({ length: times }, () => cells).flat();
const some = (count: number, of: (i: number) => unknown): unknown[] => Array.from({ length: count }, (_, i) => of(i));
/** Numbers between 0 and 1 that look drawn. */
const drawn = (i: number): number => (i * 0.618_033_988_75) % 1;

describe('kinds are told from cells', () => {
  it.each([
    ['numbers', some(60, (i) => drawn(i) - 0.5), 'numeric'],
    ['numbers as text', some(60, (i) => String(drawn(i) - 0.5)), 'numeric'],
    ['numbers with holes of spreadsheets', [...some(60, (i) => drawn(i) - 0.5), 'NA', '#N/A', '', null], 'numeric'],
    ['a long tail above 0', some(200, (i) => Math.exp(3 * Math.sqrt(-2 * Math.log(drawn(i + 1))))), 'positive'],
    ['counts', some(200, (i) => (i * 7) % 40), 'count'],
    ['few whole numbers', repeated([1, 2, 3, 4]), 'category'],
    ['two numbers', repeated([0, 1]), 'boolean'],
    ['truth', repeated([true, false]), 'boolean'],
    ['two words', repeated(['yes', 'no']), 'boolean'],
    ['words', repeated(['red', 'green', 'blue']), 'category'],
    ['codes with zeros in front', repeated(['007', '008', '011']), 'category'],
    ['one value', repeated(['same']), 'constant'],
    ['nothing', repeated([null, '']), 'ignore'],
    ['a value apart', some(400, (i) => (i % 2 ? 0 : 100 * drawn(i) - 50)), 'mixed'],
    ['whole numbers without a gap', some(100, (i) => i + 1000), 'id'],
    ['words that all differ', some(100, (i) => `word${i}`), 'id'],
    ['sentences', some(100, (i) => `this is the ${i}th of many sentences`), 'text'],
    ['arrays', repeated([[1], [2]]), 'ignore'],
    ['objects', repeated([{ a: 1 }, { a: 2 }]), 'ignore'],
    ['dates', some(30, (i) => new Date(Date.UTC(2024, 0, 1 + i))), 'date'],
    ['times of day', repeated(['12:30', '08:15', '23:59']), 'time'],
    ['numbers past 2⁵³', some(30, (i) => `9007199254740993${i % 10}`), 'category'],
  ])('%s', (_what, cells, kind) => {
    expect(told(cells)).toMatch(new RegExp(`^${kind} `));
  });

  it('names count', () => {
    const cells = some(100, (i) => 7 * i + (i % 3));
    expect(told(cells, 'customer_id')).toMatch(/^id .*named like an id/);
    expect(told(cells, 'price')).toMatch(/^count /);
  });

  it.each([
    [['2024-01-31', '2024-02-29'], 'YYYY-MM-DD'],
    [['2024-01-31T10:00', '2024-02-29T11:30'], 'YYYY-MM-DDThh:mm'],
    [['2024-01-31 10:00:00', '2024-02-29 11:30:59'], 'YYYY-MM-DD hh:mm:ss'],
    [['2024-01-31T10:00:00.123Z', '2024-02-29T11:30:59.5+02:00'], 'YYYY-MM-DDThh:mm:ss.sssZ'],
    [['2024-01-31', '2024-02-29T11:30Z'], 'ISO 8601'],
    [['12/31/2024', '1/2/2024'], 'MM/DD/YYYY'],
    [['31/12/2024', '1/2/2024'], 'DD/MM/YYYY'],
    [['31.12.2024', '01.02.2024'], 'DD.MM.YYYY'],
    [['Dec 31, 2024', 'January 2 2024'], 'Mon DD YYYY'],
    [['31 Dec 2024', '2 January 2024'], 'DD Mon YYYY'],
  ])('dates as %j', (cells, format) => {
    expect(told(repeated(cells))).toMatch(new RegExp(`^date .*"format":"${format.replace('.', '\\.')}"`));
  });

  it('a day that could be a month is said', () => {
    expect(told(repeated(['1/2/2024', '3/4/2024']))).toContain('day and month could change places');
    expect(told(repeated(['2023-02-31', '2023-01-01']))).not.toMatch(/^date /);
  });

  it('rows without columns are refused', () => {
    expect(() => inferSchema([{}])).toThrow(new ValueError('inferSchema: the rows have no columns'));
    expect(() => inferSchema([])).toThrow(ValueError);
  });

  it('the rare value of a large column is met', () => {
    const cells = some(30_000, (i) => (i === 12_345 ? 'rare' : i % 2 ? 'a' : 'b'));
    expect(inferSchema(cells.map((x) => ({ x }))).columns[0]?.distinct).toBe(3);
  });
});

describe('dates', () => {
  const ms = Date.UTC(2024, 1, 29, 11, 30, 59, 500);

  it.each([
    [date(), new Date(ms), ms],
    [date(), '2024-02-29T11:30:59.500Z', ms],
    [date(), ' 2024-02-29 ', Date.UTC(2024, 1, 29)],
    [date(), '29.02.2024', Number.NaN],
    [date(), ms, Number.NaN],
    [date({ epoch: 'seconds' }), ms / 1000, ms],
    [date({ epoch: 'milliseconds' }), String(ms), ms],
    [date({ epoch: 'seconds' }), '2024-02-29', Number.NaN],
    [date({ format: 'DD.MM.YYYY' }), '29.02.2024', Date.UTC(2024, 1, 29)],
    [date({ format: 'DD.MM.YYYY' }), '2024-02-29', Number.NaN],
    [date({ format: 'YYYY-MM-DD' }), new Date(ms), ms],
  ])('%# are read in the ways that leave no doubt', (kind, cell, milliseconds) => {
    expect(kind.number?.(cell)).toBe(milliseconds);
  });

  it.each(DATE_FORMATS.map((format) => [format.name, format] as const))(
    'written as %s are read again',
    (_name, format) => {
      for (const day of [0, 59, 19_782, 20_088, -30_000]) {
        const at = day * 86_400_000;
        expect(format.read(format.write(at))).toBe(at);
      }
    },
  );

  it('say what they take', () => {
    expect(date().expects).toBe('a Date, or text as ISO 8601');
    expect(date({ format: 'DD.MM.YYYY' }).expects).toBe('text as DD.MM.YYYY');
    expect(date({ epoch: 'seconds' }).expects).toBe('a time in seconds since 1970');
    expect(isHole(new Date(Number.NaN))).toBe(true);
  });
});

it('JSON Schema says what fields are', () => {
  const schema = schemaFrom({
    type: 'object',
    properties: {
      day: { type: 'string', format: 'date' },
      at: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }] },
      plan: { enum: ['free', 'paid'] },
      age: { type: ['integer', 'null'], minimum: 0 },
      price: { type: 'number', exclusiveMinimum: 0 },
      id: { type: 'string', format: 'uuid' },
      note: { type: 'string' },
      tags: { type: 'array' },
    },
  });
  const kinds = Object.fromEntries(schema.columns.map(({ name, kind }) => [name, kind.name]));
  expect(kinds).toEqual({
    ...{ day: 'date', at: 'date', plan: 'category', age: 'count' },
    ...{ price: 'positive', id: 'id', note: 'text', tags: 'ignore' },
  });
});
