// Adult: 26,048 rows learned, as many made; every figure beside that of independent columns and of held-out real rows.
import { quality, Synthesizer } from '@latent/tables';
import { Rng, useThreads } from '@latent/tensor';
import { type Row, seeds, tables } from './data.ts';

useThreads(2);
const all = tables.adult();
const order = Array.from(new Rng(0).permutation(all.length), (i) => all[i] as Row);
const [learned, holdout] = [order.slice(0, 26_048), order.slice(26_048)];
for (const seed of seeds) {
  const began = performance.now();
  const model = await Synthesizer.fit(learned, { seed });
  const fitted = performance.now();
  const made = model.synthesize(learned.length);
  const done = performance.now();
  const report = quality<Row>(learned, made, { holdout, target: 'income', schema: model.schema });
  const line = (name: string, measure: { value: number; independent: number; real: number | null }): string =>
    `${name} ${measure.value.toFixed(4)} (independent ${measure.independent.toFixed(4)}, real ${measure.real?.toFixed(4)})`;
  console.log(
    [
      `seed ${seed}: fitted in ${((fitted - began) / 1000).toFixed(1)} s, made in ${((done - fitted) / 1000).toFixed(1)} s`,
      line('shapes', report.shapes),
      line('pairs', report.pairs),
      line(`associated pairs (${report.pairs.associated.count})`, report.pairs.associated),
      line('detection', report.detection),
      line('utility', report.utility as NonNullable<typeof report.utility>),
      `nearer to the real rows ${(100 * (report.privacy?.nearerShare ?? 0)).toFixed(1)} %, copies ${report.privacy?.copies} (holdout ${report.privacy?.holdoutCopies})`,
      `in range ${report.valid.inRange}, known ${report.valid.known}`,
    ].join('\n  '),
  );
  const worst = [...report.shapes.columns].sort((a, b) => a.value - b.value).slice(0, 3);
  console.log(`  worst shapes: ${worst.map(({ column, value }) => `${column} ${value.toFixed(3)}`).join(', ')}`);
}
