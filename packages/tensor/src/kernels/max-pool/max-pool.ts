import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, moved, movingTime, type Share } from '../kernel.ts';
import { eachWindow, type PoolShape, poolSizes } from './shape.ts';
import { MAX, PICK, runWindows, SPREAD } from './wasm.ts';

/**
 * Of each window, the place of the first largest element of x (a NaN is the largest; of several the last): what `from` has
 * there. With x itself as `from` this is the maximum. Pointers are out, x, from.
 */
export interface MaxPickCall extends KernelCall {
  readonly shape: PoolShape;
}

export function maxPickCall(
  dtype: DType,
  pointers: readonly [out: number, x: number, from: number],
  shape: PoolShape,
): MaxPickCall {
  return { kernel: maxPickKernel, dtype, pointers, shape };
}

/** A part of the images: x and what is like it go on by theirs, y by its own. */
function splitImages<C extends KernelCall & { readonly shape: PoolShape }>(
  call: C,
  share: Share,
  alike: readonly ('x' | 'y')[],
): C | null {
  const { shape } = call;
  const { begin, count } = share.of(shape.images);
  const one = poolSizes({ ...shape, images: 1 });
  const steps = alike.map((which) => begin * one[which]);
  return count === 0 ? null : { ...call, shape: { ...shape, images: count }, pointers: moved(call, steps) };
}

function label(what: string, { images, input, channels, output, kernel, stride }: PoolShape): string {
  return `${what} ${kernel.join('×')}/${stride.join('×')} of ${images} × ${input.join('×')}×${channels} → ${output.join('×')}`;
}

/** Whether an element comes before the largest so far. */
function isLarger(value: number, best: number): boolean {
  return value > best || Number.isNaN(value);
}

export const maxPickKernel: Kernel<MaxPickCall> = {
  name: 'maxPick',
  outputs: () => 1,
  extents({ dtype, shape }) {
    const { x, y } = poolSizes(shape);
    return [elements(dtype, y), elements(dtype, x), elements(dtype, x)];
  },
  written: ({ dtype, shape }) => elements(dtype, poolSizes(shape).y).to,
  split: (call, share) => splitImages(call, share, ['y', 'x', 'x']),
  nanoseconds: (call) => movingTime(maxPickKernel.extents(call)),
  label: ({ shape }) => label('max of', shape),

  reference({ dtype, pointers, shape }) {
    const heap = view(dtype);
    const [out, x, from] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number, number];
    let best = 0;
    eachWindow(shape, (at, y, isFirst) => {
      const value = heap[x + at]!;
      if (!isFirst && !isLarger(value, best)) return;
      best = value;
      heap[out + y] = heap[from + at]!;
    });
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    run: ({ pointers, shape }, linker) => runWindows(pointers[1] === pointers[2] ? MAX : PICK, pointers, shape, linker),
  },
};

/** The opposite: the elements of `from`, one for each window, added up where `MaxPickCall` takes them; 0 elsewhere. Pointers are out, x, from. */
export interface MaxSpreadCall extends KernelCall {
  readonly shape: PoolShape;
}

export function maxSpreadCall(
  dtype: DType,
  pointers: readonly [out: number, x: number, from: number],
  shape: PoolShape,
): MaxSpreadCall {
  return { kernel: maxSpreadKernel, dtype, pointers, shape };
}

export const maxSpreadKernel: Kernel<MaxSpreadCall> = {
  name: 'maxSpread',
  outputs: () => 1,
  extents({ dtype, shape }) {
    const { x, y } = poolSizes(shape);
    return [elements(dtype, x), elements(dtype, x), elements(dtype, y)];
  },
  written: ({ dtype, shape }) => elements(dtype, poolSizes(shape).x).to,
  split: (call, share) => splitImages(call, share, ['x', 'x', 'y']),
  nanoseconds: (call) => movingTime(maxSpreadKernel.extents(call)),
  label: ({ shape }) => label('gradient of max of', shape),

  reference({ dtype, pointers, shape }) {
    const heap = view(dtype);
    const [out, x, from] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number, number];
    heap.fill(0, out, out + poolSizes(shape).x);
    let [window, place, best] = [-1, 0, 0];
    const add = (): void => {
      if (window >= 0) heap[out + place] = heap[out + place]! + heap[from + window]!;
    };
    eachWindow(shape, (at, y, isFirst) => {
      const value = heap[x + at]!;
      if (isFirst) add();
      else if (!isLarger(value, best)) return;
      [window, place, best] = [y, at, value];
    });
    add();
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    run: ({ pointers, shape }, linker) => runWindows(SPREAD, pointers, shape, linker),
  },
};
