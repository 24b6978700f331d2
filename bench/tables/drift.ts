// Drift: false reports over 200 batches like the rows that were fitted, a shift of half a standard deviation in one of ten
// columns, and a change of correlation that no column shows.
import { TableModel } from '@latent/tables';
import { Rng } from '@latent/tensor';
import { quick } from './data.ts';

type Numbers = Record<string, number>;
const rows = (n: number, seed: number, rho = 0.8): Numbers[] => {
  const draws = new Rng(seed).normal([n, 10]).data;
  return Array.from({ length: n }, (_, r) =>
    Object.fromEntries(
      Array.from({ length: 10 }, (_, c) => {
        const [own, mate] = [draws[10 * r + c] as number, draws[10 * r + c - (c % 2)] as number];
        return [`x${c}`, c % 2 === 0 ? own : rho * mate + Math.sqrt(1 - rho * rho) * own];
      }),
    ),
  );
};
const rounds = quick ? 50 : 200;
const model = await TableModel.fit(rows(5000, 1), { seed: 1 });
const found = { none: 0, shift: 0, silent: 0, seen: 0 };
for (let i = 0; i < rounds; i++) {
  if (model.drift(rows(500, 1000 + i), { seed: i }).drift) found.none++;
  const moved = model.drift(
    rows(500, 2000 + i).map((row) => ({ ...row, x3: (row.x3 as number) + 0.5 })),
    { seed: i },
  );
  if (moved.columns.find(({ column }) => column === 'x3')?.drift === true) found.shift++;
  const loose = model.drift(rows(500, 3000 + i, 0), { seed: i });
  if (!loose.columns.some(({ drift }) => drift)) found.silent++;
  if (loose.scores.drift || loose.codes.drift) found.seen++;
}
const percent = (count: number): string => `${((100 * count) / rounds).toFixed(1)} %`;
console.log(`no drift, reported: ${percent(found.none)} (α 5 %)`);
console.log(`half a deviation in one of ten columns, found: ${percent(found.shift)} (wanted ≥ 95 %)`);
console.log(
  `correlation alone: columns silent ${percent(found.silent)}, seen by scores or codes ${percent(found.seen)}`,
);
