/** A layer of a model of images, 3×3 with padding 'same' and ReLU where nothing else is said. */
export type ImageLayer =
  | { readonly layer: 'conv'; readonly features: number; readonly stride: number; readonly valid?: boolean }
  | { readonly layer: 'transposed'; readonly features: number; readonly stride: number }
  | { readonly layer: 'maxPool' }
  | { readonly layer: 'dense'; readonly units: number }
  | { readonly layer: 'image'; readonly shape: readonly [height: number, width: number, channels: number] };

/** A model of 28×28 grey images. The last layer of the decoder gives logits. */
export interface ImageModel {
  readonly encoder: readonly ImageLayer[];
  /** Latent variables; null for an autoencoder whose code is what the encoder makes. */
  readonly latent: number | null;
  readonly decoder: readonly ImageLayer[];
  readonly batch: number;
}

/** A convolution of square images, with padding 1 on both sides or, where it is strided, after them. */
export interface ConvolutionWork {
  readonly size: number;
  readonly channels: number;
  readonly features: number;
  readonly stride: number;
  readonly batch: number;
}

/** What is timed of images. */
export type ImageWork =
  /** A training step: forward, backward and Adam on one batch. */
  | { readonly work: 'step'; readonly model: ImageModel }
  /** From one image, given as ordinary numbers, to its code. */
  | { readonly work: 'encode'; readonly model: ImageModel }
  | { readonly work: 'convolution'; readonly pass: 'forward' | 'input' | 'weights'; readonly of: ConvolutionWork }
  /** 2×2, forward. */
  | { readonly work: 'maxPool'; readonly shape: readonly [n: number, height: number, width: number, channels: number] };

const conv = (features: number, stride: number, more: { valid?: boolean } = {}): ImageLayer => ({
  layer: 'conv',
  features,
  stride,
  ...more,
});
const transposed = (features: number, stride: number): ImageLayer => ({ layer: 'transposed', features, stride });
const pool: ImageLayer = { layer: 'maxPool' };

/** TensorFlow's tutorial on convolutional VAEs. */
export const tensorflowCvae: ImageModel = {
  encoder: [conv(32, 2, { valid: true }), conv(64, 2, { valid: true })],
  latent: 20,
  decoder: [
    { layer: 'dense', units: 7 * 7 * 32 },
    { layer: 'image', shape: [7, 7, 32] },
    transposed(64, 2),
    transposed(32, 2),
    transposed(1, 1),
  ],
  batch: 128,
};

/** The VAE of keras.io. */
export const kerasVae: ImageModel = {
  encoder: [conv(32, 2), conv(64, 2), { layer: 'dense', units: 16 }],
  latent: 2,
  decoder: [
    { layer: 'dense', units: 7 * 7 * 64 },
    { layer: 'image', shape: [7, 7, 64] },
    transposed(64, 2),
    transposed(32, 2),
    transposed(1, 1),
  ],
  batch: 128,
};

/** The convolutional denoising autoencoder of keras.io. */
export const kerasDenoiser: ImageModel = {
  encoder: [conv(32, 1), pool, conv(32, 1), pool],
  latent: null,
  decoder: [transposed(32, 2), transposed(32, 2), conv(1, 1)],
  batch: 128,
};

const plain: ConvolutionWork = { size: 14, channels: 32, features: 64, stride: 1, batch: 128 };
/** Its gradient by the input is the transposed convolution 14×14×64 → 28×28×32 of the models above. */
const strided: ConvolutionWork = { size: 28, channels: 32, features: 64, stride: 2, batch: 128 };

function flop({ size, channels, features, stride, batch }: ConvolutionWork): number {
  return 2 * batch * (size / stride) ** 2 * 9 * channels * features;
}

function convolution(name: string, pass: 'forward' | 'input' | 'weights', of: ConvolutionWork) {
  return { name: `convolution ${name}`, flop: flop(of), image: { work: 'convolution', pass, of } as const };
}

/** What is timed of images, by the name that a report has. */
export const imageWork: readonly { readonly name: string; readonly flop?: number; readonly image: ImageWork }[] = [
  { name: 'cvae of TensorFlow, latent 20, batch 128', image: { work: 'step', model: tensorflowCvae } },
  // For who takes minutes of the other.
  { name: 'cvae of TensorFlow, latent 20, batch 8', image: { work: 'step', model: { ...tensorflowCvae, batch: 8 } } },
  { name: 'vae of Keras, batch 128', image: { work: 'step', model: kerasVae } },
  { name: 'denoiser of Keras, batch 128', image: { work: 'step', model: kerasDenoiser } },
  convolution('3×3 of 128×14×14×32 to 64', 'forward', plain),
  convolution('3×3 of 128×14×14×32 to 64, gradient of the input', 'input', plain),
  convolution('3×3 of 128×14×14×32 to 64, gradient of the weights', 'weights', plain),
  convolution('transposed 3×3/2 of 128×14×14×64 to 28×28×32', 'input', strided),
  { name: 'max pooling 128×28×28×32', image: { work: 'maxPool', shape: [128, 28, 28, 32] } },
  { name: 'encode one image by the cvae', image: { work: 'encode', model: tensorflowCvae } },
];
