import { checkOptions, optional, real, whole } from '@latent/tensor';

/** What a round is made of, measured or assumed. */
export interface SimulateOptions {
  readonly workers: number;
  /** As many as workers by default. */
  readonly shards?: number;
  readonly localSteps: number;
  /** Seconds of one training step in one worker. */
  readonly stepSeconds: number;
  /** Bytes of a weights blob. */
  readonly weightsBytes: number;
  /** Bytes of what a shard keeps; twice the weights by default, as with Adam. */
  readonly stateBytes?: number;
  /** Bytes per second that the store gives and takes, all workers together. */
  readonly bandwidth: number;
  /** Seconds from a job's being there to its start, and from its end to the next job's being there; 5 ms by default. */
  readonly latency?: number;
  /** Seconds of work per byte that is encoded, decoded or added, by the worker itself; 4 ns by default. */
  readonly secondsPerByte?: number;
}

/** What a round comes to. */
export interface Simulated {
  readonly secondsPerRound: number;
  /** Seconds of steps over seconds of all workers, 0 to 1. */
  readonly efficiency: number;
  /** How many times as many steps per second as one worker makes that never waits. */
  readonly speedup: number;
  /** Bytes through the store in a round. */
  readonly bytes: number;
}

const checks = {
  workers: whole({ min: 1, max: 4096 }),
  shards: optional(whole({ min: 1, max: 4096 })),
  localSteps: whole({ min: 1 }),
  stepSeconds: real({ above: 0 }),
  weightsBytes: real({ above: 0 }),
  stateBytes: optional(real({ min: 0 })),
  bandwidth: real({ above: 0 }),
  latency: optional(real({ min: 0 }), 0.005),
  secondsPerByte: optional(real({ min: 0 }), 4e-9),
};

/** Something a worker does: by itself, or through the store, which serves one after the other. */
type Phase = { readonly by: 'worker' | 'store'; readonly seconds: number };

/**
 * One round of weight averaging as a simulation of its events: every worker takes shards until none is left, gets the weights,
 * trains, and puts weights and state; then one worker gets all weights and puts their mean. The store is one line in which
 * transfers wait for each other. Rounds are alike, so one tells all; shards stay with their workers.
 */
export function simulate(options: SimulateOptions): Simulated {
  const checked = checkOptions('simulate', options, checks);
  const { workers, localSteps, stepSeconds, weightsBytes, bandwidth, latency, secondsPerByte } = checked;
  const shards = checked.shards ?? workers;
  const stateBytes = checked.stateBytes ?? 2 * weightsBytes;
  const transfer = (bytes: number): Phase => ({ by: 'store', seconds: bytes / bandwidth });
  const work = (seconds: number): Phase => ({ by: 'worker', seconds });
  const shard: readonly Phase[] = [
    work(latency),
    transfer(weightsBytes),
    work(weightsBytes * secondsPerByte + localSteps * stepSeconds + (weightsBytes + stateBytes) * secondsPerByte),
    transfer(stateBytes),
    transfer(weightsBytes),
  ];
  const trained = allShards(workers, shards, shard);
  // One worker puts them together: it reads, adds and then writes.
  const reading = weightsBytes / bandwidth + weightsBytes * secondsPerByte;
  const reduced = latency + shards * reading + weightsBytes * secondsPerByte + weightsBytes / bandwidth;
  const secondsPerRound = trained + reduced;
  const steps = shards * localSteps * stepSeconds;
  return {
    secondsPerRound,
    efficiency: steps / (workers * secondsPerRound),
    speedup: steps / secondsPerRound,
    bytes: shards * (2 * weightsBytes + stateBytes) + (shards + 1) * weightsBytes,
  };
}

/** When the last shard is done. */
function allShards(workers: number, shards: number, phases: readonly Phase[]): number {
  // Of each worker: when its phase may begin, and which.
  const lines = Array.from({ length: Math.min(workers, shards) }, () => ({ at: 0, phase: 0 }));
  let waiting = shards - lines.length;
  let storeFree = 0;
  let last = 0;
  for (;;) {
    // Always the earliest, so the store serves in the order of asking.
    const line = lines.reduce((a, b) => (b.at < a.at ? b : a));
    if (line.at === Infinity) return last;
    const phase = phases[line.phase];
    if (phase === undefined) {
      last = Math.max(last, line.at);
      line.phase = 0;
      if (waiting-- <= 0) line.at = Infinity;
    } else {
      if (phase.by === 'store') {
        storeFree = Math.max(storeFree, line.at) + phase.seconds;
        line.at = storeFree;
      } else line.at += phase.seconds;
      line.phase++;
    }
  }
}
