import { adam, conv2d, convTranspose2d, dense, type LayerSpec, maxPool, reshape } from '@latent/nn';
import { compile, Rng, type Tensor, tensor, useThreads } from '@latent/tensor';
import { type Autoencoder, bernoulli, DenoisingAutoencoder, noCorruption, Vae } from '@latent/vae';
import { convolutionCall } from '../packages/tensor/src/kernels/convolution/convolution.ts';
import { type ConvolutionShape, sizesOf } from '../packages/tensor/src/kernels/convolution/shape.ts';
import { transposedConvolutionCall } from '../packages/tensor/src/kernels/convolution/transposed.ts';
import { convolutionWeightsCall } from '../packages/tensor/src/kernels/convolution/weights.ts';
import { execute } from '../packages/tensor/src/kernels/execute.ts';
import { maxPickCall } from '../packages/tensor/src/kernels/max-pool/max-pool.ts';
import { memory } from '../packages/tensor/src/memory/linear-memory.ts';
import { testData, type Work } from './contender.ts';
import type { ConvolutionWork, ImageLayer, ImageModel, ImageWork } from './images.ts';

const EVENT = [28, 28, 1] as const;

/** The work on Latent with so many threads; kernels alone run on one. */
export async function latentImages(image: ImageWork, threads: number | 'auto'): Promise<Work> {
  switch (image.work) {
    case 'step': {
      const step = imageTrainer(image.model);
      return () => {
        useThreads(threads);
        step();
      };
    }
    case 'encode':
      return encoder(image.model);
    case 'convolution':
      return convolution(image.pass, image.of);
    case 'maxPool':
      return pooling(image.shape);
  }
}

/** A recorded training step on one batch, as `fit` makes it; gives back the loss. */
export function imageTrainer(config: ImageModel): () => number {
  const model = built(config);
  const optimizer = adam().create(model.parameters());
  const x = tensor(testData(config.batch * 784, 0, 1), { shape: [config.batch, ...EVENT] }).persisted(true);
  const rng = new Rng(0);
  model.train();
  const train = compile(
    (rows: Tensor) => {
      const { loss } = model.parts({ x: rows }, rng);
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    },
    { reuse: true },
  );
  return () => train(x).item();
}

function encoder(config: ImageModel): Work {
  const model = built(config);
  const row = Array.from(testData(784, 0, 1));
  return () => {
    if (model instanceof Vae) model.encode([row]).mean.toArray();
    else model.encode([row]).toArray();
  };
}

/** The options that a model's networks are. */
export function networksOf({ encoder, decoder }: ImageModel) {
  return {
    event: EVENT,
    encoder: encoder.map((layer) => spec(layer)),
    decoder: decoder.map((layer) => spec(layer)),
    reconstruction: bernoulli(),
  };
}

function built(config: ImageModel): Vae | Autoencoder {
  const networks = networksOf(config);
  if (config.latent === null) return new DenoisingAutoencoder({ ...networks, corruption: noCorruption() });
  return new Vae({ ...networks, latentSize: config.latent });
}

function spec(config: ImageLayer): LayerSpec {
  switch (config.layer) {
    case 'conv':
      return conv2d(config.features, { stride: config.stride, padding: config.valid ? 'valid' : 'same' });
    case 'transposed':
      return convTranspose2d(config.features, { stride: config.stride, padding: 'same' });
    case 'maxPool':
      return maxPool(2, { padding: 'same' });
    case 'dense':
      return dense(config.units);
    case 'image':
      return reshape(config.shape);
  }
}

function convolution(pass: 'forward' | 'input' | 'weights', of: ConvolutionWork): Work {
  const { size, channels, features, stride, batch } = of;
  const shape: ConvolutionShape = {
    images: batch,
    input: [size, size],
    channels,
    output: [size / stride, size / stride],
    features,
    kernel: [3, 3],
    stride: [stride, stride],
    dilation: [1, 1],
    padding: stride === 1 ? [1, 1] : [0, 0],
    groups: 1,
  };
  const sizes = sizesOf(shape);
  const [x, y, w] = [filled(sizes.x), filled(sizes.y), filled(sizes.w)];
  const call = {
    forward: () => convolutionCall('f32', [y, x, w], shape),
    input: () => transposedConvolutionCall('f32', [x, y, w], shape),
    weights: () => convolutionWeightsCall('f32', [w, x, y], shape),
  }[pass]();
  return () => execute(call);
}

function pooling([images, height, width, channels]: readonly [number, number, number, number]): Work {
  const size = images * height * width * channels;
  const [x, values] = [filled(size), filled(size / 4)];
  const call = maxPickCall('f32', [values, x, x], {
    images,
    input: [height, width],
    channels,
    output: [height / 2, width / 2],
    kernel: [2, 2],
    stride: [2, 2],
    dilation: [1, 1],
    padding: [0, 0],
  });
  return () => execute(call);
}

/** The address of so many numbers. */
function filled(size: number): number {
  const address = memory.reserve(4 * size);
  memory.f32.set(testData(size), address / 4);
  return address;
}
