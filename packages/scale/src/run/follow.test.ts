import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Engine, JobState } from '../engine/engine.ts';
import { awaitJob, type Follow } from './follow.ts';

const flow = { name: 'reduce', data: { run: 'r', session: 0, round: 0 } };

/** An engine that says what a test has it say. */
class Said implements Partial<Engine> {
  state_: JobState = { state: 'waiting' };
  workers: string[] = [];
  silent = false;
  state = (): Promise<JobState> => (this.silent ? new Promise(() => {}) : Promise.resolve(this.state_));
  overview = async () => ({ waiting: 1, waitingRuns: [], active: [], failed: 0, workers: this.workers });
  add = async (): Promise<void> => {};
}

const followed = (engine: Said, more: Partial<Follow> = {}) => {
  const warnings: string[] = [];
  const signal = new AbortController();
  const follow: Follow = {
    ...{ caller: 'distributedFit', run: 'r', engine: engine as never, signal: signal.signal, toEnd: true },
    onWarning: (message) => warnings.push(message),
    warned: new Set(),
    ...more,
  };
  return { warnings, signal, done: awaitJob(follow, flow) };
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('that nobody works is said once, and again when those who came have gone', async () => {
  const engine = new Said();
  const { warnings, done } = followed(engine);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(warnings).toEqual([
    'distributedFit: no worker is connected to the queue, so the run r waits; start latent-worker (or latent worker) with the same connection, queue and store',
  ]);
  engine.workers = ['a'];
  await vi.advanceTimersByTimeAsync(10_000);
  engine.workers = [];
  await vi.advanceTimersByTimeAsync(10_000);
  expect(warnings).toHaveLength(2);
  engine.state_ = { state: 'done' };
  await vi.advanceTimersByTimeAsync(1000);
  expect(await done).toBe(true);
});

it('a queue that does not answer is said, and waited for', async () => {
  const engine = new Said();
  engine.silent = true;
  const { warnings, signal, done } = followed(engine);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(warnings).toEqual([
    'distributedFit: the queue does not answer; the run r waits until its server is there again',
  ]);
  signal.abort();
  await vi.advanceTimersByTimeAsync(6000);
  expect(await done).toBe(false);
});

it('workers have time to find a server that was away', async () => {
  const engine = new Said();
  let answer = (_: JobState): void => {};
  const asked = new Promise<JobState>((resolve) => {
    answer = resolve;
  });
  engine.state = () => asked;
  const { warnings, done } = followed(engine);
  await vi.advanceTimersByTimeAsync(20_000);
  answer(engine.state_);
  await vi.advanceTimersByTimeAsync(3000);
  engine.workers = ['a'];
  engine.state = async () => engine.state_;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(warnings).toEqual([expect.stringContaining('the queue does not answer')]);
  engine.state_ = { state: 'done' };
  await vi.advanceTimersByTimeAsync(1000);
  expect(await done).toBe(true);
});

it('after the signal, work under way is waited for and work that nobody does is not', async () => {
  for (const [workers, state] of [
    [[], 'active'],
    [['a'], 'waiting'],
  ] as const) {
    const engine = new Said();
    engine.workers = [...workers];
    engine.state_ = { state };
    const { signal, done } = followed(engine, { onWarning: () => {} });
    signal.abort();
    await vi.advanceTimersByTimeAsync(12_000);
    expect(await done).toBe(false);
  }
  const engine = new Said();
  engine.workers = ['a'];
  engine.state_ = { state: 'active' };
  const { signal, done } = followed(engine);
  signal.abort();
  await vi.advanceTimersByTimeAsync(60_000);
  engine.state_ = { state: 'done' };
  await vi.advanceTimersByTimeAsync(1000);
  expect(await done).toBe(true);
});

it('what a worker refuses is said once for a run', async () => {
  const engine = new Said();
  engine.workers = ['a'];
  engine.state_ = { state: 'waiting', note: { worker: 'a', at: 0, refused: 'it computes otherwise' } };
  const warned = new Set<string>();
  const first = followed(engine, { warned });
  const second = followed(engine, { warned });
  await vi.advanceTimersByTimeAsync(5000);
  engine.state_ = { state: 'done' };
  await vi.advanceTimersByTimeAsync(1000);
  await Promise.all([first.done, second.done]);
  expect([...first.warnings, ...second.warnings]).toEqual([
    'distributedFit: a worker refuses the run r: it computes otherwise',
  ]);
});
