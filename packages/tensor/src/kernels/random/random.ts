import type { DType } from '../../dtype.ts';
import { elementAt, memory, view } from '../../memory/linear-memory.ts';
import { STATE_BYTES } from '../../memory/watcher.ts';
import { elements, type Kernel, type KernelCall, LINE, moved } from '../kernel.ts';
import { LinkedFunction } from '../wasm/linker.ts';
import { fillRandom, type RandomKind } from './threefry.ts';
import { defineRandom } from './wasm.ts';

/**
 * Standard draws; pointers are out, state. `state` points to four 32-bit words: the key (2) and the counter (2) of a
 * Threefry2x32-20 generator; elements 2i and 2i + 1 come from the block with counter + `first` + i. The same words give the
 * same numbers in every kernel set.
 */
export interface RandomCall extends KernelCall {
  readonly kind: RandomKind;
  readonly count: number;
  readonly first: number;
}

export function randomCall(kind: RandomKind, dtype: DType, out: number, state: number, count: number): RandomCall {
  return { kernel: randomKernel, dtype, pointers: [out, state], kind, count, first: 0 };
}

const NS_PER_ELEMENT = 1.8;
/** Numbers of one call; even, since two come of each block of the generator. */
const PIECE = 2 ** 14;
const draw = (kind: RandomKind): LinkedFunction => new LinkedFunction((module) => defineRandom(module, kind));
const DRAW: Record<RandomKind, LinkedFunction> = {
  uniform: /* @__PURE__ */ draw('uniform'),
  normal: /* @__PURE__ */ draw('normal'),
  exponential: /* @__PURE__ */ draw('exponential'),
  gumbel: /* @__PURE__ */ draw('gumbel'),
};

export const randomKernel: Kernel<RandomCall> = {
  name: 'random',
  outputs: () => 1,
  extents: ({ dtype, count }) => [elements(dtype, count), { from: 0, to: STATE_BYTES }],
  written: ({ dtype, count }) => elements(dtype, count).to,

  split(call, share) {
    const { begin, count } = share.of(call.count, LINE);
    // Two elements come of each block of the generator.
    return count === 0
      ? null
      : { ...call, count, first: call.first + begin / 2, pointers: [moved(call, [begin, 0])[0]!, call.pointers[1]!] };
  },

  nanoseconds: ({ count }) => count * NS_PER_ELEMENT,
  label: ({ kind, count }) => `random ${kind} [${count}]`,

  reference({ kind, dtype, pointers, count, first }) {
    const s = pointers[1]! / 4;
    const [key0, key1, counter, high] = memory.i32.subarray(s, s + 4) as unknown as [number, number, number, number];
    const low = (counter >>> 0) + first;
    const carry = Math.floor(low / 2 ** 32);
    fillRandom(kind, view(dtype), elementAt(dtype, pointers[0]!), count, key0, key1, low >>> 0, high + carry);
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    run({ kind, pointers, count, first }, linker) {
      const draw = DRAW[kind].of(linker);
      // In pieces: engines turn to their faster code between calls and never within one, and a network's first weights are one large draw.
      for (let i = 0; i < count; i += PIECE) {
        draw(pointers[0]! + 4 * i, Math.min(PIECE, count - i), pointers[1]!, first + i / 2);
      }
    },
  },
};
