import type { FlatRows, TypedArray } from '@latent/nn';
import { refuseUnknown, Tensor, ValueError } from '@latent/tensor';
import { RowsSum, readPart } from '../data/read.ts';
import { kindNamed } from '../model/standard.ts';
import { keys } from '../run/keys.ts';
import { encodeJson, encodeTensors } from '../store/blob.ts';
import type { JobType } from '../worker/context.ts';
import { doneBefore } from './again.ts';
import { orderOf } from './order-of.ts';

/** Scores the rows of a part. */
export const score: JobType = {
  numbers: ['part'],
  async run(context, data) {
    const { run, store, access, memory, module } = context;
    const order = orderOf(context, 'score');
    const part = order.data.parts[data.part as number];
    if (part === undefined) throw new ValueError(`score: there is no part ${data.part}`);
    const key = keys.scores(run, data.part as number);
    if ((await store.get(key)) !== null) return doneBefore;
    const kind = kindNamed('score', order.model);
    const model = await memory.keep('model', async () => kind.fromBytes(await store.need(keys.model(run, 0)), module));
    const method = Object.hasOwn(kind.scores, order.score) ? kind.scores[order.score] : undefined;
    if (method === undefined) refuseUnknown('distributedScore', 'score', order.score, Object.keys(kind.scores));
    const sum = new RowsSum();
    const chunks: FlatRows[] = [];
    for await (const rows of readPart(access, part, order.data)) {
      sum.add(rows);
      const x = rows.get('x');
      if (x === undefined) throw new ValueError('distributedScore: the rows to score are named x');
      chunks.push(x);
    }
    if (part.rows !== undefined && part.rows !== sum.rows) {
      throw new ValueError(`data ${part.url.slice(0, 200)}: it has ${sum.rows} rows, but ${part.rows} were announced`);
    }
    if (sum.rows === 0) throw new ValueError(`data ${part.url.slice(0, 200)}: it has no rows`);
    const scores = method(model, together(chunks), order.options);
    for (const [name, tensor] of Object.entries(scores)) {
      if (!(tensor instanceof Tensor) || tensor.shape[0] !== sum.rows) {
        throw new ValueError(`distributedScore: ${order.score} must give a number for each row, but ${name} is none`);
      }
    }
    await store.putSame(key, encodeTensors('scores', scores, { rows: String(sum.rows), data: sum.checksum }));
    return { report: { rows: sum.rows } };
  },
};

/** Says that every part was scored. */
export const gather: JobType = {
  numbers: [],
  async run(context) {
    const { run, store, children } = context;
    const order = orderOf(context, 'score');
    const workers = new Set(children.map((child) => String((child as { worker?: unknown } | null)?.worker ?? '')));
    const summary = { parts: order.data.parts.length, workers: [...workers].filter((name) => name !== '') };
    await store.putOnce(keys.summary(run, 0), encodeJson('gathered', summary));
    return {};
  },
};

/** Rows of several chunks as one. */
function together(chunks: readonly FlatRows[]): FlatRows {
  const [first] = chunks as readonly [FlatRows];
  if (chunks.length === 1) return first;
  const single = chunks.every(({ values }) => values instanceof Float32Array);
  const length = chunks.reduce((sum, { values }) => sum + values.length, 0);
  const values: TypedArray = single ? new Float32Array(length) : new Float64Array(length);
  let at = 0;
  for (const chunk of chunks) {
    values.set(chunk.values, at);
    at += chunk.values.length;
  }
  return { values, count: length / first.width, width: first.width };
}
