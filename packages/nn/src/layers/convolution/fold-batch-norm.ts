import { Rng, refuse, type Tensor, tensor } from '@latent/tensor';
import type { Layer } from '../../module/module.ts';
import { withoutFirstWeights } from '../../module/role.ts';
import { Activation } from '../activation.ts';
import { Linear } from '../linear.ts';
import { BatchNorm } from '../normalization/batch-norm.ts';
import { Sequential } from '../sequential.ts';
import { Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d } from './convolution.ts';
import { Residual } from './residual.ts';

type Foldable = Linear | Conv1d | Conv2d | ConvTranspose1d | ConvTranspose2d;

function isFoldable(layer: Layer): layer is Foldable {
  return [Linear, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d].some((type) => layer instanceof type);
}

/** The feature that each weight adds to. */
function featureOf(layer: Foldable): (at: number) => number {
  const [first = 1, second = 1, ...kernel] = layer.weight.shape;
  const taps = kernel.reduce((a, b) => a * b, 1);
  if (!(layer instanceof ConvTranspose1d || layer instanceof ConvTranspose2d)) {
    return (at) => Math.floor(at / (second * taps));
  }
  // [in, out/groups, …kernel]: the inputs of a group add to its own outputs.
  const perGroup = first / (layer.options.groups ?? 1);
  return (at) => {
    const channel = Math.floor(at / (second * taps));
    return Math.floor(channel / perGroup) * second + (Math.floor(at / taps) % second);
  };
}

/** The layer and the normalisation after it as one layer: w·γ/√(v + ε), and (b − m)·γ/√(v + ε) + β. */
function folded(layer: Foldable, norm: BatchNorm): Foldable {
  const [weight, mean, variance, gamma, beta] = [
    layer.weight,
    norm.running_mean,
    norm.running_var,
    norm.weight,
    norm.bias,
  ].map(({ data }) => data) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
  const scale = Float64Array.from(gamma, (value, o) => value / Math.sqrt((variance[o] as number) + norm.epsilon));
  const before = layer.bias?.data;
  const bias = Float32Array.from(
    beta,
    (value, o) => value + ((before?.[o] ?? 0) - (mean[o] as number)) * (scale[o] as number),
  );
  const feature = featureOf(layer);
  const weights = weight.map((value, at) => value * (scale[feature(at)] as number));
  return withNumbers(layer, tensor(weights, { shape: layer.weight.shape }), tensor(bias));
}

/** A layer of the same sizes and options with these numbers. */
function withNumbers(layer: Foldable, weight: Tensor, bias: Tensor): Foldable {
  const copy = withoutFirstWeights('foldBatchNorm', Infinity, () => alike(layer));
  copy.weight.assign(weight);
  copy.bias?.assign(bias);
  return copy;
}

function alike(layer: Foldable): Foldable {
  const rng = new Rng(0);
  const [first = 1, second = 1, ...kernel] = layer.weight.shape;
  if (layer instanceof Linear) return new Linear(second, first, { rng });
  const { groups = 1 } = layer.options;
  if (layer instanceof Conv1d || layer instanceof Conv2d) {
    const Made = layer instanceof Conv1d ? Conv1d : Conv2d;
    return new Made(second * groups, first, { rng, kernel, ...layer.options, paddingMode: layer.paddingMode });
  }
  const Made = layer instanceof ConvTranspose1d ? ConvTranspose1d : ConvTranspose2d;
  return new Made(first, second * groups, { rng, kernel, ...layer.options });
}

/**
 * A network for inference with every batch normalisation that follows a linear or convolutional layer folded into that layer, in
 * `Sequential`s and the residual blocks in them: the same results in `eval()`, in fewer steps. The network given is not changed;
 * what is not folded is shared with it.
 */
export function foldBatchNorm(network: Sequential): Sequential {
  if (!(network instanceof Sequential)) {
    return refuse({ caller: 'foldBatchNorm', path: 'the network' }, 'a Sequential', network);
  }
  const layers: Layer[] = [];
  for (const layer of network.layers) {
    // What does nothing stands in nobody's way.
    if (layer instanceof Activation && layer.name === 'identity') continue;
    const before = layers.at(-1);
    if (layer instanceof BatchNorm && before !== undefined && isFoldable(before)) {
      layers[layers.length - 1] = folded(before, layer);
    } else layers.push(foldedInside(layer));
  }
  return new Sequential(...layers).eval();
}

function foldedInside(layer: Layer): Layer {
  if (layer instanceof Sequential) return foldBatchNorm(layer);
  if (!(layer instanceof Residual)) return layer;
  const { body, shortcut, activation } = layer;
  return new Residual(foldedInside(body), {
    shortcut: shortcut && foldedInside(shortcut),
    activation: activation.name,
  });
}
