import type { JobType } from '../worker/context.ts';
import { prepare, survey } from './prepare.ts';
import { reduce, train, validate } from './rounds.ts';
import { gather, score } from './scoring.ts';
import { rank, trial } from './sweeping.ts';

/** All that a worker does, by the name that jobs have. */
export const jobTypes = { survey, prepare, train, reduce, validate, score, gather, trial, rank } satisfies Readonly<
  Record<string, JobType>
>;
