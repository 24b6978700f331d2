import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Trainable, writeFileAtomically } from '@latent/nn';
import { encodeNpy } from '@latent/onnx/npy';
import {
  checkOptions,
  isPlainObject,
  optional,
  refuse,
  refuseUnknown,
  type Tensor,
  text,
  UsageError,
  ValueError,
} from '@latent/tensor';
import { type DataLike, filesOf, partsOf } from './data/given.ts';
import { apart, placeChecks } from './distributed-fit.ts';
import { scoreFlow } from './jobs/flows.ts';
import { joinScores } from './model/join-scores.ts';
import type { ModelKind } from './model/kind.ts';
import { type RowsFile, recordKindOf } from './model/record-kind.ts';
import { kindOf, rowsOf } from './model/standard.ts';
import { beginRun } from './run/begin.ts';
import { atPlace, type RunPlace } from './run/connect.ts';
import { doneOrStopped, type Follow } from './run/follow.ts';
import { keys } from './run/keys.ts';
import type { ScoreOrder } from './run/order.ts';
import { decodeTensors } from './store/blob.ts';

/** The scores of a part, in the order of its rows. */
export interface ScoredPart {
  readonly part: number;
  readonly url: string;
  /** The number of its first row among all. */
  readonly first: number;
  readonly rows: number;
  readonly scores: Readonly<Record<string, Tensor>>;
}

/** How rows are scored by many workers. */
export interface DistributedScoreOptions extends RunPlace {
  /**
   * Rows: parts that workers read, each a job, or rows in memory, which go through the store. Of a model of records: parts, or files in
   * memory, each a part.
   */
  readonly parts: DataLike | Iterable<RowsFile> | AsyncIterable<RowsFile>;
  /**
   * What is asked of each row: a method of the model, such as 'elbo' (default), 'logLikelihood', 'reconstructionError' or 'predict'; of a
   * model of records 'score' by default.
   */
  readonly score?: string;
  /** The method's own options: samples, seed. */
  readonly options?: Readonly<Record<string, unknown>>;
  /**
   * Where the scores go: a folder, which gets a `.npy` file of each part and name, or a function that is told them part by part, in
   * order. Without it they are returned, which needs the memory for all of them.
   */
  readonly out?: string | ((part: ScoredPart) => void | Promise<void>);
}

/** What became of a scoring. */
export interface DistributedScores {
  readonly run: string;
  readonly rows: number;
  /** The scores of all rows by name, in order; empty where `out` got them. */
  readonly scores: Readonly<Record<string, Tensor>>;
}

const scoreChecks = {
  ...placeChecks,
  parts: (value: unknown) => value,
  score: optional(text()),
  options: optional((value, at) => (isPlainObject(value) ? value : refuse(at, 'an object', value)), {}),
  out: optional((value, at) =>
    typeof value === 'function' || (typeof value === 'string' && value !== '')
      ? (value as DistributedScoreOptions['out'])
      : refuse(at, 'a folder or a function', value),
  ),
};

/**
 * Scores rows by any number of workers, part by part: what a part's rows are scored with depends on the model and those rows alone, so the
 * scores have the bits that one process would give them. Parts of workers that die are done again, and none is counted twice.
 */
export async function distributedScore(model: object, options: DistributedScoreOptions): Promise<DistributedScores> {
  const caller = 'distributedScore';
  const { step, rest } = apart(options ?? {});
  const checked = checkOptions(caller, { ...rest, ...step }, scoreChecks);
  const records = recordKindOf(model);
  const own = model as Trainable<string>;
  const kind = records ?? kindOf(caller, own);
  const score = checked.score ?? (records === null ? 'elbo' : 'score');
  if (!Object.hasOwn(kind.scores, score)) refuseUnknown(caller, 'score', score, Object.keys(kind.scores));
  return atPlace(caller, options, async ({ engine, store }) => {
    const order: ScoreOrder = {
      kind: 'score',
      model: kind.name,
      data: await (records === null
        ? partsOf(caller, checked.parts, rowsOf(kind as ModelKind, own, 'score'), store)
        : filesOf(caller, checked.parts, store)),
      score,
      options: checked.options,
    };
    const run = await beginRun(caller, checked.run, order, [kind.toBytes(own)], store);
    const { parts } = order.data;
    if (typeof checked.out === 'string') await checkFolder(`${caller}: out`, checked.out, parts.length);
    if ((await store.get(keys.summary(run, 0))) === null) {
      const { signal, onWarning } = checked;
      const follow: Follow = { caller, run, engine, signal, toEnd: false, onWarning, warned: new Set() };
      const flowOf = (session: number) => scoreFlow({ run, session }, parts.length);
      await doneOrStopped(follow, store, keys.summary(run, 0), flowOf);
    }
    const collected: Record<string, Tensor>[] = [];
    let first = 0;
    for (const [part, { url }] of parts.entries()) {
      const key = keys.scores(run, part);
      const { tensors, metadata } = decodeTensors('scores', key, await store.need(key));
      const rows = Number(metadata.rows);
      if (Object.values(tensors).some(({ shape }) => shape[0] !== rows)) {
        throw new ValueError(
          `store: ${key} does not have a score for each of ${metadata.rows} rows; the blob is altered`,
        );
      }
      const scored: ScoredPart = { part, url, first, rows, scores: tensors };
      if (typeof checked.out === 'string') await writePart(checked.out, scored);
      else if (checked.out !== undefined) await checked.out(scored);
      else collected.push({ ...tensors });
      first += rows;
    }
    return { run, rows: first, scores: checked.out === undefined ? joinScores(collected) : {} };
  });
}

/** Makes a folder for the scores of so many parts, before hours of work. What is there of more parts is not mixed with them. */
async function checkFolder(caller: string, folder: string, parts: number): Promise<void> {
  const names = await mkdir(folder, { recursive: true })
    .then(() => readdir(folder))
    .catch((error: Error) => {
      throw new UsageError(`${caller}: ${folder} cannot be written: ${error.message}`);
    });
  const other = names.find((name) => Number(/-(\d{5,})\.npy$/.exec(name)?.[1] ?? -1) >= parts);
  if (other === undefined) return;
  throw new UsageError(
    `${caller}: ${folder} has ${other} of another scoring, and these are ${parts} parts; give an empty folder`,
  );
}

async function writePart(folder: string, { part, scores }: ScoredPart): Promise<void> {
  for (const [name, scored] of Object.entries(scores)) {
    await writeFileAtomically(join(folder, `${name}-${String(part).padStart(5, '0')}.npy`), encodeNpy(scored));
  }
}
