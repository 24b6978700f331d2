import { checkOptions, fields, LatentError, oneOf, refuseUnknown, text, whole } from '@latent/tensor';
import type { PartSource } from '../data/read.ts';
import { GiveBack, type Handler, type Job, PermanentError } from '../engine/engine.ts';
import { checkedJob } from '../engine/job-size.ts';
import { jobTypes } from '../jobs/types.ts';
import { UnknownModel, type WorkerModule } from '../model/kind.ts';
import { keys, runCheck } from '../run/keys.ts';
import { orderCheck } from '../run/order.ts';
import { decodeJson, encodeJson } from '../store/blob.ts';
import { CheckedStore, type Store, StoreError } from '../store/store.ts';
import { type Arithmetic, arithmeticDiffers } from './arithmetic.ts';
import { type JobReport, type LiveShards, RunMemory } from './context.ts';

/** What a worker is, apart from its connection. */
export interface WorkerParts {
  readonly name: string;
  readonly store: Store;
  readonly module: WorkerModule;
  /** Folders and URLs that data may be read from. */
  readonly data: readonly string[];
  readonly live: LiveShards;
  readonly arithmetic: Arithmetic;
  /** Told why a job is refused. */
  onRefused(reason: string): void;
  add(flow: Parameters<import('../engine/engine.ts').Engine['add']>[0]): Promise<void>;
}

/** Runs that are remembered; of those before nothing is kept. */
const MOST_RUNS = 4;
/** Milliseconds before a job that this worker cannot do is offered again. */
const REFUSED = 500;

const arithmeticCheck = fields({ bits: text(), fused: (value) => value === true });

/** How a worker does jobs: each is checked, since anybody may write to a queue, and then done by its type. */
export function jobHandler(parts: WorkerParts): Handler {
  const memories = new Map<string, RunMemory>();
  const passed = new Map<string, number>();
  const memoryOf = (run: string, session: number): RunMemory => {
    const before = memories.get(run);
    const known = before?.session === session ? before : new RunMemory(session);
    memories.delete(run);
    memories.set(run, known);
    for (const oldest of memories.keys()) {
      if (memories.size <= MOST_RUNS) break;
      memories.delete(oldest);
    }
    return known;
  };

  return async (given, children, said) => {
    const started = performance.now();
    const note = (what: object): void => said({ worker: parts.name, at: Date.now(), ...what });
    try {
      const { type, job } = checkJob(given);
      const { run, session } = job.data;
      const store = new CheckedStore(parts.store);
      const memory = memoryOf(run, session);
      memory.order ??= decodeJson('order', keys.order(run), await store.need(keys.order(run)), orderCheck);
      if (!memory.trusted) await trust(parts, run, store, note);
      memory.trusted = true;
      const known = store.traffic;
      const sources = (parts.module.sources ?? {}) as Readonly<Record<string, PartSource>>;
      const id = JSON.stringify(job);
      const result = await type.run(
        {
          run,
          session,
          worker: parts.name,
          store,
          access: { store, data: parts.data, sources },
          module: parts.module,
          memory,
          live: parts.live,
          children,
          order: memory.order,
          said: note,
          mayPass(times) {
            const count = passed.get(id) ?? 0;
            if (count >= times) passed.delete(id);
            else passed.set(id, count + 1);
            return count < times;
          },
        },
        job.data,
      );
      passed.delete(id);
      for (const flow of result.next ?? []) await parts.add(flow);
      const report: JobReport = {
        ...result.report,
        worker: parts.name,
        seconds: (performance.now() - started) / 1000,
        at: Date.now(),
        got: store.traffic.got,
        put: store.traffic.put,
        // What it took to know the run, and then to begin with a shard.
        startBytes: known.got + known.put + Number(result.report?.startBytes ?? 0),
      };
      return report;
    } catch (error) {
      if (error instanceof UnknownModel) refuse(parts, given.data.run, error.message, note);
      // A store may be well again later; what Latent refuses it will refuse again.
      if (error instanceof LatentError && !(error instanceof StoreError)) throw new PermanentError(error.message);
      throw error;
    }
  };
}

/** A job as it must be: of a type that there is, with the numbers of that type and nothing else. */
function checkJob(given: Job) {
  const caller = 'job';
  const { name, data } = checkedJob(given);
  if (typeof name !== 'string' || !Object.hasOwn(jobTypes, name)) {
    refuseUnknown(caller, 'type of jobs', String(name).slice(0, 80), Object.keys(jobTypes));
  }
  const type = jobTypes[name as keyof typeof jobTypes];
  const number = whole({ min: 0, max: 1e9 });
  const numbers = Object.fromEntries(type.numbers.map((of) => [of, number]));
  const texts = Object.fromEntries(Object.entries(type.texts ?? {}).map(([of, among]) => [of, oneOf(...among)]));
  const checked = checkOptions(`${caller} ${name}`, data ?? {}, {
    run: runCheck,
    session: number,
    ...numbers,
    ...texts,
  });
  return { type, job: { name, data: checked as typeof data } };
}

/** Sees to it that this worker computes as the run's first worker did; that is whoever writes this blob. */
async function trust(
  parts: WorkerParts,
  run: string,
  store: CheckedStore,
  note: (what: object) => void,
): Promise<void> {
  const key = keys.arithmetic(run);
  const { arithmetic } = parts;
  await store.putOnce(key, encodeJson('arithmetic', arithmetic));
  const other = decodeJson('arithmetic', key, await store.need(key), arithmeticCheck) as Arithmetic;
  if (other.bits === arithmetic.bits && other.fused === arithmetic.fused) return;
  refuse(parts, run, arithmeticDiffers(arithmetic, other), note);
}

/** Gives a job back that others may do, and says why. */
function refuse(parts: WorkerParts, run: string, reason: string, note: (what: object) => void): never {
  note({ refused: reason });
  parts.onRefused(`${run}: ${reason}`);
  throw new GiveBack(REFUSED, reason);
}
