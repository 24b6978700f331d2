import {
  COLUMN,
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
import { buildLayout } from './layout.ts';
import { buildMap, isFlat, layoutsKey, layoutsOf } from './map.ts';
import { createWasmMatmul } from './matmul.ts';
import { buildRandom } from './random.ts';
import { buildReduce } from './reduce.ts';

/** A generated function of addresses and sizes. */
type Compiled = (...values: number[]) => undefined;

/** What was compiled of one program, by kernel and layouts. */
interface CompiledPrograms {
  readonly memory: WebAssembly.Memory;
  readonly functions: Map<number, Compiled>;
}

const CACHE = 'wasm';
/** Layouts of so many operands and the number of a kernel still fit one exact integer. */
const MAX_INPUTS = 20;
const KERNELS_PER_LAYOUT = 16;
const REDUCE_NUMBER: Record<ReduceKind, number> = { sum: 1, prod: 3, max: 5, min: 7, argMax: 9 };

const bits = new Int32Array(1);
const real = new Float32Array(bits.buffer);

export interface WasmOptions {
  /** No fused multiply-add, so that matrix products have the same bits on every machine; somewhat slower. */
  readonly deterministic?: boolean;
}

/**
 * The kernels in WebAssembly SIMD for f32, over `memory`; f64 and what vectors do not speed up (cumulativeSum, a chain of
 * additions each waiting for the last) stay with `reference`. Throws where WebAssembly or its SIMD instructions may not
 * run. Programs are compiled on first use, for each combination of layouts.
 */
export function createWasmKernels(memory: WebAssembly.Memory, reference: Kernels, options: WasmOptions = {}): Kernels {
  const product = createWasmMatmul(memory, { fused: !options.deterministic && relaxedSimdSupported() });
  // Built at once, so that a machine without SIMD shows here.
  const layout = buildLayout(memory);
  const random: Partial<Record<RandomKind, Compiled>> = {};

  const functionsOf = (program: MapProgram): Map<number, Compiled> => {
    const cached = program.compiled.get(CACHE) as CompiledPrograms | undefined;
    if (cached !== undefined && cached.memory === memory) return cached.functions;
    const fresh: CompiledPrograms = { memory, functions: new Map() };
    program.compiled.set(CACHE, fresh);
    return fresh.functions;
  };
  const compileMap = (program: MapProgram, key: number): Compiled => {
    const layouts = layoutsOf(key / KERNELS_PER_LAYOUT, program.inputs);
    return buildMap(program.expressions, layouts, memory) as Compiled;
  };
  const compileReduce = (kind: ReduceKind, program: MapProgram, axis: 0 | 1, key: number): Compiled => {
    const layouts = layoutsOf(Math.floor(key / KERNELS_PER_LAYOUT), program.inputs);
    return buildReduce(kind, program.expressions[0], axis, layouts, memory) as Compiled;
  };

  return {
    ...reference,
    name: 'wasm',

    map(program, dtype, rows, cols, pointers, layouts) {
      if (dtype !== 'f32' || layouts.length > MAX_INPUTS) {
        reference.map(program, dtype, rows, cols, pointers, layouts);
        return;
      }
      const functions = functionsOf(program);
      const key = layoutsKey(layouts) * KERNELS_PER_LAYOUT;
      let compiled = functions.get(key);
      if (compiled === undefined) {
        compiled = compileMap(program, key);
        functions.set(key, compiled);
      }
      if (isFlat(layouts)) callMap(compiled, rows === 0 ? 0 : 1, rows * cols, pointers);
      else callMap(compiled, rows, cols, pointers);
    },

    reduce(kind, program, dtype, axis, rows, cols, out, inputs, layouts) {
      if (dtype !== 'f32' || layouts.length > MAX_INPUTS) {
        reference.reduce(kind, program, dtype, axis, rows, cols, out, inputs, layouts);
        return;
      }
      // A single column reduced over its rows is a row reduced over its columns.
      const turned = axis === 0 && cols === 1;
      const functions = functionsOf(program);
      const layoutKey = turned ? turnedKey(layouts) : layoutsKey(layouts);
      const along = turned ? 1 : axis;
      const key = layoutKey * KERNELS_PER_LAYOUT + REDUCE_NUMBER[kind] + along;
      let compiled = functions.get(key);
      if (compiled === undefined) {
        compiled = compileReduce(kind, program, along, key);
        functions.set(key, compiled);
      }
      if (turned) callReduce(compiled, 1, rows, out, inputs);
      else callReduce(compiled, rows, cols, out, inputs);
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

    matmul(dtype, out, a, b, m, n, k, transA, transB, batch, strideA, strideB, scratch) {
      if (dtype === 'f32') product.matmul(out, a, b, m, n, k, transA, transB, batch, strideA, strideB, scratch);
      else reference.matmul(dtype, out, a, b, m, n, k, transA, transB, batch, strideA, strideB, scratch);
    },
    matmulScratch: product.matmulScratch,

    random(kind, dtype, out, count, state) {
      if (dtype !== 'f32') {
        reference.random(kind, dtype, out, count, state);
        return;
      }
      let draw = random[kind];
      if (draw === undefined) {
        draw = buildRandom(kind, memory) as Compiled;
        random[kind] = draw;
      }
      draw(out, count, state);
    },
  };
}

/** The layouts of operands of [rows, 1] seen as [1, rows]. */
function turnedKey(layouts: readonly Layout[]): number {
  let key = 0;
  for (let i = layouts.length - 1; i >= 0; i--) key = key * 4 + ((layouts[i] & COLUMN) !== 0 ? FULL : SCALAR);
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

function callReduce(compiled: Compiled, rows: number, cols: number, out: number, p: readonly number[]): undefined {
  switch (p.length) {
    case 1:
      return compiled(rows, cols, out, p[0]);
    case 2:
      return compiled(rows, cols, out, p[0], p[1]);
    case 3:
      return compiled(rows, cols, out, p[0], p[1], p[2]);
    case 4:
      return compiled(rows, cols, out, p[0], p[1], p[2], p[3]);
    default:
      return compiled(rows, cols, out, ...p);
  }
}
