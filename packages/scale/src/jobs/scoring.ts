import { crc32, type FlatRows, type TypedArray } from '@latent/nn';
import { refuseUnknown, Tensor, ValueError } from '@latent/tensor';
import type { Part, PartsData } from '../data/part.ts';
import { type DataAccess, RowsSum, readFilePart, readPart } from '../data/read.ts';
import { joinScores } from '../model/join-scores.ts';
import type { ScoreOptions, Scores } from '../model/kind.ts';
import { type RecordKind, recordKindNamed } from '../model/record-kind.ts';
import { kindNamed } from '../model/standard.ts';
import { keys } from '../run/keys.ts';
import { encodeJson, encodeTensors } from '../store/blob.ts';
import type { JobType } from '../worker/context.ts';
import { doneBefore } from './again.ts';
import { orderOf } from './order-of.ts';
import { refuseStopped } from './stopped.ts';

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
    await refuseStopped(context);
    const records = recordKindNamed(order.model);
    const kind = records ?? kindNamed(order.model);
    const model = await memory.keep('model', async () => kind.fromBytes(await store.need(keys.model(run, 0)), module));
    const method = Object.hasOwn(kind.scores, order.score) ? kind.scores[order.score] : undefined;
    if (method === undefined) refuseUnknown('distributedScore', 'score', order.score, Object.keys(kind.scores));
    const ask: Asked = (rows, beside) => (method as Ask)(model, rows, order.options, beside);
    const { scores, rows, checksum } =
      records === null
        ? await scoreNumbers(access, part, order.data, ask)
        : await scoreRecords(access, part, records, ask);
    if (part.rows !== undefined && part.rows !== rows) {
      throw new ValueError(`data ${part.url.slice(0, 200)}: it has ${rows} rows, but ${part.rows} were announced`);
    }
    for (const [name, tensor] of Object.entries(scores)) {
      if (!(tensor instanceof Tensor) || tensor.shape[0] !== rows) {
        throw new ValueError(`distributedScore: ${order.score} must give a number for each row, but ${name} is none`);
      }
    }
    await store.putSame(key, encodeTensors('scores', scores, { rows: String(rows), data: checksum }));
    return { report: { rows } };
  },
};

type Beside = Readonly<Record<string, FlatRows>>;
type Ask = (model: object, rows: unknown, options: ScoreOptions, beside: Beside) => Scores;
type Asked = (rows: unknown, beside: Beside) => Scores;

/** What was scored. */
interface Scored {
  readonly scores: Scores;
  readonly rows: number;
  /** Of the rows. */
  readonly checksum: string;
}

async function scoreNumbers(access: DataAccess, part: Part, data: PartsData, ask: Asked): Promise<Scored> {
  const sum = new RowsSum();
  const chunks: Readonly<Record<string, FlatRows[]>> = Object.fromEntries(Object.keys(data.spec).map((of) => [of, []]));
  if (chunks.x === undefined) throw new ValueError('distributedScore: the rows to score are named x');
  for await (const rows of readPart(access, part, data)) {
    sum.add(rows);
    for (const [name, own] of rows) chunks[name]?.push(own);
  }
  if (sum.rows === 0) throw new ValueError(`data ${part.url.slice(0, 200)}: it has no rows; leave it out`);
  const { x, ...beside } = Object.fromEntries(Object.entries(chunks).map(([name, own]) => [name, together(own)]));
  return { scores: ask(x, beside), rows: sum.rows, checksum: sum.checksum };
}

async function scoreRecords(access: DataAccess, part: Part, kind: RecordKind, ask: Asked): Promise<Scored> {
  const file = await readFilePart(access, part);
  const chunks: Scores[] = [];
  try {
    for await (const rows of kind.read(file)) chunks.push(ask(rows, {}));
  } catch (error) {
    // Of the same bytes it will be the same another time.
    throw new ValueError(`data ${file.name.slice(0, 200)}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const scores = joinScores(chunks);
  const [first] = Object.values(scores);
  return { scores, rows: first?.shape[0] ?? 0, checksum: `bytes:${crc32(file.bytes).toString(16).padStart(8, '0')}` };
}

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
