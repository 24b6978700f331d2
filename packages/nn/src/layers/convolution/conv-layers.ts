import {
  type Checked,
  flag,
  optional,
  type Padding,
  type PerAxis,
  paddingCheck,
  perAxis,
  type Shape,
  ShapeError,
  transposedWindowsOf,
  ValueError,
  type Window,
  whole,
  windowsOf,
} from '@latent/tensor';
import type { Layer } from '../../module/module.ts';
import { type Definition, partOf } from '../../registry/registry.ts';
import { Activation, type ActivationName, activationCheck } from '../activation.ts';
import { rateCheck } from '../dropout.ts';
import { Dropout2d } from '../dropout2d.ts';
import { type BuildContext, type LayerSpec, layers } from '../layer-spec.ts';
import {
  Conv1d,
  Conv2d,
  type ConvOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  type ConvTransposeOptions,
  type PaddingMode,
  paddingModeCheck,
} from './convolution.ts';
import { placesAndChannels } from './places.ts';

/** Options of a convolution as a layer of a network; sizes are one number for all axes, or one for each. */
export interface ConvLayerOptions {
  /** 3 by default. */
  readonly kernel?: PerAxis;
  /** 1 by default. */
  readonly stride?: PerAxis;
  /** 'valid' (none) by default; see `Padding` of @latent/tensor. */
  readonly padding?: Padding;
  /** 1 by default. */
  readonly dilation?: PerAxis;
  /** Runs of channels that see each other alone; 1 by default. */
  readonly groups?: number;
  /** Add a bias; true by default. */
  readonly bias?: boolean;
  /** A layer between the convolution and the activation, such as `batchNorm()`; none by default. */
  readonly norm?: LayerSpec;
  /** After the layer; the model's by default. */
  readonly activation?: ActivationName;
  /** Share of the channels that is dropped while training; 0 by default. */
  readonly dropout?: number;
  /** What stands beyond the edges; 'zeros' by default. */
  readonly paddingMode?: PaddingMode;
}

/** Of `convTranspose1d` and `convTranspose2d` in a network. */
export interface ConvTransposeLayerOptions extends Omit<ConvLayerOptions, 'paddingMode'> {
  /** Added to the output's size, at its end; 0 by default. */
  readonly outputPadding?: PerAxis;
}

/** The checks of what convolutions over so many axes have in common. */
function commonChecks(axes: number) {
  return {
    kernel: optional(perAxis(axes, 1), new Array<number>(axes).fill(3)),
    stride: optional(perAxis(axes, 1), new Array<number>(axes).fill(1)),
    padding: optional(paddingCheck(axes), 'valid' as const),
    dilation: optional(perAxis(axes, 1), new Array<number>(axes).fill(1)),
    bias: optional(flag(), true),
    norm: optional(partOf(layers, 'batchNorm()')),
    activation: optional(activationCheck),
    dropout: optional(rateCheck, 0),
  };
}
type Common = Checked<ReturnType<typeof commonChecks>>;

const featuresCheck = /* @__PURE__ */ whole({ min: 1 });
const groupsCheck = /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 1);
const modeCheck = /* @__PURE__ */ optional(paddingModeCheck, 'zeros' as const);

function checkGroups(what: string, count: number, groups: number): void {
  if (count % groups !== 0) throw new ShapeError(`${count} ${what} do not divide into ${groups} groups`);
}

/** What comes after the convolution: normalisation, activation, dropout. */
function followed(conv: Layer, out: Shape, { norm, activation, dropout }: Common, context: BuildContext): Layer[] {
  return [
    conv,
    ...(norm?.build(out, context) ?? []),
    new Activation(activation ?? context.activation),
    ...(dropout > 0 ? [new Dropout2d(dropout, { rng: context.noise })] : []),
  ];
}

/** What a layer and its way back have in common. */
function shared({ kernel, stride, dilation, bias, norm, activation, dropout }: Common) {
  return {
    kernel,
    stride,
    dilation,
    bias,
    dropout,
    ...(norm !== undefined && { norm }),
    ...(activation !== undefined && { activation }),
  };
}

/** What comes after the convolution on the way back, where no activation means the model's: it would be linear otherwise. */
function afterBack({ norm, activation, dropout }: Common) {
  return {
    dropout,
    ...(norm !== undefined && { norm }),
    ...(activation !== undefined && activation !== 'identity' && { activation }),
  };
}

const sides = (windows: readonly Window[]): readonly (readonly [number, number])[] =>
  windows.map(({ before, after }) => [before, after]);

/** What a transposed convolution with the windows of a convolution leaves out at the end of each axis. */
const leftOver = (windows: readonly Window[]): readonly number[] =>
  windows.map((w) => (w.size + w.before + w.after - w.dilation * (w.kernel - 1) - 1) % w.stride);

/** Of a convolution with the windows of a transposed one: its padding, less what outputPadding beyond the stride has added. */
function sidesBack(
  windows: readonly Window[],
  outputPadding: readonly number[],
): readonly (readonly [number, number])[] {
  return windows.map(({ before, after, stride }, d) => {
    const extra = outputPadding[d] as number;
    const cut = extra < stride ? 0 : extra;
    if (cut > after) {
      throw new ValueError(`outputPadding ${extra} beyond the stride ${stride} has no mirror image; give the decoder`);
    }
    return [before, after - cut];
  });
}

type Sized<O> = { readonly features: number } & O;

function convPart(axes: 1 | 2): Definition<LayerSpec> {
  const name = `conv${axes}d`;
  const Made = axes === 1 ? Conv1d : Conv2d;
  const checks = { features: featuresCheck, ...commonChecks(axes), groups: groupsCheck, paddingMode: modeCheck };
  return layers.known(name, {
    options: checks,
    build(options) {
      const { features, kernel, stride, dilation, padding, groups, bias, paddingMode, norm } = options;
      const windows = (sizes: Shape): Window[] => windowsOf(name, sizes, { kernel, stride, dilation, padding });
      const convolved = (input: Shape): Shape => {
        const { places, channels } = placesAndChannels(axes, input);
        checkGroups('channels', channels, groups);
        checkGroups('features', features, groups);
        return [...windows(places).map(({ output }) => output), features];
      };
      const back = (input: Shape, count: number): Sized<ConvTransposeLayerOptions> => {
        const { places, channels } = placesAndChannels(axes, input);
        const own = windows(places);
        const { norm: _n, activation: _a, dropout: _d, ...plain } = shared(options);
        return {
          ...plain,
          features: count * channels,
          padding: sides(own),
          outputPadding: leftOver(own),
          ...((count * channels) % groups === 0 && { groups }),
        };
      };
      const transposed = (given: Sized<ConvTransposeLayerOptions>): LayerSpec => {
        const { features: count, ...rest } = given;
        return axes === 1 ? convTranspose1d(count, rest) : convTranspose2d(count, rest);
      };
      return {
        outShape: (input) => norm?.outShape(convolved(input)) ?? convolved(input),
        build(input, context) {
          const { channels } = placesAndChannels(axes, input);
          const made: ConvOptions = {
            rng: context.weights,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            bias,
            paddingMode,
          };
          return followed(new Made(channels, features, made), convolved(input), options, context);
        },
        mirror: (input) => [transposed({ ...back(input, 1), ...afterBack(options) })],
        head: (input, count) =>
          count === undefined ? [] : [transposed({ ...back(input, count), activation: 'identity' })],
      };
    },
  }) as unknown as Definition<LayerSpec>;
}

function convTransposePart(axes: 1 | 2): Definition<LayerSpec> {
  const name = `convTranspose${axes}d`;
  const Made = axes === 1 ? ConvTranspose1d : ConvTranspose2d;
  const outputPadding = optional(perAxis(axes, 0), new Array<number>(axes).fill(0));
  const checks = { features: featuresCheck, ...commonChecks(axes), groups: groupsCheck, outputPadding };
  return layers.known(name, {
    options: checks,
    build(options) {
      const { features, kernel, stride, dilation, padding, groups, bias, outputPadding, norm } = options;
      const windows = (sizes: Shape): Window[] =>
        transposedWindowsOf(name, sizes, { kernel, stride, dilation, padding, outputPadding });
      const convolved = (input: Shape): Shape => {
        const { places, channels } = placesAndChannels(axes, input);
        checkGroups('channels', channels, groups);
        checkGroups('features', features, groups);
        return [...windows(places).map(({ size }) => size), features];
      };
      const back = (input: Shape, count: number, rest: Partial<ConvLayerOptions>): LayerSpec => {
        const { places, channels } = placesAndChannels(axes, input);
        const { norm: _n, activation: _a, dropout: _d, ...plain } = shared(options);
        const given = {
          ...plain,
          padding: sidesBack(windows(places), outputPadding),
          ...((count * channels) % groups === 0 && { groups }),
          ...rest,
        };
        return axes === 1 ? conv1d(count * channels, given) : conv2d(count * channels, given);
      };
      return {
        outShape: (input) => norm?.outShape(convolved(input)) ?? convolved(input),
        build(input, context) {
          const { channels } = placesAndChannels(axes, input);
          const made: ConvTransposeOptions = {
            rng: context.weights,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            bias,
            outputPadding,
          };
          return followed(new Made(channels, features, made), convolved(input), options, context);
        },
        mirror: (input) => [back(input, 1, afterBack(options))],
        head: (input, count) => (count === undefined ? [] : [back(input, count, { activation: 'identity' })]),
      };
    },
  }) as unknown as Definition<LayerSpec>;
}

export const conv1dLayer = /* @__PURE__ */ convPart(1);
export const conv2dLayer = /* @__PURE__ */ convPart(2);
export const convTranspose1dLayer = /* @__PURE__ */ convTransposePart(1);
export const convTranspose2dLayer = /* @__PURE__ */ convTransposePart(2);

/** A convolution of rows [length, channels] with `features` kernels, then normalisation, activation and dropout. */
export function conv1d(features: number, options: ConvLayerOptions = {}): LayerSpec {
  return conv1dLayer.with({ features }, options);
}

/**
 * A convolution of images [height, width, channels] with `features` kernels, then normalisation, activation and dropout:
 * `conv2d(32, { kernel: 3, stride: 2 })`. Mirrored it is the transposed convolution that gives the image's sizes back.
 */
export function conv2d(features: number, options: ConvLayerOptions = {}): LayerSpec {
  return conv2dLayer.with({ features }, options);
}

/** A transposed convolution of rows [length, channels]; see `convTranspose2d`. */
export function convTranspose1d(features: number, options: ConvTransposeLayerOptions = {}): LayerSpec {
  return convTranspose1dLayer.with({ features }, options);
}

/**
 * A transposed convolution of images, then normalisation, activation and dropout. With `padding: 'same'` sizes are multiplied by
 * the stride, as in Keras; PyTorch's `padding` and `outputPadding` are numbers here too.
 */
export function convTranspose2d(features: number, options: ConvTransposeLayerOptions = {}): LayerSpec {
  return convTranspose2dLayer.with({ features }, options);
}

/** Of `depthwiseConv2d` and `separableConv2d` in a network. */
export interface DepthwiseConvOptions extends Omit<ConvLayerOptions, 'groups'> {
  /** Features of each channel; 1 by default. */
  readonly multiplier?: number;
}

function depthwiseOptions() {
  return { multiplier: optional(whole({ min: 1 }), 1), ...commonChecks(2), paddingMode: modeCheck };
}
const depthwiseChecks = /* @__PURE__ */ depthwiseOptions();
const separableChecks = /* @__PURE__ */ Object.assign({}, { features: featuresCheck }, depthwiseChecks);

export const depthwiseConv2dLayer = /* @__PURE__ */ layers.known('depthwiseConv2d', {
  options: depthwiseChecks,
  build(options) {
    const of = (input: Shape): LayerSpec => {
      const { channels } = placesAndChannels(2, input);
      const { multiplier, padding, paddingMode } = options;
      return conv2d(multiplier * channels, { ...shared(options), padding, paddingMode, groups: channels });
    };
    return {
      outShape: (input) => of(input).outShape(input),
      build: (input, context) => of(input).build(input, context),
      mirror: (input) => of(input).mirror(input),
    };
  },
});

/** A convolution of each channel by itself: PyTorch's with as many groups as channels, Keras's `DepthwiseConv2D`. */
export function depthwiseConv2d(options: DepthwiseConvOptions = {}): LayerSpec {
  return depthwiseConv2dLayer.make(options);
}

export const separableConv2dLayer = /* @__PURE__ */ layers.known('separableConv2d', {
  options: separableChecks,
  build(options) {
    const { features, multiplier, kernel, stride, padding, dilation, paddingMode, ...rest } = options;
    const spread = { kernel, stride, dilation, bias: false, activation: 'identity' } as const;
    const { norm, activation, dropout, bias } = rest;
    const after = { bias, dropout, ...(norm && { norm }), ...(activation && { activation }) };
    const parts = [
      depthwiseConv2d({ ...spread, padding, paddingMode, multiplier }),
      conv2d(features, { ...after, kernel: 1 }),
    ] as const;
    return {
      outShape: (input) => parts.reduce((shape, part) => part.outShape(shape), input),
      build: (input, context) => [
        ...parts[0].build(input, context),
        ...parts[1].build(parts[0].outShape(input), context),
      ],
      mirror(input) {
        const { places, channels } = placesAndChannels(2, input);
        const windows = windowsOf('separableConv2d', places, { kernel, stride, dilation, padding });
        return [
          conv2d(channels, { kernel: 1, bias: false, activation: 'identity' }),
          convTranspose2d(channels, {
            bias,
            ...afterBack(options),
            kernel,
            stride,
            dilation,
            padding: sides(windows),
            outputPadding: leftOver(windows),
            groups: channels,
          }),
        ];
      },
    };
  },
});

/**
 * A convolution of each channel by itself, then one of kernel 1 over all channels, which has the bias, normalisation, activation
 * and dropout (Chollet 2017): far fewer weights than `conv2d` of the same sizes.
 */
export function separableConv2d(features: number, options: DepthwiseConvOptions = {}): LayerSpec {
  return separableConv2dLayer.with({ features }, options);
}
