// False alarms over random splits: fit on a third, calibrate on a third, alarm on the last third; and the negative control,
// calibrated on the rows that were fitted, which must fail.
import { AnomalyDetector } from '@latent/tables';
import { Rng } from '@latent/tensor';
import { mean, nslKdd, quick, type Row, tables } from './data.ts';

const SPLITS = quick ? 10 : 50;
const ROWS = 900;
const ALPHAS = [0.05, 0.01];

const sources = {
  adult: tables.adult,
  'default-credit': tables['default-credit'],
  'nsl-kdd normals': () => nslKdd().normal,
  penguins: tables.penguins,
};
for (const [name, read] of Object.entries(sources)) {
  const all = read();
  const rates = ALPHAS.map((): number[] => []);
  const control = ALPHAS.map((): number[] => []);
  for (let split = 0; split < SPLITS; split++) {
    const order = Array.from(new Rng(split).permutation(all.length), (i) => all[i] as Row).slice(0, ROWS);
    const cut = Math.floor((2 * order.length) / 3);
    const [known, fresh] = [order.slice(0, cut), order.slice(cut)];
    const detector = await AnomalyDetector.fit(known, {
      seed: split,
      calibration: 0.5,
      epochs: 60,
      hidden: [32],
      draws: 4,
      members: 1,
      order: 'time',
    });
    const calibrated = detector.calibrationRows;
    const p = detector.pValues(fresh);
    const fitted = detector.score(known.slice(0, known.length - calibrated)).sort();
    const scores = detector.score(fresh);
    ALPHAS.forEach((alpha, a) => {
      if (alpha * (calibrated + 1) >= 1) rates[a]?.push(p.filter((value) => value <= alpha).length / fresh.length);
      const k = Math.floor(alpha * (fitted.length + 1));
      const line = k < 1 ? Infinity : (fitted[fitted.length - k] as number);
      control[a]?.push(scores.filter((score) => score >= line).length / fresh.length);
    });
  }
  ALPHAS.forEach((alpha, a) => {
    const [own, other] = [rates[a] as number[], control[a] as number[]];
    const error = (of: readonly number[]): number =>
      Math.sqrt(mean(of.map((rate) => (rate - mean(of)) ** 2)) / Math.max(1, of.length - 1));
    const said = (of: readonly number[]): string =>
      of.length === 0
        ? 'not promised by so few rows'
        : `${(100 * mean(of)).toFixed(2)} % ± ${(100 * error(of)).toFixed(2)}, ${mean(of) <= alpha + 3 * error(of) ? 'holds' : 'broken'}`;
    console.log(`${name}, α ${alpha}: ${said(own)}; calibrated on fitted rows: ${said(other)}`);
  });
}
