import { adam, lstm, trainStep } from '@latent/nn';
import { Rng, tensor, useThreads } from '@latent/tensor';
import { Autoencoder } from '@latent/vae';
import type { Work } from './contender.ts';
import { type SequenceWork, waves } from './sequences.ts';

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
  for (const [name, parameter] of model.namedParameters())
    parameter.assign(name.includes('bias') ? new Float32Array(parameter.size) : waves(parameter.size, units ** -0.5));
  if (work === 'lstmScore') {
    const row = Array.from(waves(steps, 1));
    return () => model.reconstructionError([row]).item();
  }
  const step = trainStep(model, adam().create(model.trainableParameters()), new Rng(0), ['x'], {});
  const x = tensor(waves(batch * steps, 1), { shape: [batch, steps, 1] }).persisted(true);
  model.train();
  return () => {
    useThreads(threads);
    return step({ x }).loss as number;
  };
}
