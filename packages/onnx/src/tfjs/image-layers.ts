import {
  avgPool,
  batchNorm,
  conv1d,
  conv2d,
  convTranspose2d,
  crop,
  depthwiseConv2d,
  dropout2d,
  flatten,
  globalAvgPool,
  type LayerSpec,
  maxPool,
  pad,
  separableConv2d,
  upsample,
} from '@latent/nn';
import { ones, type Tensor, tensor, ValueError, zeros } from '@latent/tensor';
import { inShort } from '../files/tensors.ts';
import type { FoundLayer } from '../network/found.ts';
import { activated, amount, only, plain, sizes, type TfjsLayer, type TfjsRule } from './rule.ts';
import { CALLER } from './weights.ts';

// Images are [height, width, channels] on both sides, so only the axes of kernels differ.

/** Padding by its name, which means the same here. */
function paddingOf({ name, config }: TfjsLayer): 'valid' | 'same' {
  const { padding = 'valid' } = config;
  if (padding === 'valid' || padding === 'same') return padding;
  throw new ValueError(`${CALLER}: layer '${name}' has padding ${inShort(padding)}; ours are valid and same`);
}

/** The options of a convolution; its activation is a layer of its own. */
function windows(layer: TfjsLayer, axes: number) {
  only(layer, 'data_format', 'channels_last');
  only(layer, 'groups', 1);
  // What comes out is as large as padding and strides make it.
  only(layer, 'output_padding', undefined);
  return {
    kernel: sizes(layer, 'kernel_size', axes, 1),
    dilation: sizes(layer, 'dilation_rate', axes, 1),
    stride: sizes(layer, 'strides', axes, 1),
    padding: paddingOf(layer),
    bias: layer.config.use_bias !== false,
    activation: 'identity',
  } as const;
}

/** A convolution with its weights, and its activation. */
function convolution(layer: TfjsLayer, spec: LayerSpec, ...kernels: readonly Tensor[]): FoundLayer[] {
  const { name, config, weight } = layer;
  const tensors = config.use_bias === false ? kernels : [...kernels, weight('bias')];
  return [{ name, spec, tensors }, ...activated(name, config.activation ?? 'linear')];
}

/** A kernel [kernel…, first, second] as [second, first, kernel…]. */
function turned(layer: TfjsLayer, name: string, axes: number): Tensor {
  const kernel = layer.weight(name);
  if (kernel.shape.length !== axes + 2) {
    throw new ValueError(`${CALLER}: layer '${layer.name}' has a ${name} of ${kernel.shape.length} axes`);
  }
  const places = Array.from({ length: axes }, (_, d) => d);
  return kernel.transpose([axes + 1, axes, ...places]);
}

/** A kernel of single channels [height, width, channels, multiplier] as [channels·multiplier, 1, height, width]. */
function depthwise(layer: TfjsLayer): { readonly kernel: Tensor; readonly multiplier: number } {
  const theirs = turned(layer, 'depthwise_kernel', 2);
  const [multiplier = 1, channels = 1, height = 1, width = 1] = theirs.shape;
  return { kernel: theirs.transpose([1, 0, 2, 3]).reshape([channels * multiplier, 1, height, width]), multiplier };
}

/** A layer over windows of one axis or two. */
const pooling =
  (axes: number, make: typeof maxPool): TfjsRule =>
  (layer) => {
    only(layer, 'data_format', 'channels_last');
    const size = sizes(layer, 'pool_size', axes, 2);
    const stride = layer.config.strides == null ? size : sizes(layer, 'strides', axes, 2);
    return [plain(layer.name, make(size, { stride, padding: paddingOf(layer) }))];
  };

/** Throws unless a layer gives one number for each channel, the channels last. */
function onlyChannels(layer: TfjsLayer): void {
  only(layer, 'data_format', 'channels_last');
  only(layer, 'keepdims', false);
}

const globalAverage: TfjsRule = (layer) => {
  onlyChannels(layer);
  return [plain(layer.name, globalAvgPool())];
};

const globalMax: TfjsRule = (layer) => {
  onlyChannels(layer);
  const { name, shape } = layer;
  return [plain(name, maxPool(shape.slice(0, -1))), plain(name, flatten())];
};

/** [before, after] of height and width: from a number, one for each, or both sides of each. */
function sidesOf({ name, config }: TfjsLayer, option: string): readonly (readonly [number, number])[] {
  const value: unknown = config[option] ?? 1;
  const list: unknown[] = Array.isArray(value) ? value : [value, value];
  const sides = list.map((side): unknown[] => (Array.isArray(side) ? side : [side, side]));
  const fits = sides.length === 2 && sides.every((side) => side.length === 2);
  if (!fits || !sides.flat().every((side) => Number.isSafeInteger(side) && (side as number) >= 0)) {
    throw new ValueError(`${CALLER}: layer '${name}' has ${option} ${inShort(value)}`);
  }
  return sides as unknown as readonly (readonly [number, number])[];
}

/** The layers of images and signals by their class names. */
export const TFJS_IMAGE_LAYERS: Readonly<Record<string, TfjsRule>> = {
  Conv1D: (layer) => {
    const kernel = turned(layer, 'kernel', 1);
    return convolution(layer, conv1d(kernel.shape[0] as number, windows(layer, 1)), kernel);
  },
  Conv2D: (layer) => {
    const kernel = turned(layer, 'kernel', 2);
    return convolution(layer, conv2d(kernel.shape[0] as number, windows(layer, 2)), kernel);
  },
  // [height, width, out, in] there.
  Conv2DTranspose: (layer) => {
    const kernel = turned(layer, 'kernel', 2);
    return convolution(layer, convTranspose2d(kernel.shape[1] as number, windows(layer, 2)), kernel);
  },
  DepthwiseConv2D: (layer) => {
    const { kernel, multiplier } = depthwise(layer);
    return convolution(layer, depthwiseConv2d({ ...windows(layer, 2), multiplier }), kernel);
  },
  SeparableConv2D: (layer) => {
    const { kernel, multiplier } = depthwise(layer);
    const over = turned(layer, 'pointwise_kernel', 2);
    const spec = separableConv2d(over.shape[0] as number, { ...windows(layer, 2), multiplier });
    return convolution(layer, spec, kernel, over);
  },
  MaxPooling1D: pooling(1, maxPool),
  MaxPooling2D: pooling(2, maxPool),
  AveragePooling1D: pooling(1, avgPool),
  AveragePooling2D: pooling(2, avgPool),
  GlobalAveragePooling1D: globalAverage,
  GlobalAveragePooling2D: globalAverage,
  GlobalMaxPooling1D: globalMax,
  GlobalMaxPooling2D: globalMax,
  UpSampling2D(layer) {
    only(layer, 'data_format', 'channels_last');
    // Linear sampling there sees other places: those of corners, not of middles.
    only(layer, 'interpolation', 'nearest');
    return [plain(layer.name, upsample({ factor: sizes(layer, 'size', 2, 2) }))];
  },
  ZeroPadding2D(layer) {
    only(layer, 'data_format', 'channels_last');
    return [plain(layer.name, pad(sidesOf(layer, 'padding')))];
  },
  Cropping2D(layer) {
    only(layer, 'data_format', 'channels_last');
    return [plain(layer.name, crop(sidesOf(layer, 'cropping')))];
  },
  SpatialDropout1D: (layer) => [plain(layer.name, dropout2d(amount(layer, 'rate')))],
  BatchNormalization(layer) {
    const { name, config, shape, weight } = layer;
    const { axis = -1 } = config;
    const along: unknown = Array.isArray(axis) && axis.length === 1 ? (axis as unknown[])[0] : axis;
    only({ ...layer, config: { axis: along } }, 'axis', along === shape.length ? shape.length : -1);
    const size = [shape.at(-1) ?? 1];
    const tensors = [
      config.scale === false ? ones(size) : weight('gamma'),
      config.center === false ? zeros(size) : weight('beta'),
      weight('moving_mean'),
      weight('moving_variance'),
      tensor(0),
    ];
    const epsilon = config.epsilon === undefined ? 1e-3 : amount(layer, 'epsilon');
    return [{ name, spec: batchNorm({ epsilon }), tensors }];
  },
};
