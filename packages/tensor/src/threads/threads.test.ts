import { afterEach, describe, expect, it, vi } from 'vitest';
import { compile, Rng, step, type Tensor, threadCount, useThreads } from '../index.ts';
import { memory } from '../memory/linear-memory.ts';
import { threadPool } from './threads.ts';

afterEach(() => useThreads('auto'));

/** How often the lack of workers was told. */
let warnings = 0;

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
    await threadPool()?.terminateWorkers();
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

  it.each([
    [
      'cannot be made',
      () => {
        throw new Error('Access to this API has been restricted');
      },
    ],
    ['die before they answer', () => new DyingWorker()],
  ])('are done without where workers %s: the same results on one thread, and one warning', async (_how, make) => {
    const workers = process.getBuiltinModule('node:worker_threads');
    const builtin = vi
      .spyOn(process, 'getBuiltinModule')
      .mockImplementation(((name: string) =>
        name === 'node:worker_threads' ? { ...workers, Worker: make } : null) as typeof process.getBuiltinModule);
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    try {
      useThreads(3);
      const x = new Rng(3).normal([200, 200]);
      const want = step(() => work(x)).data;
      const run = compile(work);
      await warm(run, x);
      expect(run(x).data).toEqual(want);
      expect(threadCount()).toBe(1);
      expect(compile(work)(x).data).toEqual(want);
      // Once for the process, whatever happens later.
      expect(warn.mock.calls.length).toBeLessThanOrEqual(1);
      for (const [text] of warn.mock.calls) {
        expect(text).toMatch(/^threads: workers cannot be started here \(.*\); steps run on one thread$/);
      }
      warnings += warn.mock.calls.length;
      // Asked for again, they are tried again.
      builtin.mockRestore();
      useThreads(2);
      const again = compile(work);
      await warm(again, x);
      expect(again(x).data).toEqual(want);
      expect(threadCount()).toBe(2);
    } finally {
      builtin.mockRestore();
      warn.mockRestore();
    }
  });

  it('said so once', () => {
    expect(warnings).toBe(1);
  });
});

/** A worker of Node's that ends before it has done anything. */
class DyingWorker {
  on(event: string, listener: (detail: unknown) => void): void {
    if (event === 'exit') setTimeout(() => listener(1), 5);
  }
  unref(): void {}
  terminate(): void {}
}
