import { apply } from '../eager.ts';
import { ShapeError } from '../errors.ts';
import { execute } from '../kernels/execute.ts';
import { resampleCall } from '../kernels/resample/resample.ts';
import type { Op } from '../op.ts';
import { checkOptions, oneOf, optional } from '../options.ts';
import { formatShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkTensor } from './argument.ts';
import { type PerAxis, perAxis } from './window.ts';

/** A linear map from numbers at `size` places to numbers at others: of each of those, which ones it adds up, and their weights. */
interface LinearMap {
  readonly size: number;
  readonly terms: readonly (readonly (readonly [place: number, weight: number])[])[];
}

interface Along {
  readonly axis: number;
  readonly map: LinearMap;
}

function tapsOf({ terms }: LinearMap): number {
  return Math.max(1, ...terms.map((row) => row.length));
}

/** The map as a kernel reads it. */
function tableOf(map: LinearMap, like: Tensor): Tensor {
  const taps = tapsOf(map);
  const values = map.terms.flatMap((row) =>
    Array.from({ length: taps }, (_, t) => row[t] ?? ([-1, 0] as const)).flat(),
  );
  return like.from(values, [map.terms.length, taps, 2]);
}

function transposedMap({ size, terms }: LinearMap): LinearMap {
  const back = Array.from({ length: size }, () => [] as [number, number][]);
  for (const [place, row] of terms.entries()) for (const [from, weight] of row) back[from]?.push([place, weight]);
  return { size: terms.length, terms: back };
}

/** The map along an axis of the first operand; the second is its table. */
const resampleOp: Op<Along> = {
  name: 'resample',
  saves: { inputs: [], output: false },
  shape: ([x], { axis, map }) => x!.map((size, d) => (d === axis ? map.terms.length : size)),
  forward(call) {
    const { axis, map } = call.params;
    const x = call.shapes[0]!;
    const sizes = {
      outer: sizeOf(x.slice(0, axis)),
      size: map.size,
      places: map.terms.length,
      taps: tapsOf(map),
      inner: sizeOf(x.slice(axis + 1)),
    };
    execute(resampleCall(call.dtype, [call.out, call.inputs[0]!, call.inputs[1]!], sizes));
  },
  gradient: (i, g, { params: { axis, map } }) => (i === 0 ? along(g, axis, transposedMap(map)) : null),
};

export const resampleOps = { resample: resampleOp } as const;

function along(x: Tensor, axis: number, map: LinearMap): Tensor {
  return apply(resampleOp, [x, tableOf(map, x)], { axis, map });
}

/** What stands beyond the edges: the inside mirrored at the edge element, the edge element again, or the other end. */
export type PadMode = 'reflect' | 'replicate' | 'circular';
/** What `padAxis` puts past the borders. */
export const padModes: readonly PadMode[] = ['reflect', 'replicate', 'circular'];

const BEYOND: Record<PadMode, (at: number, size: number) => number> = {
  reflect: (at, size) => (at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at),
  replicate: (at, size) => Math.max(0, Math.min(size - 1, at)),
  circular: (at, size) => (at + size) % size,
};

/** x with elements before and after along an axis, taken from inside. */
export function padAxis(x: Tensor, axis: number, before: number, after: number, mode: PadMode): Tensor {
  if (before === 0 && after === 0) return x;
  const size = x.shape[axis]!;
  const most = mode === 'reflect' ? size - 1 : mode === 'circular' ? size : size === 0 ? 0 : Infinity;
  if (before > most || after > most) {
    throw new ShapeError(
      `pad: at most ${most} elements can be added by '${mode}' to axis ${axis} of size ${size}, got ${before} and ${after}`,
    );
  }
  const terms = Array.from({ length: before + size + after }, (_, i) => [[BEYOND[mode](i - before, size), 1] as const]);
  return along(x, axis, { size, terms });
}

/** Of `interpolate`. */
export interface InterpolateOptions {
  /** The nearest element before (default), or a mixture of the two on both sides along each axis. */
  readonly mode?: 'nearest' | 'bilinear';
}

const interpolateChecks = {
  mode: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('nearest', 'bilinear'), 'nearest' as const),
};

/** Place j of `count` sees place ⌊j·size / count⌋. */
function nearest(size: number, count: number): LinearMap {
  return { size, terms: Array.from({ length: count }, (_, j) => [[Math.floor((j * size) / count), 1] as const]) };
}

/** Place j of `count` sees places on both sides of (j + ½)·size/count − ½, where edges of the elements lie alike. */
function linear(size: number, count: number): LinearMap {
  const terms = Array.from({ length: count }, (_, j) => {
    const at = Math.max(0, ((j + 0.5) * size) / count - 0.5);
    const low = Math.min(size - 1, Math.floor(at));
    const share = at - low;
    return share === 0 || low === size - 1
      ? [[low, 1] as const]
      : [[low, 1 - share] as const, [low + 1, share] as const];
  });
  return { size, terms };
}

/**
 * x [n, …sizes, channels] with other sizes, by the nearest element or linearly along each axis: PyTorch's `interpolate` with
 * `align_corners=False`.
 */
export function interpolate(x: Tensor, size: PerAxis, options: InterpolateOptions = {}): Tensor {
  const { mode } = checkOptions('interpolate', options, interpolateChecks);
  const { shape } = checkTensor('interpolate', x);
  if (shape.length < 3 || shape.slice(1, -1).includes(0)) {
    throw new ShapeError(`interpolate: expected x [n, …sizes, channels], got ${formatShape(shape)}`);
  }
  const sizes = perAxis(shape.length - 2, 1)(size, { caller: 'interpolate', path: 'size' });
  return sizes.reduce((y, count, d) => {
    const own = shape[d + 1]!;
    return own === count ? y : along(y, d + 1, mode === 'nearest' ? nearest(own, count) : linear(own, count));
  }, x);
}
