import {
  ArrayDataset,
  type Batch,
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
  type Rows,
  readFileBytes,
  scanned,
  type Trainable,
  type TrainingOptions,
  type Transform,
  trainingChecks,
  withoutFirstWeights,
  writeFileAtomically,
} from '@latent/nn';
import {
  checkNames,
  formatShape,
  LatentError,
  type Rng,
  type Shape,
  sameShape,
  sizeOf,
  type Tensor,
  tensor,
  UsageError,
  ValueError,
} from '@latent/tensor';
import { checkSupport, type ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { columnWarnings } from './column-warnings.ts';
import { FORMAT, modelClass, readHeader, VERSION } from './file-header.ts';
import type { ReadyRows } from './rows-program.ts';
import { SeenRange } from './seen-range.ts';

/** How a model is trained on rows. `N` are the names of what it reports beside its loss. */
export interface ModelFitOptions<N extends string = never> extends TrainingOptions<N> {
  /** Rows scored after each epoch, and watched by early stopping. */
  readonly validationData?: Rows | Dataset;
}

/** Rows on a model's scale, and as they were given. */
export interface PreparedRows extends ReadyRows {
  readonly raw: FlatRows;
}

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
  readonly #spec: Transform | null;
  #learned: Learned;

  constructor(event: Shape, transform: Transform | FittedTransform | null, rng: Rng) {
    super();
    this.event = event;
    this.rng = rng;
    this.#spec = transform instanceof FittedTransform ? null : transform;
    this.#learned = { transform: transform instanceof FittedTransform ? transform : null, range: null };
    if (transform instanceof FittedTransform && transform.width !== sizeOf(event)) {
      throw new ValueError(
        `${this.#name}: the transform was fitted to rows of ${transform.width} values, but these have ${sizeOf(event)}`,
      );
    }
  }

  /** What `fit` learned of the columns' scales; null without a transform, or before. */
  get transform(): FittedTransform | null {
    return this.#learned.transform;
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
    return displayName(this.constructor as unknown as ModelClass<Model<N>>);
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

  /** Trains on rows; see `fit` of @latent/nn. `also` are further tensors of each row, by name. */
  protected async fitTo(
    data: Rows | Dataset,
    options: ModelFitOptions<N>,
    also: Readonly<Record<string, { readonly rows: FlatRows; readonly shape: Shape }>> = {},
    validationAlso: Readonly<Record<string, { readonly rows: FlatRows; readonly shape: Shape }>> = {},
  ): Promise<History<N>> {
    const caller = `${this.#name}.fit`;
    checkNames(caller, options, [...Object.keys(trainingChecks), 'validationData']);
    if (isTraining(this)) throw new UsageError(`${caller}: this model is being trained; wait for that run to end`);
    const { validationData, ...training } = options;
    const { learned, dataset, warnings } = isDataset(data)
      ? await this.#learnStream(caller, data)
      : this.#learnRows(caller, data, also);
    const validation =
      validationData === undefined
        ? undefined
        : isDataset(validationData)
          ? this.#mappedStream(`${caller}: validationData`, validationData, learned)
          : this.#datasetOf(`${caller}: validationData`, validationData, learned, validationAlso);
    // Only now that all of it is sound does the model change.
    this.#learned = learned;
    return fit(this, dataset, {
      ...training,
      rng: this.rng,
      warnings,
      ...(validation !== undefined && { validation }),
    });
  }

  #learnRows(
    caller: string,
    data: Rows,
    also: Readonly<Record<string, { readonly rows: FlatRows; readonly shape: Shape }>>,
  ): { learned: Learned; dataset: Dataset; warnings: readonly string[] } {
    const raw = this.#parse(caller, data);
    const transform = this.#learned.transform ?? (this.#spec === null ? null : fitRows(this.#spec, raw));
    const values = this.#scaled(caller, raw, transform);
    const range = SeenRange.of(values, raw.width, this.#learned.range);
    const likelihood = this.likelihood();
    const supports = likelihood?.support(raw.width) ?? [];
    return {
      learned: { transform, range },
      dataset: new ArrayDataset({ x: { rows: { ...raw, values }, shape: this.event }, ...also }),
      warnings: columnWarnings(raw, supports, { scaled: transform !== null, density: likelihood?.normalized === true }),
    };
  }

  async #learnStream(
    caller: string,
    data: Dataset,
  ): Promise<{ learned: Learned; dataset: Dataset; warnings: readonly string[] }> {
    this.#checkSpec(caller, data);
    const transform = this.#learned.transform ?? (this.#spec === null ? null : await fitDataset(this.#spec, data));
    let range = this.#learned.range;
    for await (const rows of scanned(data)) {
      if (rows.count > 0) range = SeenRange.of(this.#scaled(caller, rows, transform), rows.width, range);
    }
    if (range === null) throw new ValueError(`${caller}: there are no rows`);
    const learned = { transform, range };
    return { learned, dataset: this.#mappedStream(caller, data, learned), warnings: [] };
  }

  #checkSpec(caller: string, data: Dataset): void {
    const shape = data.spec.x;
    if (shape === undefined || !sameShape(shape, this.event)) {
      const got = shape === undefined ? Object.keys(data.spec).join(', ') : formatShape(shape);
      throw new ValueError(`${caller}: the data set must have x of ${formatShape(this.event)}, got ${got}`);
    }
  }

  #mappedStream(caller: string, data: Dataset, { transform }: Learned): Dataset {
    this.#checkSpec(caller, data);
    const change = (rows: FlatRows): Float32Array => this.#scaled(caller, rows, transform);
    if (data.mapped !== undefined) return data.mapped('x', change);
    if (transform === null) return data;
    throw new UsageError(`${caller}: a data set under a transform needs mapped(name, change); see stream(…)`);
  }

  #datasetOf(
    caller: string,
    data: Rows,
    { transform }: Learned,
    also: Readonly<Record<string, { rows: FlatRows; shape: Shape }>>,
  ): Dataset {
    const raw = this.#parse(caller, data);
    const values = this.#scaled(caller, raw, transform);
    return new ArrayDataset({ x: { rows: { ...raw, values }, shape: this.event }, ...also });
  }

  #parse(caller: string, data: Rows): FlatRows {
    return parseRows(caller, data, this.event, {
      holes: this.holes,
      remedy: 'for rows with holes make the model with { missing: true }',
    });
  }

  /** Rows on the model's scale, each value one that its likelihood can have. */
  #scaled(caller: string, raw: FlatRows, transform: FittedTransform | null): Float32Array {
    const values = transform === null ? Float32Array.from(raw.values) : transform.forward(caller, raw);
    const likelihood = this.likelihood();
    if (likelihood !== null) checkSupport(caller, likelihood, values, raw.width, this.holes);
    return values;
  }

  /** Rows to be scored or encoded; `method` is who asks. */
  protected prepared(method: string, data: Rows): PreparedRows {
    const caller = `${this.#name}.${method}`;
    const raw = this.#parse(caller, data);
    const { transform, range } = this.#learned;
    if (transform === null && this.#spec !== null) {
      throw new UsageError(
        `${caller}: ${this.#spec.name}() learns the columns' scales from the first fit; call fit before, or give a fitted one: transform: ${this.#spec.name}().fit(rows)`,
      );
    }
    const values = this.#scaled(caller, raw, transform);
    return { raw, values, near: range?.drawIn(values) ?? null, count: raw.count };
  }

  /** Rows [n, …] that the model made, in the event's shape and on the scale of the data. */
  protected restored(rows: Tensor): Tensor {
    const { transform } = this.#learned;
    const shaped = rows.reshape([rows.shape[0] ?? 0, ...this.event]);
    return transform === null ? shaped : transform.inverseTensor(shaped);
  }

  /**
   * log |dy/dx| of rows: what turns densities on the model's scale into those of the data, [n, columns]; null where there is
   * nothing to turn.
   */
  protected logJacobian(rows: FlatRows): Tensor | null {
    const { transform } = this.#learned;
    if (transform === null || this.likelihood()?.normalized === false) return null;
    return tensor(Float32Array.from(transform.logJacobian(this.#name, rows)), { shape: [rows.count, rows.width] });
  }

  /** What the file says of the model. */
  metadata(): Readonly<Record<string, string>> {
    const { transform, range } = this.#learned;
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
    const caller = `${displayName(this)}.fromBytes`;
    const file = decodeSafetensors(bytes);
    const { model, config, learned } = readHeader(caller, file.metadata);
    if (model !== this.modelName) {
      const theirs = modelClass(model) === undefined ? '' : '; load it with its own class, or with loadModel';
      throw new UsageError(`${caller}: expected a file of the model '${this.modelName}', got '${model}'${theirs}`);
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
    own?: Readonly<Record<string, unknown>>,
  ): Promise<M> {
    const bytes = await readFileBytes(path);
    return (this as unknown as { fromBytes(bytes: Uint8Array, own?: Readonly<Record<string, unknown>>): M }).fromBytes(
      bytes,
      own,
    );
  }

  /** Takes over what a file says that the model learned of its columns. */
  restoreLearned(caller: string, learned: Readonly<Record<string, unknown>>): void {
    const { transform, range } = learned;
    this.#learned = inFile(caller, () => ({
      transform:
        transform === null || transform === undefined
          ? this.#learned.transform
          : FittedTransform.fromConfig(transform, { caller, path: 'learned.transform' }),
      range:
        range === null || range === undefined
          ? null
          : SeenRange.fromConfig(range, sizeOf(this.event), { caller, path: 'learned.range' }),
    }));
    const width = this.#learned.transform?.width ?? sizeOf(this.event);
    if (width !== sizeOf(this.event)) {
      throw new ValueError(`${caller}: the transform knows ${width} columns, but rows have ${sizeOf(this.event)}`);
    }
  }
}

/** What errors call models of a class; names of classes themselves do not survive minifying. */
function displayName({ modelName }: { readonly modelName: string }): string {
  return modelName.charAt(0).toUpperCase() + modelName.slice(1);
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

function isDataset(value: unknown): value is Dataset {
  return typeof value === 'object' && value !== null && 'spec' in value && 'pass' in value;
}
