import {
  avgPool1d,
  avgPool2d,
  type Check,
  checkNames,
  checkOptions,
  checkTensor,
  flag,
  globalAvgPool as globalMean,
  maxPool1d,
  maxPool2d,
  optional,
  type Padding,
  type PerAxis,
  paddingCheck,
  perAxis,
  type Shape,
  sizeOf,
  type Tensor,
  windowsOf,
} from '@latent/tensor';
import { Module } from '../../module/module.ts';
import { dense } from '../dense.ts';
import { type LayerSpec, layers } from '../layer-spec.ts';
import { reshape } from '../shape.ts';
import { anyAxes, placesOf } from './places.ts';
import { upsample } from './resize.ts';

/** What pooling layers have in common. */
export interface PoolLayerOptions {
  /** Steps from window to window; the window's size by default. */
  readonly stride?: PerAxis;
  /** 'valid' by default; nothing, not zeros, is padded. */
  readonly padding?: Padding;
  /** Windows that the input's end cuts count too; false by default. */
  readonly ceil?: boolean;
}

/** Of `maxPool`. */
export interface MaxPoolLayerOptions extends PoolLayerOptions {
  /** 1 by default. */
  readonly dilation?: PerAxis;
}

/** Of `avgPool`. */
export interface AvgPoolLayerOptions extends PoolLayerOptions {
  /** Padding counts as zeros in the mean, as PyTorch has it by default; false by default, as Keras has it. */
  readonly countPadding?: boolean;
}

/** The largest of each window of [n, …sizes, channels], over one axis or two. */
export class MaxPool extends Module {
  readonly size: PerAxis;
  readonly options: MaxPoolLayerOptions;

  constructor(size: PerAxis, options: MaxPoolLayerOptions = {}) {
    super();
    checkNames('MaxPool', options, Object.keys(maxChecks).slice(1));
    const { size: checked, ...others } = checkOptions('MaxPool', { size, ...options }, maxChecks);
    this.size = checked;
    this.options = given(others);
  }
  override get type(): string {
    return 'MaxPool';
  }
  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    return (x.shape.length === 3 ? maxPool1d : maxPool2d)(x, this.size, this.options);
  }
}

/** The mean of each window of [n, …sizes, channels], over one axis or two. */
export class AvgPool extends Module {
  readonly size: PerAxis;
  readonly options: AvgPoolLayerOptions;

  constructor(size: PerAxis, options: AvgPoolLayerOptions = {}) {
    super();
    checkNames('AvgPool', options, Object.keys(avgChecks).slice(1));
    const { size: checked, ...others } = checkOptions('AvgPool', { size, ...options }, avgChecks);
    this.size = checked;
    this.options = given(others);
  }
  override get type(): string {
    return 'AvgPool';
  }
  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    return (x.shape.length === 3 ? avgPool1d : avgPool2d)(x, this.size, this.options);
  }
}

/** The mean over all places: [n, …sizes, channels] → [n, channels]. */
export class GlobalAvgPool extends Module {
  override get type(): string {
    return 'GlobalAvgPool';
  }
  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    return globalMean(x);
  }
}

/** Padding of one axis or two. */
const anyPadding: Check<Padding> = (value, at) =>
  paddingCheck(Array.isArray(value) && value.length === 1 ? 1 : 2)(value, at);

const sizeCheck = /* @__PURE__ */ anyAxes(1);
const common = {
  size: sizeCheck,
  stride: /* @__PURE__ */ optional(sizeCheck),
  padding: /* @__PURE__ */ optional(anyPadding, 'valid' as const),
  ceil: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
};

interface PoolSizes {
  readonly size: PerAxis;
  readonly stride?: PerAxis | undefined;
  readonly padding: Padding;
  readonly ceil: boolean;
  readonly dilation?: PerAxis | undefined;
}

function pooledShape(op: string, input: Shape, { size, stride, padding, ceil, dilation = 1 }: PoolSizes): Shape {
  const sizes = placesOf(input);
  const every = (value: PerAxis, path: string): readonly number[] =>
    perAxis(sizes.length, 1)(value, { caller: op, path });
  const kernel = every(size, 'size');
  const given = { kernel, stride: stride === undefined ? kernel : every(stride, 'stride'), padding };
  paddingCheck(sizes.length)(padding, { caller: op, path: 'padding' });
  const windows = windowsOf(op, sizes, { ...given, dilation: every(dilation, 'dilation') }, ceil);
  return [...windows.map(({ output }) => output), input.at(-1) as number];
}

const maxChecks = /* @__PURE__ */ Object.assign({}, common, { dilation: /* @__PURE__ */ optional(sizeCheck) });
export const maxPoolLayer = /* @__PURE__ */ layers.known('maxPool', {
  options: maxChecks,
  build: ({ size, ...options }) => ({
    outShape: (input) => pooledShape('maxPool', input, { size, ...options }),
    build: () => [new MaxPool(size, given(options))],
    mirror: (input) => [upsample({ size: placesOf(input) })],
  }),
});

/** Without what was left out. */
function given<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

/**
 * The largest of each window of `size` × `size` (or of two sizes), as a layer of a network: `maxPool(2)`. Mirrored it is
 * nearest-neighbour upsampling to the sizes before.
 */
export function maxPool(size: PerAxis, options: MaxPoolLayerOptions = {}): LayerSpec {
  return maxPoolLayer.with({ size }, options);
}

const avgChecks = /* @__PURE__ */ Object.assign({}, common, {
  countPadding: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
});
export const avgPoolLayer = /* @__PURE__ */ layers.known('avgPool', {
  options: avgChecks,
  build: ({ size, ...options }) => ({
    outShape: (input) => pooledShape('avgPool', input, { size, ...options }),
    build: () => [new AvgPool(size, given(options))],
    mirror: (input) => [upsample({ size: placesOf(input) })],
  }),
});

/** The mean of each window, as a layer of a network; mirrored like `maxPool`. */
export function avgPool(size: PerAxis, options: AvgPoolLayerOptions = {}): LayerSpec {
  return avgPoolLayer.with({ size }, options);
}

export const globalAvgPoolLayer = /* @__PURE__ */ layers.known('globalAvgPool', {
  options: {},
  build: () => ({
    outShape(input) {
      placesOf(input);
      return input.slice(-1);
    },
    build: () => [new GlobalAvgPool()],
    mirror: (input) => [dense(sizeOf(input)), reshape(input)],
  }),
});

/** The mean of each channel over all places, as a layer of a network; mirrored it is a dense layer. */
export function globalAvgPool(): LayerSpec {
  return globalAvgPoolLayer.make({});
}
