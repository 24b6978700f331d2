import {
  type Batch,
  type BatchSpec,
  beforeLong,
  type Dataset,
  decodeSafetensors,
  encodeSafetensors,
  FittedTransform,
  type FlatRows,
  fit,
  type History,
  isTraining,
  Module,
  modelTensors,
  type Parts,
  type Rows,
  readFileBytes,
  type Trainable,
  type TrainingOptions,
  type Transform,
  trainingChecks,
  withoutFirstWeights,
  writeFileAtomically,
} from '@latent/nn';
import {
  checkNames,
  isPlainObject,
  LatentError,
  type Rng,
  refuse,
  refuseSurplus,
  type Shape,
  shortText,
  type Tensor,
  UsageError,
  ValueError,
} from '@latent/tensor';
import type { ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import type { Sequence } from '../sequence/sequence.ts';
import { checkBeside, inMemory } from './dealt-rows.ts';
import { displayName, FORMAT, modelClass, nameOf, readHeader, VERSION } from './file-header.ts';
import { ModelRows, notLearned, type PreparedRows } from './model-rows.ts';
import type { ReadyRows } from './rows-program.ts';
import { SeenRange } from './seen-range.ts';
import { type Columns, TrainingRows } from './training-rows.ts';

/** How a model is trained on rows. `N` are the names of what it reports beside its loss. */
export interface ModelFitOptions<N extends string = never> extends TrainingOptions<N> {
  /** Rows scored after each epoch, and watched by early stopping. */
  readonly validationData?: Rows | Dataset;
}

/** What a model is trained on beside its rows. */
export interface BesideRows {
  readonly rows?: Columns;
  readonly validation?: Columns;
  /** Takes back what was changed for a run that is refused before it begins. */
  undo?(): void;
}

/** Of a class of models, what its files say. */
export interface ModelClass<M extends Model> {
  new (options: never): M;
  /** In the files of models of this class. */
  readonly modelName: string;
}

/**
 * What all models have in common: events of a shape, a transform that `fit` learns and the file keeps, training through
 * `fit`, and one file format for all.
 */
export abstract class Model<N extends string = never> extends Module implements Trainable<N> {
  /** The shape of a row. */
  readonly event: Shape;
  /** Draws of training: order, sampling, dropout and corruption. */
  readonly rng: Rng;
  /** What rows are that are sequences; null for rows of one shape. */
  readonly sequence: Sequence | null;
  readonly #rows: ModelRows;
  readonly #training: TrainingRows;

  constructor(event: Shape, transform: Transform | FittedTransform | null, rng: Rng, sequence: Sequence | null = null) {
    super();
    refuseSurplus(Model, 'toBytes save takeLearned', nameOf);
    this.event = event;
    this.rng = rng;
    this.sequence = sequence;
    this.#rows = new ModelRows(event, transform, sequence, {
      name: () => this.#name,
      likelihood: () => this.likelihood(),
      holes: () => this.holes,
      anySteps: () => this.anySteps,
      lent: () => this.lent,
    });
    this.#training = new TrainingRows(this.#rows, () => this.caveats());
  }

  /** What may be wrong with the model itself, in sentences that a run begins with. */
  protected caveats(): readonly string[] {
    return [];
  }

  /** Whether batches may be cut to their longest row. */
  protected get anySteps(): boolean {
    return false;
  }

  /** What `fit` learned of the columns' scales; null without a transform, or before. */
  get transform(): FittedTransform | null {
    return this.#rows.transform;
  }

  /** The transform that the first `fit` will learn; null without one, or where it was given fitted. */
  get transformToLearn(): Transform | null {
    return this.#rows.spec;
  }

  /** The range of the rows that the model was trained on; null before. */
  get seenRange(): SeenRange | null {
    return this.#rows.learned.range;
  }

  get #name(): string {
    return nameOf(this);
  }

  abstract parts(batch: Batch, rng: Rng): Parts<N>;

  /** The options as plain data, for the file. */
  protected abstract describe(): Readonly<Record<string, unknown>>;
  /** What the rows may hold: null for any number. */
  protected abstract likelihood(): ReconstructionDistribution | null;
  /** Whether values of rows may be missing. */
  protected get holes(): boolean {
    return false;
  }

  /**
   * Told the rows of a run, on the model's scale, before its first step; for parts that keep or count them. It gives what stands
   * beside them from then on, and how to undo what it did. Null of a stream, whose rows are not in memory.
   */
  protected takeRows(_caller: string, _rows: FlatRows | null, _beside: Columns): Pick<BesideRows, 'rows' | 'undo'> {
    return {};
  }

  /** Whether `takeRows` needs the rows, so that they must be in memory. */
  protected get wantsRows(): boolean {
    return false;
  }

  /** The loss of saying the same of every row, on the model's scale; undefined where nobody knows. */
  protected baseline(_rows: FlatRows): number | undefined {
    return undefined;
  }

  /** A transform that was fitted elsewhere and is this model's too; none by default. */
  protected get lent(): FittedTransform | null {
    return null;
  }

  /** Trains on rows; see `fit` of @latent/nn. */
  protected async fitTo(
    data: Rows | Dataset,
    options: ModelFitOptions<N>,
    { rows: beside = {}, validation: besideValidation = {}, undo }: BesideRows = {},
  ): Promise<History<N>> {
    const caller = `${this.#name}.fit`;
    checkNames(caller, options, [...Object.keys(trainingChecks), 'validationData']);
    const { validationData, ...training } = options;
    const heldCaller = `${caller}: validationData`;
    // Both are taken before anything is waited for: from then on the arrays are the caller's again.
    const rows = this.#training.taken(caller, data);
    const held = validationData === undefined ? undefined : this.#training.taken(heldCaller, validationData);
    const { learned, dataset, warnings, scaled } = await this.#training.learn(caller, rows, beside);
    const validation = held && this.#training.onScale(heldCaller, held, learned, besideValidation);
    if (isTraining(this)) {
      throw new UsageError(
        `${caller}: this model, or a module it shares with another, is being trained; wait for that run to end`,
      );
    }
    // A run that is refused after all leaves the model as it was.
    const before = this.#rows.learned;
    let begun = false;
    const taken = this.takeRows(caller, scaled, beside);
    this.#rows.learned = learned;
    try {
      const trained =
        taken.rows === undefined
          ? dataset
          : this.#training.together(caller, scaled as FlatRows, { ...beside, ...taken.rows });
      const history = await fit(this, trained, {
        ...training,
        rng: this.rng,
        warnings,
        onStart: () => {
          begun = true;
        },
        ...(validation !== undefined && { validation }),
      });
      await beforeLong();
      const baseline = scaled === null || this.sequence !== null ? undefined : this.baseline(scaled);
      return baseline === undefined ? history : { ...history, baseline };
    } catch (error) {
      if (!begun) {
        this.#rows.learned = before;
        taken.undo?.();
        undo?.();
      }
      throw error;
    }
  }

  /** What stands beside rows x in a data set that the model is trained on, and its shape: labels, targets, conditions. */
  get besideSpec(): BatchSpec {
    return {};
  }

  /** Whether numbers of rows x may be missing, or of sequences past their ends are. */
  get takesHoles(): boolean {
    return this.holes || this.sequence !== null;
  }

  /** Whether `learn` needs rows in memory, and not a stream of them. */
  get takesAllRows(): boolean {
    return this.wantsRows || this.sequence !== null;
  }

  /** Rows as numbers end to end, checked: of sequences with NaN past their ends, of texts their tokens. */
  flatRows(caller: string, data: Rows): FlatRows {
    return this.#rows.parse(caller, data);
  }

  /**
   * Learns what `fit` learns of rows before it trains, their columns' scales and range and what parts keep of them, and says what is odd
   * about them. `fit` does it itself; this is for runs in which the rows are trained on in parts, each of which knows only its own.
   */
  async learn(data: Dataset): Promise<readonly string[]> {
    const caller = `${this.#name}.learn`;
    checkBeside(caller, data, this.besideSpec);
    const { learned, warnings, scaled, beside } = await this.#learned(caller, data);
    if (isTraining(this)) throw new UsageError(`${caller}: this model is being trained; wait for that run to end`);
    const taken = this.takeRows(caller, scaled, beside);
    if (taken.rows !== undefined) {
      taken.undo?.();
      throw new UsageError(
        `${caller}: this model keeps the rows themselves and numbers them (exemplarPrior), so it cannot be trained in parts; use fit, or another prior`,
      );
    }
    this.#rows.learned = learned;
    return warnings;
  }

  async #learned(caller: string, data: Dataset) {
    if (!this.takesAllRows) {
      return { ...(await this.#training.learnOf(caller, data)), scaled: null, beside: {} };
    }
    this.#training.checkX(caller, data);
    const { x, ...beside } = inMemory(caller, data);
    return { ...(await this.#training.learn(caller, this.#rows.parse(caller, x.rows.values), beside)), beside };
  }

  /** A data set as training sees it: its rows x on the model's scale, each checked as it goes by. `fit` does it itself. */
  scaled(data: Dataset): Dataset {
    const caller = `${this.#name}.scaled`;
    if (this.transform === null && this.#rows.spec !== null)
      throw notLearned(caller, this.#rows.spec, "the columns' scales");
    checkBeside(caller, data, this.besideSpec);
    return this.#training.onScale(caller, data, this.#rows.learned, {});
  }

  /** Told the rows that it is about to be trained on, a part of those it learned of, as `scaled` gave them. `fit` does it itself. */
  begin(data: Dataset): void {
    if (!this.wantsRows) return;
    const caller = `${this.#name}.begin`;
    const { x, ...beside } = inMemory(caller, data);
    this.takeRows(caller, x.rows, beside);
  }

  /** Rows to be encoded; `method` is who asks. */
  protected prepared(method: string, data: Rows): PreparedRows {
    return this.#rows.prepared(`${this.#name}.${method}`, data, 'codes');
  }

  /** Rows to be scored. */
  protected toScore(method: string, data: Rows): PreparedRows {
    return this.#rows.prepared(`${this.#name}.${method}`, data, 'scores');
  }

  /**
   * Rows [n, …] that the model made for `method`, in the event's shape and on the scale of the data. Sequences are NaN past their
   * `lengths`, or past where they stop by themselves.
   */
  protected restored(method: string, rows: Tensor, lengths?: ArrayLike<number>): Tensor {
    return this.#rows.restored(`${this.#name}.${method}`, rows, lengths);
  }

  /** What was computed of each step, [n, steps], with NaN past each row's end. */
  protected perStep(steps: Tensor, rows: ReadyRows): Tensor {
    return this.#rows.perStep(steps, rows);
  }

  /**
   * log |dy/dx| of rows: what turns densities on the model's scale into those of the data, [n, columns]; null where there is
   * nothing to turn.
   */
  protected logJacobian(rows: FlatRows): Tensor | null {
    return this.#rows.logJacobian(rows);
  }

  /** What the file says of the model. */
  metadata(): Readonly<Record<string, string>> {
    const { range } = this.#rows.learned;
    const { transform } = this;
    return {
      format: FORMAT,
      version: VERSION,
      model: (this.constructor as unknown as ModelClass<Model<N>>).modelName,
      config: JSON.stringify(this.describe()),
      learned: JSON.stringify({ transform: transform?.config() ?? null, range: range?.config() ?? null }),
    };
  }

  /** The model as one safetensors file: weights, and in the metadata its options and what it learned of the columns. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return encodeSafetensors(this.stateDict(), this.metadata());
  }

  /** Writes the model to a file, whole or not at all. Node only. */
  async save(path: string): Promise<void> {
    await writeFileAtomically(path, this.toBytes());
  }

  /**
   * The model that `toBytes` wrote, of the class that is asked: a subclass gives its own. Parts of your own must be known by
   * name (see `Kind.define`); modules of your own that stand in a network's place are given again in `own`.
   */
  static fromBytes<M extends Model>(
    this: ModelClass<M>,
    bytes: Uint8Array | ArrayBuffer,
    own: Readonly<Record<string, unknown>> = {},
  ): M {
    const caller = `${displayName(this.modelName)}.fromBytes`;
    if (!isPlainObject(own)) refuse({ caller, path: 'own' }, 'an object of modules by the option they stand in', own);
    const file = decodeSafetensors(bytes);
    const { model, config, learned } = readHeader(caller, file.metadata);
    if (model !== this.modelName) {
      const theirs = modelClass(model) === undefined ? '' : '; load it with its own class, or with loadModel';
      throw new UsageError(
        `${caller}: expected a file of the model '${this.modelName}', got '${shortText(model)}'${theirs}`,
      );
    }
    const tensors = modelTensors(file.tensors);
    const numbers = Object.values(tensors).reduce((sum, x) => sum + x.size, 0);
    const made = inFile(caller, () =>
      withoutFirstWeights(caller, numbers, () => new this({ ...config, ...own } as never)),
    );
    made.loadStateDict(tensors);
    made.restoreLearned(caller, learned);
    return made;
  }

  /** Reads a model that `save` wrote. Node only. */
  static async load<M extends Model>(
    this: ModelClass<M>,
    path: string,
    own: Readonly<Record<string, unknown>> = {},
  ): Promise<M> {
    const bytes = await readFileBytes(path);
    return (this as unknown as { fromBytes(bytes: Uint8Array, own?: Readonly<Record<string, unknown>>): M }).fromBytes(
      bytes,
      own,
    );
  }

  /** Takes over what another model learned of the same columns. */
  takeLearned(other: Model<never>): void {
    if (!(other instanceof Model)) refuse({ caller: 'takeLearned', path: 'other' }, 'a model', other);
    this.#rows.learned = other.#rows.learned;
  }

  /** Takes over what a file says that the model learned of its columns. */
  restoreLearned(caller: string, learned: Readonly<Record<string, unknown>>): void {
    const { transform = null, range = null } = learned;
    const { width } = this.#rows;
    const restored = inFile(caller, () => ({
      transform:
        transform === null
          ? this.#rows.learned.transform
          : FittedTransform.fromConfig(transform, { caller, path: 'learned.transform' }, width),
      range: range === null ? null : SeenRange.fromConfig(range, width, { caller, path: 'learned.range' }),
    }));
    this.#rows.learned = restored;
  }
}

/** Runs `build` with what a file says; its errors say that the file is not valid. */
function inFile<T>(caller: string, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof LatentError) || error.message.startsWith(caller)) throw error;
    throw new ValueError(`${caller}: the file's description is not valid: ${error.message}`);
  }
}
