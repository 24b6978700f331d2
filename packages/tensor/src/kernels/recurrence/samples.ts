import type { KernelSample, KernelSamples } from '../samples.ts';
import { type Cell, gruCell, lstmCell, reluCell, tanhCell } from './cell.ts';
import { type Course, type RecurrenceCall, recurrenceCall } from './recurrence.ts';

type Sizes = readonly [rows: number, steps: number, features: number, units: number];

export const cells: readonly Cell[] = [lstmCell, gruCell, tanhCell, reluCell];

export function courseOf(
  cell: Cell,
  [rows, steps, features, units]: Sizes,
  flags: Partial<Pick<Course, 'steady' | 'reverse' | 'lengths'>> = {},
): Course {
  return { cell, rows, steps, features, units, steady: false, reverse: false, lengths: false, ...flags };
}

export function describeCourse({ cell, rows, steps, features, units, steady, reverse, lengths }: Course): string {
  const flags = Object.entries({ steady, reverse, lengths }).flatMap(([name, on]) => (on ? [name] : []));
  return [cell.name, `[${rows}, ${steps}, ${features}] → ${units}`, ...flags].join(' ');
}

/** Lengths of rows, some that no row has. */
export function someLengths(rows: number, steps: number, random: () => number): number[] {
  const odd = [0, steps, steps + 3, -2, Number.NaN, 1.7];
  return Array.from({ length: rows }, (_, i) =>
    i % 3 === 1 ? odd[i % odd.length]! : Math.floor(random() * (steps + 1)),
  );
}

/** The shapes that break people, for every cell, and each flag with some. */
export const courses: readonly Course[] = cells.flatMap((cell) => [
  courseOf(cell, [1, 1, 1, 1]),
  courseOf(cell, [3, 4, 2, 5]),
  courseOf(cell, [7, 3, 5, 8], { reverse: true }),
  courseOf(cell, [13, 5, 3, 9], { lengths: true }),
  courseOf(cell, [6, 4, 4, 12], { lengths: true, reverse: true }),
  courseOf(cell, [5, 6, 7, 3], { steady: true }),
  courseOf(cell, [14, 3, 1, 17], { steady: true, lengths: true, reverse: true }),
  courseOf(cell, [2, 0, 3, 4]),
  courseOf(cell, [0, 3, 3, 4]),
]);

export const recurrenceSamples = courses.flatMap((course) =>
  [true, false].map((keep): KernelSample<RecurrenceCall> => {
    const lengthsAt = 1 + course.cell.states + (keep ? 2 : 0) + 5 + course.cell.states;
    return {
      name: `${describeCourse(course)}${keep ? ' kept' : ''}`,
      call: recurrenceCall('f32', [], course, keep),
      tolerance: 2e-5,
      fill: (operand, size, random) =>
        operand === lengthsAt
          ? someLengths(size, course.steps, random)
          : Array.from({ length: size }, () => 2 * random() - 1),
    };
  }),
) as unknown as KernelSamples<RecurrenceCall>;
