import { type FunctionBuilder, I32, type Local, type ModuleBuilder, V128 } from '../wasm/assembler.ts';

// A panel holds `width` neighbouring rows of A, or columns of B, for k values of l: the numbers of one l together. Where
// the matrix stores them together they are copied; where it stores the l together, four l at a time are transposed.

/**
 * Packs one panel whose `width` (4, 6 or 8) numbers of one l are neighbours in the matrix. Parameters: from, step (bytes
 * from l to l), to, k. Past the matrix's edge it brings whatever follows, which ends up in no result.
 */
export function definePackCopy(module: ModuleBuilder, width: number): FunctionBuilder {
  return module.define([I32, I32, I32, I32], [], (f) => {
    const [from, step, to, k] = [0, 1, 2, 3];
    f.loop(() => {
      for (let at = 0; at < width; at += 4) {
        f.get(to)
          .get(from)
          .memory('v128_load', 4 * at);
        if (width - at >= 4) f.memory('v128_store', 4 * at);
        else f.memoryLane('v128_store64_lane', 0, 4 * at);
      }
      f.get(from).get(step).op('i32_add').set(from);
      f.advance(to, 4 * width);
      f.get(k).i32(1).op('i32_sub').tee(k).brIf(0);
    });
  });
}

/**
 * Packs one panel of `width` (4, 6 or 8) lines that each store their l together. Parameters: from, line (bytes from line
 * to line), to, k, lines. Where there are fewer lines than the panel is wide, the last is read again.
 */
export function definePackTranspose(module: ModuleBuilder, width: number): FunctionBuilder {
  return module.define([I32, I32, I32, I32, I32], [], (f) => {
    const [from, line, to, k, lines] = [0, 1, 2, 3, 4];
    const pointers = [from, ...Array.from({ length: width - 1 }, () => f.local(I32))];
    const loaded = f.locals(4, V128);
    const pairs = f.locals(4, V128);
    for (let i = 1; i < width; i++) {
      // pointer i = pointer i−1 + (i < lines ? line : 0)
      f.get(pointers[i - 1]!)
        .get(line)
        .i32(0)
        .get(lines)
        .i32(i)
        .op('i32_gt_s')
        .op('select')
        .op('i32_add')
        .set(pointers[i]!);
    }
    const block = (store: (l: number, emit: () => void) => void): void => {
      for (let first = 0; first < width; first += 4) {
        if (width - first >= 4)
          transposeFour(f, pointers.slice(first, first + 4), loaded, pairs, to, width, first, store);
        else transposeTwo(f, pointers.slice(first, first + 2), loaded, pairs, to, width, first, store);
      }
    };
    f.get(k)
      .i32(4)
      .op('i32_ge_s')
      .if_(() => {
        f.loop(() => {
          block((_l, emit) => emit());
          for (const pointer of pointers) f.advance(pointer, 16);
          f.advance(to, 16 * width);
          f.get(k).i32(4).op('i32_sub').tee(k).i32(4).op('i32_ge_s').brIf(0);
        });
      });
    // The last one to three l: the same transposes, of which only so many are stored.
    f.get(k).if_(() => {
      block((l, emit) => {
        if (l < 3) f.get(k).i32(l).op('i32_gt_s').if_(emit);
      });
    });
  });
}

type Four = readonly [Local, Local, Local, Local];
type Store = (l: number, emit: () => void) => void;

function load(f: FunctionBuilder, pointers: readonly Local[], loaded: Four): void {
  pointers.forEach((pointer, i) => {
    f.get(pointer).memory('v128_load').set(loaded[i]!);
  });
}

/** Four l of four lines. */
function transposeFour(
  f: FunctionBuilder,
  pointers: readonly Local[],
  loaded: Four,
  pairs: Four,
  to: Local,
  width: number,
  first: number,
  store: Store,
): void {
  load(f, pointers, loaded);
  const [r0, r1, r2, r3] = loaded;
  const [p0, p1, p2, p3] = pairs;
  f.get(r0).get(r1).shuffle32(0, 4, 1, 5).set(p0);
  f.get(r2).get(r3).shuffle32(0, 4, 1, 5).set(p1);
  f.get(r0).get(r1).shuffle32(2, 6, 3, 7).set(p2);
  f.get(r2).get(r3).shuffle32(2, 6, 3, 7).set(p3);
  for (let l = 0; l < 4; l++) {
    const [x, y] = l < 2 ? [p0, p1] : [p2, p3];
    store(l, () => {
      f.get(to).get(x).get(y);
      if (l % 2 === 0) f.shuffle32(0, 1, 4, 5);
      else f.shuffle32(2, 3, 6, 7);
      f.memory('v128_store', 4 * (l * width + first));
    });
  }
}

/** Four l of two lines. */
function transposeTwo(
  f: FunctionBuilder,
  pointers: readonly Local[],
  loaded: Four,
  pairs: Four,
  to: Local,
  width: number,
  first: number,
  store: Store,
): void {
  load(f, pointers, loaded);
  f.get(loaded[0]).get(loaded[1]).shuffle32(0, 4, 1, 5).set(pairs[0]);
  f.get(loaded[0]).get(loaded[1]).shuffle32(2, 6, 3, 7).set(pairs[1]);
  for (let l = 0; l < 4; l++) {
    store(l, () => {
      f.get(to)
        .get(pairs[l >> 1]!)
        .memoryLane('v128_store64_lane', l % 2, 4 * (l * width + first));
    });
  }
}
