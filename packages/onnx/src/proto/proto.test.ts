import { describe, expect, it } from 'vitest';
import { mutated } from '../../test/mutations.ts';
import type { MessageTable } from './message.ts';
import { decodeMessage } from './read.ts';
import { encodeMessage } from './write.ts';

interface Inner {
  n?: number;
  inner?: Inner;
}
interface Outer {
  whole?: number;
  wholes?: readonly number[];
  single?: number;
  singles?: readonly number[];
  double?: number;
  text?: string;
  texts?: readonly string[];
  bytes?: Uint8Array;
  inners?: readonly Inner[];
}
const deepest: MessageTable<Inner> = { n: [1, 'int'], inner: [2, 'bytes'] };
const inner: MessageTable<Inner> = { n: [1, 'int'], inner: [2, deepest] };
const outer: MessageTable<Outer> = {
  whole: [1, 'int'],
  wholes: [2, 'int', 'many'],
  single: [3, 'float'],
  singles: [4, 'float', 'many'],
  double: [5, 'double'],
  text: [6, 'text'],
  texts: [7, 'text', 'many'],
  bytes: [8, 'bytes'],
  inners: [100, inner, 'many'],
};
const decode = (...bytes: number[]): Outer => decodeMessage('test', outer, Uint8Array.from(bytes));

describe('messages', () => {
  it('have as many parts as there are', () => {
    // A message in another is a list of its parts, of which there are more than a call takes arguments.
    const deep: MessageTable<{ outer?: Outer }> = { outer: [1, outer] };
    const message: Outer = { inners: Array.from({ length: 60_000 }, (_, n) => ({ n: n % 100 })) };
    expect(encodeMessage(deep, { outer: message }).length).toBe(4 + 60_000 * 5);
  });

  it('come back as they were', () => {
    const message: Outer = {
      whole: -1,
      wholes: [0, 1, 127, 128, 300, 2 ** 31, 2 ** 32 + 5, 2 ** 53, -(2 ** 53), -(2 ** 40) - 3],
      single: 1.5,
      singles: [-0, Infinity, 0.25],
      double: 0.1,
      text: 'größer',
      texts: ['', 'a'],
      bytes: Uint8Array.of(1, 2, 3),
      inners: [{ n: 5 }, {}, { inner: { n: 7 } }],
    };
    expect(decodeMessage('test', outer, encodeMessage(outer, message))).toEqual(message);
    expect(encodeMessage(outer, {})).toEqual(new Uint8Array());
    expect(encodeMessage(outer, { wholes: [] })).toEqual(new Uint8Array());
  });

  it('are bytes as the specification has them', () => {
    expect([...encodeMessage(outer, { whole: 150 })]).toEqual([0x08, 0x96, 0x01]);
    expect([...encodeMessage(outer, { text: 'testing' })]).toEqual([0x32, 7, ...Buffer.from('testing')]);
    expect([...encodeMessage(outer, { whole: -2 })]).toEqual([0x08, 0xfe, ...new Array<number>(8).fill(0xff), 1]);
  });

  it('have lists in one piece or in several, and the last of what there is once', () => {
    expect(decode(0x12, 3, 3, 0x8e, 0x02, 0x10, 5).wholes).toEqual([3, 270, 5]);
    expect(decode(0x22, 4, 0, 0, 0x80, 0x3f).singles).toEqual([1]);
    expect(decode(0x08, 1, 0x08, 2).whole).toBe(2);
  });

  it('may have fields that nobody knows', () => {
    expect(decode(0xf8, 1, 5, 0xf9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xfa, 1, 1, 9, 0xfd, 1, 0, 0, 0, 0, 0x08, 7)).toEqual({
      whole: 7,
    });
  });

  it.each([
    [[0x08], 'byte 1 claims 1 more, but there are 0'],
    [[0x32, 200, 1, 65], 'claims 200 more, but there are 1'],
    [[0x32, ...new Array<number>(9).fill(0xff), 1], 'claims Infinity more'],
    [[0x08, ...new Array<number>(10).fill(0xff)], 'is longer than 64 bits'],
    [[0x08, ...new Array<number>(9).fill(0xff), 2], 'is longer than 64 bits'],
    [[0xfb, 1], 'is no field'],
    [[0x0d, 0, 0, 0, 0], 'whole at byte 1 is written in another way'],
    [[0x32, 2, 0xc3, 0x28], 'is not UTF-8'],
    [[0x1d, 0, 0], 'claims 4 more, but there are 2'],
  ])('%j are refused', (bytes, reason) => {
    expect(() => decode(...bytes)).toThrow(`test: `);
    expect(() => decode(...bytes)).toThrow(reason);
  });

  it('2,000 damaged ones are refused or read', async () => {
    const bytes = encodeMessage(outer, {
      text: 'name',
      wholes: [1, 2, 3],
      inners: [{ n: 1 }, { inner: { n: 2 } }],
      double: 2,
    });
    expect(await mutated([bytes], (each) => decodeMessage('test', outer, each))).toBeGreaterThan(500);
  });
});
