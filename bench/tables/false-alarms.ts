// False alarms over random splits: fit on a third, calibrate on a third, alarm on the last third. And the negative control, without which the
// figures would prove nothing: networks that go over few rows until they know them by heart, calibrated on these very rows, must
// raise more alarms than promised, while the same networks calibrated on rows that they did not learn keep the promise. Names of tables take
// some of them.
import { AnomalyDetector, TableModel, type TableOptions } from '@latent/tables';
import { Rng } from '@latent/tensor';
import { mean, nslKdd, quick, type Row, tables } from './data.ts';

const ALPHAS = [0.05, 0.01];

interface Fits {
  readonly model: { fit(rows: readonly Row[], options: TableOptions<Row>): Promise<TableModel<Row>> };
  readonly splits: number;
  readonly rows: number;
  readonly options: TableOptions<Row>;
}

/** Usual fits of short training, and fits that know their rows by heart. */
const USUAL: Fits = {
  model: AnomalyDetector,
  splits: quick ? 10 : 50,
  rows: 900,
  options: { epochs: 60, hidden: [32], draws: 4 },
};
const BY_HEART: Fits = {
  // A score of networks alone: a detector's distances leave a learned row out of its own neighbours.
  model: TableModel,
  splits: quick ? 5 : 20,
  rows: 300,
  options: {
    epochs: 600,
    hidden: [128, 128],
    latentSize: 16,
    draws: 4,
    // Nothing ends the training, and the last weights stay.
    train: ({ model, rows, options: { earlyStopping: _, validationData: __, ...options } }) => model.fit(rows, options),
  },
};

const sources = {
  adult: tables.adult,
  'default-credit': tables['default-credit'],
  'nsl-kdd': () => nslKdd().normal,
  penguins: tables.penguins,
};

const error = (of: readonly number[]): number =>
  Math.sqrt(mean(of.map((rate) => (rate - mean(of)) ** 2)) / Math.max(1, of.length - 1));
const said = (of: readonly number[], alpha: number): string =>
  of.length === 0
    ? 'not promised by so few rows'
    : `${(100 * mean(of)).toFixed(2)} % ± ${(100 * error(of)).toFixed(2)}, ${mean(of) <= alpha + 3 * error(of) ? 'holds' : 'broken'}`;

/** The share of alarms on fresh rows at each rate: with lines drawn by rows that calibrate, and by rows that were fitted. */
async function alarms(
  all: readonly Row[],
  { model, splits, rows, options }: Fits,
): Promise<{ readonly calibrated: number[][]; readonly fitted: number[][] }> {
  const found = { calibrated: ALPHAS.map((): number[] => []), fitted: ALPHAS.map((): number[] => []) };
  for (let split = 0; split < splits; split++) {
    const order = Array.from(new Rng(split).permutation(all.length), (i) => all[i] as Row).slice(0, rows);
    const cut = Math.floor((2 * order.length) / 3);
    const [known, fresh] = [order.slice(0, cut), order.slice(cut)];
    const detector = await model.fit(known, {
      ...options,
      seed: split,
      calibration: 0.5,
      members: 1,
      order: 'time',
      onWarning: () => {},
    });
    const p = detector.pValues(fresh);
    const scores = detector.score(fresh);
    const fitted = detector.score(known.slice(0, known.length - detector.calibrationRows)).sort();
    ALPHAS.forEach((alpha, a) => {
      if (alpha * (detector.calibrationRows + 1) >= 1)
        found.calibrated[a]?.push(p.filter((value) => value <= alpha).length / fresh.length);
      const k = Math.floor(alpha * (fitted.length + 1));
      if (k < 1) return;
      const line = fitted[fitted.length - k] as number;
      found.fitted[a]?.push(scores.filter((score) => score >= line).length / fresh.length);
    });
  }
  return found;
}

const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'));
for (const [name, read] of Object.entries(sources)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const all = read();
  const usual = await alarms(all, USUAL);
  const byHeart = await alarms(all, BY_HEART);
  ALPHAS.forEach((alpha, a) => {
    console.log(
      `${name}, α ${alpha}: ${said(usual.calibrated[a] as number[], alpha)}; known by heart: ${said(byHeart.calibrated[a] as number[], alpha)}; the same calibrated on the rows that were fitted: ${said(byHeart.fitted[a] as number[], alpha)}`,
    );
  });
}
