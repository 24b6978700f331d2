import { decodeSafetensors, modelTensors, type Trainable } from '@latent/nn';
import {
  anything,
  checkOptions,
  describeValue,
  isPlainObject,
  list,
  optional,
  real,
  ValueError,
  whole,
} from '@latent/tensor';
import { type DataLike, partsOf } from './data/given.ts';
import { apart, checkTravels, placeChecks } from './distributed-fit.ts';
import { rungFlow } from './jobs/flows.ts';
import { resultCheck, survivors } from './jobs/sweeping.ts';
import { kindOf, rowsOf } from './model/standard.ts';
import { beginRun } from './run/begin.ts';
import { atPlace, type RunPlace } from './run/connect.ts';
import { doneOrStopped, type Follow } from './run/follow.ts';
import { keys } from './run/keys.ts';
import { type StepTraining, type SweepOrder, trainingCheck } from './run/order.ts';
import { decodeJson } from './store/blob.ts';

/** A model and how it is trained, to be compared with others. */
export interface Trial<M extends Trainable<string>> extends StepTraining {
  readonly model: M;
  /** Its number by default. */
  readonly name?: string;
}

/** How trials are compared. */
export interface SweepOptions extends RunPlace {
  readonly rows: DataLike;
  /** What the trials are compared by. */
  readonly validation: DataLike;
  /** Epochs in all that a trial has had at the end of each rung; [1, 3, 9] by default. */
  readonly rungs?: readonly number[];
  /** The share of the trials of a rung that go on; a third by default. */
  readonly keep?: number;
}

/** What became of a trial. */
export interface TrialResult {
  readonly trial: number;
  readonly name: string;
  /** The validation loss of the last rung that it was on; null where it diverged. */
  readonly loss: number | null;
  readonly epochs: number;
  /** The last rung that it was on, from 0. */
  readonly rung: number;
}

/** What became of a sweep: trials by how far they came, and then by their losses; those that diverged last. */
export interface SweepResult<M> {
  readonly run: string;
  readonly best: M;
  readonly trials: readonly TrialResult[];
}

const sweepChecks = {
  ...placeChecks,
  rows: anything(),
  validation: anything(),
  rungs: optional(list(whole({ min: 1 }), { min: 1, max: 32 }), [1, 3, 9]),
  keep: optional(real({ above: 0, below: 1 }), 1 / 3),
};

/**
 * Compares trials by successive halving (Jamieson & Talwalkar 2016, arXiv 1502.07943): all train for a few epochs, the best third goes on
 * from its exact checkpoints, and so on. Each trial is one job of one worker, which has all the rows in memory. The best model is
 * trained in place; a trial that went all the way has the bits of a `fit` of as many epochs.
 */
export async function sweep<M extends Trainable<string>>(
  trials: readonly Trial<M>[],
  options: SweepOptions,
): Promise<SweepResult<M>> {
  const caller = 'sweep';
  const { rungs, keep, ...checked } = checkOptions(caller, { ...options }, sweepChecks);
  if (!Array.isArray(trials) || trials.length === 0) throw new ValueError(`${caller}: needs at least one trial`);
  if (rungs.some((epochs, i) => i > 0 && epochs <= (rungs[i - 1] as number))) {
    throw new ValueError(`${caller}: rungs must rise, got ${rungs.join(', ')}`);
  }
  const bad = (trials as readonly unknown[]).findIndex((trial) => !isPlainObject(trial));
  if (bad >= 0)
    throw new ValueError(`${caller}: trials[${bad}] must be { model, … }, got ${describeValue(trials[bad])}`);
  const given = trials as readonly Trial<M>[];
  const models = given.map(({ model }) => model);
  if (new Set(models).size < models.length)
    throw new ValueError(`${caller}: two trials have the same model; make one for each`);
  const kinds = models.map((model) => kindOf(caller, model));
  return atPlace(caller, options, async ({ engine, store }) => {
    const of = rowsOf(kinds[0] as (typeof kinds)[number], models[0] as M, 'fit');
    const order: SweepOrder = {
      kind: 'sweep',
      data: await partsOf(caller, checked.rows, of, store),
      validation: await partsOf(`${caller}: validation`, checked.validation, of, store),
      trials: given.map((trial, i) => {
        const { model: _, name = String(i), ...rest } = trial;
        const { step, rest: unknown } = apart(rest);
        checkOptions(`${caller}: trials[${i}]`, unknown, {});
        return {
          name,
          model: (kinds[i] as (typeof kinds)[number]).name,
          training: trainingCheck(step, { caller, path: `trials[${i}]` }),
        };
      }),
      rungs,
      keep,
    };
    const own = (checked.module ?? {}) as object;
    const bytes = models.map((model, i) => {
      const kind = kinds[i] as (typeof kinds)[number];
      const made = kind.toBytes(model);
      checkTravels(`${caller}: trials[${i}]`, model, kind.fromBytes(made, own));
      return made;
    });
    const run = await beginRun(caller, checked.run, order, bytes, store);
    const { signal, onWarning } = checked;
    const follow: Follow = { caller, run, engine, signal, toEnd: false, onWarning, warned: new Set() };
    let alive: readonly number[] = given.map((_, i) => i);
    const results = new Map<number, TrialResult>();
    for (const [rung, epochs] of rungs.entries()) {
      const going = alive;
      if ((await store.get(keys.summary(run, rung))) === null) {
        const flowOf = (session: number) => rungFlow({ run, session }, rung, going);
        await doneOrStopped(follow, store, keys.summary(run, rung), flowOf);
      }
      const ranked = [];
      for (const trial of alive) {
        const key = keys.result(run, rung, trial);
        const { loss } = decodeJson('result', key, await store.need(key), resultCheck);
        results.set(trial, { trial, name: order.trials[trial]?.name ?? '', loss, epochs, rung });
        ranked.push({ trial, loss });
      }
      ranked.sort((a, b) => (a.loss ?? Infinity) - (b.loss ?? Infinity) || a.trial - b.trial);
      alive = survivors(ranked, keep);
      if (alive.length === 0) break;
    }
    const sound = (of: TrialResult): number => (of.loss === null ? 0 : 1);
    const all = [...results.values()].sort(
      (a, b) =>
        sound(b) - sound(a) || b.rung - a.rung || (a.loss ?? Infinity) - (b.loss ?? Infinity) || a.trial - b.trial,
    );
    const [winner] = all as [TrialResult];
    if (winner.loss === null) throw new ValueError(`${caller}: every trial diverged; try smaller learning rates`);
    const best = models[winner.trial] as M;
    const kind = kinds[winner.trial] as (typeof kinds)[number];
    const checkpoint = await store.need(keys.trial(run, winner.rung, winner.trial));
    const { tensors } = decodeSafetensors(checkpoint);
    const trained = kind.fromBytes(checkpoint, own);
    trained.loadStateDict(modelTensors(tensors));
    kind.adopt(best, trained);
    return { run, best, trials: all };
  });
}
