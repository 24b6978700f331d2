import { isPlainObject, type Rng } from '@latent/tensor';
import { levelKey } from '../input/cell.ts';
import type { CellCondition, ColumnCode, ColumnLearner, ReadCells, SlotCondition } from './column-kind.ts';
import { largest } from './number-code.ts';

/** What is learned of a category. */
export interface LearnedLevels {
  /** Levels with a place of their own, as they were given. */
  readonly levels: readonly (string | number | boolean)[];
  readonly counts: readonly number[];
  /** Levels too rare for one, and how often each occurred. */
  readonly rare: readonly (readonly [level: string | number | boolean, count: number])[];
}

/** Levels that are told apart, at most; the rest is rare. */
const MOST_LEVELS = 5000;

/** Learns the levels of a category. */
export class LevelLearner implements ColumnLearner {
  readonly #counts = new Map<string, { readonly level: unknown; count: number }>();
  readonly #given: readonly string[];
  #seen = 0;

  /** `given`: levels that were declared, which have a place whether they occur or not. */
  constructor(given: readonly unknown[]) {
    this.#given = given.map(levelKey);
    for (const level of given) this.#counts.set(levelKey(level), { level, count: 0 });
  }

  add({ values, cells }: ReadCells): void {
    for (let i = 0; i < values.length; i++) {
      const key = values[i];
      if (key === null) continue;
      this.#seen++;
      const known = this.#counts.get(key as string);
      if (known !== undefined) known.count++;
      else this.#counts.set(key as string, { level: cells[i], count: 1 });
    }
  }

  again(): boolean {
    return false;
  }

  learned(): LearnedLevels {
    // Under ten rows a level cannot be learned; of a small table that would be most.
    const fewest = Math.min(10, Math.max(2, this.#seen / 200));
    const byCount = [...this.#counts].sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1));
    const declared = new Set(this.#given);
    const kept = byCount.filter(([key, { count }], i) => declared.has(key) || (count >= fewest && i < MOST_LEVELS));
    const names = new Set(kept.map(([key]) => key));
    const plain = (level: unknown): string | number | boolean =>
      typeof level === 'number' || typeof level === 'boolean' ? level : levelKey(level);
    return {
      levels: kept.map(([, { level }]) => plain(level)),
      counts: kept.map(([, { count }]) => count),
      rare: byCount
        .filter(([key]) => !names.has(key))
        .slice(0, MOST_LEVELS)
        .map(([, { level, count }]) => [plain(level), count] as const),
    };
  }
}

/**
 * A category as a model sees it: one place for each level, and a last one for all that are rare or were never seen, so that a
 * new level is odd and not an error.
 */
export function levelCode({ levels, counts, rare }: LearnedLevels): ColumnCode {
  const size = levels.length + 1;
  const indexOf = new Map(levels.map((level, i) => [levelKey(level), i]));
  const rest = rare.length > 0 ? rare : levels.map((level, i) => [level, Math.max(1, counts[i] as number)] as const);
  return {
    slots: [{ role: 'levels', size }],
    outcomes: { role: 'levels', levels, slot: 0 },
    encode({ values }, { values: out, width, at: [start = 0] }) {
      for (let r = 0; r < values.length; r++) {
        const key = values[r] as string | null;
        const at = r * width + start;
        // All others are 0 from the start.
        if (key === null) out.fill(Number.NaN, at, at + size);
        else out[at + (indexOf.get(key) ?? levels.length)] = 1;
      }
    },
    decode({ values, count, width, at }, rng) {
      return Array.from({ length: count }, (_, r) => {
        const level = largest(values, r * width + (at[0] as number), size);
        return level < levels.length ? levels[level] : drawn(rest, rng);
      });
    },
    conditions({ equals, min, max }: CellCondition, fail) {
      if (equals === undefined) return fail('one of its levels, or an array of them', { min, max });
      const met = levels.map(() => false);
      const unseen = rare.map(([level]) => levelKey(level));
      let other = false;
      for (const value of equals) {
        const key = levelKey(value);
        const place = indexOf.get(key);
        if (place !== undefined) met[place] = true;
        else if (unseen.includes(key)) other = true;
        else fail(`one of ${levels.slice(0, 8).map(String).join(', ')}${levels.length > 8 ? ', …' : ''}`, value);
      }
      const condition: SlotCondition = { levels: [...met, other] };
      return [[condition]];
    },
  };
}

function drawn(levels: LearnedLevels['rare'], rng: Rng): string | number | boolean | null {
  const total = levels.reduce((sum, [, count]) => sum + count, 0);
  let left = rng.uniform([]).item() * total;
  for (const [level, count] of levels) {
    left -= count;
    if (left < 0) return level;
  }
  return levels[levels.length - 1]?.[0] ?? null;
}

/** Checks what a file says of a category. */
export function checkLevels(learned: unknown, fail: (problem: string) => never): LearnedLevels {
  if (!isPlainObject(learned)) return fail('has no levels');
  const { levels, counts, rare } = learned;
  const plain = (level: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof level);
  const sound =
    Array.isArray(levels) &&
    levels.every(plain) &&
    new Set(levels.map(levelKey)).size === levels.length &&
    Array.isArray(counts) &&
    counts.length === levels.length &&
    counts.every((count) => Number.isInteger(count) && (count as number) >= 0) &&
    Array.isArray(rare) &&
    rare.every((entry) => Array.isArray(entry) && entry.length === 2 && plain(entry[0]) && Number.isInteger(entry[1]));
  return sound ? (learned as unknown as LearnedLevels) : fail('has levels that do not belong together');
}
