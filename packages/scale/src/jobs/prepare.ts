import { ValueError } from '@latent/tensor';
import { gatherShard, type PartRecord, streamed } from '../data/gather.ts';
import { type PartsData, shardOfPart } from '../data/part.ts';
import { RowsSum, readPart } from '../data/read.ts';
import { kindNamed } from '../model/standard.ts';
import { keys } from '../run/keys.ts';
import { type FitOrder, partRecordCheck } from '../run/order.ts';
import { decodeJson, encodeJson, encodeTensors } from '../store/blob.ts';
import type { JobContext, JobType } from '../worker/context.ts';
import { roundFlow } from './flows.ts';
import { orderOf } from './order-of.ts';
import { isStopped } from './stopped.ts';

const SETS = ['data', 'validation'] as const;

/** Counts the rows of a part and sums them. */
export const survey: JobType = {
  numbers: ['part'],
  texts: { set: SETS },
  async run({ run, order, store, access }, { set, part }) {
    const data = order[set as 'data'] as PartsData | null;
    const which = data?.parts[part as number];
    if (!data || which === undefined) throw new ValueError(`survey: ${set} has no part ${part}`);
    const sum = new RowsSum();
    for await (const rows of readPart(access, which, data)) sum.add(rows);
    if (which.rows !== undefined && which.rows !== sum.rows) {
      throw new ValueError(
        `data ${which.url.slice(0, 200)}: it has ${sum.rows} rows, but ${which.rows} were announced`,
      );
    }
    const record: PartRecord = { rows: sum.rows, checksum: sum.checksum };
    const key = keys.survey(run, set as string, part as number);
    await store.putSame(key, encodeJson('survey', record));
    return { report: { rows: sum.rows } };
  },
};

/** Learns what must be known of all rows before any is trained on, and writes down what the data were. */
export const prepare: JobType = {
  numbers: [],
  async run(context) {
    const { run, session, store, module, access } = context;
    const order = orderOf(context, 'fit');
    const started = performance.now();
    const data = await surveyed(context, 'data', order.data.parts.length);
    const validation = await surveyed(context, 'validation', order.validation?.parts.length ?? 0);
    checkShards(order, data);
    if (order.validation !== null && validation.every(({ rows }) => rows === 0)) {
      throw new ValueError('distributedFit: validation has no rows; leave it out');
    }
    const kind = kindNamed(order.model);
    const model = kind.fromBytes(await store.need(keys.model(run, 0)), module);
    const rows = kind.takesAllRows?.(model)
      ? await gatherShard(access, { ...order.data, assign: 'rows' }, data, 0, 1)
      : streamed(access, order.data);
    const warnings = (await kind.learn?.(model, rows)) ?? [];
    // Checks the rows that are held out too, before hours are spent.
    if (order.validation !== null) kind.scaled?.(model, streamed(access, order.validation));
    await store.putSame(keys.learned(run), kind.toBytes(model));
    await store.putSame(keys.weights(run, 0), encodeTensors('weights', model.stateDict()));
    const seconds = (performance.now() - started) / 1000;
    await store.putOnce(keys.record(run), encodeJson('record', { data, validation, warnings, seconds }));
    return { next: (await isStopped(context)) ? [] : [roundFlow({ run, session }, 0, order.shards)] };
  },
};

async function surveyed({ run, store }: JobContext, set: string, parts: number): Promise<readonly PartRecord[]> {
  const records: PartRecord[] = [];
  for (let part = 0; part < parts; part++) {
    const key = keys.survey(run, set, part);
    records.push(decodeJson('survey', key, await store.need(key), partRecordCheck));
  }
  return records;
}

/** Throws unless every shard has rows. */
function checkShards({ data, shards }: FitOrder, records: readonly PartRecord[]): void {
  const rows = new Array<number>(shards).fill(0);
  let first = 0;
  records.forEach((record, part) => {
    const owner = shardOfPart(data, part, shards);
    if (owner !== null && owner >= shards) {
      throw new ValueError(`distributedFit: part ${part} is assigned to shard ${owner} of ${shards}`);
    }
    for (let shard = 0; shard < shards; shard++) {
      const mine = owner === null ? countOf(first, record.rows, shard, shards) : owner === shard ? record.rows : 0;
      rows[shard] = (rows[shard] as number) + mine;
    }
    first += record.rows;
  });
  const empty = rows.indexOf(0);
  if (empty >= 0) {
    const remedy = data.assign === 'rows' ? 'take fewer shards' : "take fewer shards, or assign: 'rows'";
    throw new ValueError(
      `distributedFit: shard ${empty} of ${shards} would have no rows, of ${first} in all; ${remedy}`,
    );
  }
}

/** Rows among `first` … `first + count − 1` whose number is `shard` modulo `shards`. */
function countOf(first: number, count: number, shard: number, shards: number): number {
  const start = (shard + shards - (first % shards)) % shards;
  return Math.max(0, Math.ceil((count - start) / shards));
}
