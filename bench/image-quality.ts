// `npm run bench:images`: convolutional models trained here and on PyTorch with the same digits, split, network, optimizer and
// epochs, for several seeds.
import { Rng, tensor, useThreads } from '@latent/tensor';
import { DenoisingAutoencoder, gaussianNoise, Vae } from '@latent/vae';
import { loadDigits } from '../demo/digits.ts';
import { type ImageModel, kerasDenoiser, tensorflowCvae } from './images.ts';
import { networksOf } from './latent-images.ts';
import { asked, besidePytorch, digitsFolder } from './seeds.ts';

const HELP = `usage: npm run bench:images -- [--only NAME] [--epochs 10] [--seeds 3]`;

interface Task {
  readonly name: string;
  readonly unit: string;
  readonly task: 'vae' | 'denoise';
  readonly model: ImageModel;
}

const tasks: readonly Task[] = [
  ...[2, 20].map((latent) => ({
    name: `cvae of TensorFlow, latent ${latent}, binarised, batch 32`,
    unit: 'nats, −ELBO of test digits',
    task: 'vae' as const,
    model: { ...tensorflowCvae, latent, batch: 32 },
  })),
  {
    name: 'denoiser of Keras, noise 0.5, batch 128',
    unit: 'mean squared error of restored test digits',
    task: 'denoise',
    model: kerasDenoiser,
  },
];

const options = asked(HELP);
if (options !== null) {
  const { only, ...rest } = options;
  useThreads(1);
  for (const task of tasks.filter(({ name }) => name.includes(only))) {
    console.log(`\n${task.name}, ${rest.epochs} epochs, Adam 1e-3: ${task.unit}`);
    const request = { model: task.model, task: task.task, ...rest };
    await besidePytorch((seed) => train(task, rest.epochs, seed), ['train_images.py', digitsFolder()], request);
  }
}

async function train({ task, model }: Task, epochs: number, seed: number): Promise<number> {
  const { train, test } = loadDigits();
  const fit = { epochs, batchSize: model.batch, learningRate: 1e-3 };
  if (task === 'vae') {
    const binary = (values: Float32Array): Float32Array => values.map((value) => (value > 0.5 ? 1 : 0));
    const vae = new Vae({ ...networksOf(model), latentSize: model.latent as number, seed });
    await vae.fit(binary(train.images), fit);
    return -vae.elbo(binary(test.images), { seed }).elbo.mean().item();
  }
  const corruption = gaussianNoise(0.5, { low: 0, high: 1 });
  const denoiser = new DenoisingAutoencoder({ ...networksOf(model), corruption, seed });
  await denoiser.fit(train.images, fit);
  const clean = tensor(test.images, { shape: [test.labels.length, 28, 28, 1] });
  return denoiser
    .reconstruct(corruption.apply(clean, new Rng(seed)))
    .sub(clean)
    .square()
    .mean()
    .item();
}
