import type { ScoreOptions, Scores } from './kind.ts';

/** A file of rows: its name, whose end says how it is read, and what it holds. */
export interface RowsFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * A kind of models whose rows are records and not numbers of one shape, such as tables: how its rows are read from a part, and what can
 * be asked of them. `R` is some rows, as its scores take them.
 */
export interface RecordKind<M extends object = object, R = unknown> {
  readonly name: string;
  is(model: unknown): model is M;
  toBytes(model: M): Uint8Array;
  /** The bytes may come from anywhere: they are validated as files are. */
  fromBytes(bytes: Uint8Array): M;
  /** The rows of a file, in order, some at a time. */
  read(file: RowsFile): Iterable<R> | AsyncIterable<R>;
  /** What can be asked of rows, by name: methods whose result for a row depends on that row alone. */
  readonly scores: Readonly<Record<string, (model: M, rows: R, options: ScoreOptions) => Scores>>;
}

const registered: RecordKind[] = [];

/** Makes a kind of models of records known, to who asks for scores and to the workers of this process. */
export function registerRecordKind<M extends object, R>(kind: RecordKind<M, R>): void {
  if (registered.some(({ name }) => name === kind.name)) return;
  registered.push(kind as unknown as RecordKind);
}

/** The kind that a model of records is of; null of other models. */
export function recordKindOf(model: unknown): RecordKind | null {
  return registered.find((each) => each.is(model)) ?? null;
}

/** The kind of this name; null where it is none of records. */
export function recordKindNamed(name: string): RecordKind | null {
  return registered.find((each) => each.name === name) ?? null;
}
