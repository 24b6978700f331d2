import { type ArrayDataset, fit } from '@latent/nn';
import { fields, nullable, Rng, real, ValueError, whole } from '@latent/tensor';
import { gatherShard, type PartRecord } from '../data/gather.ts';
import type { PartsData } from '../data/part.ts';
import { RowsSum, readPart } from '../data/read.ts';
import { kindNamed } from '../model/standard.ts';
import { keys } from '../run/keys.ts';
import { decodeJson, encodeJson } from '../store/blob.ts';
import type { JobContext, JobType } from '../worker/context.ts';
import { doneBefore } from './again.ts';
import { rungFlow } from './flows.ts';
import { orderOf } from './order-of.ts';
import { isStopped, refuseStopped } from './stopped.ts';

/** What became of a trial on a rung; no loss where it diverged. */
export const resultCheck = /* @__PURE__ */ fields({ loss: nullable(real()), epochs: whole({ min: 0 }) });

/** Trains a trial up to a rung's epochs, from where it was on the rung before, to the same bits as in one go. */
export const trial: JobType = {
  numbers: ['rung', 'trial'],
  async run(context, data) {
    const { run, store, module, memory } = context;
    const order = orderOf(context, 'sweep');
    const [rung, number] = [data.rung as number, data.trial as number];
    const [epochs, own] = [order.rungs[rung], order.trials[number]];
    if (epochs === undefined || own === undefined)
      throw new ValueError(`trial: there is no trial ${number} on rung ${rung}`);
    const resultKey = keys.result(run, rung, number);
    if ((await store.get(resultKey)) !== null) return doneBefore;
    await refuseStopped(context);
    const kind = kindNamed(own.model);
    const model = kind.fromBytes(await store.need(keys.model(run, number)), module);
    const rows = await memory.keep('rows', () => allRows(context, order.data));
    const held = await memory.keep('held', () => allRows(context, order.validation));
    await kind.learn?.(model, rows);
    const scaled = kind.scaled?.(model, rows) ?? rows;
    kind.begin?.(model, scaled);
    const before = rung === 0 ? null : await store.need(keys.trial(run, rung - 1, number));
    let last: Uint8Array | null = null;
    try {
      const { epochs: events } = await fit(model, scaled, {
        ...own.training,
        epochs,
        rng: kind.rng?.(model) ?? new Rng(0),
        validation: kind.scaled?.(model, held) ?? held,
        onWarning: () => {},
        onEpoch: ({ epoch }) => context.said({ done: epoch / epochs }),
        checkpoint: {
          to: {
            read: async () => before,
            write: async (bytes) => {
              last = bytes;
            },
          },
          everyEpochs: epochs,
          resume: before !== null,
        },
      });
      await store.putOnce(keys.trial(run, rung, number), last as unknown as Uint8Array);
      const loss = events.at(-1)?.validation?.loss ?? null;
      await store.putSame(resultKey, encodeJson('result', { loss, epochs }));
    } catch (error) {
      if ((error as Error).name !== 'DivergedError') throw error;
      await store.putSame(resultKey, encodeJson('result', { loss: null, epochs }));
    }
    return { report: { rows: rows.length * epochs } };
  },
};

/** Compares the trials of a rung, and sends the best to the next (successive halving: Jamieson & Talwalkar 2016). */
export const rank: JobType = {
  numbers: ['rung'],
  async run(context, data) {
    const { run, session, store } = context;
    const order = orderOf(context, 'sweep');
    const rung = data.rung as number;
    if (rung >= order.rungs.length) throw new ValueError(`rank: there is no rung ${rung}`);
    const ranked = await ranking(context, rung);
    await store.putSame(keys.summary(run, rung), encodeJson('ranking', { ranked }));
    if (rung + 1 === order.rungs.length || (await isStopped(context))) return {};
    const best = survivors(ranked, order.keep);
    if (best.length === 0) return {};
    return { next: [rungFlow({ run, session }, rung + 1, best)] };
  },
};

/** A trial and its loss. */
export interface Ranked {
  readonly trial: number;
  readonly loss: number | null;
}

/** The trials that go on, the best of a ranking: one at least, but none that diverged. */
export function survivors(ranked: readonly Ranked[], keep: number): readonly number[] {
  const sound = ranked.filter(({ loss }) => loss !== null);
  const count = Math.max(1, Math.ceil(ranked.length * keep));
  return sound.slice(0, count).map(({ trial }) => trial);
}

/** The trials of a rung by their losses; of equals the first. */
async function ranking({ run, store, order }: JobContext, rung: number): Promise<readonly Ranked[]> {
  const trials = order.kind === 'sweep' ? order.trials.length : 0;
  const ranked: Ranked[] = [];
  for (let number = 0; number < trials; number++) {
    const key = keys.result(run, rung, number);
    const bytes = await store.get(key);
    if (bytes !== null) ranked.push({ trial: number, loss: decodeJson('result', key, bytes, resultCheck).loss });
  }
  return ranked.sort((a, b) => (a.loss ?? Infinity) - (b.loss ?? Infinity) || a.trial - b.trial);
}

/** All rows of a data set in memory; each worker has them whole. */
async function allRows({ access }: JobContext, data: PartsData): Promise<ArrayDataset> {
  const records: PartRecord[] = [];
  for (const part of data.parts) {
    const sum = new RowsSum();
    for await (const rows of readPart(access, part, data)) sum.add(rows);
    records.push({ rows: sum.rows, checksum: sum.checksum });
  }
  return gatherShard(access, { ...data, assign: 'rows' }, records, 0, 1);
}
