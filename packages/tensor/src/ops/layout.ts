import { apply } from '../eager.ts';
import { ShapeError, ValueError } from '../errors.ts';
import { execute } from '../kernels/execute.ts';
import { fillCall } from '../kernels/fill/fill.ts';
import type { Call, Op } from '../op.ts';
import { describeValue, oneOf, whole } from '../options.ts';
import {
  broadcastShapes,
  checkShape,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkList, checkNumber, checkTensor, checkTensors } from './argument.ts';
import { copyBox } from './copy-box.ts';
import { type PadMode, padAxis, padModes } from './resample.ts';

const NOTHING = { inputs: [], output: false } as const;

/** Start (included), stop (excluded) and step along an axis; negative positions count from the end. */
export type Range = readonly [start: number, stop: number] | readonly [start: number, stop: number, step: number];

/** A strided part of a tensor: the first index, the count and the step along each axis. Resolved from `Range`s. */
interface Box {
  readonly shape: Shape;
  readonly start: readonly number[];
  readonly step: readonly number[];
}

function boxOffset(box: Box, whole: Shape): number {
  const strides = stridesOf(whole);
  return box.start.reduce((offset, start, axis) => offset + start * strides[axis]!, 0);
}

function boxStrides(box: Box, whole: Shape): number[] {
  return stridesOf(whole).map((stride, axis) => stride * box.step[axis]!);
}

const bytes = (call: Call<unknown>): number => (call.dtype === 'f32' ? 4 : 8);

const reshapeOp: Op<Shape> = {
  name: 'reshape',
  alias: true,
  saves: NOTHING,
  shape: (_shapes, shape) => shape,
  forward: () => {},
  gradient: (_i, g, saved) => reshape(g, saved.shapes[0]),
};

const transposeOp: Op<readonly number[]> = {
  name: 'transpose',
  saves: NOTHING,
  shape: ([shape], axes) => axes.map((axis) => shape[axis]!),
  forward(call) {
    const strides = stridesOf(call.shapes[0]);
    copyBox(
      call.dtype,
      call.out,
      call.inputs[0],
      call.shape,
      null,
      call.params.map((axis) => strides[axis]!),
    );
  },
  gradient(_i, g, { params }) {
    const inverse: number[] = new Array(params.length);
    params.forEach((axis, i) => {
      inverse[axis] = i;
    });
    return transpose(g, inverse);
  },
};

const broadcastOp: Op<Shape> = {
  name: 'broadcastTo',
  saves: NOTHING,
  shape: (_shapes, shape) => shape,
  forward(call) {
    const lead = call.shape.length - call.shapes[0].length;
    const strides = stridesOf(call.shapes[0]);
    const inStrides = call.shape.map((_, axis) =>
      axis < lead || call.shapes[0][axis - lead] === 1 ? 0 : strides[axis - lead]!,
    );
    copyBox(call.dtype, call.out, call.inputs[0], call.shape, null, inStrides);
  },
  gradient: (_i, g) => g, // the engine sums it back
};

const sliceOp: Op<Box> = {
  name: 'slice',
  saves: NOTHING,
  shape: (_shapes, box) => box.shape,
  forward(call) {
    const [whole] = call.shapes;
    const from = call.inputs[0] + boxOffset(call.params, whole) * bytes(call);
    copyBox(call.dtype, call.out, from, call.shape, null, boxStrides(call.params, whole));
  },
  gradient: (_i, g, { params, shapes }) => apply(placeOp, [g], { box: params, whole: shapes[0], value: 0 }),
};

interface Place {
  readonly box: Box;
  readonly whole: Shape;
  readonly value: number;
}

/** The opposite of slice: the input at a box of a larger tensor, `value` elsewhere. */
const placeOp: Op<Place> = {
  name: 'place',
  saves: NOTHING,
  shape: (_shapes, { whole }) => whole,
  forward(call) {
    const { box, whole, value } = call.params;
    execute(fillCall(call.dtype, call.out, sizeOf(whole), value));
    const to = call.out + boxOffset(box, whole) * bytes(call);
    copyBox(call.dtype, to, call.inputs[0], box.shape, boxStrides(box, whole), stridesOf(box.shape));
  },
  gradient: (_i, g, { params }) => apply(sliceOp, [g], params.box),
};

const concatOp: Op<number> = {
  name: 'concat',
  saves: NOTHING,
  shape(shapes, axis) {
    const first = shapes[0];
    for (const shape of shapes) {
      if (shape.length !== first.length || shape.some((size, i) => i !== axis && size !== first[i]!)) {
        throw new ShapeError(
          `concat: shapes must agree except along axis ${axis}, got ${shapes.map(formatShape).join(' and ')}`,
        );
      }
    }
    return first.map((size, i) => (i === axis ? shapes.reduce((total, shape) => total + shape[axis]!, 0) : size));
  },
  forward(call) {
    const target = stridesOf(call.shape);
    let out = call.out;
    call.inputs.forEach((input, i) => {
      copyBox(call.dtype, out, input, call.shapes[i]!, target, stridesOf(call.shapes[i]!));
      out += call.shapes[i]![call.params]! * target[call.params]! * bytes(call);
    });
  },
  gradient(i, g, { params: axis, shapes }) {
    let start = 0;
    for (let j = 0; j < i; j++) start += shapes[j]![axis]!;
    return narrow(g, axis, start, start + shapes[i]![axis]!);
  },
};

/** The rows of ops that move numbers without changing them; see `opTable`. */
export const layoutOps = {
  reshape: reshapeOp,
  transpose: transposeOp,
  broadcastTo: broadcastOp,
  slice: sliceOp,
  place: placeOp,
  concat: concatOp,
} as const;

/** The same elements in order under another shape; one size may be −1 and is worked out. Copies nothing. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensor('reshape', x);
  checkList('reshape', 'shape', shape, 'an array of sizes');
  const unknown = shape.indexOf(-1);
  let target = shape;
  if (unknown >= 0) {
    const known = shape.reduce((product, size, i) => (i === unknown ? product : product * size), 1);
    target = shape.map((size, i) => (i === unknown && known > 0 ? x.size / known : size));
  }
  if (sizeOf(target) !== x.size || Array.from(target).some((size) => !Number.isInteger(size) || size < 0)) {
    const wanted = Array.from(shape, describeValue).join(', ');
    throw new ShapeError(`reshape: ${x.size} elements do not fit [${wanted}], got ${formatShape(x.shape)}`);
  }
  return sameShape(target, x.shape) ? x : apply(reshapeOp, [x], target);
}

/** Axes reordered: axis i of the result is axis `axes[i]` of x. By default the order is reversed. */
export function transpose(x: Tensor, axes?: readonly number[]): Tensor {
  checkTensor('transpose', x);
  if (axes !== undefined) checkList('transpose', 'axes', axes, 'an array of axes');
  const order = axes === undefined ? x.shape.map((_, i) => x.shape.length - 1 - i) : axes;
  const normal = Array.from(order, (axis) => normalizeAxis('transpose', axis, x.shape.length));
  if (normal.length !== x.shape.length || new Set(normal).size !== normal.length) {
    throw new ShapeError(
      `transpose: axes must name each of the ${x.shape.length} axes once, got [${order.join(', ')}]`,
    );
  }
  return normal.every((axis, i) => axis === i) ? x : apply(transposeOp, [x], normal);
}

/** x repeated to `shape` by NumPy's rule. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  checkTensor('broadcastTo', x);
  checkShape('broadcastTo', shape);
  if (!sameShape(broadcastShapes('broadcastTo', [x.shape, shape]), shape)) {
    throw new ShapeError(`broadcastTo: ${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}`);
  }
  return sameShape(x.shape, shape) ? x : apply(broadcastOp, [x], shape);
}

function resolve(
  size: number,
  axis: number,
  range: Range | null | undefined,
): { start: number; step: number; count: number } {
  if (range === null || range === undefined) return { start: 0, step: 1, count: size };
  checkList('slice', `the range of axis ${axis}`, range, '[start, stop] or [start, stop, step]');
  const [from, to, step = 1] = range;
  const start = from < 0 ? from + size : from;
  const stop = to < 0 ? to + size : to;
  if (
    ![from, to, step].every(Number.isInteger) ||
    range.length > 3 ||
    step < 1 ||
    start < 0 ||
    stop > size ||
    start > stop
  ) {
    throw new ShapeError(
      `slice: range [${Array.from(range, describeValue).join(', ')}] does not fit axis ${axis} of size ${size}; need 0 ≤ start ≤ stop ≤ size and step ≥ 1`,
    );
  }
  return { start, step, count: Math.ceil((stop - start) / step) };
}

/**
 * The part of x with indices start ≤ i < stop along each axis, every `step`-th. `null`, and axes left out at the end, keep
 * the whole axis: `slice(x, [null, [0, 10]])` is NumPy's `x[:, 0:10]`.
 */
export function slice(x: Tensor, ranges: readonly (Range | null)[]): Tensor {
  checkTensor('slice', x);
  checkList('slice', 'ranges', ranges, 'an array of ranges');
  if (ranges.length > x.shape.length) {
    throw new ShapeError(`slice: ${ranges.length} ranges for ${x.shape.length} axes, got ${formatShape(x.shape)}`);
  }
  const parts = x.shape.map((size, axis) => resolve(size, axis, ranges[axis]));
  const box = { shape: parts.map((p) => p.count), start: parts.map((p) => p.start), step: parts.map((p) => p.step) };
  return sameShape(box.shape, x.shape) ? x : apply(sliceOp, [x], box);
}

function narrow(x: Tensor, axis: number, start: number, stop: number): Tensor {
  return slice(x, [...new Array<null>(axis).fill(null), [start, stop]]);
}

/** Tensors one after the other along an axis (0 by default). */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = checkTensors('concat', tensors);
  if (first === undefined) throw new ShapeError('concat: needs at least one tensor, got none');
  const normal = normalizeAxis('concat', axis, first.shape.length);
  return tensors.length === 1 ? first : apply(concatOp, tensors, normal);
}

/** Tensors of one shape along a new axis (0 by default). */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = checkTensors('stack', tensors);
  if (first === undefined) throw new ShapeError('stack: needs at least one tensor, got none');
  const { shape } = first;
  for (const x of tensors) {
    if (!sameShape(x.shape, shape)) {
      throw new ShapeError(
        `stack: shapes must be equal, got ${tensors.map((t) => formatShape(t.shape)).join(' and ')}`,
      );
    }
  }
  const normal = normalizeAxis('stack', axis, shape.length + 1);
  const expanded = [...shape.slice(0, normal), 1, ...shape.slice(normal)];
  return concat(
    tensors.map((x) => reshape(x, expanded)),
    normal,
  );
}

/** x in parts along an axis: a number of equal parts, or the size of each. */
export function split(x: Tensor, parts: number | readonly number[], axis = 0): Tensor[] {
  checkTensor('split', x);
  const normal = normalizeAxis('split', axis, x.shape.length);
  const total = x.shape[normal] as number;
  const even = typeof parts === 'number' && Number.isInteger(parts) && parts >= 1 && parts <= Math.max(1000, total);
  const sizes = even ? new Array<number>(parts).fill(total / parts) : Array.isArray(parts) ? Array.from(parts) : null;
  if (
    !sizes?.every((size) => Number.isInteger(size) && size >= 0) ||
    sizes.reduce((a: number, b: number) => a + b, 0) !== total
  ) {
    throw new ShapeError(
      `split: axis ${normal} of size ${total} does not divide into ${Array.isArray(parts) ? `[${Array.from(parts, describeValue).join(', ')}]` : describeValue(parts)}`,
    );
  }
  let start = 0;
  return sizes.map((size) => {
    const part = narrow(x, normal, start, start + size);
    start += size;
    return part;
  });
}

/**
 * x with `before` and `after` elements added along each axis: of a value (0), or of what is inside, mirrored at the edges
 * (`'reflect'`), the edge again (`'replicate'`) or from the other end (`'circular'`).
 */
export function pad(
  x: Tensor,
  padding: readonly (readonly [before: number, after: number])[],
  value: number | PadMode = 0,
): Tensor {
  checkTensor('pad', x);
  if (typeof value === 'string') oneOf(...padModes)(value, { caller: 'pad', path: 'value' });
  else checkNumber('pad', 'value', value);
  const fits = (each: unknown): boolean =>
    Array.isArray(each) && each.length === 2 && Array.from(each).every((n) => Number.isInteger(n) && n >= 0);
  if (!Array.isArray(padding) || padding.length !== x.shape.length || !Array.from(padding).every(fits)) {
    throw new ShapeError(
      `pad: needs [before, after] ≥ 0 for each of the ${x.shape.length} axes, got ${JSON.stringify(padding) ?? String(padding)}`,
    );
  }
  if (typeof value === 'string') {
    return padding.reduce((y, [before, after], axis) => padAxis(y, axis, before, after, value), x);
  }
  const all = x.shape.map((size, axis) => padding[axis][0] + size + padding[axis][1]);
  const box = { shape: x.shape, start: padding.map(([before]) => before), step: x.shape.map(() => 1) };
  return apply(placeOp, [x], { box, whole: all, value });
}

/** x in reverse order along the given axes (all by default). */
export function flip(x: Tensor, axes?: number | readonly number[]): Tensor {
  checkTensor('flip', x);
  const flipped = normalizeAxes('flip', axes, x.shape.length);
  const box = {
    shape: x.shape,
    start: x.shape.map((size, axis) => (flipped.includes(axis) ? Math.max(0, size - 1) : 0)),
    step: x.shape.map((_, axis) => (flipped.includes(axis) ? -1 : 1)),
  };
  return apply(sliceOp, [x], box);
}

/** x with an axis of size 1 put in at `axis`. */
export function expandDims(x: Tensor, axis: number): Tensor {
  const normal = normalizeAxis('expandDims', axis, checkTensor('expandDims', x).shape.length + 1);
  return reshape(x, [...x.shape.slice(0, normal), 1, ...x.shape.slice(normal)]);
}

/** x without its axes of size 1, or without the given ones, which must have size 1. */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  checkTensor('squeeze', x);
  const gone =
    axes === undefined
      ? x.shape.flatMap((size, i) => (size === 1 ? [i] : []))
      : normalizeAxes('squeeze', axes, x.shape.length);
  for (const axis of gone) {
    if (x.shape[axis] !== 1)
      throw new ValueError(`squeeze: axis ${axis} has size ${x.shape[axis]}, got ${formatShape(x.shape)}`);
  }
  return reshape(
    x,
    x.shape.filter((_, i) => !gone.includes(i)),
  );
}

/**
 * Channels as pixels: x [n, height, width, channels·r²] → [n, height·r, width·r, channels], channel c·r² + i·r + j going to row i
 * and column j of each r×r block of channel c (Shi et al. 2016; PyTorch's `pixel_shuffle`).
 */
export function pixelShuffle(x: Tensor, r: number): Tensor {
  const { shape } = checkTensor('pixelShuffle', x);
  const factor = whole({ min: 1 })(r, { caller: 'pixelShuffle', path: 'r' });
  const [n = 0, height = 0, width = 0, channels = 0] = shape;
  if (shape.length !== 4 || channels % factor ** 2 !== 0) {
    throw new ShapeError(
      `pixelShuffle: expected x [n, height, width, channels·${factor ** 2}], got ${formatShape(shape)}`,
    );
  }
  const left = channels / factor ** 2;
  const blocks = transpose(reshape(x, [n, height, width, left, factor, factor]), [0, 1, 4, 2, 5, 3]);
  return reshape(blocks, [n, height * factor, width * factor, left]);
}

/** The opposite of `pixelShuffle`: x [n, height·r, width·r, channels] → [n, height, width, channels·r²]. */
export function pixelUnshuffle(x: Tensor, r: number): Tensor {
  const { shape } = checkTensor('pixelUnshuffle', x);
  const factor = whole({ min: 1 })(r, { caller: 'pixelUnshuffle', path: 'r' });
  const [n = 0, height = 0, width = 0, channels = 0] = shape;
  if (shape.length !== 4 || height % factor !== 0 || width % factor !== 0) {
    throw new ShapeError(
      `pixelUnshuffle: expected x [n, height·${factor}, width·${factor}, channels], got ${formatShape(shape)}`,
    );
  }
  const [rows, columns] = [height / factor, width / factor];
  const blocks = transpose(reshape(x, [n, rows, factor, columns, factor, channels]), [0, 1, 3, 5, 2, 4]);
  return reshape(blocks, [n, rows, columns, channels * factor ** 2]);
}
