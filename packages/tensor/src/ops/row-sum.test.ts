import { expect, it } from 'vitest';
import { opTable } from '../index.ts';
import { rowSum } from './reduce.ts';

it('says which formula it sums, for those who read ops in place of running them', () => {
  const op = rowSum('squares', (x) => x.square(), [null]);
  expect(op.summed).toBe(true);
  expect(op.program.expressions.map(({ kind }) => kind)).toEqual(['mul']);
});

it('gives the rows of the engine under their own names', () => {
  for (const [name, op] of Object.entries(opTable)) expect(op.name).toBe(name);
});
