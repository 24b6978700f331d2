import { bernoulli, Vae } from '@latent/vae';
import { testData } from './contender.ts';

export const rowCounts = [1, 10, 100, 1000, 10_000] as const;

/** Microseconds of `elbo` for each row, from plain arrays. */
export interface ScoringPoint {
  readonly model: string;
  readonly rows: number;
  readonly microsecondsPerRow: number;
}

const models = [
  { input: 30, hidden: [16, 8], latent: 2 },
  { input: 784, hidden: [400], latent: 20 },
];

/** Scores of plain arrays of numbers at once, as an application has them: the fastest of several runs, as for training. */
export function measureScoring(report: (point: ScoringPoint) => void): ScoringPoint[] {
  const points: ScoringPoint[] = [];
  for (const { input, hidden, latent } of models) {
    const vae = new Vae({ inputSize: input, latentSize: latent, encoder: hidden, reconstruction: bernoulli() });
    for (const count of rowCounts) {
      const values = testData(count * input, 0, 1);
      const rows = Array.from({ length: count }, (_, r) => Array.from(values.subarray(r * input, (r + 1) * input)));
      const started = performance.now();
      let best = Infinity;
      for (let i = 0; i < 12 || performance.now() - started < 500; i++) {
        const before = performance.now();
        vae.elbo(rows).elbo.data;
        best = Math.min(best, performance.now() - before);
      }
      const point = {
        model: [input, ...hidden, latent].join('-'),
        rows: count,
        microsecondsPerRow: (1000 * best) / count,
      };
      points.push(point);
      report(point);
    }
  }
  return points;
}
