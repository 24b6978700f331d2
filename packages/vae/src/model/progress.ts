import type { FitEvent } from '@latent/nn';

/** An event as a line for a terminal: `epoch 3/10  64 %  loss 121.53  14,200 rows/s  12 s left`. */
export function progressLine({ epoch, epochs, step, steps, loss, rows, rowsPerSecond, secondsLeft }: FitEvent): string {
  const speed = Math.round(rowsPerSecond).toLocaleString('en-US');
  const share =
    steps === null ? `${rows.toLocaleString('en-US')} rows` : `${Math.round((100 * step) / steps)} %`.padStart(5);
  const left =
    secondsLeft === null
      ? ''
      : `  ${secondsLeft >= 90 ? `${Math.round(secondsLeft / 60)} min` : `${Math.round(secondsLeft)} s`} left`;
  return `epoch ${epoch}/${epochs} ${share}  loss ${loss.toPrecision(5)}  ${speed} rows/s${left}`;
}
