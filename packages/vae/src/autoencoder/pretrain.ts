import {
  Activation,
  type ActivationName,
  type History,
  type Layer,
  type LayerSpec,
  Linear,
  type Rows,
  Sequential,
  trainingAlone,
  trainingChecks,
} from '@latent/nn';
import { checkNames, UsageError } from '@latent/tensor';
import type { ModelFitOptions } from '../model/model.ts';
import { isDataset } from '../model/training-rows.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import type { Autoencoder } from './autoencoder.ts';
import type { AutoencoderOptions } from './options.ts';

/** Trains each layer to restore what the layers below make of the rows; the lowest restores the rows themselves. */
export async function pretrainLayers(
  model: Autoencoder,
  rows: Rows,
  options: ModelFitOptions,
  build: (options: AutoencoderOptions) => Autoencoder,
): Promise<History[]> {
  const { encoder, encoderActivation, tied, corruption, reconstruction, sparsity, contractive, seed, visibleBias } =
    model.options;
  const specs = Array.isArray(encoder) ? (encoder as readonly LayerSpec[]) : [];
  if (specs.length === 0 || specs.some((spec) => spec.name !== 'dense')) {
    throw new UsageError('Autoencoder.pretrain: layers are pretrained one by one where all of them are dense');
  }
  checkNames('Autoencoder.pretrain', options, [...Object.keys(trainingChecks), 'validationData']);
  const { validationData, checkpoint, ...training } = options;
  if (isDataset(rows) || isDataset(validationData)) {
    throw new UsageError(
      'Autoencoder.pretrain: layers learn from what the layers below make of the rows, so give rows in memory and not a data set',
    );
  }
  if (checkpoint !== undefined) {
    throw new UsageError('Autoencoder.pretrain: it is several runs, one for each layer, and keeps no checkpoints');
  }
  const layers = (model.encoder as Sequential).layers.filter((layer) => layer instanceof Linear);
  return trainingAlone('Autoencoder.pretrain', model, async () => {
    const histories: History[] = [];
    let below = rows;
    let held = validationData;
    for (const [k, layer] of layers.entries()) {
      const activation = activationOf(encoderActivation, specs, k);
      const shallow = build({
        ...(k === 0 ? { event: model.event } : { inputSize: layer.inFeatures }),
        encoder: [layer.outFeatures],
        encoderActivation: activation,
        ...(tied && { tied }),
        visibleBias,
        corruption,
        // Activations are no data: they have no support but the real numbers.
        reconstruction: k === 0 ? reconstruction : squaredError(),
        transform: k === 0 ? (model.transform ?? model.options.transform) : null,
        ...(sparsity && { sparsity }),
        ...(contractive && { contractive }),
        seed: (seed + k + 1) % Number.MAX_SAFE_INTEGER,
      });
      const history = await shallow.fit(below, {
        ...training,
        ...(held !== undefined && { validationData: held }),
        // Units that are off for all rows are no fault of the data.
        ...(k > 0 && { onWarning: () => {} }),
      });
      histories.push(history);
      // The lowest layer's scales are the model's.
      if (k === 0) model.takeLearned(shallow);
      takeOver(model, shallow, layer, k);
      below = shallow.encode(below);
      if (held !== undefined) held = shallow.encode(held);
    }
    return histories;
  });
}

function activationOf(
  activation: ActivationName | readonly ActivationName[],
  specs: readonly LayerSpec[],
  k: number,
): ActivationName {
  const own = specs[k]?.config().activation as ActivationName | undefined;
  return own ?? (typeof activation === 'string' ? activation : (activation[k] as ActivationName));
}

/** The shallow autoencoder's weights as layer k's, and its way back as the decoder's where that has the same shape. */
function takeOver(model: Autoencoder, shallow: Autoencoder, layer: Linear, k: number): void {
  const learned = linearOf(shallow.encoder);
  layer.weight.assign(learned.weight);
  if (layer.bias !== null && learned.bias !== null) layer.bias.assign(learned.bias);
  const decoder = model.decoder instanceof Sequential ? model.decoder.layers : [model.decoder];
  const steps: readonly Layer[] = [
    model.head,
    ...decoder.filter((part) => !(part instanceof Activation) && part.parameters().length > 0).reverse(),
  ];
  const target = steps[k];
  if (target === undefined) return;
  const from = new Map(shallow.head.namedParameters());
  for (const [name, parameter] of target.namedParameters()) {
    const source = from.get(name);
    if (source?.size === parameter.size) parameter.assign(source);
  }
}

function linearOf(encoder: Layer): Linear {
  return (encoder as Sequential).layers.find((layer) => layer instanceof Linear) as Linear;
}
