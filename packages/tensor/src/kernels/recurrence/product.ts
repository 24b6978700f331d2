import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder, V128 } from '../wasm/assembler.ts';
import { whilePositive } from '../wasm/loops.ts';
import type { Tile } from '../wasm/tile.ts';

/** Columns of a panel. */
export const PANEL = 8;
/** Bytes of a panel's row. */
export const PANEL_ROW = 4 * PANEL;

/** How the rows of an operand and a result lie: bytes from one to the next, known when the code is made. */
export interface ProductLayout {
  readonly lineA: number;
  readonly lineC: number;
  /** Goes on from numbers that lie as C's do (its own, say); else from 0. */
  readonly goesOn: boolean;
}

/**
 * `C[r, 0…7] = from[r, 0…7] + Σ_{l < k} A[r, l]·B[l, 0…7]` for `rows` rows: the small products that a recurrence takes again
 * and again. Parameters: a, b, c, k, rows, from. B is a packed panel; A is read where it lies, since the distance of its rows
 * is a constant in the code. Each element adds its products in the order of l, whatever tile it falls in.
 */
export function defineProduct(module: ModuleBuilder, tile: Tile, layout: ProductLayout): FunctionBuilder {
  const tiles = Array.from({ length: tile.rows }, (_, i) =>
    module.define(i32s(5), [], (f) => emitTile(f, i + 1, tile, layout)),
  );
  return module.define(i32s(6), [], (f) => {
    const [a, b, c, k, rows, from] = [0, 1, 2, 3, 4, 5];
    const callTile = (height: number): void => {
      f.get(a)
        .get(b)
        .get(c)
        .get(k)
        .get(from)
        .call(tiles[height - 1]!);
    };
    f.get(rows).i32(tile.rows).op('i32_ge_s');
    f.if_(() => {
      f.loop(() => {
        callTile(tile.rows);
        f.advance(a, tile.rows * layout.lineA).advance(c, tile.rows * layout.lineC);
        if (layout.goesOn) f.advance(from, tile.rows * layout.lineC);
        f.get(rows).i32(tile.rows).op('i32_sub').tee(rows).i32(tile.rows).op('i32_ge_s').brIf(0);
      });
    });
    for (let height = 1; height < tile.rows; height++) {
      f.get(rows).i32(height).op('i32_eq');
      f.if_(() => callTile(height));
    }
  });
}

function emitTile(
  f: FunctionBuilder,
  rows: number,
  { fused, unroll }: Tile,
  { lineA, lineC, goesOn }: ProductLayout,
): void {
  const [a, b, c, k, from] = [0, 1, 2, 3, 4];
  const sums = Array.from({ length: rows }, () => [f.local(V128), f.local(V128)] as const);
  const [low, high, value] = [f.local(V128), f.local(V128), f.local(V128)];
  const eachSum = (body: (sum: Local, offset: number) => void): void => {
    for (const [i, [left, right]] of sums.entries()) {
      body(left, i * lineC);
      body(right, i * lineC + 16);
    }
  };
  if (goesOn) eachSum((sum, offset) => f.get(from).memory('v128_load', offset).set(sum));
  const products = (count: number): void => {
    for (let u = 0; u < count; u++) {
      f.get(b)
        .memory('v128_load', u * PANEL_ROW)
        .set(low);
      f.get(b)
        .memory('v128_load', u * PANEL_ROW + 16)
        .set(high);
      for (const [i, pair] of sums.entries()) {
        f.get(a)
          .memory('v128_load32_splat', i * lineA + 4 * u)
          .set(value);
        for (const [j, sum] of pair.entries()) {
          const vector = j === 0 ? low : high;
          if (fused) f.get(value).get(vector).get(sum).simd('f32x4_relaxed_madd').set(sum);
          else f.get(sum).get(value).get(vector).simd('f32x4_mul').simd('f32x4_add').set(sum);
        }
      }
    }
    f.advance(a, 4 * count)
      .advance(b, PANEL_ROW * count)
      .advance(k, -count);
  };
  if (unroll > 1) {
    f.get(k).i32(unroll).op('i32_ge_s');
    f.if_(() => {
      f.loop(() => {
        products(unroll);
        f.get(k).i32(unroll).op('i32_ge_s').brIf(0);
      });
    });
  }
  whilePositive(f, k, () => products(1));
  eachSum((sum, offset) => f.get(c).get(sum).memory('v128_store', offset));
}

/**
 * Calls `product` for each of `count` blocks of panels: a helper for code that goes through all units. `body` gets the
 * number of the block in a local.
 */
export function eachBlock(f: FunctionBuilder, count: number, body: (block: Local) => void): void {
  const block = f.local(I32);
  f.i32(0).set(block);
  f.loop(() => {
    body(block);
    f.get(block).i32(1).op('i32_add').tee(block).i32(count).op('i32_lt_s').brIf(0);
  });
}
