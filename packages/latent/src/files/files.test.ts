import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutatedCopies } from '../../test/mutated.ts';
import { DataFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { recordsOf } from './columns.ts';
import { CsvReader, readCsv } from './csv.ts';
import { readParquet } from './parquet.ts';
import { type FormatName, formatByName, readTable, tableText } from './table.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const terminal = (input: Uint8Array): Terminal =>
  ({
    input: (async function* () {
      yield input;
    })(),
  }) as unknown as Terminal;
const read = (input: string | Uint8Array, format?: string) =>
  readTable('-', terminal(typeof input === 'string' ? bytesOf(input) : input), format);
const parquet = new Uint8Array(readFileSync(new URL('../../test/rows.parquet', import.meta.url)));

describe('CSV', () => {
  const cells = (text: string): unknown => {
    const { names, columns } = readCsv('f', text);
    return [names, ...names.map((name) => columns[name])];
  };

  it.each([
    [
      'fields',
      'a,b\n1,2\n3,4\n',
      [
        ['a', 'b'],
        ['1', '3'],
        ['2', '4'],
      ],
    ],
    ['no line end at the end', 'a,b\n1,2', [['a', 'b'], ['1'], ['2']]],
    ['Windows line ends', 'a,b\r\n1,2\r\n', [['a', 'b'], ['1'], ['2']]],
    ['old Macintosh line ends', 'a,b\r1,2\r', [['a', 'b'], ['1'], ['2']]],
    ['a mark of the byte order', '\ufeffa,b\n1,2\n', [['a', 'b'], ['1'], ['2']]],
    ['quotes, and what they may hold', 'a,b\n"x, ""y""\nz",2\n', [['a', 'b'], ['x, "y"\nz'], ['2']]],
    ['quoted names', '"a ""q""",b\n1,2\n', [['a "q"', 'b'], ['1'], ['2']]],
    ['empty fields, quoted or not', 'a,b\n,""\n', [['a', 'b'], [''], ['']]],
    [
      'empty lines',
      'a,b\n1,2\n\n3,4\n\n',
      [
        ['a', 'b'],
        ['1', '3'],
        ['2', '4'],
      ],
    ],
    ['one column, of which a line is empty', 'a\n1\n\n3\n', [['a'], ['1', '', '3']]],
    ['names alone', 'a,b\n', [['a', 'b'], [], []]],
    ['semicolons', 'a;b\n1,5;2\n', [['a', 'b'], ['1,5'], ['2']]],
    ['tabs', 'a\tb\n1,5\t2\n', [['a', 'b'], ['1,5'], ['2']]],
    ['bars', 'a|b\n1|2\n', [['a', 'b'], ['1'], ['2']]],
    ['a column without a name', ',b\n0,2\n', [['column 1', 'b'], ['0'], ['2']]],
    ['a quote within a field', 'a,b\n5" pipe,2\n', [['a', 'b'], ['5" pipe'], ['2']]],
    ['codes that look like numbers', 'a\n007\n', [['a'], ['007']]],
  ])('has %s', (_what, text, want) => {
    expect(cells(text)).toEqual(want);
  });

  it.each([
    ['a line that is short', 'a,b,c\n1,2,3\n4,5\n', 'f: line 3 has 2 fields, and the names in the first line are 3'],
    ['a line that is long', 'a\n1,2\n', 'f: line 2 has 2 fields, and the names in the first line are 1'],
    ['its line behind quoted ones', 'a,b\n"x\ny",2\n3\n', 'f: line 4 has 1 fields'],
    ['other delimiters', 'a;b\n1\n', 'taking ";" for what stands between them'],
    ['an open quote', 'a,b\n1,2\n"x,3\n4,5\n', 'f: the quote that opens in line 3 is not closed'],
    ['text behind a quote', 'a,b\n"x"y,3\n', 'f: text follows a closing quote in line 2'],
    ['two names that are one', 'a,b,a\n1,2,3\n', "f: two columns are named 'a', the second is number 3"],
    ['a name that is no field', 'a,__proto__\n1,2\n', "cannot be named '__proto__'"],
    ['nothing', '\n\n', 'f is empty'],
    [
      'columns without end',
      `${Array.from({ length: 10_001 }, (_, i) => `c${i}`).join()}\n`,
      '10001 columns, and a table at most 10000',
    ],
  ])('refuses %s', (_what, text, message) => {
    expect(() => readCsv('f', text)).toThrow(message);
  });

  it('comes back as it was written, whatever the cells, in one piece or many', async () => {
    const cell = fc.oneof(fc.string(), fc.constantFrom('', '"', '\n', '\r\n', ' x ', '=1+1', ',', '\t', '"a","b"'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 20 }),
        fc.constantFrom<FormatName>('csv', 'tsv'),
        fc.integer({ min: 1, max: 30 }),
        async (rows, format, size) => {
          let text = '';
          for await (const part of tableText(format, ['a', 'b'], rows)) text += part;
          const delimiter = format === 'tsv' ? '\t' : ',';
          const { columns } = readCsv('f', text, delimiter);
          expect(columns.a).toEqual(rows.map(([x]) => x));
          expect(columns.b).toEqual(rows.map(([, y]) => y));
          const reader = new CsvReader('f', delimiter);
          const seen: unknown[] = [];
          for (let from = 0; from < text.length; from += size) {
            const piece = reader.read(text.slice(from, from + size), from + size >= text.length);
            for (let r = 0; r < piece.rows; r++) seen.push([piece.columns.a?.[r], piece.columns.b?.[r]]);
          }
          expect(seen).toEqual(rows);
        },
      ),
      { numRuns: 300, seed: 5 },
    );
  });
});

describe('files of rows', () => {
  const want = [
    { a: 1, b: 'x' },
    { a: null, b: 'y' },
  ];

  it.each([
    ['a list of records', JSON.stringify(want)],
    ['records over many lines', JSON.stringify(want, null, 2)],
    ['a record a line', want.map((row) => JSON.stringify(row)).join('\n')],
    ['lists by column', '{"a":[1,null],"b":["x","y"]}'],
    ['lists by column, over many lines', JSON.stringify({ a: [1, null], b: ['x', 'y'] }, null, 1)],
    ['records of which one lacks a field', '[{"a":1,"b":"x"},{"b":"y"}]'],
  ])('%s are told by themselves', async (_what, text) => {
    expect(recordsOf(await read(text))).toEqual(want);
    expect(recordsOf(await read(gzipSync(text)))).toEqual(want);
  });

  it('Parquet has its types, and whole numbers past 2⁵³ as text', async () => {
    const { names, columns, rows } = await read(parquet);
    expect(names).toEqual(['name', 'count', 'large', 'share', 'yes', 'when']);
    expect(rows).toBe(40);
    expect(columns.count?.slice(0, 3)).toEqual([0, 1, 2]);
    expect(columns.large?.slice(2, 5)).toEqual([2, String(2n ** 60n), 4]);
    expect(columns.share?.slice(0, 2)).toEqual([null, 0.125]);
    expect(columns.yes?.[1]).toBe(false);
    expect(columns.when?.[1]).toEqual(new Date('2026-01-02T00:00:00.000Z'));
  });

  it.each([
    ['a text of old Windows', Uint8Array.of(0x61, 0x0a, 0xe9, 0x0a), 'é'],
    ['a text of UTF-16', Uint8Array.of(0xff, 0xfe, 0x61, 0, 0x0a, 0, 0xe9, 0, 0x0a, 0), 'é'],
  ])('%s is read', async (_what, bytes, cell) => {
    expect((await read(bytes, 'csv')).columns.a).toEqual([cell]);
  });

  it.each([
    ['nothing', '', 'the input is empty'],
    ['a number', '[1]', 'its value 0 (from 0) is no record'],
    ['one record', '{\n"a": 1 }', 'must hold a list of records'],
    ['columns that differ in length', '{"a":[1],\n"b":[1,2]}', 'its columns have 1 and 2 values'],
    ['half of a list', '[{"a":1},', 'is no JSON'],
    ['a bad line', '{"a":1}\n{"a":', 'line 2 is no JSON'],
    ['a line that is no record', '{"a":1}\n[2]', 'line 2 is no record'],
    ['bytes', Uint8Array.of(1, 0, 2), 'is no text'],
    ['half of a packed file', gzipSync('a,b\n1,2\n').subarray(0, 15), 'cannot be unpacked'],
    ['half of a Parquet file', parquet.subarray(0, 700), 'cannot be read as Parquet'],
  ])('of %s are refused', async (_what, input, message) => {
    await expect(read(input)).rejects.toThrow(message);
  });

  it('have formats by their names', () => {
    expect(['a.csv', 'a.TSV.gz', 'a.jsonl', 'a.json', 'a.pq', 'b', 'a.csv.zip'].map(formatByName)).toEqual([
      ...['csv', 'tsv', 'ndjson', 'json', 'parquet', null, null],
    ]);
  });

  it('damaged Parquet files are refused with a sentence, or read, and end', async () => {
    for (const bytes of mutatedCopies([parquet], 30, 3)) {
      try {
        expect((await readParquet('f', bytes, 2000)).names.length).toBeLessThan(10_001);
      } catch (error) {
        if (!(error instanceof DataFault)) throw error;
        expect(error.message).toMatch(/^f/);
        expect(error.message.length).toBeLessThan(300);
      }
    }
  });

  it('damaged ones are refused with a sentence, or read', async () => {
    const text = 'name,age,"say ""so"""\n"Ada, L.",36,x\nBob,,"a\nb"\nEve,5,\n';
    const json = JSON.stringify(Array.from({ length: 5 }, (_, i) => ({ a: i, b: `t${i}`, c: null })));
    const files = [bytesOf(text), bytesOf(json), bytesOf(json.slice(1, -1).replaceAll('},', '}\n'))];
    let refused = 0;
    for (const bytes of mutatedCopies([...files, new Uint8Array(gzipSync(text))], 3000, 3)) {
      try {
        expect((await read(bytes)).names.length).toBeLessThan(10_001);
      } catch (error) {
        if (!(error instanceof DataFault)) throw error;
        expect(error.message.length).toBeLessThan(400);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });
});
