import type { FitEvent } from '@latent/nn';
import type { VaeNumbers } from '@latent/vae';
import { SingleBar } from 'cli-progress';

type Event = FitEvent<VaeNumbers>;

/** Shows a run: a moving bar on a terminal, a line per epoch elsewhere. */
export function progress(
  name: string,
  epochs: number,
): { onProgress?(event: Event): void; onEpoch(event: Event): void; stop(): void } {
  const describe = (event: Event): string => {
    const parts = [
      `loss ${event.loss.toFixed(2)}`,
      `reconstruction ${event.reconstruction.toFixed(2)}`,
      `KL ${event.kl.toFixed(2)}`,
    ];
    const validation = event.validation ? ` · test ${event.validation.loss.toFixed(2)}` : '';
    return `${parts.join(' · ')}${validation} · ${Math.round(event.rowsPerSecond).toLocaleString('en-US')} rows/s`;
  };
  if (!process.stdout.isTTY) {
    return {
      onEpoch: (event) => console.log(`${name} · epoch ${event.epoch}/${epochs} · ${describe(event)}`),
      stop: () => {},
    };
  }
  const bar = new SingleBar({
    format: `${name} [{bar}] epoch {epoch}/${epochs} · {text}`,
    barsize: 24,
    hideCursor: true,
    clearOnComplete: false,
  });
  let started = false;
  const show = (event: Event): void => {
    const steps = event.steps ?? 0;
    const total = epochs * steps;
    const payload = { epoch: event.epoch, text: describe(event) };
    if (!started) bar.start(total, 0, payload);
    started = true;
    bar.update((event.epoch - 1) * steps + event.step, payload);
  };
  return { onProgress: show, onEpoch: show, stop: () => bar.stop() };
}
