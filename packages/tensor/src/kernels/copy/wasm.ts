import { type FunctionBuilder, I32, i32s, type Local, V128 } from '../wasm/assembler.ts';
import { LinkedFunction, type Linker } from '../wasm/linker.ts';
import { streamRun, whileAtLeast, whilePositive } from '../wasm/loops.ts';
import type { CopyCall } from './copy.ts';

/**
 * Chooses the loop for a 4-D copy. Dimensions of size 1 are dropped and neighbours that are one run in both operands are
 * joined, then:
 * runs (both stride 1 inside) and splats (in stride 0) go by vectors, a pair of dimensions that trade stride 1 is a
 * transposition, and everything else goes element by element.
 */
const size: Four = [1, 1, 1, 1];
const outStride: Four = [0, 0, 0, 0];
const inStride: Four = [0, 0, 0, 0];
type Four = [number, number, number, number];

function move(from: number, to: number): void {
  size[to] = size[from]!;
  outStride[to] = outStride[from]!;
  inStride[to] = inStride[from]!;
}

function swap(a: number, b: number): void {
  const [n, o, i] = [size[a]!, outStride[a]!, inStride[a]!];
  move(b, a);
  size[b] = n;
  outStride[b] = o;
  inStride[b] = i;
}

/** Fills the plan from the innermost dimension outwards. Returns false when there is nothing to copy. */
function simplify(shape: readonly number[], outStrides: readonly number[], inStrides: readonly number[]): boolean {
  let top = 4;
  for (let d = 3; d >= 0; d--) {
    const n = shape[d]!;
    if (n === 0) return false;
    if (n === 1) continue;
    const joins =
      top < 4 && outStrides[d] === outStride[top]! * size[top]! && inStrides[d] === inStride[top]! * size[top]!;
    if (joins) {
      size[top]! *= n;
      continue;
    }
    top--;
    size[top] = n;
    outStride[top] = outStrides[d]!;
    inStride[top] = inStrides[d]!;
  }
  if (top === 4) {
    top = 3;
    size[3] = 1;
    outStride[3] = 1;
    inStride[3] = 1;
  }
  for (let d = 0; d < top; d++) {
    size[d] = 1;
    outStride[d] = 0;
    inStride[d] = 0;
  }
  return true;
}

/** Makes a copy by the loop that fits it. */
export function runCopy(call: CopyCall, linker: Linker): void {
  const { shape, outStrides, inStrides } = call;
  if (!simplify(shape, outStrides, inStrides)) return;
  // The dimension that is contiguous in the result goes inside, and next to it the one that is contiguous in the input.
  for (let d = 0; d < 3; d++) if (outStride[d] === 1 && outStride[3] !== 1 && size[d]! > 1) swap(d, 3);
  let loop = ELEMENTS;
  if (outStride[3] === 1 && inStride[3] === 1) loop = RUNS;
  else if (outStride[3] === 1 && inStride[3] === 0) loop = SPLATS;
  else if (outStride[3] === 1) {
    for (let d = 0; d < 3; d++) {
      if (inStride[d] !== 1 || size[d] === 1) continue;
      if (d !== 2) swap(d, 2);
      loop = TRANSPOSITION;
    }
  }
  const [n, o, i] = [size, outStride, inStride];
  const [out, input] = call.pointers as [number, number];
  const [o0, o1, o2, o3] = [4 * o[0], 4 * o[1], 4 * o[2], 4 * o[3]];
  loop.of(linker)(out, input, n[0], n[1], n[2], n[3], o0, o1, o2, o3, 4 * i[0], 4 * i[1], 4 * i[2], 4 * i[3]);
}

/** A function of the addresses, the four sizes, and the strides of result and input in bytes. */
const loop = (depth: number, inner: (f: FunctionBuilder, out: Local, input: Local) => void): LinkedFunction =>
  new LinkedFunction((module) => module.define(i32s(14), [], (f) => emitBox(f, depth, inner)));
/** Three outer loops around runs, splats or single elements; two around the transposition of an n2×n3 matrix. */
const RUNS = /* @__PURE__ */ loop(3, copyRun);
const SPLATS = /* @__PURE__ */ loop(3, copySplat);
const ELEMENTS = /* @__PURE__ */ loop(3, copyStrided);
const TRANSPOSITION = /* @__PURE__ */ loop(2, transposeMatrix);

/** The parameters as locals. */
const SIZE = [2, 3, 4, 5] as const;
const OUT_STRIDE = [6, 7, 8, 9] as const;
const IN_STRIDE = [10, 11, 12, 13] as const;

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
    f.get(SIZE[d]!).set(left);
    whilePositive(f, left, () => {
      level(d + 1, out, input);
      f.get(out).get(OUT_STRIDE[d]!).op('i32_add').set(out);
      f.get(input).get(IN_STRIDE[d]!).op('i32_add').set(input);
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
  const rowStride = OUT_STRIDE[2];
  const colStride = IN_STRIDE[3];
  const [rowsLeft, colsLeft, out, input, from, to] = f.locals(6);
  const column = f.locals(4, V128);
  const [p, q, r, s] = f.locals(4, V128);
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
