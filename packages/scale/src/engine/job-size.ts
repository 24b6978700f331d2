import { ValueError } from '@latent/tensor';
import type { Job } from './engine.ts';

/** A job says what is to be done and holds no data, so it is short. */
const LONGEST = 1024;

/** A job as the other side will read it; one that is too long to be a job is refused. */
export function checkedJob(job: Job): Job {
  const json = JSON.stringify({ name: job.name, data: job.data });
  const bytes = new TextEncoder().encode(json).length;
  if (bytes > LONGEST) throw new ValueError(`engine: a job has at most ${LONGEST} bytes, got ${bytes} for ${job.name}`);
  return JSON.parse(json) as Job;
}
