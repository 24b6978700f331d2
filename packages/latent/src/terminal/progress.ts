import type { TableProgress } from '@latent/tables';
import { Presets, SingleBar } from 'cli-progress';
import type { Terminal } from './terminal.ts';
import { duration } from './words.ts';

/** What is done, in words. */
const PHASES: Readonly<Record<TableProgress['phase'], string>> = {
  read: 'reading',
  learn: 'learning columns',
  train: 'training',
  calibrate: 'calibrating',
};

/** Shows how far a fit is, with the time that is left: as a bar where a person watches, else not at all. */
export interface ProgressBar {
  update(event: TableProgress): void;
  stop(): void;
}

export function progressBar(terminal: Terminal, quiet: boolean): ProgressBar {
  if (quiet || !terminal.watched) return { update: () => {}, stop: () => {} };
  const bar = new SingleBar(
    { format: '{bar} {percentage} % · {phase}{left}', hideCursor: true, clearOnComplete: true, barsize: 30 },
    Presets.shades_classic,
  );
  bar.start(1000, 0, { phase: PHASES.read, left: '' });
  return {
    update({ phase, done, epoch, epochs, loss, secondsLeft }) {
      const steps = epoch === undefined ? '' : ` · epoch ${epoch} of ${epochs}`;
      const nats = loss === undefined || !Number.isFinite(loss) ? '' : ` · ${loss.toFixed(2)} nats`;
      const left = secondsLeft === null ? '' : ` · ${duration(secondsLeft)} left`;
      bar.update(Math.round(1000 * done), { phase: PHASES[phase] + steps + nats, left });
    },
    stop: () => bar.stop(),
  };
}
