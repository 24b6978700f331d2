import { afterEach, describe, expect, it } from 'vitest';
import { compile, Rng, step, type Tensor, threadCount, useThreads } from '../index.ts';
import { memory } from '../memory/linear-memory.ts';
import { threadPool } from './threads.ts';

afterEach(() => useThreads('auto'));

const work = (x: Tensor): Tensor => x.matmul(x).mul(0.1).tanh().sum({ axis: 0 });

/** Calls until the workers take part. */
async function warm(run: (x: Tensor) => Tensor, x: Tensor): Promise<void> {
  for (let i = 0; i < 20; i++) {
    run(x);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('threads', () => {
  it('are as many as wanted, and refuse what is no count', () => {
    useThreads(3);
    expect(threadCount()).toBe(3);
    useThreads('auto');
    expect(threadCount()).toBeGreaterThanOrEqual(1);
    for (const bad of [0, 1.5, -1, 65, Number.NaN]) expect(() => useThreads(bad)).toThrow('useThreads: must be');
  });

  it('end in an error, not a hang, when a worker dies; the next call starts anew', async () => {
    useThreads(2);
    const x = new Rng(0).normal([200, 200]);
    const want = step(() => work(x)).data;
    const run = compile(work);
    await warm(run, x);
    expect(run(x).data).toEqual(want);
    await threadPool().terminateWorkers();
    expect(() => run(x)).toThrow(/threads: a worker stopped .* useThreads\(1\)/);
    expect(run(x).data).toEqual(want);
    await warm(run, x);
    expect(run(x).data).toEqual(want);
  });

  it('go on when the memory has grown past two gigabytes', async () => {
    useThreads(2);
    const x = new Rng(1).normal([200, 200]);
    const early = compile(work);
    await warm(early, x);
    memory.reserve(2 ** 31);
    expect(memory.byteLength).toBeGreaterThan(2 ** 31);
    const want = step(() => work(x)).data;
    expect(early(x).data).toEqual(want);
    // A program whose addresses have the highest bit set.
    const late = compile(work);
    await warm(late, x);
    expect(late(x).data).toEqual(want);
    expect(early(x).data).toEqual(want);
  });
});
