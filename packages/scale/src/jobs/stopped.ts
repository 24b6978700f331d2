import { ValueError } from '@latent/tensor';
import { keys } from '../run/keys.ts';
import type { JobContext } from '../worker/context.ts';

/** Whether the session of a job was ended: no jobs are added after it. */
export async function isStopped({ run, session, store }: Pick<JobContext, 'run' | 'session' | 'store'>) {
  return (await store.get(keys.stop(run, session))) !== null;
}

/** Throws where the session of a job was ended and nobody waits for it. */
export async function refuseStopped(context: Pick<JobContext, 'run' | 'session' | 'store'>): Promise<void> {
  if (await isStopped(context)) throw new ValueError('the signal of a caller ended it');
}
