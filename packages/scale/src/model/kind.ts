import type { BatchSpec, Dataset, FlatRows, Rows, Trainable } from '@latent/nn';
import { type Rng, type Tensor, UsageError } from '@latent/tensor';

/** What a worker's own module brings: models, sources and scores that no file could describe. */
export interface WorkerModule {
  /** Rows by name, for parts `source:NAME?ARGUMENT`. */
  readonly sources?: Readonly<Record<string, (argument: string) => unknown>>;
  /** Makers of models of your own, by the name that `distributedFit` gives as `as`. */
  readonly models?: Readonly<Record<string, () => Trainable<string>>>;
  /** Modules of your own that stand in a model's network, by the option they are given as. */
  readonly own?: Readonly<Record<string, unknown>>;
}

/** Options of a score, as they go to its method. */
export type ScoreOptions = Readonly<Record<string, unknown>>;

/** The numbers of each row by name; the first axis is the rows. */
export type Scores = Readonly<Record<string, Tensor>>;

/**
 * A kind of models that runs can have: how one gets to a worker and back, what it learns of all rows before it trains, and how it
 * scores. Kinds are asked in turn whether a model is theirs.
 */
export interface ModelKind<M extends Trainable<string> = Trainable<string>> {
  readonly name: string;
  is(model: unknown): model is M;
  toBytes(model: M): Uint8Array;
  /** A model of its own from what `toBytes` made. The bytes may come from anywhere: they are validated as files are. */
  fromBytes(bytes: Uint8Array, module: WorkerModule): M;
  /** Takes over what a run learned: `trained` was made on a worker, its weights are those of the last round. */
  adopt(model: M, trained: M): void;
  /** The shape of a row of each name that training or a score needs, where the model knows it. */
  spec?(model: M, asked: 'fit' | 'score'): BatchSpec;
  /** Whether numbers of x may be missing; not by default. */
  holes?(model: M): boolean;
  /** Rows x in memory as numbers end to end; rows of one shape are read without it. */
  flatRows?(model: M, caller: string, rows: Rows): FlatRows;
  /** Whether `learn` takes all rows in memory; a stream of them by default. */
  takesAllRows?(model: M): boolean;
  /** Learns what must be known of all rows before any is trained on, and says what is odd about them. */
  learn?(model: M, data: Dataset): Promise<readonly string[]>;
  /** Rows as training sees them; as they are by default. */
  scaled?(model: M, data: Dataset): Dataset;
  /** Told the rows of a shard, as training sees them, before it is trained on them. */
  begin?(model: M, data: Dataset): void;
  /** What draws in training, where the model holds it itself. */
  rng?(model: M): Rng;
  /**
   * What can be asked of rows x, by name: methods whose result for a row depends on that row alone, and on what stands `beside` it.
   */
  readonly scores: Readonly<
    Record<
      string,
      (model: M, rows: FlatRows, options: ScoreOptions, beside: Readonly<Record<string, FlatRows>>) => Scores
    >
  >;
}

/** Of a worker that does not know what a run is of, where others may: it gives the job back. */
export class UnknownModel extends UsageError {
  constructor(name: string, known: readonly string[]) {
    const remedy =
      'start workers that know them: latent worker for tables, or latent-worker --module FILE, which imports or registers them';
    super(`this worker knows no models '${name.slice(0, 60)}' (known: ${known.join(', ')}); ${remedy}`);
  }
}

/** Those that were made known, the last first. */
export const registeredKinds: ModelKind[] = [];

/** Makes a kind of models known, before those that are: who knows more of a model is asked first. */
export function registerModelKind<M extends Trainable<string>>(kind: ModelKind<M>): void {
  if (registeredKinds.some(({ name }) => name === kind.name)) return;
  registeredKinds.unshift(kind as unknown as ModelKind);
}
