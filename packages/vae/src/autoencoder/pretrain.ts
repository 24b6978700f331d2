import { type ActivationName, Linear } from '@latent/nn';
import type { FitOptions, History } from '../model/fit.ts';
import { overRows } from '../model/rows.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import type { Autoencoder, AutoencoderOptions } from './autoencoder.ts';

/** Trains each layer to restore what the layers below make of the rows; the lowest restores the rows themselves. */
export async function pretrainLayers(
  model: Autoencoder,
  rows: Float32Array,
  options: FitOptions,
  build: (options: AutoencoderOptions) => Autoencoder,
): Promise<History[]> {
  const { encoder, encoderActivation, tied, corruption, reconstruction, sparsity, contractive, seed, visibleBias } =
    model.options;
  const histories: History[] = [];
  const layers = model.encoder.layers.filter((layer) => layer instanceof Linear);
  const activationOf = (k: number): ActivationName =>
    typeof encoderActivation === 'string' ? encoderActivation : encoderActivation[k];
  let below = rows;
  let width = model.options.inputSize;
  for (const [k, size] of encoder.entries()) {
    const shallow = build({
      inputSize: width,
      encoder: [size],
      encoderActivation: activationOf(k),
      ...(tied && { tied }),
      visibleBias,
      corruption,
      // Activations are no data: they have no support but the real numbers.
      reconstruction: k === 0 ? reconstruction : squaredError(),
      ...(sparsity && { sparsity }),
      ...(contractive && { contractive }),
      seed: seed + k + 1,
    });
    histories.push(await shallow.fit(below, options));
    takeOver(model, shallow, layers[k], k);
    const encode = overRows((x) => ({ codes: shallow.encoder.forward(x) }));
    below = encode(below, width).codes.data as Float32Array;
    width = size;
  }
  return histories;
}

/** The shallow autoencoder's weights as layer k's, and its way back as the decoder's where that has the same shape. */
function takeOver(model: Autoencoder, shallow: Autoencoder, layer: Linear, k: number): void {
  const [learned] = shallow.encoder.layers as Linear[];
  layer.weight.assign(learned.weight);
  layer.bias?.assign(learned.bias as NonNullable<typeof learned.bias>);
  const steps = [model.head, ...model.decoder.layers.filter((part) => part.parameters().length > 0).reverse()];
  const target = steps[k];
  if (target === undefined) return;
  const from = new Map(shallow.head.namedParameters());
  for (const [name, parameter] of target.namedParameters()) {
    const source = from.get(name);
    if (source?.size === parameter.size) parameter.assign(source);
  }
}
