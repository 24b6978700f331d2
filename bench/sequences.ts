/** What is timed of sequences: an LSTM autoencoder of rows of one number a step, whose decoder gets the code at every step. */
export interface SequenceWork {
  /** A training step on a batch (forward, backward and Adam), or the score of one row, given as ordinary numbers. */
  readonly work: 'lstmStep' | 'lstmScore';
  readonly steps: number;
  readonly units: number;
  readonly batch: number;
}

/**
 * bound·sin((i + 1)²): numbers that every contestant makes for itself. Rows are waves of bound 1; weights, each by itself and in
 * PyTorch's layout, waves of bound 1/√units; biases are 0. So all come to the same loss.
 */
export function waves(size: number, bound: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => bound * Math.sin((i + 1) ** 2));
}

const heartbeats = { steps: 140, units: 64 };

export const sequenceWork: readonly { readonly name: string; readonly sequence: SequenceWork }[] = [
  {
    name: 'LSTM autoencoder 140×1-64-64, batch 64',
    sequence: { work: 'lstmStep', ...heartbeats, batch: 64 },
  },
  { name: 'score of one heartbeat by the LSTM autoencoder', sequence: { work: 'lstmScore', ...heartbeats, batch: 1 } },
];
