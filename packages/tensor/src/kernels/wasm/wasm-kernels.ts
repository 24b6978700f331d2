import {
  COLUMN,
  type DType,
  FULL,
  type Kernels,
  type Layout,
  type MapProgram,
  type RandomKind,
  type ReduceKind,
  SCALAR,
} from '../kernels.ts';
import { copyBox } from './copy-plan.ts';
import { relaxedSimdSupported } from './feature-probe.ts';
import { linkLayout } from './layout.ts';
import type { Compiled, Linker } from './linker.ts';
import { defineMap, isFlat, layoutsKey } from './map.ts';
import { createWasmMatmul } from './matmul.ts';
import { defineRandom } from './random.ts';
import { defineReduce } from './reduce.ts';

/** Layouts of so many operands and the number of a kernel still fit one exact integer. */
const MAX_INPUTS = 20;
const KERNELS_PER_LAYOUT = 16;
const REDUCE_NUMBER: Record<ReduceKind, number> = { sum: 1, max: 3, min: 5, argMax: 7 };

const bits = new Int32Array(1);
const real = new Float32Array(bits.buffer);

export interface WasmOptions {
  /** No fused multiply-add, so that matrix products have the same bits on every machine; somewhat slower. */
  readonly deterministic?: boolean;
}

/** Whether the kernels below do this without the reference. */
export function wasmMapFits(dtype: DType, inputs: number): boolean {
  return dtype === 'f32' && inputs <= MAX_INPUTS;
}

/**
 * The kernels in WebAssembly SIMD for f32; f64 stays with `reference`. Functions are generated when first used, for each
 * combination of layouts, and linked where the linker puts them.
 */
export function createWasmKernels(linker: Linker, reference: Kernels, options: WasmOptions = {}): Kernels {
  const product = createWasmMatmul(linker, { fused: !options.deterministic && relaxedSimdSupported() });
  const layout = linkLayout(linker);
  const random: Partial<Record<RandomKind, Compiled>> = {};
  /** What was generated of each program, by kernel and layouts. */
  const generated = new WeakMap<MapProgram, Map<number, Compiled>>();

  const functionsOf = (program: MapProgram): Map<number, Compiled> => {
    let functions = generated.get(program);
    if (functions === undefined) {
      functions = new Map();
      generated.set(program, functions);
    }
    return functions;
  };

  return {
    name: 'wasm',

    map(program, dtype, rows, cols, pointers, layouts) {
      if (!wasmMapFits(dtype, layouts.length)) {
        reference.map(program, dtype, rows, cols, pointers, layouts);
        return;
      }
      const functions = functionsOf(program);
      const key = layoutsKey(layouts) * KERNELS_PER_LAYOUT;
      let compiled = functions.get(key);
      if (compiled === undefined) {
        compiled = linker.link((module) => defineMap(module, program.expressions, layouts));
        functions.set(key, compiled);
      }
      if (isFlat(layouts)) callMap(compiled, rows === 0 ? 0 : 1, rows * cols, pointers);
      else callMap(compiled, rows, cols, pointers);
    },

    reduce(kind, program, dtype, axis, rows, cols, out, inputs, layouts, line = cols) {
      if (!wasmMapFits(dtype, layouts.length)) {
        reference.reduce(kind, program, dtype, axis, rows, cols, out, inputs, layouts, line);
        return;
      }
      // A single column reduced over its rows is a row reduced over its columns.
      const turned = axis === 0 && cols === 1 && line === 1;
      const functions = functionsOf(program);
      const along = turned ? 1 : axis;
      const key =
        (turned ? turnedKey(layouts) : layoutsKey(layouts)) * KERNELS_PER_LAYOUT + REDUCE_NUMBER[kind] + along;
      let compiled = functions.get(key);
      if (compiled === undefined) {
        const [expression] = program.expressions;
        const seen = turned ? layouts.map(turn) : layouts;
        compiled = linker.link((module) => defineReduce(module, kind, expression, along, seen));
        functions.set(key, compiled);
      }
      if (turned) callReduce(compiled, 1, rows, out, inputs, rows);
      else callReduce(compiled, rows, cols, out, inputs, line);
    },

    copy(dtype, out, input, shape, outStrides, inStrides) {
      if (dtype === 'f32') copyBox(layout, out, input, shape, outStrides, inStrides);
      else reference.copy(dtype, out, input, shape, outStrides, inStrides);
    },

    fill(dtype, out, count, value) {
      if (dtype !== 'f32') {
        reference.fill(dtype, out, count, value);
        return;
      }
      real[0] = value;
      layout.fill(out, count, bits[0]);
    },

    gatherRows(dtype, out, table, indices, count, width) {
      if (dtype === 'f32') layout.gatherRows(out, table, indices, count, width);
      else reference.gatherRows(dtype, out, table, indices, count, width);
    },

    scatterAddRows(dtype, out, rows, indices, count, width) {
      if (dtype === 'f32') layout.scatterAddRows(out, rows, indices, count, width);
      else reference.scatterAddRows(dtype, out, rows, indices, count, width);
    },

    cumulativeSum(dtype, out, input, rows, cols, reverse) {
      if (dtype === 'f32') layout.cumulativeSum(out, input, rows, cols, reverse ? 1 : 0);
      else reference.cumulativeSum(dtype, out, input, rows, cols, reverse);
    },

    matmul(dtype, out, a, b, m, n, k, transA, transB, batch, strideA, strideB, scratch, lineA, lineB, lineC) {
      if (dtype === 'f32') {
        product.matmul(out, a, b, m, n, k, transA, transB, batch, strideA, strideB, scratch, lineA, lineB, lineC);
      } else {
        reference.matmul(
          dtype,
          out,
          a,
          b,
          m,
          n,
          k,
          transA,
          transB,
          batch,
          strideA,
          strideB,
          scratch,
          lineA,
          lineB,
          lineC,
        );
      }
    },
    matmulScratch: product.matmulScratch,

    random(kind, dtype, out, count, state, first = 0) {
      if (dtype !== 'f32') {
        reference.random(kind, dtype, out, count, state, first);
        return;
      }
      let draw = random[kind];
      if (draw === undefined) {
        draw = linker.link((module) => defineRandom(module, kind));
        random[kind] = draw;
      }
      draw(out, count, state, first);
    },
  };
}

/** The layout of an operand of [rows, 1] seen as [1, rows]. */
function turn(layout: Layout): Layout {
  return (layout & COLUMN) !== 0 ? FULL : SCALAR;
}
function turnedKey(layouts: readonly Layout[]): number {
  let key = 0;
  for (let i = layouts.length - 1; i >= 0; i--) key = key * 4 + turn(layouts[i]);
  return key;
}

/** Calls without collecting the arguments in an array, which would be garbage for every kernel call. */
function callMap(compiled: Compiled, rows: number, cols: number, p: readonly number[]): undefined {
  switch (p.length) {
    case 1:
      return compiled(rows, cols, p[0]);
    case 2:
      return compiled(rows, cols, p[0], p[1]);
    case 3:
      return compiled(rows, cols, p[0], p[1], p[2]);
    case 4:
      return compiled(rows, cols, p[0], p[1], p[2], p[3]);
    case 5:
      return compiled(rows, cols, p[0], p[1], p[2], p[3], p[4]);
    case 6:
      return compiled(rows, cols, p[0], p[1], p[2], p[3], p[4], p[5]);
    case 7:
      return compiled(rows, cols, p[0], p[1], p[2], p[3], p[4], p[5], p[6]);
    case 8:
      return compiled(rows, cols, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]);
    case 9:
      return compiled(rows, cols, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8]);
    case 10:
      return compiled(rows, cols, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9]);
    default:
      return compiled(rows, cols, ...p);
  }
}

function callReduce(
  compiled: Compiled,
  rows: number,
  cols: number,
  out: number,
  p: readonly number[],
  line: number,
): undefined {
  switch (p.length) {
    case 1:
      return compiled(rows, cols, out, p[0], line);
    case 2:
      return compiled(rows, cols, out, p[0], p[1], line);
    case 3:
      return compiled(rows, cols, out, p[0], p[1], p[2], line);
    case 4:
      return compiled(rows, cols, out, p[0], p[1], p[2], p[3], line);
    default:
      return compiled(rows, cols, out, ...p, line);
  }
}
