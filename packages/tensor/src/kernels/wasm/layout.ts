import { F64, type FunctionBuilder, I32, type Local, V128 } from './assembler.ts';
import type { Compiled, Linker } from './linker.ts';
import { storeLanes } from './map.ts';

/** Kernels that only move elements, and scatterAddRows, which adds rows as it moves them. Strides here are in bytes. */
export interface LayoutFunctions {
  fill(out: number, count: number, bits: number): void;
  /** Three outer loops around `copyRun`, `copySplat` or `copyElements`; see `CopyArguments`. */
  copyRuns: CopyFunction;
  copySplats: CopyFunction;
  copyElements: CopyFunction;
  /** Two outer loops around the transposition of an n2×n3 matrix: out stride 4 along n3, in stride 4 along n2. */
  transpose: CopyFunction;
  gatherRows(out: number, table: number, indices: number, count: number, width: number): void;
  scatterAddRows(out: number, rows: number, indices: number, count: number, width: number): void;
  cumulativeSum(out: number, input: number, rows: number, cols: number, reverse: number): void;
}

/** Addresses, the four sizes, and the out and in strides in bytes. */
export type CopyFunction = (
  out: number,
  input: number,
  n0: number,
  n1: number,
  n2: number,
  n3: number,
  o0: number,
  o1: number,
  o2: number,
  o3: number,
  i0: number,
  i1: number,
  i2: number,
  i3: number,
) => void;

const i32s = (count: number): (typeof I32)[] => Array.from({ length: count }, () => I32 as typeof I32);

/** The functions, each defined when it is first used. */
export function linkLayout(linker: Linker): LayoutFunctions {
  const box = (depth: number, inner: (f: FunctionBuilder, out: Local, input: Local) => void): CopyFunction =>
    lazy(linker, 14, (f) => emitBox(f, depth, inner)) as CopyFunction;
  return {
    fill: lazy(linker, 3, emitFill),
    copyRuns: box(3, copyRun),
    copySplats: box(3, copySplat),
    copyElements: box(3, copyStrided),
    transpose: box(2, transposeMatrix),
    gatherRows: lazy(linker, 5, (f) => emitRows(f, false)),
    scatterAddRows: lazy(linker, 5, (f) => emitRows(f, true)),
    cumulativeSum: lazy(linker, 5, emitCumulativeSum),
  };
}

function lazy(linker: Linker, parameters: number, emit: (f: FunctionBuilder) => void): Compiled {
  let linked: Compiled | undefined;
  return (...values) => {
    linked ??= linker.link((module) => module.define(i32s(parameters), [], emit));
    linked(...values);
  };
}

/** `while (left > 0) body()`; the body takes from `left`. */
function whilePositive(f: FunctionBuilder, left: Local, body: () => void): void {
  whileAtLeast(f, left, 1, body);
}
function whileAtLeast(f: FunctionBuilder, left: Local, least: number, body: () => void): void {
  f.get(left).i32(least).op('i32_ge_s');
  f.if_(() => {
    f.loop(() => {
      body();
      f.get(left).i32(least).op('i32_ge_s').brIf(0);
    });
  });
}

/** Stores `count` vectors' worth of elements at `out`; `load` puts a vector, `offset` bytes on, on the stack. */
function streamRun(f: FunctionBuilder, out: Local, left: Local, load: (offset: number) => void, moving: Local[]): void {
  const advance = (vectors: number): void => {
    for (const pointer of moving) f.advance(pointer, 16 * vectors);
    f.advance(left, -4 * vectors);
  };
  for (const vectors of [4, 1]) {
    whileAtLeast(f, left, 4 * vectors, () => {
      for (let u = 0; u < vectors; u++) {
        f.get(out);
        load(16 * u);
        f.memory('v128_store', 16 * u);
      }
      advance(vectors);
    });
  }
  f.get(left).i32(0).op('i32_gt_s');
  f.if_(() => {
    const last = f.local(V128);
    load(0);
    f.set(last);
    storeLanes(f, out, last, left);
  });
}

function emitFill(f: FunctionBuilder): void {
  const [out, count, bits] = [0, 1, 2];
  const value = f.local(V128);
  f.get(bits).simd('i32x4_splat').set(value);
  streamRun(f, out, count, () => f.get(value), [out]);
}

/** The parameters of a `CopyFunction` as locals. */
const SIZE = [2, 3, 4, 5];
const OUT_STRIDE = [6, 7, 8, 9];
const IN_STRIDE = [10, 11, 12, 13];

/** `depth` nested loops over the first sizes; `inner` gets locals that it may change. */
function emitBox(
  f: FunctionBuilder,
  depth: number,
  inner: (f: FunctionBuilder, out: Local, input: Local) => void,
): void {
  const level = (d: number, outBase: Local, inBase: Local): void => {
    const [out, input] = [f.local(I32), f.local(I32)];
    f.get(outBase).set(out).get(inBase).set(input);
    if (d === depth) {
      inner(f, out, input);
      return;
    }
    const left = f.local(I32);
    f.get(SIZE[d]).set(left);
    whilePositive(f, left, () => {
      level(d + 1, out, input);
      f.get(out).get(OUT_STRIDE[d]).op('i32_add').set(out);
      f.get(input).get(IN_STRIDE[d]).op('i32_add').set(input);
      f.advance(left, -1);
    });
  };
  level(0, 0, 1);
}

function copyRun(f: FunctionBuilder, out: Local, input: Local): void {
  const left = f.local(I32);
  f.get(SIZE[3]).set(left);
  streamRun(f, out, left, (offset) => f.get(input).memory('v128_load', offset), [out, input]);
}

function copySplat(f: FunctionBuilder, out: Local, input: Local): void {
  const left = f.local(I32);
  const value = f.local(V128);
  f.get(SIZE[3]).set(left).get(input).memory('v128_load32_splat').set(value);
  streamRun(f, out, left, () => f.get(value), [out]);
}

function copyStrided(f: FunctionBuilder, out: Local, input: Local): void {
  const left = f.local(I32);
  f.get(SIZE[3]).set(left);
  whilePositive(f, left, () => {
    f.get(out).get(input).memory('i32_load').memory('i32_store');
    f.get(out).get(OUT_STRIDE[3]).op('i32_add').set(out);
    f.get(input).get(IN_STRIDE[3]).op('i32_add').set(input);
    f.advance(left, -1);
  });
}

/** Blocks of 4×4 through registers; what is left at the right and at the bottom goes element by element. */
function transposeMatrix(f: FunctionBuilder, outBase: Local, inBase: Local): void {
  const [rowStride, colStride] = [OUT_STRIDE[2], IN_STRIDE[3]];
  const [rowsLeft, colsLeft, out, input, from, to] = Array.from({ length: 6 }, () => f.local(I32));
  const column = Array.from({ length: 4 }, () => f.local(V128));
  const [p, q, r, s] = Array.from({ length: 4 }, () => f.local(V128));
  const add = (target: Local, stride: Local, count: number): void => {
    f.get(target).get(stride);
    if (count > 1) f.i32(count).op('i32_mul');
    f.op('i32_add').set(target);
  };
  const rest = (rows: number): void => {
    whilePositive(f, colsLeft, () => {
      for (let i = 0; i < rows; i++) {
        f.get(out);
        for (let k = 0; k < i; k++) f.get(rowStride).op('i32_add');
        f.get(input)
          .memory('i32_load', 4 * i)
          .memory('i32_store');
      }
      f.advance(out, 4);
      add(input, colStride, 1);
      f.advance(colsLeft, -1);
    });
  };
  const openRow = (): void => {
    f.get(outBase).set(out).get(inBase).set(input).get(SIZE[3]).set(colsLeft);
  };
  f.get(SIZE[2]).set(rowsLeft);
  whileAtLeast(f, rowsLeft, 4, () => {
    openRow();
    whileAtLeast(f, colsLeft, 4, () => {
      f.get(input).set(from);
      for (const vector of column) {
        f.get(from).memory('v128_load').set(vector);
        add(from, colStride, 1);
      }
      const shuffle = (a: Local, b: Local, lanes: [number, number, number, number], target: Local): void => {
        f.get(a)
          .get(b)
          .shuffle32(...lanes)
          .set(target);
      };
      shuffle(column[0], column[1], [0, 4, 1, 5], p);
      shuffle(column[2], column[3], [0, 4, 1, 5], q);
      shuffle(column[0], column[1], [2, 6, 3, 7], r);
      shuffle(column[2], column[3], [2, 6, 3, 7], s);
      f.get(out).set(to);
      for (const [a, b, upper] of [
        [p, q, false],
        [p, q, true],
        [r, s, false],
        [r, s, true],
      ] as const) {
        f.get(to).get(a).get(b);
        if (upper) f.shuffle32(2, 3, 6, 7);
        else f.shuffle32(0, 1, 4, 5);
        f.memory('v128_store');
        add(to, rowStride, 1);
      }
      f.get(from).set(input).advance(out, 16).advance(colsLeft, -4);
    });
    rest(4);
    add(outBase, rowStride, 4);
    f.advance(inBase, 16).advance(rowsLeft, -4);
  });
  whilePositive(f, rowsLeft, () => {
    openRow();
    rest(1);
    add(outBase, rowStride, 1);
    f.advance(inBase, 4).advance(rowsLeft, -1);
  });
}

/** gatherRows(out, table, indices, count, width) and scatterAddRows(out, rows, indices, count, width). */
function emitRows(f: FunctionBuilder, scatter: boolean): void {
  const [out, source, indices, count, width] = [0, 1, 2, 3, 4];
  const [to, from, left, rowBytes] = Array.from({ length: 4 }, () => f.local(I32));
  const row = (base: Local): void => {
    f.get(base).get(indices).memory('v128_load32_zero').simd('i32x4_trunc_sat_f32x4_u').lane('i32x4_extract_lane', 0);
    f.get(rowBytes).op('i32_mul').op('i32_add');
  };
  f.get(width).i32(2).op('i32_shl').set(rowBytes);
  whilePositive(f, count, () => {
    f.get(width).set(left);
    if (scatter) {
      row(out);
      f.set(to).get(source).set(from);
    } else {
      row(source);
      f.set(from).get(out).set(to);
    }
    const load = (offset: number): void => {
      f.get(from).memory('v128_load', offset);
      if (scatter) f.get(to).memory('v128_load', offset).simd('f32x4_add');
    };
    streamRun(f, to, left, load, [to, from]);
    const moving = scatter ? source : out;
    f.get(moving).get(rowBytes).op('i32_add').set(moving);
    f.advance(indices, 4).advance(count, -1);
  });
}

/** cumulativeSum(out, input, rows, cols, reverse): one chain of additions a row, in double precision. */
function emitCumulativeSum(f: FunctionBuilder): void {
  const [out, input, rows, cols, reverse] = [0, 1, 2, 3, 4];
  const [left, at, step, rowBytes] = Array.from({ length: 4 }, () => f.local(I32));
  const total = f.local(F64);
  f.get(cols).i32(2).op('i32_shl').set(rowBytes);
  f.i32(-4).i32(4).get(reverse).op('select').set(step);
  whilePositive(f, rows, () => {
    f.get(cols).set(left).f64(0).set(total);
    // From the last column when reversed.
    f.get(rowBytes).i32(4).op('i32_sub').i32(0).get(reverse).op('select').set(at);
    whilePositive(f, left, () => {
      f.get(out).get(at).op('i32_add');
      f.get(input).get(at).op('i32_add').memory('f32_load').op('f64_promote_f32').get(total).op('f64_add').tee(total);
      f.op('f32_demote_f64').memory('f32_store');
      f.get(at).get(step).op('i32_add').set(at);
      f.advance(left, -1);
    });
    for (const pointer of [out, input]) f.get(pointer).get(rowBytes).op('i32_add').set(pointer);
    f.advance(rows, -1);
  });
}
