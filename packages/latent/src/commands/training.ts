import { rm } from 'node:fs/promises';
import type { FitEvent, History } from '@latent/nn';
import type { MemberTrainer } from '@latent/tables';
import type { Tensor } from '@latent/tensor';
import type { VaeNumbers } from '@latent/vae';
import { DataFault, UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, scaleOut } from './command.ts';

/** Minutes between two writings of a checkpoint: what a process that is killed loses. */
const EVERY_MINUTES = 0.25;

/** How members are trained, and what is to be done when all are. */
export interface Training {
  readonly train: MemberTrainer;
  /** Told whether training came to its end. */
  over(finished: boolean): Promise<void>;
  /** What may be done with a training that was ended before. */
  readonly remedy: string;
}

/** Training that is kept beside the model's file while it lasts, so that the same command with --resume goes on to the same bits. */
export function keptTraining(out: string, resume: boolean): Training {
  const files = new Set<string>();
  return {
    train({ member, model, rows, options }) {
      const to = `${out}.training-${member}`;
      files.add(to);
      const checkpoint = { to, everyEpochs: Number.MAX_SAFE_INTEGER, everyMinutes: EVERY_MINUTES, resume };
      return model.fit(rows, { ...options, checkpoint });
    },
    async over(finished) {
      if (finished) await Promise.all([...files].map((file) => rm(file, { force: true })));
    },
    remedy: 'the same command with --resume goes on from there',
  };
}

/** Options of what other processes do. */
export const BY_WORKERS = {
  workers: {
    type: 'string',
    valueHint: 'url',
    description: 'By the workers that listen at redis://… or postgres://…; see latent worker',
  },
  store: {
    type: 'string',
    valueHint: 'place',
    description: 'Of --workers: a folder or redis://… that all reach; the address of the workers by default',
  },
} as const;

/** Options of training by other processes. */
export const WORKERS = {
  ...BY_WORKERS,
  shards: {
    type: 'string',
    valueHint: 'number',
    description: 'Of --workers: parts that rows are dealt to, whatever the number of workers; 4 by default',
  },
} as const;

/** Where workers listen and blobs are. */
export function workersPlace(call: Call, connection: string): { readonly connection: string; readonly store: string } {
  if (!/^(rediss?|postgres(ql)?):\/\//.test(connection)) {
    throw new UsageFault(`workers listen at redis://…, rediss://… or postgres://…, got ${JSON.stringify(connection)}`);
  }
  const store = call.text('store') ?? (/^rediss?:\/\//.test(connection) ? connection : undefined);
  if (store === undefined)
    throw new UsageFault('--store must say where blobs are: a folder or redis://… that all reach');
  return { connection, store };
}

/**
 * Training by the workers that listen: each member's rows are dealt to shards, whose weights are averaged once in each pass over all rows
 * (local SGD; Stich 2019). The result depends on the shards alone, and the same command joins a run that is under way.
 */
export async function workersTraining(call: Call, connection: string, terminal: Terminal): Promise<Training> {
  const place = workersPlace(call, connection);
  const shards = call.number('shards', { min: 1, max: 4096, whole: true }) ?? 4;
  const { distributedFit, RunError } = await scaleOut();
  return {
    async train({ member, model, rows, options }) {
      if (shards > rows.length) {
        throw new UsageFault(
          `--shards ${shards} are more than the ${rows.length} rows that member ${member} learns from`,
        );
      }
      // Nothing to do for others.
      if (options.epochs === 0) return model.fit(rows, options);
      const { epochs = 1, batchSize = 128, optimizer, validationData, signal, onEpoch } = options;
      const localSteps = Math.ceil(rows.length / shards / batchSize);
      const events: FitEvent<VaeNumbers>[] = [];
      try {
        const {
          rounds: done,
          stopped,
          warnings,
        } = await distributedFit<VaeNumbers>(model, {
          ...place,
          ...{ rows, shards, localSteps, rounds: epochs, batchSize },
          ...(validationData !== undefined && { validation: validationData as Tensor }),
          ...(optimizer !== undefined && { optimizer }),
          ...(signal !== undefined && { signal }),
          // At once, since a run that nobody works on waits.
          onWarning: (message) => {
            if (!call.flag('quiet')) terminal.say(`! ${message}`);
          },
          onRound: (event) => onEpoch?.(epochOf(event, localSteps)),
        });
        // Ended before anybody began: what need not be trained is learned here.
        if (done.length === 0) return model.fit(rows, { ...options, epochs: 0 });
        for (const event of done) events.push(epochOf(event, localSteps));
        return { epochs: events, stopped, best: null, warnings } satisfies History<VaeNumbers>;
      } catch (error) {
        if (error instanceof RunError) throw new DataFault(error.message);
        throw error;
      }
    },
    over: async () => {},
    remedy: 'the same command goes on from there, as long as the store keeps the run',
  };
}

type Round = import('@latent/scale').RoundEvent<VaeNumbers>;

/** A round as an epoch: all rows were gone through once. */
function epochOf({ round, rounds, workers: _, ...event }: Round, localSteps: number): FitEvent<VaeNumbers> {
  const { loss, reconstruction, kl, validation, rows, rowsPerSecond, secondsLeft } = event;
  return {
    ...{ epoch: round, epochs: rounds, step: round * localSteps, steps: rounds * localSteps },
    ...{ rows, rowsPerSecond, secondsLeft, loss, reconstruction, kl },
    ...(validation !== undefined && { validation }),
  };
}
