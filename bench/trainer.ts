import { adam } from '@latent/nn';
import { compile, Rng, type Tensor, tensor } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';
import { testData, type VaeConfig } from './contender.ts';

/** A recorded training step on one batch, as `fit` makes it; gives back the loss. */
export function trainer({ input, hidden, latent, batch }: Omit<VaeConfig, 'name'>): () => number {
  const vae = new Vae({ inputSize: input, latentSize: latent, encoder: hidden, reconstruction: bernoulli() });
  const optimizer = adam().create(vae.parameters());
  const x = tensor(testData(batch * input, 0, 1), { shape: [batch, input] }).persisted(true);
  const rng = new Rng(0);
  const train = compile(
    (rows: Tensor) => {
      const { loss } = vae.loss(rows, rng);
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    },
    { reuse: true },
  );
  return () => train(x).item();
}
