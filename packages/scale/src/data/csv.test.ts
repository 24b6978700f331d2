import { expect, it } from 'vitest';
import { readCsv } from './csv.ts';

const read = (text: string, width = 2): (number | null)[] =>
  Array.from(readCsv('t', new TextEncoder().encode(text), width)).flatMap(({ values }) =>
    Array.from(values, (value) => (Number.isNaN(value) ? null : value)),
  );

it.each([
  ['1,2\n3,4\n', [1, 2, 3, 4]],
  ['a,b\r\n1,2\r\n\r\n3,4', [1, 2, 3, 4]],
  ['"x","y"\n"1.5",-2e3\n', [1.5, -2000]],
  ['1,\nNaN,NA\nnull,2', [1, null, null, null, null, 2]],
  ['', []],
  ['a,b\n', []],
  ['\ufeff\r\n"a, x","b"\r\n1,2\r\n', [1, 2]],
  ['"2020","x"\n"1",2', [1, 2]],
])('%j', (text, expected) => {
  expect(read(text)).toEqual(expected);
});

it.each([
  ['1,2\n3', 't: line 2 has 1 fields, expected 2'],
  ['1,2\n3,x', 't: line 2, field 1 is no number, got "x"'],
  ['a,b\n3,2021-01-01', 't: line 2, field 1 is no number'],
  [
    '1,x\n3,4',
    't: line 1, field 1 is no number, got "x", so these are no names of columns, for 1 is one; put names in',
  ],
  ['1,2,3\n', 't: line 1 has 3 fields, expected 2'],
])('%j is refused by line', (text, message) => {
  expect(() => read(text)).toThrow(message);
});

it('is read in pieces', () => {
  const text = Array.from({ length: 25_000 }, (_, i) => `${i},${-i}`).join('\n');
  const pieces = Array.from(readCsv('t', new TextEncoder().encode(text), 2));
  expect(pieces.map(({ count }) => count)).toEqual([10_000, 10_000, 5000]);
  expect(pieces[2]?.values.slice(-2)).toEqual(Float64Array.of(24_999, -24_999));
});
