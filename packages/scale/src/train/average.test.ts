import { tensor } from '@latent/tensor';
import { expect, it } from 'vitest';
import { Average, outerStep } from './average.ts';

const of = (values: readonly number[]) => ({ w: tensor(Float32Array.from(values)) });

it('of one shard is that shard, to the bit', () => {
  const average = new Average();
  average.add(of([-0, 1e-45, 3.4e38]));
  expect([...average.mean().w!.data]).toEqual([-0, 1.401298464324817e-45, Math.fround(3.4e38)]);
});

it('is summed in double precision in the order of the shards', () => {
  const average = new Average();
  // In single precision 2²⁴ + 1 + 1 is 2²⁴.
  for (const value of [2 ** 24, 1, 1]) average.add(of([value]));
  expect(average.mean().w!.data[0]!).toBe(Math.fround((2 ** 24 + 2) / 3));
});

it('refuses shards that do not belong together', () => {
  const average = new Average();
  expect(() => average.mean()).toThrow('there is no shard');
  average.add(of([1, 2]));
  expect(() => average.add(of([1]))).toThrow('w is [1], in another shard [2]');
  expect(() => average.add({ v: tensor([1]) })).toThrow('no other shard has a tensor v');
  expect(() => average.add({})).toThrow('a shard has 0 tensors, but another 1');
});

it('with an outer rate of 1 and no momentum is the mean', () => {
  const { weights } = outerStep(of([3, -1]), of([1, 1]), null, { learningRate: 1, momentum: 0 });
  expect([...weights.w!.data]).toEqual([1, 1]);
});

it('moves by Nesterov momentum: Δ, then Δ + μ(μΔ + Δ′)', () => {
  const rule = { learningRate: 0.5, momentum: 0.9 };
  const first = outerStep(of([10]), of([8]), null, rule);
  expect(first.velocity.w!.data[0]!).toBe(2);
  expect(first.weights.w!.data[0]!).toBeCloseTo(10 - 0.5 * (2 + 0.9 * 2), 5);
  const second = outerStep(first.weights, of([5]), first.velocity, rule);
  const difference = first.weights.w!.data[0]! - 5;
  const velocity = 0.9 * 2 + difference;
  expect(second.velocity.w!.data[0]!).toBeCloseTo(velocity, 10);
  expect(second.weights.w!.data[0]!).toBeCloseTo(first.weights.w!.data[0]! - 0.5 * (difference + 0.9 * velocity), 5);
});
