import {
  type Check,
  type Checked,
  type ConvolutionOptions,
  callable,
  checkOptions,
  checkTensor,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  flag,
  oneOf,
  optional,
  type Padding,
  type PadMode,
  type PerAxis,
  pad,
  paddingCheck,
  padModes,
  perAxis,
  type Rng,
  type Tensor,
  type TransposedConvolutionOptions,
  whole,
  windowsOf,
} from '@latent/tensor';
import { type Initializer, uniformInit } from '../../init.ts';
import { Module } from '../../module/module.ts';
import { layerParameter } from '../../module/role.ts';
import { generatorCheck } from '../../registry/generator.ts';

/** What stands beyond the edges where padding is: nothing but zeros, or what is inside. */
export type PaddingMode = 'zeros' | PadMode;
/** A check for what stands beyond the edges. */
export const paddingModeCheck: Check<PaddingMode> = (value, at) => oneOf('zeros', ...padModes)(value, at);

/** Of a `Conv1d` or a `Conv2d`. */
export interface ConvOptions {
  readonly rng: Rng;
  /** Sizes of the kernel; one for all axes or one for each. */
  readonly kernel: PerAxis;
  /** 1 by default. */
  readonly stride?: PerAxis;
  /** 'valid' (none) by default; see `Padding`. */
  readonly padding?: Padding;
  /** 1 by default. */
  readonly dilation?: PerAxis;
  /** 1 by default. */
  readonly groups?: number;
  /** Add a bias; true by default. */
  readonly bias?: boolean;
  /** 'zeros' by default. */
  readonly paddingMode?: PaddingMode;
  /** First weights; by default uniform on ±1/√fan-in, as in PyTorch. Biases start the same way, or at 0 with an `init` given. */
  readonly init?: Initializer;
}

/** Of a `ConvTranspose1d` or a `ConvTranspose2d`. */
export interface ConvTransposeOptions extends Omit<ConvOptions, 'paddingMode'> {
  /** Added to the output's size, at its end; 0 by default. */
  readonly outputPadding?: PerAxis;
}

/** The checks of what convolutions over so many axes have in common. */
function checksOf(axes: number) {
  return {
    rng: generatorCheck,
    kernel: perAxis(axes, 1),
    stride: optional(perAxis(axes, 1), 1),
    padding: optional(paddingCheck(axes), 'valid' as const),
    dilation: optional(perAxis(axes, 1), 1),
    groups: optional(whole({ min: 1 }), 1),
    bias: optional(flag(), true),
    init: optional(callable<Initializer>()),
  };
}

/** The weight and the bias of a layer: weight [first, second, …kernel], bias [features]. */
function firstWeights(
  caller: string,
  axes: number,
  [first, second, features]: readonly [number, number, number],
  { rng, kernel, bias, init }: Checked<ReturnType<typeof checksOf>>,
): { readonly weight: Tensor; readonly bias: Tensor | null } {
  const sizes = perAxis(axes, 1)(kernel, { caller, path: 'kernel' });
  const shape = [first, second, ...sizes];
  const limit = 1 / Math.sqrt(second * sizes.reduce((a, b) => a * b, 1));
  const draw = init ?? uniformInit(-limit, limit);
  return {
    weight: layerParameter('weight', shape, () => draw(shape, rng)),
    bias: bias
      ? layerParameter('bias', [features], () =>
          init === undefined ? draw([features], rng) : new Float32Array(features),
        )
      : null,
  };
}

function checkCounts(caller: string, inChannels: number, outChannels: number, groups: number): void {
  for (const [path, size] of Object.entries({ inChannels, outChannels })) {
    whole({ min: groups })(size, { caller, path });
  }
}

/** A convolution over `axes` axes. */
abstract class Conv extends Module {
  /** [out, in/groups, …kernel] as PyTorch has it. */
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly options: Omit<ConvolutionOptions, 'padding'> & { readonly padding: Padding };
  readonly paddingMode: PaddingMode;
  readonly #axes: number;

  constructor(caller: string, axes: number, inChannels: number, outChannels: number, options: ConvOptions) {
    super();
    const { paddingMode, ...checked } = checkOptions(caller, options, {
      ...checksOf(axes),
      paddingMode: optional(paddingModeCheck, 'zeros' as const),
    });
    const { stride, padding, dilation, groups } = checked;
    checkCounts(caller, inChannels, outChannels, groups);
    this.paddingMode = paddingMode;
    const { weight, bias } = firstWeights(caller, axes, [outChannels, inChannels / groups, outChannels], checked);
    this.weight = weight;
    this.bias = bias;
    this.options = { stride, padding, dilation, groups };
    this.#axes = axes;
  }

  protected abstract convolve(x: Tensor, options: ConvolutionOptions): Tensor;

  /** x [n, …sizes, in] → [n, …, out]. */
  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    if (this.paddingMode === 'zeros' || x.shape.length !== this.#axes + 2) return this.convolve(x, this.options);
    const every = (value: PerAxis | undefined): readonly number[] =>
      perAxis(this.#axes, 1)(value ?? 1, { caller: this.type, path: 'options' });
    const windows = windowsOf(this.type, x.shape.slice(1, -1), {
      kernel: this.weight.shape.slice(2),
      stride: every(this.options.stride),
      dilation: every(this.options.dilation),
      padding: this.options.padding,
    });
    const sides = windows.map(({ before, after }) => [before, after] as const);
    return this.convolve(pad(x, [[0, 0], ...sides, [0, 0]], this.paddingMode), { ...this.options, padding: 'valid' });
  }
}

/** A convolution along the middle axis of [n, length, channels]. Parameters `weight` [out, in/groups, length] and `bias` [out]. */
export class Conv1d extends Conv {
  constructor(inChannels: number, outChannels: number, options: ConvOptions) {
    super('Conv1d', 1, inChannels, outChannels, options);
  }
  override get type(): string {
    return 'Conv1d';
  }
  protected override convolve(x: Tensor, options: ConvolutionOptions): Tensor {
    return conv1d(x, this.weight, this.bias, options);
  }
}

/**
 * A convolution of images [n, height, width, channels]. Parameters `weight` [out, in/groups, height, width] and `bias` [out], as
 * in PyTorch; channels come last in images alone.
 */
export class Conv2d extends Conv {
  constructor(inChannels: number, outChannels: number, options: ConvOptions) {
    super('Conv2d', 2, inChannels, outChannels, options);
  }
  override get type(): string {
    return 'Conv2d';
  }
  protected override convolve(x: Tensor, options: ConvolutionOptions): Tensor {
    return conv2d(x, this.weight, this.bias, options);
  }
}

/** A transposed convolution over `axes` axes. */
abstract class ConvTranspose extends Module {
  /** [in, out/groups, …kernel] as PyTorch has it. */
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly options: TransposedConvolutionOptions;

  constructor(caller: string, axes: number, inChannels: number, outChannels: number, options: ConvTransposeOptions) {
    super();
    const { outputPadding, ...checked } = checkOptions(caller, options, {
      ...checksOf(axes),
      outputPadding: optional(perAxis(axes, 0), 0),
    });
    const { stride, padding, dilation, groups } = checked;
    checkCounts(caller, inChannels, outChannels, groups);
    const { weight, bias } = firstWeights(caller, axes, [inChannels, outChannels / groups, outChannels], checked);
    this.weight = weight;
    this.bias = bias;
    this.options = { stride, padding, dilation, groups, outputPadding };
  }
}

/**
 * A transposed convolution along the middle axis of [n, length, channels]. Parameters `weight` [in, out/groups, length] and
 * `bias` [out].
 */
export class ConvTranspose1d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, options: ConvTransposeOptions) {
    super('ConvTranspose1d', 1, inChannels, outChannels, options);
  }
  override get type(): string {
    return 'ConvTranspose1d';
  }
  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    return convTranspose1d(x, this.weight, this.bias, this.options);
  }
}

/**
 * A transposed convolution of images [n, height, width, channels]. Parameters `weight` [in, out/groups, height, width] and
 * `bias` [out], as in PyTorch.
 */
export class ConvTranspose2d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, options: ConvTransposeOptions) {
    super('ConvTranspose2d', 2, inChannels, outChannels, options);
  }
  override get type(): string {
    return 'ConvTranspose2d';
  }
  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    return convTranspose2d(x, this.weight, this.bias, this.options);
  }
}
