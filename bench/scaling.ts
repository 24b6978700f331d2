import { trainer } from './trainer.ts';

export const batches = [32, 128, 512, 1024, 4096] as const;
export const widths = [64, 256, 1024, 2048] as const;
const INPUT = 256;
const LATENT = 16;

/** Microseconds of a training step for each row of the batch. */
export interface ScalingPoint {
  readonly width: number;
  readonly batch: number;
  readonly microsecondsPerRow: number;
}

/** A VAE 256-width-16 at every batch size and width: the fastest of several runs, since only noise makes one slower. */
export function measureScaling(report: (point: ScalingPoint) => void): ScalingPoint[] {
  const points: ScalingPoint[] = [];
  for (const width of widths) {
    for (const batch of batches) {
      const train = trainer({ input: INPUT, hidden: [width], latent: LATENT, batch });
      const started = performance.now();
      let best = Infinity;
      for (let i = 0; i < 12 || performance.now() - started < 1200; i++) {
        const before = performance.now();
        train();
        best = Math.min(best, performance.now() - before);
      }
      const point = { width, batch, microsecondsPerRow: (1000 * best) / batch };
      points.push(point);
      report(point);
    }
  }
  return points;
}

/** Where a row costs more in a larger batch than in a smaller one, by more than the clock's noise. */
export function rises(points: readonly ScalingPoint[], noise = 1.1): string[] {
  return points.flatMap((point) =>
    points
      .filter(({ width, batch }) => width === point.width && batch < point.batch)
      .filter(({ microsecondsPerRow }) => point.microsecondsPerRow > noise * microsecondsPerRow)
      .map(({ batch }) => `width ${point.width}: a row costs more in batches of ${point.batch} than of ${batch}`),
  );
}
