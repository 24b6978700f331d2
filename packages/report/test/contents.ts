// Contents of every section, with names and cells of any kind.
import type { Card, Explanation, Measure, QualityReport } from '@latent/tables';
import type { OddRow, ReportContents } from '../src/contents.ts';
import { columnSummary } from '../src/summary.ts';

/** The same numbers every time, without a generator of their own kind: the fractional parts of multiples. */
export const noise = (i: number): number => (i * 0.6180339887498949) % 1;

/** Something like a bell. */
const bell = (i: number): number => noise(i) + noise(i + 7.3) + noise(3 * i + 1.7) + noise(5 * i) - 2;

const measure = (value: number): Measure => ({ value, independent: value - 0.1, real: value + 0.01 });

/** What a report may be asked to show: so many columns and odd rows, named and filled by `text`. */
export function contentsOf(columns: number, odd: number, text: (what: string, i: number) => string): ReportContents {
  const names = Array.from({ length: columns }, (_, i) => text('column', i));
  const explanation = (row: number): Explanation => ({
    row,
    score: 20 + bell(row),
    pValue: 0.001,
    cells: names.slice(0, 6).map((column, i) => ({
      column,
      value: text('cell', i),
      nats: 12.345 - i,
      pValue: 0.001,
      adjustedPValue: 0.01,
      moved: 2,
      expected:
        i % 2 === 0
          ? { value: 3, low: 1.5, high: 4.25 }
          : { likely: [{ value: text('level', i), probability: 0.731 }] },
    })),
  });
  const card: Card = {
    library: '@latent/tables',
    version: '0.1.0',
    task: 'all',
    created: '2026-01-02T03:04:05.000Z',
    seed: 7,
    seconds: 12.3,
    rows: { given: 5000, learned: 3600, watched: 400, calibration: 1000 },
    columns: names.map((name, i) => ({ name, kind: 'numeric', holes: noise(i) / 4, why: text('why', i) })),
    model: {
      members: 1,
      hidden: [64, 64],
      latentSize: 8,
      activation: 'relu',
      numbers: 'quantile',
      likelihood: 'Gaussian',
      parameters: 12_345,
      epochs: 60,
    },
    loss: { model: 8.5, null: 12.25, nullWins: false },
    calibration: { rows: 1000, smallestRate: 0.001 },
    imputation: names.map((column, i) => ({
      column,
      measure: i % 2 === 0 ? 'rmse' : 'wrong',
      error: 0.4 + noise(i),
      baseline: 1 + noise(i),
      cells: 200,
      better: i % 3 !== 0,
    })),
    warnings: [text('warning', 0)],
    limits: [text('limit', 0)],
  };
  const shapes = names.map((column, i) => ({ column, ...measure(0.9 - noise(i) / 5) }));
  const paired = names.slice(0, 50);
  const quality: QualityReport = {
    rows: { real: 5000, synthetic: 5000, holdout: 1000 },
    shapes: { ...measure(0.98), columns: shapes },
    pairs: {
      ...measure(0.96),
      associated: { ...measure(0.95), count: 12 },
      list: paired.flatMap((a, i) =>
        paired.slice(0, i).map((b, j) => ({ a, b, associated: i === j + 1, ...measure(0.6 + 0.4 * noise(i * 7 + j)) })),
      ),
    },
    detection: measure(0.7),
    utility: { target: names[0] as string, of: 'auc', ...measure(0.9) },
    privacy: { copies: 0, holdoutCopies: 2, nearerShare: 0.503, distance: { synthetic: 0.11, holdout: 0.1 } },
    valid: { inRange: 1, known: 1 },
  };
  const rows: OddRow[] = Array.from({ length: odd }, (_, row) => ({ row, cells: {}, explanation: explanation(row) }));
  return {
    title: text('title', 0),
    command: text('command', 0),
    rows: 5000,
    alerts: [text('alert', 0)],
    card,
    history: {
      nullLoss: 12.25,
      members: [
        {
          best: 50,
          stopped: 'epochs',
          epochs: Array.from({ length: 60 }, (_, i) => {
            const validation = 8.5 + 6 * Math.exp(-i / 9) + 0.1 * bell(i);
            return { epoch: i + 1, loss: validation, reconstruction: validation - 2, kl: 2, validation };
          }),
        },
      ],
    },
    columns: names.map((name, i) =>
      columnSummary(
        name,
        Array.from({ length: 400 }, (_, r) =>
          i % 3 === 2 ? text('level', r % 9) : r % 37 === 0 ? null : bell(r + i) * 1000,
        ),
        { kind: i % 3 === 2 ? 'category' : 'numeric', why: text('why', i) },
      ),
    ),
    anomalies: {
      scores: Float64Array.from({ length: 5000 }, (_, i) => 8 + 3 * bell(i) + (i % 50 === 0 ? 14 : 0)),
      calibrationScores: Float64Array.from({ length: 1000 }, (_, i) => 8 + 3 * bell(i + 0.5)),
      threshold: {
        score: 18.2,
        pValue: 0.01,
        calibrationRows: 1000,
        guarantee: 'at most 1 % of usual rows raise an alarm, on average over calibrations',
      },
      count: odd + 3,
      rows,
    },
    drift: {
      drift: true,
      rows: 800,
      referenceRows: 1000,
      alpha: 0.05,
      scores: { statistic: 0.2, pValue: 1e-9, drift: true },
      codes: { mmd2: 0.01, pValue: 0.3, drift: false },
      notes: [text('note', 0)],
      columns: names.map((column, i) => ({
        column,
        test: i % 2 === 0 ? 'ks' : 'chiSquared',
        statistic: 0.1,
        pValue: noise(i) / 10,
        adjustedPValue: noise(i),
        effect: noise(i) / 3,
        effectOf: i % 2 === 0 ? 'wasserstein' : 'totalVariation',
        drift: i % 4 === 0,
        holes: { reference: 0, now: 0.2, pValue: 0.5, adjustedPValue: 1, drift: i === 1 },
      })),
    },
    quality,
    map: {
      column: names[0] as string,
      points: Array.from({ length: 3000 }, (_, i) => [bell(i) + 2 * (i % 3), bell(2 * i)] as const),
      values: Array.from({ length: 3000 }, (_, i) => text('level', i % 3)),
    },
  };
}
