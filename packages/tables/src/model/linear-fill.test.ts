import { Rng } from '@latent/tensor';
import { expect, it } from 'vitest';
import { RowCode, RowLearner, readRows } from '../encode/row-code.ts';
import { column, inferSchema } from '../index.ts';
import { tableOf } from '../input/source.ts';
import { LinearFill } from './linear-fill.ts';
import { TASKS } from './recipe.ts';

/** y = 2x + noise of 0.1, and z = −y; a part of the cells is gone. */
function rows(n: number, holes: number): Record<string, number | null>[] {
  const [draws, gone] = [new Rng(1).normal([n, 2]).data, new Rng(2).uniform([n, 3]).data];
  return Array.from({ length: n }, (_, r) => {
    const x = draws[2 * r] as number;
    const y = 2 * x + 0.1 * (draws[2 * r + 1] as number);
    const cell = (value: number, c: number): number | null => ((gone[3 * r + c] as number) < holes ? null : value);
    return { x: cell(x, 0), y: cell(y, 1), z: cell(100 - y, 2) };
  });
}

it('fills holes by their conditional mean, learned from rows with holes', () => {
  const given = rows(600, 0.3);
  const schema = inferSchema(given).with({ x: column.numeric(), y: column.numeric(), z: column.numeric() });
  const read = (of: object[]) => readRows('test', schema as never, tableOf('test', of));
  const learner = new RowLearner(schema as never, { numbers: TASKS.imputation.numbers(), discrete: 0 });
  learner.add(read(given));
  const code = new RowCode('test', schema as never, learner.learned());
  const linear = LinearFill.of(code, [read(given)], 1);
  const placed = linear.place(
    read([
      { x: 1, y: null, z: null },
      { x: null, y: 1, z: null },
      { x: 0.5, y: 1, z: 99 },
    ]),
  );
  const [first, second, third] = [0, 1, 2].map((r) => linear.filled(placed, r)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  expect(linear.number(1, first)).toBeCloseTo(2, 1);
  expect(linear.number(2, first)).toBeCloseTo(98, 0);
  expect(linear.number(0, second)).toBeCloseTo(0.5, 1);
  expect(linear.number(2, second)).toBeCloseTo(99, 0);
  expect(Array.from(third)).toEqual([0.5, 1, 99].map((value) => expect.closeTo(value, 9)));
});
