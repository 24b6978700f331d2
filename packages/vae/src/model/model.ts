import {
  ArrayDataset,
  type Batch,
  beforeLong,
  type Dataset,
  decodeSafetensors,
  encodeSafetensors,
  FittedTransform,
  type FlatRows,
  fit,
  fitDataset,
  fitRows,
  type History,
  isTraining,
  Module,
  modelTensors,
  type Parts,
  parseRows,
  placeOf,
  type Rows,
  readFileBytes,
  SequenceDataset,
  scanned,
  stepsAsRows,
  type Trainable,
  type TrainingOptions,
  type Transform,
  trainingChecks,
  withoutFirstWeights,
  writeFileAtomically,
  zeroPadded,
} from '@latent/nn';
import {
  checkNames,
  formatShape,
  isPlainObject,
  LatentError,
  type Rng,
  refuse,
  refuseSurplus,
  type Shape,
  sameShape,
  shortText,
  sizeOf,
  type Tensor,
  tensor,
  UsageError,
  ValueError,
} from '@latent/tensor';
import { checkSupport, REAL, type ReconstructionDistribution, type Support } from '../reconstruction/likelihood.ts';
import { isStepwise } from '../reconstruction/per-step.ts';
import { lengthsByStop, parseSequences, type Sequence } from '../sequence/sequence.ts';
import { ColumnScales, columnWarnings } from './column-warnings.ts';
import { displayName, FORMAT, modelClass, nameOf, readHeader, VERSION } from './file-header.ts';
import type { ReadyRows } from './rows-program.ts';
import { FARTHEST, SeenRange } from './seen-range.ts';

/** How a model is trained on rows. `N` are the names of what it reports beside its loss. */
export interface ModelFitOptions<N extends string = never> extends TrainingOptions<N> {
  /** Rows scored after each epoch, and watched by early stopping. */
  readonly validationData?: Rows | Dataset;
}

/** Rows on a model's scale, and as they were given. */
export interface PreparedRows extends ReadyRows {
  readonly raw: FlatRows;
}

/** Further tensors of each row, by name, and what errors call them. */
export type Columns = Readonly<
  Record<string, { readonly rows: FlatRows; readonly shape: Shape; readonly called: string }>
>;

/** What a model is trained on beside its rows. */
export interface BesideRows {
  readonly rows?: Columns;
  readonly validation?: Columns;
  /** Takes back what was changed for a run that is refused before it begins. */
  undo?(): void;
}

/** Rows, and what was learned of them. */
interface LearnedRows {
  readonly learned: Learned;
  readonly dataset: Dataset;
  readonly warnings: readonly string[];
  /** The rows on the model's scale; null of a stream. */
  readonly scaled: FlatRows | null;
}

/** The largest number of single precision. */
const LARGEST_SINGLE = (2 - 2 ** -23) * 2 ** 127;

/** What a model knows of its data, beside its weights. */
interface Learned {
  readonly transform: FittedTransform | null;
  readonly range: SeenRange | null;
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
  readonly #spec: Transform | null;
  #learned: Learned;
  /** Before anything was learned. */
  #unseen: SeenRange | null = null;

  constructor(event: Shape, transform: Transform | FittedTransform | null, rng: Rng, sequence: Sequence | null = null) {
    super();
    refuseSurplus(Model, 'toBytes save takeLearned', nameOf);
    this.event = event;
    this.rng = rng;
    this.sequence = sequence;
    this.#spec = transform instanceof FittedTransform ? null : transform;
    this.#learned = { transform: transform instanceof FittedTransform ? transform : null, range: null };
    if (transform instanceof FittedTransform && transform.width !== this.#width) {
      throw new ValueError(
        `${this.#name}: the transform was fitted to rows of ${transform.width} values, but these have ${this.#width}`,
      );
    }
  }

  /** Columns: of sequences those of a step, since all steps have one scale. */
  get #width(): number {
    return this.sequence?.features ?? sizeOf(this.event);
  }

  /** Rows as what transforms, ranges and supports know: of sequences their steps. */
  #asColumns(rows: FlatRows): FlatRows {
    return this.sequence === null ? rows : stepsAsRows(rows, this.sequence.features);
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
    return this.lent ?? this.#learned.transform;
  }

  /** The transform that the first `fit` will learn; null without one, or where it was given fitted. */
  get transformToLearn(): Transform | null {
    return this.#spec;
  }

  /** The range of the rows that the model was trained on; null before. */
  get seenRange(): SeenRange | null {
    return this.#learned.range;
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

  /** The loss of saying the same of every row, on the model's scale; undefined where nobody knows. */
  protected baseline(_rows: FlatRows): number | undefined {
    return undefined;
  }

  /** A transform that was fitted elsewhere and is this model's too; none by default. */
  protected get lent(): FittedTransform | null {
    return null;
  }

  /** What each column may hold. */
  #supports(): readonly Support[] {
    const width = this.#width;
    return this.likelihood()?.support(width) ?? new Array<Support>(width).fill(REAL);
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
    const rows = this.#taken(caller, data);
    const held = validationData === undefined ? undefined : this.#taken(heldCaller, validationData);
    const { learned, dataset, warnings, scaled } = isDataset(rows)
      ? await this.#learnStream(caller, rows, beside)
      : await this.#learnRows(caller, rows, beside);
    const validation =
      held === undefined
        ? undefined
        : isDataset(held)
          ? this.#mappedStream(heldCaller, held, learned, besideValidation)
          : this.#datasetOf(heldCaller, held, learned, besideValidation);
    if (isTraining(this)) {
      throw new UsageError(
        `${caller}: this model, or a module it shares with another, is being trained; wait for that run to end`,
      );
    }
    // A run that is refused after all leaves the model as it was.
    const before = this.#learned;
    let begun = false;
    const taken = this.takeRows(caller, scaled, beside);
    this.#learned = learned;
    try {
      const trained =
        taken.rows === undefined ? dataset : this.#together(caller, scaled as FlatRows, { ...beside, ...taken.rows });
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
        this.#learned = before;
        taken.undo?.();
        undo?.();
      }
      throw error;
    }
  }

  /** A walk over the rows for each thing that is learned, between which a page answers. */
  async #learnRows(caller: string, raw: FlatRows, beside: Columns): Promise<LearnedRows> {
    const columns = this.#asColumns(raw);
    await beforeLong();
    const transform = this.transform ?? (this.#spec === null ? null : fitRows(this.#spec, columns));
    await beforeLong();
    const values = this.#scaled(caller, raw, transform);
    await beforeLong();
    const scales = new ColumnScales(columns.width, this.#supports());
    scales.add(columns);
    await beforeLong();
    const range = SeenRange.of(values, columns.width, this.#learned.range);
    await beforeLong();
    return {
      learned: { transform, range },
      dataset: this.#together(caller, { ...raw, values }, beside),
      warnings: this.#warnings(scales, transform),
      scaled: { ...raw, values },
    };
  }

  async #learnStream(caller: string, data: Dataset, beside: Columns): Promise<LearnedRows> {
    const { learned, warnings } = await this.#learnOf(caller, data);
    return { learned, dataset: this.#mappedStream(caller, data, learned, beside), warnings, scaled: null };
  }

  async #learnOf(caller: string, data: Dataset): Promise<Pick<LearnedRows, 'learned' | 'warnings'>> {
    this.#checkSpec(caller, data);
    const transform = this.transform ?? (this.#spec === null ? null : await fitDataset(this.#spec, data));
    const scales = new ColumnScales(sizeOf(this.event), this.#supports());
    let range = this.#learned.range;
    for await (const rows of scanned(data)) {
      if (rows.count === 0) continue;
      range = SeenRange.of(this.#scaled(caller, rows, transform), rows.width, range);
      scales.add(rows);
    }
    if (range === null) throw new ValueError(`${caller}: there are no rows`);
    return { learned: { transform, range }, warnings: this.#warnings(scales, transform) };
  }

  /**
   * Learns what `fit` learns of rows before it trains, their columns' scales and range, and says what is odd about them. `fit`
   * does it itself; this is for runs in which the rows are trained on in parts, each of which knows only its own.
   */
  async learn(data: Dataset): Promise<readonly string[]> {
    const caller = `${this.#name}.learn`;
    const { learned, warnings } = await this.#learnOf(caller, data);
    if (isTraining(this)) throw new UsageError(`${caller}: this model is being trained; wait for that run to end`);
    this.#learned = learned;
    return warnings;
  }

  /** A data set as training sees it: its rows x on the model's scale, each checked as it goes by. `fit` does it itself. */
  scaled(data: Dataset): Dataset {
    const caller = `${this.#name}.scaled`;
    if (this.transform === null && this.#spec !== null) throw notLearned(caller, this.#spec, "the columns' scales");
    return this.#mappedStream(caller, data, this.#learned, {});
  }

  #warnings(scales: ColumnScales, transform: FittedTransform | null): readonly string[] {
    const density = this.likelihood()?.normalized === true;
    // Pixels are of one scale: what hardly varies at the edge of images is no column to be put on another.
    const scaled = transform !== null || this.event.length === 3;
    return [...this.caveats(), ...columnWarnings(scales, { scaled, density })];
  }

  /** Rows and what stands beside each. */
  #together(caller: string, rows: FlatRows, beside: Columns): Dataset {
    for (const { rows: own, called } of Object.values(beside)) {
      if (own.count !== rows.count) {
        throw new ValueError(`${caller}: there are ${rows.count} rows, but ${own.count} ${called}`);
      }
    }
    if (this.sequence !== null) {
      const { bucketed } = this.sequence;
      return new SequenceDataset(rows, { shape: this.event, cut: this.anySteps, bucketed }, beside);
    }
    return new ArrayDataset({ x: { rows, shape: this.event }, ...beside });
  }

  #checkSpec(caller: string, data: Dataset): void {
    if (this.sequence !== null) {
      throw new UsageError(`${caller}: sequences are trained from rows in memory; give the rows and not a data set`);
    }
    const shape = data.spec.x;
    if (shape === undefined || !sameShape(shape, this.event)) {
      const got = shape === undefined ? Object.keys(data.spec).join(', ') : formatShape(shape);
      throw new ValueError(`${caller}: the data set must have x of ${formatShape(this.event)}, got ${got}`);
    }
  }

  #mappedStream(caller: string, data: Dataset, { transform }: Learned, beside: Columns): Dataset {
    this.#checkSpec(caller, data);
    const [other] = Object.values(beside);
    if (other !== undefined) {
      throw new UsageError(`${caller}: ${other.called} go with rows in memory; give rows and not a data set`);
    }
    const change = (rows: FlatRows): Float32Array => this.#scaled(caller, rows, transform);
    if (data.mapped !== undefined) return data.mapped('x', change);
    if (transform === null) return data;
    throw new UsageError(`${caller}: a data set under a transform needs mapped(name, change); see stream(…)`);
  }

  #datasetOf(caller: string, raw: FlatRows, { transform }: Learned, beside: Columns): Dataset {
    return this.#together(caller, { ...raw, values: this.#scaled(caller, raw, transform) }, beside);
  }

  /** A data set as it is, or a copy of rows. */
  #taken(caller: string, data: Rows | Dataset): FlatRows | Dataset {
    return isDataset(data) ? data : this.#parse(caller, data);
  }

  #parse(caller: string, data: Rows, single = false): FlatRows {
    if (this.sequence !== null) return parseSequences(caller, data, this.sequence);
    return parseRows(caller, data, this.event, {
      holes: this.holes,
      single,
      remedy: 'for rows with holes make the model with { missing: true }',
    });
  }

  /**
   * Rows on the model's scale, each value one that its likelihood can have. Values that single precision does not reach are
   * refused, or `held` at its end.
   */
  #scaled(caller: string, raw: FlatRows, transform: FittedTransform | null, held = false): Float32Array {
    const columns = this.#asColumns(raw);
    let values: Float32Array;
    if (transform !== null) values = transform.forward(caller, columns);
    else values = raw.values instanceof Float32Array ? raw.values : new Float32Array(raw.values);
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (!(Math.abs(value) > FARTHEST)) continue;
      // Such values are held, and the rows as they were given stay what they are.
      if (values === raw.values) values = values.slice();
      if (Math.abs(value) !== Infinity) continue;
      if (!held) {
        throw new ValueError(
          `${caller}: ${raw.values[i]} at ${placeOf(i, columns)} is too large for single precision on the model's scale`,
        );
      }
      values[i] = Math.sign(value) * LARGEST_SINGLE;
    }
    const likelihood = this.likelihood();
    if (likelihood !== null) {
      // Past a row's end there is nothing, as in a hole.
      const holes = this.holes || this.sequence !== null;
      const own = isStepwise(likelihood) ? likelihood.ofStep : likelihood;
      checkSupport(caller, own, values, columns.width, holes, columns.steps);
    }
    return values;
  }

  /** Rows to be encoded; `method` is who asks. */
  protected prepared(method: string, data: Rows): PreparedRows {
    return this.#prepared(method, data, 'codes');
  }

  /** Rows to be scored. */
  protected toScore(method: string, data: Rows): PreparedRows {
    return this.#prepared(method, data, 'scores');
  }

  #prepared(method: string, data: Rows, of: 'codes' | 'scores'): PreparedRows {
    const caller = `${this.#name}.${method}`;
    const { transform } = this;
    const raw = this.#parse(caller, data, transform === null);
    if (transform === null && this.#spec !== null) throw notLearned(caller, this.#spec, "the columns' scales");
    const values = this.#scaled(caller, raw, transform, true);
    this.#unseen ??= SeenRange.unknown(this.#width);
    const range = this.#learned.range ?? this.#unseen;
    // Numbers of things have no far end.
    const near = this.sequence?.tokenizer ? null : range.drawIn(values, of);
    const { count, lengths } = raw;
    if (lengths === undefined || this.sequence === null) return { raw, values, near, count };
    const { steps } = this.sequence;
    const padded = (x: Float32Array): Float32Array => zeroPadded(x, lengths, raw.width, steps);
    const parts = { values: padded(values), near: near === null ? null : padded(near) };
    return { raw, ...parts, count, lengths, cut: this.anySteps };
  }

  /**
   * Rows [n, …] that the model made for `method`, in the event's shape and on the scale of the data. Sequences are NaN past their
   * `lengths`, or past where they stop by themselves.
   */
  protected restored(method: string, rows: Tensor, lengths?: ArrayLike<number>): Tensor {
    const { transform } = this;
    if (transform === null && this.#spec !== null) {
      throw notLearned(`${this.#name}.${method}`, this.#spec, "the columns' scales");
    }
    const [count = 0] = rows.shape;
    const whole = this.sequence === null ? rows : allSteps(rows, sizeOf(this.event));
    const shaped = whole.reshape([count, ...this.event]);
    const scaled = transform === null ? shaped : transform.inverseTensor(shaped);
    const { sequence } = this;
    if (sequence === null) return scaled;
    const values = scaled.data;
    const ends = lengths ?? lengthsByStop(values, sequence);
    const width = sequence.steps * sequence.features;
    for (let r = 0; r < ends.length; r++) {
      values.fill(Number.NaN, r * width + (ends[r] as number) * sequence.features, (r + 1) * width);
    }
    return tensor(values, { shape: scaled.shape, dtype: scaled.dtype });
  }

  /** What was computed of each step, [n, steps], with NaN past each row's end. */
  protected perStep(steps: Tensor, { lengths = [] }: ReadyRows): Tensor {
    const { steps: most } = this.sequence as Sequence;
    const values = allSteps(steps, most).data;
    for (let r = 0; r < lengths.length; r++) values.fill(Number.NaN, r * most + (lengths[r] as number), (r + 1) * most);
    return tensor(values, { shape: [lengths.length, most] });
  }

  /**
   * log |dy/dx| of rows: what turns densities on the model's scale into those of the data, [n, columns]; null where there is
   * nothing to turn.
   */
  protected logJacobian(rows: FlatRows): Tensor | null {
    const { transform } = this;
    if (transform === null || this.likelihood()?.normalized === false) return null;
    const slopes = transform.logJacobian(this.#name, this.#asColumns(rows));
    return tensor(Float32Array.from(slopes), { shape: [rows.count, rows.width] });
  }

  /** What the file says of the model. */
  metadata(): Readonly<Record<string, string>> {
    const { range } = this.#learned;
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
    this.#learned = other.#learned;
  }

  /** Takes over what a file says that the model learned of its columns. */
  restoreLearned(caller: string, learned: Readonly<Record<string, unknown>>): void {
    const { transform = null, range = null } = learned;
    const width = this.#width;
    const restored = inFile(caller, () => ({
      transform:
        transform === null
          ? this.#learned.transform
          : FittedTransform.fromConfig(transform, { caller, path: 'learned.transform' }, width),
      range: range === null ? null : SeenRange.fromConfig(range, width, { caller, path: 'learned.range' }),
    }));
    this.#learned = restored;
  }
}

/** Rows that were made without steps that none of them has, with zeros in their place: [rows, numbers] → [rows, width]. */
export function allSteps(rows: Tensor, width: number): Tensor {
  const [count = 0] = rows.shape;
  const own = count === 0 ? width : rows.size / count;
  if (own === width) return rows;
  const values = new Float32Array(count * width);
  const numbers = rows.data;
  for (let r = 0; r < count; r++) values.set(numbers.subarray(r * own, (r + 1) * own), r * width);
  return tensor(values, { shape: [count, width] });
}

/** The error of a method that needs what only `fit` learns. */
export function notLearned(caller: string, { name }: Transform, what: string): UsageError {
  return new UsageError(
    `${caller}: ${name}() learns ${what} from the first fit; call fit before, or give a fitted one: ${name}().fit(rows)`,
  );
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

/** Whether rows come as a data set. */
export function isDataset(value: unknown): value is Dataset {
  return typeof value === 'object' && value !== null && 'spec' in value && 'pass' in value;
}
