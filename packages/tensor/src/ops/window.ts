import { ShapeError, ValueError } from '../errors.ts';
import { type Check, describeValue, optional, type Place, whole } from '../options.ts';

/** One number for all axes, or one for each. */
export type PerAxis = number | readonly number[];

/**
 * Zeros (of a maximum: nothing) around the input: `'valid'` for none; `'same'` for an output of ⌈size / stride⌉, with half of
 * what that takes before and the rest after, as in TensorFlow and, at stride 1, in PyTorch; a number of them on both sides of
 * every axis; or for each axis such a number, or [before, after].
 */
export type Padding = 'valid' | 'same' | number | readonly (number | readonly [before: number, after: number])[];

/** How windows lie in an input: a number for all axes, or one for each. */
export interface WindowOptions {
  /** Steps from window to window; 1 by default. */
  readonly stride?: PerAxis;
  /** `'valid'` by default. */
  readonly padding?: Padding;
  /** Steps from element to element of a window; 1 by default. */
  readonly dilation?: PerAxis;
}

/** A check for numbers of at least `min`, one for all of `axes` axes or one for each; gives one for each. */
export function perAxis(axes: number, min: number): Check<readonly number[]> {
  const each = whole({ min });
  return (value, at) => {
    if (!Array.isArray(value)) return new Array<number>(axes).fill(each(value, at));
    if (value.length !== axes) {
      throw new ValueError(
        `${at.caller}: ${at.path} must be a number, or ${axes}, one for each axis, got ${describeValue(value)}`,
      );
    }
    return Array.from(value, (n: unknown, d) => each(n, { caller: at.caller, path: `${at.path}[${d}]` }));
  };
}

/** A check for padding of `axes` axes. */
export function paddingCheck(axes: number): Check<Padding> {
  const each = whole({ min: 0 });
  return (value, at) => {
    if (value === 'valid' || value === 'same') return value;
    if (typeof value === 'number') return each(value, at);
    if (!Array.isArray(value) || value.length !== axes) {
      throw new ValueError(
        `${at.caller}: ${at.path} must be 'valid', 'same', a number, or for each of ${axes} axes a number or [before, after], got ${describeValue(value)}`,
      );
    }
    return Array.from(value, (side: unknown, d): number | readonly [number, number] => {
      const place: Place = { caller: at.caller, path: `${at.path}[${d}]` };
      if (!Array.isArray(side)) return each(side, place);
      if (side.length !== 2) throw new ValueError(`${at.caller}: ${place.path} must be [before, after]`);
      return [each(side[0], place), each(side[1], place)];
    });
  };
}

/** The checks of `WindowOptions`. */
export function windowChecks(axes: number): {
  readonly stride: Check<readonly number[] | undefined>;
  readonly padding: Check<Padding>;
  readonly dilation: Check<readonly number[]>;
} {
  return {
    stride: optional(perAxis(axes, 1)),
    padding: optional(paddingCheck(axes), 'valid' as const),
    dilation: optional(perAxis(axes, 1), new Array<number>(axes).fill(1)),
  };
}

/** How windows lie along one axis. */
export interface Window {
  /** Of the input, of a window, and how many windows there are. */
  readonly size: number;
  readonly kernel: number;
  readonly output: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

interface Sizes {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: Padding;
}

function explicit(padding: Exclude<Padding, 'same'>, axis: number): readonly [number, number] {
  if (padding === 'valid') return [0, 0];
  const side = typeof padding === 'number' ? padding : (padding[axis] as number | readonly [number, number]);
  return typeof side === 'number' ? [side, side] : side;
}

/** From the first element of a window to the last, and one. */
const reach = (kernel: number, dilation: number): number => dilation * (kernel - 1) + 1;

/**
 * The windows along each axis of an input: out = ⌊(size + before + after − reach) / stride⌋ + 1, with reach = dilation·(kernel
 * − 1) + 1. With `ceil`, one more where what is left over is part of a window that begins inside.
 */
export function windowsOf(op: string, input: readonly number[], sizes: Sizes, ceil = false): Window[] {
  return input.map((size, d) => {
    const [kernel, stride, dilation] = [sizes.kernel[d]!, sizes.stride[d]!, sizes.dilation[d]!];
    const same = sizes.padding === 'same';
    const missing = same ? Math.max(0, (Math.ceil(size / stride) - 1) * stride + reach(kernel, dilation) - size) : 0;
    const [before, after] = same
      ? [Math.floor(missing / 2), Math.ceil(missing / 2)]
      : explicit(sizes.padding as Exclude<Padding, 'same'>, d);
    const room = size + before + after - reach(kernel, dilation);
    if (room < 0) {
      const padded = before + after > 0 ? ` with ${before + after} of padding` : '';
      const whole = sizes.kernel.map((k, i) => reach(k, sizes.dilation[i]!));
      const dilated = dilation > 1 ? 'dilated kernel' : 'kernel';
      throw new ShapeError(
        `${op}: the input ${input.join('×')}${padded} is smaller than the ${dilated} ${whole.join('×')}`,
      );
    }
    let output = Math.floor(room / stride) + 1;
    if (ceil && room % stride > 0 && output * stride < size + before) output++;
    return { size, kernel, output, stride, dilation, before, after };
  });
}

/**
 * The windows of which `output` are there, the way back of `windowsOf`: size = (output − 1)·stride − before − after + reach +
 * outputPadding. `'same'` is the transpose of a convolution with 'same' padding from output·stride.
 */
export function transposedWindowsOf(
  op: string,
  output: readonly number[],
  sizes: Sizes & { readonly outputPadding: readonly number[] },
): Window[] {
  return output.map((count, d) => {
    const [kernel, stride, dilation] = [sizes.kernel[d]!, sizes.stride[d]!, sizes.dilation[d]!];
    const extra = sizes.outputPadding[d]!;
    if (extra >= Math.max(stride, dilation)) {
      throw new ShapeError(
        `${op}: outputPadding must be below the stride or the dilation, got ${extra} at stride ${stride} and dilation ${dilation}`,
      );
    }
    const full = (count - 1) * stride + reach(kernel, dilation);
    if (sizes.padding === 'same') {
      if (extra !== 0) throw new ShapeError(`${op}: with padding 'same' there is no outputPadding, got ${extra}`);
      const size = count * stride;
      const missing = Math.max(0, full - size);
      const before = Math.floor(missing / 2);
      return { size, kernel, output: count, stride, dilation, before, after: missing - before };
    }
    const [before, after] = explicit(sizes.padding, d);
    const size = full - before - after + extra;
    if (size < 1) {
      throw new ShapeError(
        `${op}: nothing is left of ${output.join('×')} stretched to ${full} and cropped by ${before} + ${after}`,
      );
    }
    return { size, kernel, output: count, stride, dilation, before, after };
  });
}
