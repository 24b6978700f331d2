import type { Flow, Job } from '../engine/engine.ts';

/** A run, and how often it was started anew. */
export interface Session {
  readonly run: string;
  readonly session: number;
}

function numbered(count: number, job: (i: number) => Job): readonly Job[] {
  return Array.from({ length: count }, (_, i) => job(i));
}

/** What looks at the data before a run trains; its children count and sum the parts. */
export function prepareFlow({ run, session }: Session, parts: number, validation: number): Flow {
  const survey = (set: string) => (part: number) => ({ name: 'survey', data: { run, session, set, part } });
  return {
    name: 'prepare',
    data: { run, session },
    children: [...numbered(parts, survey('data')), ...numbered(validation, survey('validation'))],
  };
}

/**
 * A round of training: a job for each shard, and their parent, which puts them together and adds the next round. Workers are offered the
 * shards in the order of `offered`.
 */
export function roundFlow(
  { run, session }: Session,
  round: number,
  shards: number,
  offered: readonly number[] = Array.from({ length: shards }, (_, shard) => shard),
): Flow {
  return {
    name: 'reduce',
    data: { run, session, round },
    children: offered.map((shard) => ({ name: 'train', data: { run, session, round, shard } })),
  };
}

/** Scores the weights after a round on rows that are held out. */
export function validateFlow({ run, session }: Session, round: number): Flow {
  return { name: 'validate', data: { run, session, round } };
}

/** Scores all parts; the parent says that all are there. */
export function scoreFlow({ run, session }: Session, parts: number): Flow {
  return {
    name: 'gather',
    data: { run, session },
    children: numbered(parts, (part) => ({ name: 'score', data: { run, session, part } })),
  };
}

/** Trains some trials up to a rung; the parent compares them and adds the next rung. */
export function rungFlow({ run, session }: Session, rung: number, trials: readonly number[]): Flow {
  return {
    name: 'rank',
    data: { run, session, rung },
    children: trials.map((trial) => ({ name: 'trial', data: { run, session, rung, trial } })),
  };
}
