import { Rng } from '@latent/tensor';
import { expect, it } from 'vitest';
import { TableModel } from '../index.ts';

const COLUMNS = 130;
const ROWS = 60;

/** Columns that all follow one number, two of them as categories. */
function table(seed: number, rows: number): Record<string, (number | string)[]> {
  const rng = new Rng(seed);
  const factor = rng.normal([rows]).data;
  const noise = rng.normal([rows, COLUMNS]).data;
  return Object.fromEntries(
    Array.from({ length: COLUMNS }, (_, c) => [
      `c${c}`,
      Array.from(factor, (f, r) => {
        const x = f + 0.1 * (noise[r * COLUMNS + c] as number);
        return c === 0 || c === 10 ? (x > 0 ? 'high' : 'low') : x;
      }),
    ]),
  );
}

it('rows of more columns than are hidden one by one are explained, and kept in a file', async () => {
  const columns = table(1, ROWS);
  const model = await TableModel.fit(columns as never, {
    ...{ hidden: [16], latentSize: 2, epochs: 30, draws: 2, seed: 1 },
    onWarning: () => {},
  });
  const [odd, usual] = [table(2, 1), table(2, 1)];
  (odd.c77 as number[])[0] = (odd.c77?.[0] as number) + 4;
  const read = TableModel.fromBytes(model.toBytes());
  const [why] = read.explain(odd as never);
  expect(why?.cells.length).toBe(COLUMNS);
  expect(why?.cells[0]?.column).toBe('c77');
  expect(read.score(odd as never)[0]).toBeGreaterThan(read.score(usual as never)[0] as number);
  const holed = { ...usual, c3: [null], c10: [null] };
  const { cells } = read.impute(holed as never);
  expect(cells.map(({ column }) => column)).toEqual(['c3', 'c10']);
  expect(cells[0]?.value).toBeCloseTo(usual.c3?.[0] as number, 0);
  expect(cells[1]?.value).toBe(usual.c10?.[0]);
});
