import { readFileSync } from 'node:fs';
import { adam, conv1d, convTranspose1d, dense, dropout, flatten, standardise, windows } from '@latent/nn';
import { Rng } from '@latent/tensor';
import { Autoencoder } from '@latent/vae';
import { rocAuc } from '@latent/vae/evaluate';
import { BLUE, chart, ORANGE, RED } from './chart.ts';
import type { Example } from './example.ts';

/** A series of the Numenta Anomaly Benchmark, and where its labels say that something is wrong (MIT; see data/nab). */
interface Series {
  readonly values: readonly number[];
  /** Positions [from, to) of the labelled windows. */
  readonly spans: readonly (readonly [number, number])[];
  readonly times: readonly string[];
}

const file = (name: string): string => readFileSync(new URL(`data/nab/${name}`, import.meta.url), 'utf8');

function load(name: string): Series {
  const lines = file(`${name}.csv`).trim().split('\n').slice(1);
  const times = lines.map((line) => line.split(',')[0] as string);
  const labels = JSON.parse(file('windows.json')) as Record<string, [string, string][]>;
  const place = (time: string): number => {
    const i = times.findIndex((own) => own >= time.slice(0, 19));
    return i < 0 ? times.length : i;
  };
  return {
    values: lines.map((line) => Number(line.split(',')[1])),
    spans: (labels[`${name}.csv`] ?? []).map(([from, to]) => [place(from), place(to)] as const),
    times,
  };
}

/** The layers of keras.io's example, 9505 numbers: its code is larger than its input. */
const keras = (size: number): Autoencoder =>
  new Autoencoder({
    event: [size, 1],
    encoder: [conv1d(32, { kernel: 7, stride: 2 }), dropout(0.2), conv1d(16, { kernel: 7, stride: 2 })],
    decoder: [
      convTranspose1d(16, { kernel: 7, stride: 2 }),
      dropout(0.2),
      convTranspose1d(32, { kernel: 7, stride: 2 }),
      convTranspose1d(1, { kernel: 7, stride: 1, activation: 'identity' }),
    ],
  });

/** The same way down to a code of a few numbers. */
const narrow = (size: number, code: number): Autoencoder =>
  new Autoencoder({
    event: [size, 1],
    encoder: [
      conv1d(16, { kernel: 7, stride: 2 }),
      conv1d(16, { kernel: 7, stride: 2 }),
      flatten(),
      dense(code, { activation: 'identity' }),
    ],
    transform: null,
  });

/** Values with mean 0 and deviation 1 by those of a training series. */
function scaled(values: readonly number[], by: readonly number[]): Float64Array {
  const fitted = standardise().fit(by.map((value) => [value]));
  return Float64Array.from(
    fitted.forward('example', { values: Float64Array.from(values), count: values.length, width: 1 }),
  );
}

/** The mean absolute error of each window. */
function errors(model: Autoencoder, rows: readonly Float64Array[]): number[] {
  const back = model.reconstruct(rows).data;
  return rows.map(
    (row, r) =>
      row.reduce((sum, value, t) => sum + Math.abs(value - (back[r * row.length + t] as number)), 0) / row.length,
  );
}

/**
 * keras.io's example: a day's rhythm is learned from a series without anomalies, and windows of another are odd whose error is above
 * the largest of training; a point is odd if all its windows are. Then the taxis of New York, whose labels are four holidays and a storm. You
 * should see odd windows in the labelled span and nowhere else, as Keras's page does (394 of them, threshold 0.123).
 */
export const timeseriesAnomaly: Example = async (setting) => {
  const { quick, say } = setting;
  const [calm, jump] = [load('art_daily_small_noise'), load('art_daily_jumpsup')];
  const size = 288;
  const stride = quick ? 48 : 1;
  const train = windows(scaled(calm.values, calm.values), { size, stride }).rows;
  const cut = windows(scaled(jump.values, calm.values), { size, stride });
  const model = keras(size);
  // Windows of the last tenth in time are held out.
  const held = Math.ceil(0.9 * train.length);
  const history = await model.fit(train.slice(0, held), {
    validationData: train.slice(held),
    epochs: quick ? 2 : 15,
    batchSize: 128,
    optimizer: adam({ learningRate: 1e-3 }),
    onWarning: (warning) => say(`warning: ${warning}`),
  });
  const last = history.epochs.at(-1);
  say(
    `squared error per value ${((last?.loss ?? 0) / size).toFixed(4)}, held out ${((last?.validation?.loss ?? 0) / size).toFixed(4)}`,
  );
  const threshold = errors(model, train).reduce((a, b) => Math.max(a, b));
  const scores = errors(model, cut.rows);
  const oddWindows = scores.filter((score) => score > threshold).length;
  const points = cut.perPoint(scores, { combine: 'min' });
  const odd = Array.from(points.keys()).filter((t) => (points[t] as number) > threshold);
  const [from = 0, to = 0] = jump.spans[0] ?? [];
  const inside = odd.filter((t) => t >= from && t < to).length;
  say(
    `threshold ${threshold.toFixed(3)} (Keras .123): ${oddWindows} odd windows (Keras 394), ${odd.length} odd points`,
  );
  if (odd.length > 0) {
    say(
      `  from ${jump.times[odd[0] as number]} to ${jump.times[odd.at(-1) as number]}; labelled ${jump.times[from]} to ${jump.times[to]}`,
    );
  }

  // Half-hourly counts of taxi passengers; all of the series is learned from, anomalies too, as there is no clean part.
  const taxi = load('nyc_taxi');
  const day = 48;
  const own = windows(scaled(taxi.values, taxi.values), { size: day, stride: quick ? 24 : 1 });
  const small = narrow(day, 6);
  const some = Array.from(new Rng(0).permutation(own.rows.length), (r) => own.rows[r] as Float64Array);
  await small.fit(some, { epochs: quick ? 2 : 12, batchSize: 128, optimizer: adam({ learningRate: 2e-3 }) });
  const taxiScores = own.perPoint(errors(small, own.rows), { combine: 'mean' });
  const labelled = taxi.values.map((_, t) => (taxi.spans.some(([a, b]) => t >= a && t < b) ? 1 : 0));
  const auc = rocAuc(taxiScores, labelled);
  const hits = taxi.spans.filter(([a, b]) => {
    const limit = Float64Array.from(taxiScores).sort()[Math.floor(0.98 * taxiScores.length)] as number;
    return taxiScores.slice(a, b).some((score) => score > limit);
  }).length;
  say(
    `taxis: ${hits} of ${taxi.spans.length} labelled days have points among the oddest 2 %; ROC-AUC by point ${auc.toFixed(3)}`,
  );

  const overLimit = Float64Array.from(points, (score, t) =>
    score > threshold ? (jump.values[t] as number) : Number.NaN,
  );
  const panels = [
    {
      lines: [
        { values: jump.values, colour: BLUE },
        { values: overLimit, colour: RED },
      ],
      spans: jump.spans,
    },
    { lines: [{ values: taxi.values, colour: BLUE }], spans: taxi.spans },
    { lines: [{ values: taxiScores, colour: ORANGE }], spans: taxi.spans },
  ];
  chart(panels, { columns: 1, width: 1000, height: 150 }).write(setting.path('timeseries.png'));
  say('timeseries.png: the daily series with its odd points (red), the taxis, and their score; labels are shaded');
  return { threshold, oddWindows, odd: odd.length, inside, auc, hits };
};
