import { Activation, type ActivationName, Linear, Sequential } from '@latent/nn';
import { type Rng, ValueError } from '@latent/tensor';

/** Dense layers of the given sizes, each followed by the activation: [a, b] makes inFeatures → a → b. */
export function mlp(inFeatures: number, sizes: readonly number[], activation: ActivationName, rng: Rng): Sequential {
  let width = inFeatures;
  const layers = sizes.flatMap((size) => {
    const layer = new Linear(width, size, { rng });
    width = size;
    return [layer, new Activation(activation)];
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
