import { Rng, type Tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import {
  constantInit,
  heNormal,
  heUniform,
  type Initializer,
  lecunNormal,
  lecunUniform,
  normalInit,
  onesInit,
  orthogonal,
  truncatedNormal,
  uniformInit,
  xavierNormal,
  xavierUniform,
  zerosInit,
} from './init.ts';

const rng = (): Rng => new Rng(1);
const std = (x: Tensor): number => Math.sqrt(x.variance().item());
const [out, fanIn] = [300, 200];
const cases: [string, Initializer, number][] = [
  ['xavierUniform', xavierUniform(), Math.sqrt(2 / 500)],
  ['xavierNormal', xavierNormal(2), 2 * Math.sqrt(2 / 500)],
  ['heUniform', heUniform(), Math.sqrt(2 / 200)],
  ['heNormal', heNormal(), Math.sqrt(2 / 200)],
  ['lecunUniform', lecunUniform(), Math.sqrt(1 / 200)],
  ['lecunNormal', lecunNormal(), Math.sqrt(1 / 200)],
  ['uniform', uniformInit(-1, 1), 1 / Math.sqrt(3)],
  ['normal', normalInit(0, 0.3), 0.3],
  // A standard normal cut at ±2 has variance 0.774.
  ['truncatedNormal', truncatedNormal(0, 0.5), 0.5 * Math.sqrt(0.7737)],
];
it.each(cases)('%s has the right spread around 0', (_name, init, want) => {
  const x = init([out, fanIn], rng());
  expect(x.shape).toEqual([out, fanIn]);
  expect(std(x) / want).toBeCloseTo(1, 1.7);
  expect(Math.abs(x.mean().item())).toBeLessThan((5 * want) / Math.sqrt(out * fanIn));
});

it('truncatedNormal stays within two standard deviations, and constants are constant', () => {
  expect(Math.max(...truncatedNormal(0, 1)([1000], rng()).data.map(Math.abs))).toBeLessThanOrEqual(2);
  expect(zerosInit([2], rng()).toArray()).toEqual([0, 0]);
  expect(onesInit([2], rng()).toArray()).toEqual([1, 1]);
  expect(constantInit(3)([2], rng()).toArray()).toEqual([3, 3]);
});

describe('fans', () => {
  it('of a filter take in its field: [out, in, …]', () => {
    expect(std(heNormal()([50, 10, 5, 5], rng())) / Math.sqrt(2 / 250)).toBeCloseTo(1, 1);
    expect(std(xavierNormal()([50, 10, 5, 5], rng())) / Math.sqrt(2 / 1500)).toBeCloseTo(1, 1);
  });

  it('need two axes', () => {
    expect(() => heNormal()([3], rng())).toThrow('init: fan-in and fan-out need a weight of two or more axes, got [3]');
    expect(() => orthogonal()([3], rng())).toThrow('orthogonal: needs a weight of two or more axes, got [3]');
  });
});

it.each([
  [4, 9],
  [9, 4],
  [5, 5],
])('orthogonal gives orthonormal lines: %i × %i', (rows, cols) => {
  const x = orthogonal(2)([rows, cols], rng());
  const gram = rows <= cols ? x.matmul(x, { transposeB: true }) : x.matmul(x, { transposeA: true });
  (gram.toArray() as number[][]).forEach((row, i) => {
    row.forEach((value, j) => {
      expect(value).toBeCloseTo(i === j ? 4 : 0, 5);
    });
  });
});
