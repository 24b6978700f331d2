import {
  Activation,
  type ActivationName,
  activationNames,
  Dropout,
  type Layer,
  LayerNorm,
  Linear,
  Sequential,
} from '@latent/nn';
import { type Rng, ValueError } from '@latent/tensor';

export interface MlpOptions {
  /** Of every layer, or one for each. */
  readonly activation: ActivationName | readonly ActivationName[];
  /** Share of each layer's outputs that is dropped while training; 0 for none. */
  readonly dropout: number;
  /** Normalise each layer before its activation. */
  readonly layerNorm: boolean;
}

/**
 * Dense layers of the given sizes, each with its normalisation, activation and dropout: [a, b] makes
 * inFeatures → a → b. `noise` draws what is dropped.
 */
export function mlp(
  inFeatures: number,
  sizes: readonly number[],
  options: MlpOptions,
  rng: Rng,
  noise: Rng,
): Sequential {
  const { activation, dropout, layerNorm } = options;
  let width = inFeatures;
  const layers = sizes.flatMap((size, i): Layer[] => {
    const layer = new Linear(width, size, { rng });
    width = size;
    return [
      layer,
      ...(layerNorm ? [new LayerNorm(size)] : []),
      new Activation(typeof activation === 'string' ? activation : activation[i]),
      ...(dropout > 0 ? [new Dropout(dropout, { rng: noise })] : []),
    ];
  });
  return new Sequential(...layers);
}

/** Throws unless `value` is a whole number ≥ 1. */
export function checkSize(model: string, option: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new ValueError(`${model}: ${option} must be a whole number ≥ 1, got ${value}`);
}

export function checkSizes(model: string, option: string, sizes: readonly number[]): void {
  if (!Array.isArray(sizes))
    throw new ValueError(`${model}: ${option} must be an array of layer sizes, got ${String(sizes)}`);
  for (const [i, size] of sizes.entries()) checkSize(model, `${option}[${i}]`, size);
}

/** Throws unless there is one activation, or one for each of `layers`, and each has a name that is known. */
export function checkActivation(
  model: string,
  option: string,
  activation: ActivationName | readonly ActivationName[],
  layers: number,
): void {
  const list = typeof activation === 'string' ? [activation] : activation;
  if (typeof activation !== 'string' && list.length !== layers) {
    throw new ValueError(`${model}: ${option} must be one name or ${layers}, one for each layer, got ${list.length}`);
  }
  for (const name of list) {
    if (!activationNames.includes(name)) {
      throw new ValueError(`${model}: ${option} must be one of ${activationNames.join(', ')}, got ${String(name)}`);
    }
  }
}
