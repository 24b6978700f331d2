// What tests need of kernels: calls to try, with numbers placed in memory between guards. Only tests import this.

import { type DType, elementBytes } from '../dtype.ts';
import { memory, view } from '../memory/linear-memory.ts';
import type { KernelCall } from './kernel.ts';
import { fusedSupported } from './wasm/feature-probe.ts';
import { InstantLinker } from './wasm/linker.ts';
import { SHORT, TALL, UNFUSED } from './wasm/tile.ts';

/** A call without addresses. */
export type Unplaced<C extends KernelCall> = Omit<C, 'pointers'>;

export interface KernelSample<C extends KernelCall = KernelCall> {
  readonly name: string;
  readonly call: Unplaced<C>;
  /** Largest difference between reference and WebAssembly, relative to max(1, |value|); 0: the same bits. */
  readonly tolerance: number;
  /** The numbers of operand i, outputs included where the kernel adds to them; −2 … 2 by default. An Int32Array is words. */
  fill?(operand: number, size: number, random: () => number): ArrayLike<number>;
  /** What the outputs of a call mean, where that is not their numbers. */
  read?(call: C): readonly number[];
  /** Whether NaN, ±∞, zeros of either sign and denormals may stand among the numbers. */
  readonly extremes?: boolean;
}

/** What a kernel of the list must bring. */
export type KernelSamples<C extends KernelCall> = readonly [KernelSample<C>, ...KernelSample<C>[]];

const wasm = memory.wasm as WebAssembly.Memory;
/** Linkers with multiply-add in two instructions, and with each tile that does it in one where the machine can. */
export const linkers: readonly InstantLinker[] = [
  new InstantLinker(wasm, UNFUSED),
  ...(fusedSupported(wasm) ? [TALL, SHORT].map((tile) => new InstantLinker(wasm, tile)) : []),
];
const [linker] = linkers as [InstantLinker];

/** Numbers from 0 to 1, the same every time. */
export function sequence(seed: number): () => number {
  let state = (seed * 7919 + 1) | 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}

const EXTREMES = [0, -0, Number.NaN, Infinity, -Infinity, 1e-45, -1e-40, 1, -1];
/** Elements around each operand that no call may write, and that no result may depend on. */
const GUARD = 64;
/** What stands in an output before the call. */
const UNWRITTEN = 55;

/** The call over operands of its own, which `poison` surrounds. */
export function place<C extends KernelCall>(
  sample: Pick<KernelSample<C>, 'call' | 'fill'>,
  options: { readonly seed?: number; readonly extremes?: boolean; readonly poison?: number } = {},
): C {
  const { seed = 1, extremes = false, poison = 77 } = options;
  const { call } = sample;
  const random = sequence(seed);
  const { kernel, dtype } = call;
  const width = elementBytes(dtype);
  const unplaced = { ...call, pointers: new Array<number>(32).fill(0) } as unknown as C;
  const outputs = kernel.outputs(unplaced);
  const pointers = kernel.extents(unplaced).map(({ from, to }, operand) => {
    const size = (to - from) / width;
    const start = memory.reserve((size + 2 * GUARD) * width) / width;
    const heap = view(dtype);
    heap.fill(poison, start, start + size + 2 * GUARD);
    heap.fill(UNWRITTEN, start + GUARD, start + GUARD + size);
    if (operand >= outputs || kernel.accumulates) {
      const values = sample.fill?.(operand, size, random) ?? Array.from({ length: size }, () => 4 * random() - 2);
      if (values instanceof Int32Array) {
        memory.i32.set(values, ((start + GUARD) * width) / 4);
        return (start + GUARD) * width;
      }
      const shown = extremes
        ? Array.from(values, (x) => (random() < 0.2 ? EXTREMES[Math.floor(random() * EXTREMES.length)]! : x))
        : values;
      heap.set(shown, start + GUARD);
    }
    return (start + GUARD) * width - from;
  });
  return { ...call, pointers } as unknown as C;
}

/** The numbers of operand i of a placed call, and those around it. */
export function contents(call: KernelCall, i: number): { inside: number[]; around: number[] } {
  const { from, to } = call.kernel.extents(call)[i]!;
  const width = elementBytes(call.dtype);
  const [first, last] = [(call.pointers[i]! + from) / width, (call.pointers[i]! + to) / width];
  const heap = view(call.dtype);
  return {
    inside: [...heap.slice(first, last)],
    around: [...heap.slice(first - GUARD, first), ...heap.slice(last, last + GUARD)],
  };
}

/** The outputs, or what they mean. */
export function results(call: KernelCall, sample: Pick<KernelSample, 'read'> = {}): (readonly number[])[] {
  if (sample.read !== undefined) return [sample.read(call)];
  return Array.from({ length: call.kernel.outputs(call) }, (_, i) => contents(call, i).inside);
}

/** Makes the call by generated code. */
export function runWasm(call: KernelCall, by: InstantLinker = linker): void {
  const { wasm } = call.kernel;
  if (!wasm?.takes(call)) throw new Error(`${call.kernel.name} does not do this in WebAssembly`);
  const room = wasm.scratch === undefined ? 0 : memory.reserve(wasm.scratch(call));
  wasm.run(call, by, room);
}

/** Numbers in memory, with room for a vector behind them. */
export function put(values: ArrayLike<number>, dtype: DType = 'f32'): number {
  const width = elementBytes(dtype);
  const pointer = memory.reserve(width * values.length + 64);
  view(dtype).set(values, pointer / width);
  return pointer;
}
