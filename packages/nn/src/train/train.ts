import { Rng, type RngState, type Tensor, ValueError, zeros } from '@latent/tensor';
import { checkBatchSize, type Dataset, inOrder } from '../data/dataset.ts';

/** Numbers that a step reports: averaged over the rows of an epoch. */
export type Metrics = Readonly<Record<string, number>>;

export interface ProgressEvent<M extends Metrics> {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done in this epoch, and in a whole one. */
  readonly step: number;
  readonly steps: number;
  /** Rows trained on in this epoch. */
  readonly rows: number;
  readonly rowsPerSecond: number;
  /** Means over this epoch's rows so far. */
  readonly metrics: M;
}

export interface EpochSummary<M extends Metrics> {
  readonly epoch: number;
  readonly epochs: number;
  readonly rows: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
  readonly metrics: M;
}

export interface TrainOptions<M extends Metrics> {
  readonly data: Dataset;
  /** Trains on one batch, which is overwritten afterwards, and reports numbers that are means over its rows. */
  step(batch: Tensor): M;
  /** 10 by default. */
  readonly epochs?: number;
  /** 128 by default; the last batch of an epoch may be smaller. */
  readonly batchSize?: number;
  /** Shuffles each epoch; without it rows come in order. */
  readonly rng?: Rng;
  /** Where to go on: what `afterStep` gave. The generator must be as it was then. */
  readonly from?: TrainPosition;
  /** Called after each step, and waited for; `position` makes what `from` needs. */
  afterStep?(position: () => TrainPosition): Promise<void> | undefined;
  /** Stops between two steps. */
  readonly signal?: AbortSignal;
  onProgress?(event: ProgressEvent<M>): void;
}

/** A place in a run, as plain data. */
export interface TrainPosition {
  /** The epoch under way, from 1, and its steps and rows that are done. */
  readonly epoch: number;
  readonly step: number;
  readonly rows: number;
  /** The generator before it shuffled this epoch's rows; null without shuffling. */
  readonly order: RngState | null;
  /** Sums over the rows of this epoch. */
  readonly totals: Readonly<Record<string, number>>;
}

/** Milliseconds of work between two turns of the event loop: pages stay responsive, timers and signals get through. */
const SLICE = 30;

/**
 * Trains epoch by epoch: `for await (const epoch of train({ … }))`. Ends early, without an error, when the signal is
 * aborted; the epoch under way is then not reported.
 */
export async function* train<M extends Metrics>(options: TrainOptions<M>): AsyncGenerator<EpochSummary<M>> {
  const { data, epochs = 10, batchSize = 128, rng, signal, onProgress, from } = options;
  if (!Number.isInteger(epochs) || epochs < 0)
    throw new ValueError(`train: epochs must be a whole number ≥ 0, got ${epochs}`);
  if (data.length === 0) throw new ValueError('train: there are no rows');
  checkBatchSize(batchSize);
  const steps = Math.ceil(data.length / batchSize);
  // One tensor for each size of batch, written over and over.
  const batches = new Map<number, Tensor>();
  let lastTurn = performance.now();
  for (let epoch = from?.epoch ?? 1; epoch <= epochs; epoch++) {
    // An epoch that was begun goes on with the order it had.
    const begun = from !== undefined && epoch === from.epoch && from.step > 0 ? from : null;
    const totals: Record<string, number> = { ...begun?.totals };
    const started = performance.now();
    let rows = begun?.rows ?? 0;
    let step = begun?.step ?? 0;
    const shuffledBy = begun ? begun.order : (rng?.state ?? null);
    const shuffler = begun?.order ? Rng.fromState(begun.order) : begun ? undefined : rng;
    const order = shuffler?.permutation(data.length) ?? inOrder(data.length);
    const means = (): M => Object.fromEntries(Object.entries(totals).map(([name, total]) => [name, total / rows])) as M;
    const position = (): TrainPosition => ({ epoch, step, rows, order: shuffledBy, totals: { ...totals } });
    while (rows < data.length) {
      if (signal?.aborted) return;
      const size = Math.min(batchSize, data.length - rows);
      let batch = batches.get(size);
      if (batch === undefined) {
        batch = zeros([size, data.width]).persisted(true);
        batches.set(size, batch);
      }
      data.batchInto(order, batch, rows);
      const metrics = options.step(batch);
      rows += size;
      step++;
      for (const name in metrics) totals[name] = (totals[name] ?? 0) + metrics[name] * size;
      const now = performance.now();
      const saving = options.afterStep?.(position);
      if (saving !== undefined) await saving;
      onProgress?.({
        epoch,
        epochs,
        step,
        steps,
        rows,
        rowsPerSecond: (rows / (now - started)) * 1000,
        metrics: means(),
      });
      if (now - lastTurn > SLICE) {
        await turn();
        lastTurn = performance.now();
      }
    }
    const seconds = (performance.now() - started) / 1000;
    yield { epoch, epochs, rows, seconds, rowsPerSecond: rows / seconds, metrics: means() };
  }
}

/** Lets the event loop turn. A message channel, because timers are throttled in background tabs. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}
