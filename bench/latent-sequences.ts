import { adam, lstm, trainStep } from '@latent/nn';
import { Rng, tensor, useThreads } from '@latent/tensor';
import { Autoencoder } from '@latent/vae';
import { testData, type Work } from './contender.ts';
import type { SequenceWork } from './sequences.ts';

/** The work on Latent with so many threads. */
export async function latentSequences(
  { work, steps, units, batch }: SequenceWork,
  threads: number | 'auto',
): Promise<Work> {
  const model = new Autoencoder({
    event: [steps, 1],
    encoder: [lstm(units)],
    decoder: [lstm(units, { returnSequences: true, steps })],
  });
  if (work === 'lstmScore') {
    const row = Array.from(testData(steps));
    return () => {
      model.reconstructionError([row]).item();
    };
  }
  const step = trainStep(model, adam().create(model.trainableParameters()), new Rng(0), ['x'], {});
  const x = tensor(testData(batch * steps), { shape: [batch, steps, 1] }).persisted(true);
  model.train();
  return () => {
    useThreads(threads);
    step({ x });
  };
}
