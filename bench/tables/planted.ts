// One cell of a clean row exchanged with another row's: how often that column leads the explanation, and whether repairs are
// minimal. Names of tables take some of them.
import { AnomalyDetector } from '@latent/tables';
import { Rng } from '@latent/tensor';
import { mean, quick, type Row, seeds, tables } from './data.ts';

const [LEARNED, REST] = quick ? [4000, 16_000] : [10_000, 20_000];
const PLANTED = quick ? 50 : 200;
const REPAIRED = quick ? 6 : 20;
const ALPHA = 0.05;

const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'));
for (const name of ['adult', 'default-credit'] as const) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const all = tables[name]();
  const shares: number[] = [];
  for (const seed of seeds) {
    const rng = new Rng(seed);
    const order = Array.from(rng.permutation(all.length), (i) => all[i] as Row);
    const [learned, rest] = [order.slice(0, LEARNED), order.slice(LEARNED, LEARNED + REST)];
    const detector = await AnomalyDetector.fit(learned, { seed });
    const columns = detector.schema.names;
    const usual = detector.pValues(rest);
    const clean = rest.filter((_, i) => (usual[i] as number) > 0.2);
    // A plant counts where the exchanged cell makes the row odd: else nothing is to be found.
    const planted: { row: Row; column: string }[] = [];
    const places = rng.uniform([clean.length, 2]).data;
    clean.forEach((row, i) => {
      const column = columns[Math.floor((places[2 * i] as number) * columns.length)] as string;
      const other = rest[Math.floor((places[2 * i + 1] as number) * rest.length)] as Row;
      if (other[column] !== row[column]) planted.push({ row: { ...row, [column]: other[column] as string }, column });
    });
    const p = detector.pValues(planted.map(({ row }) => row));
    const some = planted.slice(0, PLANTED);
    const every = detector.explain(some.map(({ row }) => row));
    const anyway = every.filter(({ cells }, i) => cells[0]?.column === some[i]?.column).length / some.length;
    const odd = planted.filter((_, i) => (p[i] as number) <= ALPHA).slice(0, PLANTED);
    const found = detector.explain(odd.map(({ row }) => row));
    const first = found.filter(({ cells }, i) => cells[0]?.column === odd[i]?.column).length / odd.length;
    const repairs = detector.repair(odd.slice(0, REPAIRED).map(({ row }) => row));
    const minimal = repairs.filter(({ usual, changes, repaired }) => {
      if (!usual) return false;
      const undone = changes.map(({ column, from }) => ({ ...repaired, [column]: from }) as Row);
      return undone.length > 0 && detector.pValues(undone).every((value) => value <= ALPHA);
    }).length;
    shares.push(first);
    console.log(
      `${name}, seed ${seed}: ${odd.length} odd of ${planted.length} planted; the guilty column is first in ${(100 * first).toFixed(1)} % of these, in ${(100 * anyway).toFixed(1)} % of all; ${minimal} of ${repairs.length} repairs usual and minimal`,
    );
  }
  console.log(`${name}: first in ${(100 * mean(shares)).toFixed(1)} % (wanted ≥ 80 %)`);
}
