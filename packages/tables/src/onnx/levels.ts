import { levelKey } from '../input/cell.ts';
import type { LearnedLevels } from '../kinds/levels.ts';
import type { Axis } from '../model/row-space.ts';

/** The levels of a category as the file numbers them: those with a place of their own, rare ones, and what distances know of. */
export interface FileLevels {
  /** As they were given: level i has the code i. What is none of them has the code that comes after them. */
  readonly levels: readonly (string | number | boolean)[];
  readonly keys: readonly string[];
  /** How many of them have a place in a coded row; the others share the last. */
  readonly placed: number;
}

export function fileLevels({ levels, rare }: LearnedLevels, axis: Axis | undefined): FileLevels {
  const known = new Map<string, string | number | boolean>();
  const further = axis !== undefined && 'levels' in axis ? axis.levels : [];
  for (const level of [...levels, ...rare.map(([each]) => each), ...further]) {
    const key = levelKey(level);
    if (!known.has(key)) known.set(key, level);
  }
  return { levels: [...known.values()], keys: [...known.keys()], placed: levels.length };
}
