import { describe, expect, it } from 'vitest';
import { memory } from '../../memory/linear-memory.ts';
import { runWasm } from '../samples.ts';
import { randomCall } from './random.ts';
import { fillRandom, type RandomKind, threefry2x32 } from './threefry.ts';

const KINDS: RandomKind[] = ['uniform', 'normal', 'exponential', 'gumbel'];

function draw(kind: RandomKind, count: number, state: readonly number[]): Float32Array {
  const words = memory.reserve(16);
  memory.i32.set(state, words / 4);
  const out = memory.reserve(4 * count + 64);
  memory.f32.fill(77, out / 4, out / 4 + count + 4);
  runWasm(randomCall(kind, 'f32', out, words, count));
  expect([...memory.f32.slice(out / 4 + count, out / 4 + count + 4)]).toEqual([77, 77, 77, 77]);
  return memory.f32.slice(out / 4, out / 4 + count);
}

describe('Threefry2x32-20', () => {
  it('gives the published test vectors', () => {
    expect(threefry2x32(0, 0, 0, 0)).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry2x32(-1, -1, -1, -1)).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0]);
  });

  it.each(KINDS)('%s: the same bits in JavaScript and WebAssembly, at every length and across the carry', (kind) => {
    const states = [
      [0, 0, 0, 0],
      [123456789, -987654321, -6, 41],
      [-1, 7, -1, -1],
    ];
    for (const state of states) {
      for (const count of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 16, 17, 33, 50_000]) {
        const want = new Float32Array(count);
        const [key0, key1, counter0, counter1] = state as [number, number, number, number];
        fillRandom(kind, want, 0, count, key0, key1, counter0, counter1);
        expect(Buffer.compare(Buffer.from(draw(kind, count, state).buffer), Buffer.from(want.buffer))).toBe(0);
      }
    }
  });

  it('takes elements 2i and 2i + 1 from counter + i', () => {
    const [, , ...rest] = draw('normal', 20, [5, 6, -3, 0]);
    expect([...draw('normal', 18, [5, 6, -2, 0])]).toEqual(rest);
  });

  it.each([
    ['uniform', 1 / 2, 1 / 12, 0, 1 - 2 ** -24],
    ['normal', 0, 1, -5.77, 5.77],
    ['exponential', 1, 1, 0, 16.64],
    ['gumbel', 0.5772156649, Math.PI ** 2 / 6, -2.82, 16.64],
  ] as const)('%s has its mean, variance and range', (kind, mean, variance, low, high) => {
    const n = 400_000;
    const x = draw(kind, n, [1, 2, 3, 4]);
    let sum = 0;
    let squares = 0;
    for (const v of x) {
      sum += v;
      squares += (v - mean) ** 2;
    }
    // Five standard errors; the fourth central moment of the most peaked of the four is under 15 variances squared.
    expect(Math.abs(sum / n - mean)).toBeLessThan(5 * Math.sqrt(variance / n));
    expect(Math.abs(squares / n / variance - 1)).toBeLessThan(5 * Math.sqrt(15 / n));
    expect(x.reduce((a, b) => Math.min(a, b))).toBeGreaterThanOrEqual(low);
    expect(x.reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(high);
  });

  it('widens single-precision draws for f64', () => {
    const wide = new Float64Array(9);
    fillRandom('normal', wide, 0, 9, 1, 2, 3, 4);
    expect([...wide]).toEqual([...draw('normal', 9, [1, 2, 3, 4])]);
  });
});
