import { type Check, refuse } from '@latent/tensor';

const RUN = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** Whether a run may have this name. */
export function isRunName(value: unknown): value is string {
  return typeof value === 'string' && RUN.test(value);
}

/** A check for the name of a run. */
export const runCheck: Check<string> = (value, at) =>
  isRunName(value) ? value : refuse(at, 'a name of at most 64 small letters, digits and hyphens', value);

/** Where the blobs of a run are. */
export const keys = {
  /** What was asked. */
  order: (run: string) => `${run}/order`,
  /** The model as it was given, one for each trial. */
  model: (run: string, trial: number) => `${run}/model/${trial}`,
  /** What was found when it began. */
  record: (run: string) => `${run}/record`,
  /** The model that has learned of the rows what it must know before it trains. */
  learned: (run: string) => `${run}/learned`,
  arithmetic: (run: string) => `${run}/arithmetic`,
  survey: (run: string, set: string, part: number) => `${run}/survey/${set}/${part}`,
  /** What a round begins with. */
  weights: (run: string, round: number) => `${run}/weights/${round}`,
  /** What a round begins with that only the next reduction needs: momenta, or the optimizer of a large batch. */
  outer: (run: string, round: number) => `${run}/outer/${round}`,
  /** What a shard made of a round: weights, or a gradient. */
  shard: (run: string, round: number, shard: number) => `${run}/shard/${round}/${shard}`,
  /** What a shard goes on with in the next round. */
  state: (run: string, round: number, shard: number) => `${run}/state/${round}/${shard}`,
  summary: (run: string, round: number) => `${run}/summary/${round}`,
  validation: (run: string, round: number) => `${run}/validation/${round}`,
  /** Set where a session is to end. */
  stop: (run: string, session: number) => `${run}/stop/${session}`,
  scores: (run: string, part: number) => `${run}/scores/${part}`,
  trial: (run: string, rung: number, trial: number) => `${run}/trial/${rung}/${trial}`,
  result: (run: string, rung: number, trial: number) => `${run}/result/${rung}/${trial}`,
} as const;
