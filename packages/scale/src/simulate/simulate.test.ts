import { expect, it } from 'vitest';
import { simulate } from './simulate.ts';

const base = { localSteps: 100, stepSeconds: 0.01, weightsBytes: 1e6, bandwidth: 1e8, latency: 0, secondsPerByte: 0 };

it('one worker: its steps, and all bytes one after the other', () => {
  const { secondsPerRound, efficiency, bytes } = simulate({ ...base, workers: 1 });
  expect(bytes).toBe(2e6 + 2e6 + 2e6);
  expect(secondsPerRound).toBeCloseTo(1 + bytes / 1e8, 12);
  expect(efficiency).toBeCloseTo(1 / secondsPerRound, 12);
});

it('where the store costs nothing, workers are as many times as fast', () => {
  for (const workers of [1, 3, 64]) {
    const { speedup, efficiency } = simulate({ ...base, workers, bandwidth: 1e18 });
    expect(speedup).toBeCloseTo(workers, 6);
    expect(efficiency).toBeCloseTo(1, 6);
  }
});

it('shards beyond the workers wait for one', () => {
  const round = (workers: number, shards: number) =>
    simulate({ ...base, workers, shards, bandwidth: 1e18 }).secondsPerRound;
  expect(round(4, 5)).toBeCloseTo(2, 6);
  expect(round(4, 8)).toBeCloseTo(2, 6);
  expect(round(8, 4)).toBeCloseTo(1, 6);
});

it('where the steps cost nothing, the store is the limit, whoever waits', () => {
  for (const workers of [1, 2, 16]) {
    const { secondsPerRound, bytes } = simulate({ ...base, workers, shards: 16, stepSeconds: 1e-12 });
    expect(secondsPerRound).toBeCloseTo(bytes / base.bandwidth, 6);
  }
});

it('lies between the bounds: transfers of all one after the other, and of one worker beside the rest', () => {
  for (const workers of [2, 5, 32]) {
    const { secondsPerRound, bytes } = simulate({ ...base, workers });
    expect(secondsPerRound).toBeLessThanOrEqual(1 + bytes / base.bandwidth + 1e-9);
    expect(secondsPerRound).toBeGreaterThan(1 + ((workers + 1) * 1e6) / base.bandwidth);
  }
});

it('refuses what cannot be', () => {
  expect(() => simulate({ ...base, workers: 0 })).toThrow('simulate: workers must be a whole number ≥ 1');
  expect(() => simulate({ ...base, workers: 1, bandwith: 1 } as never)).toThrow("did you mean 'bandwidth'?");
});
