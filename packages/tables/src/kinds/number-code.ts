import { FittedTransform } from '@latent/nn';
import type { Rng } from '@latent/tensor';
import type { ColumnCode, Slot } from './column-kind.ts';
import { numberConditions } from './number-condition.ts';
import { type LearnedNumbers, MOST_DECIMALS, type NumberScale } from './number-learner.ts';

/** Places on a scale are held to this, which single precision can square. */
const FARTHEST = 1e6;

/** A column of numbers as a model sees it: one of its atoms or another, and for others a number on a common scale. */
export function numberCode(learned: LearnedNumbers, scale: NumberScale): ColumnCode {
  const { atoms, recurring, smallest, least, most, decimals } = learned;
  const map =
    learned.scale === null ? null : FittedTransform.fromConfig(learned.scale, { caller: 'column', path: 'scale' });
  const forward = (values: Float64Array): Float32Array =>
    map === null
      ? new Float32Array(values.length)
      : map.forward('column', { values, count: values.length, width: 1 }).map((y) => (Number.isNaN(y) ? y : held(y)));
  const place = (value: number): number => forward(Float64Array.of(scale.inside(value, smallest)))[0] as number;
  const known = recurring.map(place);
  const indexOf = new Map(atoms.map(([value], i) => [value, i]));
  // Where nothing but atoms was seen there is still a level for what is none of them.
  const levels = atoms.length + 1;
  const slots: Slot[] = [];
  if (atoms.length > 0) slots.push({ role: 'levels', size: levels });
  if (map !== null) slots.push({ role: 'numbers', size: 1 });
  const numberSlot = map === null ? null : slots.length - 1;

  const cellOf = (value: number): unknown => {
    const inRange = Math.min(most, Math.max(least, value));
    const rounded = decimals === null ? inRange : Number(inRange.toFixed(Math.min(100, decimals)));
    return learned.text ? (decimals === null ? String(rounded) : rounded.toFixed(decimals)) : rounded + 0;
  };

  return {
    slots,
    outcomes: {
      role: 'numbers',
      atoms: atoms.map(([value]) => value),
      levelSlot: atoms.length > 0 ? 0 : null,
      numberSlot,
      inverse: (places) => map?.inverse(places) ?? places.slice().fill(0),
      cellOf,
    },
    encode({ values }, { values: out, width, at }) {
      const numbers = numberSlot === null ? null : Float64Array.from(values as Float64Array);
      if (atoms.length > 0) {
        const start = at[0] as number;
        for (let r = 0; r < values.length; r++) {
          const value = values[r] as number;
          const hole = Number.isNaN(value);
          const level = indexOf.get(value) ?? atoms.length;
          for (let k = 0; k < levels; k++) out[r * width + start + k] = hole ? Number.NaN : k === level ? 1 : 0;
          if (numbers !== null && level < atoms.length) numbers[r] = Number.NaN;
        }
      }
      if (numbers === null) return;
      for (let r = 0; r < numbers.length; r++) numbers[r] = scale.inside(numbers[r] as number, smallest);
      const scaled = forward(numbers);
      const start = at[numberSlot as number] as number;
      for (let r = 0; r < scaled.length; r++) out[r * width + start] = scaled[r] as number;
    },
    decode({ values, count, width, at }, rng) {
      const numbers =
        numberSlot === null
          ? null
          : (map as FittedTransform).inverse(
              Float64Array.from({ length: count }, (_, r) => values[r * width + (at[numberSlot] as number)] as number),
            );
      return Array.from({ length: count }, (_, r) => {
        if (atoms.length > 0) {
          const level = largest(values, r * width + (at[0] as number), levels);
          if (level < atoms.length) return cellOf((atoms[level] as readonly [number, number])[0]);
          if (numbers === null) return cellOf(drawnAtom(atoms, rng));
        }
        if (known.length > 0)
          return cellOf(
            recurring[nearest(known, values[r * width + (at[numberSlot as number] as number)] as number)] as number,
          );
        return cellOf((numbers as Float64Array)[r] as number);
      });
    },
    conditions: (condition, fail) =>
      numberConditions(condition, { atoms, numberSlot, place, decimals: decimals ?? MOST_DECIMALS }, fail),
  };
}

/** On the model's scale, what single precision can still square. */
function held(y: number): number {
  return Math.max(-FARTHEST, Math.min(FARTHEST, y));
}

function drawnAtom(atoms: LearnedNumbers['atoms'], rng: Rng): number {
  const total = atoms.reduce((sum, [, count]) => sum + count, 0);
  let left = rng.uniform([]).item() * total;
  for (const [value, count] of atoms) {
    left -= count;
    if (left < 0) return value;
  }
  return (atoms[atoms.length - 1] as readonly [number, number])[0];
}

/** The place of the largest of `size` numbers from `start` on, counted from there. */
export function largest(values: ArrayLike<number>, start: number, size: number): number {
  let best = 0;
  for (let k = 1; k < size; k++) if ((values[start + k] as number) > (values[start + best] as number)) best = k;
  return best;
}

/** The place in a rising list that is nearest to a value. */
function nearest(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value > ((sorted[middle] as number) + (sorted[middle + 1] as number)) / 2) low = middle + 1;
    else high = middle;
  }
  return low;
}
