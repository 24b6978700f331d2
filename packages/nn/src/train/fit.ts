import { Rng, type Tensor, ValueError } from '@latent/tensor';
import type { Batch, Dataset } from '../data/dataset.ts';
import { stepping } from '../module/module.ts';
import { beforeLong, Slices, settledBy } from '../module/turn.ts';
import { adam } from '../optim/adam.ts';
import { followsLoss } from '../schedule/schedule.ts';
import type { Callback, Run } from './callback.ts';
import { encodeCheckpoint, type RunParts, type RunState, restoreCheckpoint, type TrainPosition } from './checkpoint.ts';
import { type EarlyStopping, type EarlyStoppingOptions, earlyStopping } from './early-stopping.ts';
import { Evaluation } from './evaluation.ts';
import { type CheckedFitOptions, checkFitOptions, datasetCheck, type FitOptions } from './fit-options.ts';
import { DivergedError, type FitEvent, type History, type Stopped } from './history.ts';
import { trainingAlone } from './lock.ts';
import { type MovingAverageOptions, movingAverage } from './moving-average.ts';
import { plateauCallback } from './plateau.ts';
import { type Reported, SplitStep, slicedStep } from './train-step.ts';
import type { Metrics, Trainable } from './trainable.ts';

/** Names that the events of a run use themselves. */
const TAKEN = ['epoch', 'epochs', 'step', 'steps', 'rows', 'rowsPerSecond', 'secondsLeft', 'validation'];

/**
 * Trains a model on the rows of a data set: shuffled batches, a recorded step for each, validation, early stopping,
 * checkpoints, a history. Every model of the library trains through it, and so may yours: see `Trainable`.
 *
 * It rejects with a `DivergedError` when the loss is no longer finite; the model then has the weights of the last sound
 * epoch. A model that is being trained is refused, and so is one that shares modules with it.
 */
export async function fit<N extends string = never>(
  model: Trainable<N>,
  data: Dataset,
  options: FitOptions<N> = {},
): Promise<History<N>> {
  const checked = checkFitOptions('fit', options);
  if (typeof model?.parts !== 'function' || typeof model.namedModules !== 'function') {
    throw new ValueError('fit: the model must be a module with parts(batch, rng) that gives { loss }');
  }
  datasetCheck(data, { caller: 'fit', path: 'the data' });
  if (data.length === 0) throw new ValueError('fit: there are no rows');
  return trainingAlone('fit', model, async () => {
    await beforeLong();
    const training = new Training(model as unknown as Trainable<string>, data, checked);
    return (await training.run()) as unknown as History<N>;
  });
}

/** A loss that is not finite ends the run. */
class Diverged extends Error {}

class Training {
  readonly #model: Trainable<string>;
  readonly #data: Dataset;
  readonly #options: CheckedFitOptions;
  readonly #parts: RunParts;
  readonly #run: Run;
  readonly #early: EarlyStopping | undefined;
  readonly #description: Readonly<Record<string, unknown>>;
  readonly #step: (batch: Batch) => Reported;
  readonly #split: SplitStep | null;
  readonly #names: readonly string[];
  readonly #started = performance.now();
  readonly #history: FitEvent[] = [];
  readonly #warnings: string[];
  readonly #evaluation: Evaluation | null;
  /** Pages stay responsive, timers and signals get through. */
  readonly #slices = new Slices();
  #lastSaved = performance.now();
  /** Updates since the run began or was resumed. */
  #updates = 0;
  /** The weights at the end of the last epoch (or at the start), all finite. */
  readonly #sound: Record<string, Tensor> = {};

  constructor(model: Trainable<string>, data: Dataset, options: CheckedFitOptions) {
    this.#model = model;
    this.#data = data;
    this.#options = options;
    const spec = options.optimizer ?? adam({ learningRate: options.learningRate ?? 1e-3 });
    const optimizer = spec.create(model.trainableParameters());
    const { schedule } = optimizer;
    const callbacks: Callback[] = [
      ...(options.movingAverage === undefined ? [] : [movingAverage(options.movingAverage as MovingAverageOptions)]),
      ...(followsLoss(schedule) ? [plateauCallback(schedule)] : []),
      ...(options.earlyStopping === undefined ? [] : [earlyStopping(options.earlyStopping as EarlyStoppingOptions)]),
      ...options.callbacks,
    ];
    const names = callbacks.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new ValueError(`fit: there are two callbacks named '${twice}'`);
    this.#early = callbacks.find((callback) => callback.name === 'earlyStopping') as EarlyStopping | undefined;
    this.#parts = { model, optimizer, callbacks, rng: options.rng ?? new Rng(options.seed) };
    this.#run = {
      model,
      optimizer,
      watched: (event) => event.validation?.loss ?? model.watched?.(event as unknown as Metrics<string>) ?? event.loss,
      scored: () => {
        for (const callback of callbacks) callback.beforeEvaluation?.(this.#run);
        const weights = model.stateDict();
        for (const callback of callbacks) callback.afterEvaluation?.(this.#run);
        return weights;
      },
    };
    this.#names = Object.keys(data.spec);
    const { rng } = this.#parts;
    this.#split = options.accumulate > 1 ? new SplitStep(model, optimizer, rng, this.#names, options) : null;
    this.#step =
      this.#split === null
        ? slicedStep(this.#slices, model, optimizer, rng, this.#names, options)
        : (batch) => this.#accumulated(batch);
    const { validation, batchSize } = options;
    this.#evaluation = validation === undefined ? null : new Evaluation(model, validation, batchSize);
    this.#warnings = [...options.warnings];
    // What must be the same when a run goes on; the number of epochs may grow.
    this.#description = {
      optimizer: spec.config(),
      batchSize: options.batchSize,
      accumulate: options.accumulate,
      rows: data.length,
      data: options.checkpoint === undefined ? undefined : data.fingerprint?.(),
      validation: options.checkpoint === undefined ? undefined : options.validation?.fingerprint?.(),
      clipNorm: options.clipNorm,
      clipParameterNorm: options.clipParameterNorm,
      clipValue: options.clipValue,
      l1: options.l1,
      l2: options.l2,
      constraints: options.constraints,
      callbacks: Object.fromEntries(callbacks.map((callback) => [callback.name, callback.config?.() ?? {}])),
    };
  }

  async run(): Promise<History> {
    const { epochs, checkpoint, onStart, onWarning, maxSeconds, onEpoch } = this.#options;
    const { optimizer, callbacks } = this.#parts;
    const model = this.#model;
    await settledBy(this.#slices);
    for (const callback of callbacks) callback.begin?.(this.#run);
    const resumed = await this.#resume();
    await this.#remember();
    // A run that ended by itself has nothing to go on with.
    if (resumed?.stopped === 'patience' || resumed?.stopped === 'target') {
      onStart?.();
      return this.#finish(resumed.stopped);
    }
    const from = resumed?.position ?? startOf(1);
    // At once, so that a place that cannot be written shows before anything is trained.
    await this.#save({ position: from, stopped: null });
    onStart?.();
    for (const warning of this.#warnings) onWarning(warning);
    // Steps are in training mode by themselves; what callbacks ask of the model in between is not.
    model.eval();
    let stopped: Stopped = 'finished';
    // What came before, learning scales of the rows, and the first step, which is recorded, are long enough by themselves.
    await this.#slices.turn();
    try {
      for (let epoch = from.epoch; epoch <= epochs; epoch++) {
        optimizer.epoch = epoch - 1;
        model.beginEpoch?.(epoch - 1);
        const trained = await this.#epoch(epoch, epoch === from.epoch && from.order !== null ? from : null);
        if (trained === null) {
          stopped = 'aborted';
          break;
        }
        const event = await this.#validated(trained);
        await this.#keepSound(epoch);
        this.#history.push(event);
        const reason = callbacks.map((callback) => callback.afterEpoch?.(event, this.#run)).find(Boolean);
        onEpoch?.(event);
        if (reason !== undefined) stopped = reason;
        else if (performance.now() - this.#started > 1000 * maxSeconds) stopped = 'time';
        const done = stopped !== 'finished' || epoch === epochs;
        if (checkpoint !== undefined && !done && epoch % checkpoint.everyEpochs === 0) {
          await this.#save({ position: startOf(epoch + 1), stopped: null });
        }
        if (stopped !== 'finished') break;
      }
    } catch (error) {
      if (!(error instanceof Diverged)) throw error;
      this.#diverge(error.message);
    }
    return this.#finish(stopped);
  }

  /** The last word on the weights, and the last checkpoint. */
  async #finish(stopped: Stopped): Promise<History> {
    const { callbacks } = this.#parts;
    if (stopped !== 'aborted') {
      const last = this.#options.checkpoint === undefined ? null : this.#model.stateDict();
      for (const callback of callbacks) callback.end?.(this.#run);
      await this.#save({ position: startOf(this.#history.length + 1), stopped }, last);
    }
    return this.#ended(stopped);
  }

  #ended(stopped: Stopped): History {
    return { epochs: this.#history, stopped, best: this.#early?.best ?? null, warnings: this.#warnings };
  }

  /** One walk over the rows; null when the signal was aborted. */
  async #epoch(epoch: number, begun: TrainPosition | null): Promise<FitEvent | null> {
    const { batchSize, epochs, signal, onProgress } = this.#options;
    const { rng } = this.#parts;
    const started = performance.now();
    const totals: Record<string, number> = { ...begun?.totals };
    let rows = begun?.rows ?? 0;
    let step = begun?.step ?? 0;
    const rowsBefore = rows;
    // An epoch that was begun goes on with the order it had.
    const order = begun?.order ?? rng.state;
    const pass = this.#data.pass({ batchSize, rng: begun?.order ? Rng.fromState(begun.order) : rng, skip: rows });
    const event = (): FitEvent => {
      const means: Record<string, number> = {};
      for (const name in totals) means[name] = (totals[name] as number) / rows;
      const length = this.#data.length;
      const rowsPerSecond = ((rows - rowsBefore) / Math.max(1e-3, performance.now() - started)) * 1000;
      const left = length === null ? null : (epochs - epoch) * length + Math.max(0, length - rows);
      return {
        epoch,
        epochs,
        step,
        steps: length === null ? null : Math.ceil(length / batchSize),
        rows,
        rowsPerSecond,
        // Of an epoch that was done when it was resumed there is no speed.
        secondsLeft: left === null || rows === rowsBefore ? null : left / rowsPerSecond,
        ...(means as { readonly loss: number }),
      };
    };
    const position = (): TrainPosition => ({ epoch, step, rows, order, totals: { ...totals } });
    try {
      for (;;) {
        const between = (this.#split?.batches ?? 0) === 0;
        // Between two updates, and not after the last: then the epoch is whole.
        if (signal?.aborted && between && rows < (this.#data.length ?? Infinity)) {
          await this.#save({ position: position(), stopped: 'aborted' });
          return null;
        }
        const waiting = pass.next();
        const batch = waiting instanceof Promise ? await waiting : waiting;
        if (batch === null) break;
        const size = (batch[this.#names[0] as string] as Tensor).shape[0] as number;
        const made = stepping(this.#step, batch);
        const numbers = made instanceof Promise ? await made : made;
        if (!Number.isFinite(numbers.loss))
          throw new Diverged(`the loss became ${numbers.loss} in step ${step + 1} of epoch ${epoch}`);
        rows += size;
        step++;
        for (const name in numbers) totals[name] = (totals[name] ?? 0) + (numbers[name] as number) * size;
        // Between the batches of one update there is nothing to save or to average.
        const updated = (this.#split?.batches ?? 0) === 0;
        if (updated) this.#updated();
        onProgress?.(event());
        const saved = updated ? this.#saveIfDue(position) : undefined;
        if (saved !== undefined) await saved;
        const turned = this.#slices.next();
        if (turned !== undefined) await turned;
      }
      if (this.#split !== null && this.#split.batches > 0) {
        await this.#split.update(this.#slices);
        this.#updated();
        await this.#saveIfDue(position);
      }
    } finally {
      await pass.close?.();
    }
    if (rows === 0) throw new ValueError('fit: there are no rows');
    for (const name of Object.keys(totals)) {
      if (TAKEN.includes(name))
        throw new ValueError(`fit: parts(…) reports '${name}', which events use; choose another name`);
    }
    return event();
  }

  /** After an update of the parameters. */
  #updated(): void {
    for (const callback of this.#parts.callbacks) callback.afterStep?.(this.#run);
    this.#updates++;
  }

  /** A checkpoint within an epoch. */
  #saveIfDue(position: () => TrainPosition): Promise<void> | undefined {
    const { checkpoint } = this.#options;
    if (checkpoint === undefined) return undefined;
    const late = performance.now() - this.#lastSaved >= 60_000 * checkpoint.everyMinutes;
    const due = late || this.#updates % checkpoint.everySteps === 0;
    return due ? this.#save({ position: position(), stopped: null }) : undefined;
  }

  /** Adds a batch's gradients up; every so many batches the parameters move. */
  #accumulated(batch: Batch): Reported {
    const split = this.#split as SplitStep;
    const numbers = split.add(batch, this.#slices);
    if (split.batches < this.#options.accumulate) return numbers;
    if (!(numbers instanceof Promise)) {
      split.update();
      return numbers;
    }
    return numbers.then(async (reported) => {
      await split.update(this.#slices);
      return reported;
    });
  }

  /** The event of an epoch with the validation's numbers. */
  async #validated(event: FitEvent): Promise<FitEvent> {
    if (this.#evaluation === null) return event;
    const { callbacks } = this.#parts;
    for (const callback of callbacks) callback.beforeEvaluation?.(this.#run);
    try {
      return { ...event, validation: await this.#evaluation.run() };
    } finally {
      for (const callback of callbacks) callback.afterEvaluation?.(this.#run);
    }
  }

  /** Remembers the weights of an epoch that ended well. */
  async #keepSound(epoch: number): Promise<void> {
    const tensors = this.#model.namedTensors();
    for (const [name, tensor] of tensors) {
      if (!Number.isFinite(tensor.sum().item())) throw new Diverged(`${name} is no longer finite after epoch ${epoch}`);
      await this.#slices.next();
    }
    await this.#remember(tensors);
  }

  async #remember(tensors = this.#model.namedTensors()): Promise<void> {
    for (const [name, tensor] of tensors) {
      const known = this.#sound[name];
      if (known === undefined) this.#sound[name] = tensor.clone();
      else known.assign(tensor);
      await this.#slices.next();
    }
  }

  /** Takes back sound weights and says what happened. */
  #diverge(what: string): never {
    this.#model.loadStateDict(this.#sound);
    this.#early?.end?.(this.#run);
    const best = this.#early?.config?.().restoreBest === false ? null : this.#early?.best;
    const last = this.#history.length;
    const kept = best
      ? `those of the best epoch, ${best.epoch}`
      : last === 0
        ? 'as they were before the run'
        : `those of epoch ${last}`;
    const { learningRate, name } = this.#parts.optimizer;
    const remedies = [
      `a smaller learning rate than ${name}'s ${learningRate}`,
      ...(this.#options.clipNorm === undefined ? ['clipNorm: 1'] : []),
      'columns on a common scale (transform: standardise())',
    ];
    throw new DivergedError(
      [`fit: ${what}; the weights are ${kept}. Try ${remedies.join(', or ')}`, ...this.#warnings].join('. '),
      { epochs: this.#history, best: this.#early?.best ?? null, warnings: this.#warnings },
    );
  }

  async #resume(): Promise<RunState | null> {
    const { checkpoint } = this.#options;
    if (!checkpoint?.resume) return null;
    const bytes = await checkpoint.to.read();
    if (!bytes) return null;
    const state = restoreCheckpoint(bytes, this.#parts, this.#description, this.#run);
    this.#history.push(...state.history);
    return state;
  }

  async #save(
    state: Pick<RunState, 'position' | 'stopped'>,
    last: Readonly<Record<string, Tensor>> | null = null,
  ): Promise<void> {
    const { checkpoint } = this.#options;
    if (checkpoint === undefined) return;
    const { callbacks } = this.#parts;
    const changed = last !== null && callbacks.some((callback) => callback.end !== undefined);
    const full = { ...state, history: this.#history, warnings: this.#warnings };
    await checkpoint.to.write(encodeCheckpoint(this.#parts, this.#description, full, changed ? last : null));
    this.#lastSaved = performance.now();
  }
}

function startOf(epoch: number): TrainPosition {
  return { epoch, step: 0, rows: 0, order: null, totals: {} };
}
