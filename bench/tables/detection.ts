// Odd rows of public tables: area under the ROC curve of the detector with default options, fitted to usual rows (six tenths of them; the
// others and all odd rows are scored) and to all rows, odd ones among them, which are scored too. `--write folder` writes the tables for
// bench/peers/detection.py instead; `--only a,b` takes some, `--part i/n` every n-th, and `--seeds 1` fewer seeds.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AnomalyDetector } from '@latent/tables';
import { Rng } from '@latent/tensor';
import { rocAuc } from '@latent/vae/evaluate';
import { labelledTables } from './anomaly-tables.ts';
import { mean, type Row } from './data.ts';

const argument = (name: string): string | null => {
  const at = process.argv.indexOf(name);
  return at < 0 ? null : (process.argv[at + 1] ?? null);
};
const only = argument('--only')?.split(',');
const [part = 0, parts = 1] = (argument('--part') ?? '0/1').split('/').map(Number);
const seeds = (argument('--seeds') ?? '1,2,3').split(',').map(Number);
const folder = argument('--write');
const names = Object.keys(labelledTables).filter((name, i) => (only?.includes(name) ?? true) && i % parts === part);

const found: Record<'usual' | 'all', number[]> = { usual: [], all: [] };
for (const name of names) {
  const { rows, odd } = (labelledTables[name] as (typeof labelledTables)[string])();
  const usual = rows.flatMap((_, r) => (odd[r] ? [] : [r]));
  const order = Array.from(new Rng(7).permutation(usual.length), (i) => usual[i] as number);
  const learned = new Set(order.slice(0, Math.floor(0.6 * order.length)));
  const all = rows.map((_, r) => r);
  const sets = { usual: { fit: [...learned], test: all.filter((r) => !learned.has(r)) }, all: { fit: all, test: all } };
  if (folder !== null) {
    mkdirSync(folder, { recursive: true });
    const tables = { rows, odd, usual: sets.usual };
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(tables));
    continue;
  }
  const line: string[] = [];
  for (const [kind, { fit, test }] of Object.entries(sets) as ['usual' | 'all', (typeof sets)['all']][]) {
    const areas: number[] = [];
    const began = performance.now();
    for (const seed of seeds) {
      const detector = await AnomalyDetector.fit(
        fit.map((r) => rows[r] as Row),
        { seed },
      );
      const scores = detector.score(test.map((r) => rows[r] as Row));
      areas.push(
        100 *
          rocAuc(
            scores,
            test.map((r) => (odd[r] ? 1 : 0)),
          ),
      );
    }
    found[kind].push(mean(areas));
    line.push(
      `${kind} ${mean(areas).toFixed(1)} (${fit.length} rows, ${((performance.now() - began) / 1000 / seeds.length).toFixed(1)} s)`,
    );
  }
  console.log(`${name}: ${line.join(', ')}`);
}
if (folder === null) {
  console.log(
    `mean of ${names.length} tables: fitted to usual rows ${mean(found.usual).toFixed(2)}, to all rows ${mean(found.all).toFixed(2)}`,
  );
}
