// A fifth of the known cells hidden, filled and compared: by column beside the mean or the most frequent level, on average beside
// iterative ridge regression, and the model's own estimate of its error beside the true one.
import { Imputer } from '@latent/tables';
import { Rng } from '@latent/tensor';
import { mean, quick, type Row, seeds, tables } from './data.ts';
import { iterativeRidge } from './ridge.ts';

const ROWS = quick ? 2000 : 10_000;
const HIDDEN = 0.2;

const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'));
for (const name of ['titanic', 'penguins', 'adult', 'default-credit'] as const) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const all = tables[name]();
  for (const seed of seeds) {
    const rng = new Rng(seed);
    const rows = Array.from(rng.permutation(all.length), (i) => all[i] as Row).slice(0, ROWS);
    const places = rng.uniform([rows.length, 64]).data;
    const names = Object.keys(rows[0] as Row);
    const isHidden = (r: number, c: number): boolean => (places[r * 64 + (c % 64)] as number) < HIDDEN;
    const holed = rows.map((row, r) =>
      Object.fromEntries(names.map((column, c) => [column, isHidden(r, c) ? null : (row[column] ?? null)])),
    );
    const model = await Imputer.fit<Row>(holed, { seed });
    const filled = model.impute(holed).rows as unknown as Row[];
    const ridge = iterativeRidge(model.schema, holed);
    const figures: {
      column: string;
      level: boolean;
      error: number;
      baseline: number;
      ridge: number;
      own: number;
      said: boolean;
    }[] = [];
    for (const told of model.imputationError) {
      const c = names.indexOf(told.column);
      const known = rows.flatMap((row, r) => {
        const cell = row[told.column];
        return isHidden(r, c) && cell !== null && cell !== undefined && cell !== '' && cell !== '?' && cell !== '.'
          ? [r]
          : [];
      });
      const truth = known.map((r) => (rows[r] as Row)[told.column] as string | number);
      const seen = holed.flatMap((row) => (row[told.column] === null ? [] : [row[told.column] as string | number]));
      const cells = (guess: (r: number) => unknown): number[] =>
        known.map((r, i) =>
          told.measure === 'rmse'
            ? (Number(guess(r)) - Number(truth[i])) ** 2
            : Number(String(guess(r)) !== String(truth[i])),
        );
      const of = (guess: (r: number) => unknown): number =>
        told.measure === 'rmse' ? Math.sqrt(mean(cells(guess))) : mean(cells(guess));
      const counts = new Map<string, number>();
      for (const cell of seen) counts.set(String(cell), (counts.get(String(cell)) ?? 0) + 1);
      const mode = [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
      const numbers = seen.map(Number).filter((value) => !Number.isNaN(value));
      const usual: unknown = told.measure === 'rmse' ? mean(numbers) : mode;
      if (known.length === 0 || model.schema.column(told.column).kind.name === 'date') continue;
      // How far two measurements of the same error may be apart: that of these cells, and its own of others like them.
      const own = cells((r) => filled[r]?.[told.column]);
      const variance = mean(own.map((cell) => (cell - mean(own)) ** 2));
      const claimed = told.measure === 'rmse' ? told.error ** 2 : told.error;
      const chance = 2 * Math.sqrt(variance / own.length + variance / Math.max(1, told.cells));
      figures.push({
        column: told.column,
        level: Math.abs(claimed - mean(own)) <= chance,
        error: of((r) => filled[r]?.[told.column]),
        baseline: of(() => usual),
        ridge: of((r) => ridge[r]?.[told.column]),
        own: told.error,
        said: told.better,
      });
    }
    const worse = figures.filter(({ error, baseline }) => error > baseline);
    const unsaid = worse.filter(({ said }) => said).map(({ column }) => column);
    const share = (of: 'error' | 'ridge'): number =>
      mean(figures.map((figure) => figure[of] / Math.max(1e-9, figure.baseline)));
    const near = figures.filter(({ own, error }) => Math.abs(own - error) <= 0.2 * error).length;
    console.log(
      `${name}, seed ${seed}: below mean or mode on ${figures.length - worse.length} of ${figures.length} columns${unsaid.length > 0 ? `, not said of ${unsaid.join(', ')}` : ''}; share of the baseline's error ${share('error').toFixed(3)}, iterative ridge ${share('ridge').toFixed(3)}; own estimate within 20 % on ${near} of ${figures.length}, within two standard errors on ${figures.filter(({ level }) => level).length}`,
    );
    if (process.argv.includes('--columns')) console.table(figures);
  }
}
