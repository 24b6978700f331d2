import type { Timed, Work } from './contender.ts';

/** Time of so many runs, by the clock or the processor's. Only asynchronous work is awaited: a turn of the event loop is not part of synchronous work. */
export async function time(work: Work, repeats: number, byProcessor: boolean): Promise<Timed> {
  if (typeof work !== 'function') return work.timed(repeats, byProcessor);
  const started = now(byProcessor);
  let value: unknown;
  for (let i = 0; i < repeats; i++) {
    value = work();
    if (value instanceof Promise) value = await value;
  }
  const milliseconds = (now(byProcessor) - started) / repeats;
  return typeof value === 'number' ? { milliseconds, value } : { milliseconds };
}

function now(byProcessor: boolean): number {
  if (!byProcessor) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
