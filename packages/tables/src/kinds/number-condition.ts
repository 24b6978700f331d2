import { numberOf } from '../input/cell.ts';
import type { CellCondition, SlotCondition } from './column-kind.ts';
import type { LearnedNumbers } from './number-learner.ts';

/** What a condition on numbers is told with. */
interface NumberParts {
  readonly atoms: LearnedNumbers['atoms'];
  readonly numberSlot: number | null;
  place(value: number): number;
  readonly decimals: number;
}

function or(value: number, refuse: () => never): number {
  return Number.isNaN(value) ? refuse() : value;
}

/** A condition on a number: an atom that meets it, or a range of the rest. */
export function numberConditions(
  { equals, min = -Infinity, max = Infinity }: CellCondition,
  { atoms, numberSlot, place, decimals }: NumberParts,
  fail: (expected: string, got: unknown) => never,
): readonly (readonly SlotCondition[])[] {
  const number = (value: unknown): number =>
    value === Infinity || value === -Infinity ? value : or(numberOf(value), () => fail('a number', value));
  const ranges: (readonly [low: number, high: number])[] =
    equals === undefined ? [[number(min), number(max)]] : equals.map((value) => [number(value), number(value)]);
  const ways: SlotCondition[][] = [];
  const met = atoms.map(([value]) => ranges.some(([low, high]) => value >= low && value <= high));
  const level = (levels: readonly boolean[]): SlotCondition => ({ levels });
  if (met.includes(true)) {
    ways.push([level([...met, false]), ...(numberSlot === null ? [] : [null])]);
  }
  if (numberSlot !== null) {
    // A value stands for all that is rounded to it.
    const half = 0.5 * 10 ** -decimals;
    for (const [low, high] of ranges) {
      if (low === high && atoms.some(([value]) => value === low)) continue;
      const edge = low === high ? half : 0;
      const range: SlotCondition = {
        low: low === -Infinity ? -Infinity : place(low - edge),
        high: high === Infinity ? Infinity : place(high + edge),
      };
      ways.push([...(atoms.length > 0 ? [level([...atoms.map(() => false), true])] : []), range]);
    }
  }
  return ways;
}
