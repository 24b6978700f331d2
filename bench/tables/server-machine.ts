// The guilty columns of each anomaly of a server: HitRate@100 % and @150 % of the columns that moved most, over anomalous rows.
import { AnomalyDetector } from '@latent/tables';
import { mean, quick, seeds, serverMachine } from './data.ts';

const { train, test, causes } = serverMachine();
const every = quick ? 20 : 5;
for (const seed of seeds) {
  const detector = await AnomalyDetector.fit(train, { seed, order: 'time' });
  for (const by of ['moved', 'unexplained'] as const) {
    const hits: Record<'100' | '150', number[]> = { '100': [], '150': [] };
    for (const { from, to, columns } of causes) {
      const rows = test.slice(from, to).filter((_, i) => i % every === 0);
      const known = columns.filter((column) => detector.schema.names.includes(column));
      for (const { cells } of detector.explain(rows, { by })) {
        const ranked = cells.map(({ column }) => column as string);
        for (const share of ['100', '150'] as const) {
          const most = Math.ceil((Number(share) / 100) * known.length);
          hits[share].push(ranked.slice(0, most).filter((column) => known.includes(column)).length / known.length);
        }
      }
    }
    console.log(
      `seed ${seed}, by ${by}: HitRate@100 % ${mean(hits['100']).toFixed(3)}, @150 % ${mean(hits['150']).toFixed(3)} over ${hits['100'].length} rows (wanted ≥ 0.50)`,
    );
  }
}
