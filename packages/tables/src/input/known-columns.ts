import { nearestName } from '@latent/tensor';
import type { Schema } from '../schema/schema.ts';

/** What is odd about the columns that rows have, in sentences, and whether it is to be told unasked. */
export interface ColumnNote {
  readonly note: string;
  /** False where a column is left out that has had holes all along. */
  readonly odd: boolean;
}

/** Holds the columns of rows against those of a schema: unknown ones are ignored, missing ones count as holes, a slip is named. */
export function columnNotes({ columns }: Schema, names: readonly string[]): ColumnNote[] {
  const own = new Set(columns.map(({ name }) => name as string));
  const given = new Set(names);
  const unknown = names.filter((name) => !own.has(name));
  const missing = columns.filter(({ name, kind }) => kind.role !== 'none' && !given.has(name));
  const notes: ColumnNote[] = [];
  const named = (absent: typeof missing, odd: boolean): void => {
    if (absent.length === 0) return;
    const list = absent.map(({ name }) => `'${name}'`).join(', ');
    const several = absent.length > 1;
    const note = `no row has the column${several ? 's' : ''} ${list}, which count${several ? '' : 's'} as a hole`;
    notes.push({ note, odd });
  };
  const near = new Map(missing.map(({ name }) => [name, nearestName(name, unknown)]));
  for (const [name, slip] of near) {
    if (slip === null) continue;
    notes.push({
      note: `no row has the column '${name}', which counts as a hole; was it meant by '${slip}'?`,
      odd: true,
    });
  }
  const plain = missing.filter(({ name }) => near.get(name) === null);
  named(
    plain.filter(({ holes }) => holes === 0),
    true,
  );
  named(
    plain.filter(({ holes }) => holes > 0),
    false,
  );
  if (unknown.length > 0)
    notes.push({ note: `columns that the model does not know are ignored: ${unknown.join(', ')}`, odd: true });
  return notes;
}
