import type { JobResult } from '../worker/context.ts';

/** Of a job whose result is there already: a worker died after it wrote, or two did the same. */
export const doneBefore: JobResult = { report: { again: 1 } };
