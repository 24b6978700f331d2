import { type FunctionBuilder, I32, type Local, type ModuleBuilder } from '../wasm/assembler.ts';
import { LinkedFunction, type Linker } from '../wasm/linker.ts';
import { whilePositive } from '../wasm/loops.ts';
import type { Tile } from '../wasm/tile.ts';
import type { MatmulCall } from './matmul.ts';
import { defineMicro, defineStoreTail, TILE_COLS } from './micro.ts';
import { definePackCopy, definePackTranspose } from './pack.ts';

/** Sums run over blocks of at most this many l, so that a panel of A and one of B stay in the first-level cache. */
const MAX_KC = 336;
/** Rows of A and columns of B packed at a time: both blocks stay in the second-level cache. MC is whole tiles. */
const MC = 96;
const NC = 256;
/** B is read in place when it is stored row by row and is at most this many bytes: packing would cost more than it saves. */
const DIRECT_BYTES = 16 << 10;
/** Or when C has at most this many rows. */
const DIRECT_ROWS = 8;

/** Blocks of equal length, a multiple of 4, that cover k. */
function blockLength(k: number): number {
  const blocks = Math.max(1, Math.ceil(k / MAX_KC));
  return Math.max(4, Math.ceil(Math.ceil(k / blocks) / 4) * 4);
}

/** How an operand gets to where the micro-kernel reads it. */
const IN_PLACE = 0;
const COPIED = 1;
const TRANSPOSED = 2;

const packedBytesA = (m: number, k: number): number => 4 * (Math.min(m, MC) + 8) * blockLength(k);

/** Bytes for a packed block of each operand. */
export function matmulScratch(m: number, n: number, k: number): number {
  return packedBytesA(m, k) + 4 * (Math.min(n, NC) + TILE_COLS) * blockLength(k) + 64;
}

const ONE = /* @__PURE__ */ new LinkedFunction((module, { tile }) => defineProduct(module, tile));
const BATCH = /* @__PURE__ */ new LinkedFunction((module, { tile }) =>
  defineBatch(module, defineProduct(module, tile)),
);

/**
 * Matrix products in f32 (after Goto & van de Geijn 2008): C is cut into tiles that a micro-kernel holds in registers; A
 * and B are packed, block by block, into panels of the tile's height and width. A transposed operand is only packed in
 * another order, so all four cases run at one speed. Each element of C sums its products in the order of l within blocks
 * whose length depends on k alone, then the blocks in order: cutting rows or columns differently changes no bit.
 */
export function runMatmul(call: MatmulCall, linker: Linker, scratch: number): void {
  const { m, n, k, transA, transB, batch, strideA, strideB, lineA, lineB, lineC } = call;
  if (m === 0 || n === 0 || batch === 0) return;
  const p = call.pointers as readonly number[];
  const out = p[0]!;
  const a = p[1]!;
  const b = p[2]!;
  const inPlace = !transB && (4 * k * n <= DIRECT_BYTES || m <= DIRECT_ROWS);
  const modeB = transB ? TRANSPOSED : inPlace ? IN_PLACE : COPIED;
  const modeA = transA ? COPIED : TRANSPOSED;
  const kc = blockLength(k);
  const packedB = scratch + packedBytesA(m, k);
  const la = 4 * lineA;
  const lb = 4 * lineB;
  const lc = 4 * lineC;
  if (batch === 1) ONE.of(linker)(out, a, la, modeA, b, lb, modeB, m, n, k, kc, scratch, packedB, lc);
  else {
    const steps = [4 * m * lineC, 4 * strideA, 4 * strideB] as const;
    BATCH.of(linker)(out, a, la, modeA, b, lb, modeB, m, n, k, kc, scratch, packedB, lc, batch, ...steps);
  }
}

/** Parameters: those of one product, how many there are, and the bytes from one's C, A and B to the next's. */
function defineBatch(module: ModuleBuilder, product: FunctionBuilder): FunctionBuilder {
  const count = product.parameters.length;
  return module.define(new Array(count + 4).fill(I32), [], (f) => {
    const [out, a, b, left] = [0, 1, 4, count];
    whilePositive(f, left, () => {
      for (let i = 0; i < count; i++) f.get(i);
      f.call(product);
      for (const [i, pointer] of [out, a, b].entries()) {
        f.get(pointer)
          .get(count + 1 + i)
          .op('i32_add')
          .set(pointer);
      }
      f.advance(left, -1);
    });
  });
}

function defineProduct(module: ModuleBuilder, tile: Tile): FunctionBuilder {
  const storeTail = defineStoreTail(module);
  const micros = Array.from({ length: tile.rows }, (_, i) => defineMicro(module, i + 1, tile, storeTail));
  const rowOfTiles = defineRowOfTiles(module, micros);
  const packA = definePackBlock(module, tile.rows);
  const packB = definePackBlock(module, TILE_COLS);
  return defineGemm(module, tile, rowOfTiles, packA, packB);
}

/**
 * One row of tiles: a micro-kernel for each panel of a block of B. Parameters: rows (1 … the tile's), a, b, stepB, panelB
 * (bytes from panel to panel), c, rowC, k, accumulate, cols.
 */
function defineRowOfTiles(module: ModuleBuilder, micros: readonly FunctionBuilder[]): FunctionBuilder {
  return module.define(new Array(10).fill(I32), [], (f) => {
    const [rows, a, b, stepB, panelB, c, rowC, k, accumulate, cols] = f.arguments(10);
    for (let height = micros.length; height >= 1; height--) {
      f.get(rows)
        .i32(height)
        .op('i32_eq')
        .if_(() => {
          f.loop(() => {
            for (const argument of [a, b, stepB, c, rowC, k, accumulate, cols]) f.get(argument);
            f.call(micros[height - 1]!);
            f.get(b).get(panelB).op('i32_add').set(b);
            f.advance(c, 4 * TILE_COLS);
            f.get(cols).i32(TILE_COLS).op('i32_sub').tee(cols).i32(0).op('i32_gt_s').brIf(0);
          });
          f.op('return_');
        });
    }
  });
}

/**
 * Packs `count` rows of A (columns of B) from number `first` on, for `k` values of l from `l` on, panel after panel.
 * Parameters: matrix, line, mode, first, count, l, k, to.
 */
function definePackBlock(module: ModuleBuilder, width: number): FunctionBuilder {
  const copy = definePackCopy(module, width);
  const transpose = definePackTranspose(module, width);
  return module.define(new Array(8).fill(I32), [], (f) => {
    const [matrix, line, mode, first, count, l, k, to] = f.arguments(8);
    f.loop(() => {
      f.get(mode)
        .i32(COPIED)
        .op('i32_eq')
        .if_(
          () => {
            address(f, matrix, l, line, first);
            f.get(line).get(to).get(k).call(copy);
          },
          () => {
            address(f, matrix, first, line, l);
            f.get(line).get(to).get(k).get(count).call(transpose);
          },
        );
      f.get(to)
        .get(k)
        .i32(4 * width)
        .op('i32_mul')
        .op('i32_add')
        .set(to);
      f.advance(first, width);
      f.get(count).i32(width).op('i32_sub').tee(count).i32(0).op('i32_gt_s').brIf(0);
    });
  });
}

/** Pushes matrix + row·line + 4·column. */
function address(f: FunctionBuilder, matrix: Local, row: Local, line: Local, column: Local): void {
  f.get(matrix).get(row).get(line).op('i32_mul').op('i32_add').get(column).i32(4).op('i32_mul').op('i32_add');
}

/** Sets `result` to min(limit, total − done). */
function remaining(f: FunctionBuilder, result: Local, limit: () => void, total: Local, done: Local): void {
  limit();
  f.get(total).get(done).op('i32_sub').tee(result);
  limit();
  f.get(result).op('i32_lt_s').op('select').set(result);
}

/** The blocks: columns of C, then l, then rows of C. B's block is packed once for all rows, A's for all its columns. */
function defineGemm(
  module: ModuleBuilder,
  tile: Tile,
  rowOfTiles: FunctionBuilder,
  packA: FunctionBuilder,
  packB: FunctionBuilder,
): FunctionBuilder {
  return module.define(new Array(14).fill(I32), [], (f) => {
    const [out, a, lineA, modeA, b, lineB, modeB, m, n, k, kc, packedA, packedB, lineC] = f.arguments(14);
    const [j, nc, l, depth, i, mc, r, rows, base, stepB, panelB, row] = f.locals(12);
    /** for (index = 0; index < end; index += step) — runs at least once. */
    const each = (index: Local, step: () => void, end: Local, body: () => void): void => {
      f.i32(0).set(index);
      f.loop(() => {
        body();
        f.get(index);
        step();
        f.op('i32_add').tee(index).get(end).op('i32_lt_s').brIf(0);
      });
    };

    each(
      j,
      () => f.i32(NC),
      n,
      () => {
        remaining(f, nc, () => f.i32(NC), n, j);
        each(
          l,
          () => f.get(kc),
          k,
          () => {
            remaining(f, depth, () => f.get(kc), k, l);
            f.get(modeB)
              .i32(IN_PLACE)
              .op('i32_eq')
              .if_(
                () => {
                  address(f, b, l, lineB, j);
                  f.set(base);
                  f.get(lineB).set(stepB);
                  f.i32(4 * TILE_COLS).set(panelB);
                },
                () => {
                  f.get(packedB).set(base);
                  f.i32(4 * TILE_COLS).set(stepB);
                  f.get(depth)
                    .i32(4 * TILE_COLS)
                    .op('i32_mul')
                    .set(panelB);
                  f.get(depth).if_(() => {
                    for (const argument of [b, lineB, modeB, j, nc, l, depth, packedB]) f.get(argument);
                    f.call(packB);
                  });
                },
              );
            each(
              i,
              () => f.i32(MC),
              m,
              () => {
                remaining(f, mc, () => f.i32(MC), m, i);
                f.get(depth).if_(() => {
                  for (const argument of [a, lineA, modeA, i, mc, l, depth, packedA]) f.get(argument);
                  f.call(packA);
                });
                each(
                  r,
                  () => f.i32(tile.rows),
                  mc,
                  () => {
                    remaining(f, rows, () => f.i32(tile.rows), mc, r);
                    f.get(rows);
                    // The panel of these rows: r is a multiple of the tile's height.
                    f.get(packedA).get(r).get(depth).op('i32_mul').i32(4).op('i32_mul').op('i32_add');
                    f.get(base).get(stepB).get(panelB);
                    // out + (i + r)·lineC + 4j
                    f.get(i).get(r).op('i32_add').set(row);
                    address(f, out, row, lineC, j);
                    f.get(lineC).get(depth);
                    f.get(l).i32(0).op('i32_ne'); // accumulate from the second block on
                    f.get(nc).call(rowOfTiles);
                  },
                );
              },
            );
          },
        );
      },
    );
  });
}
