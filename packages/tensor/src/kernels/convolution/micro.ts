import { TILE_COLS } from '../matmul/micro.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder, V128 } from '../wasm/assembler.ts';
import { storeLanes } from '../wasm/lanes.ts';
import { whilePositive } from '../wasm/loops.ts';
import type { Tile } from '../wasm/tile.ts';

// Micro-kernels that read patches where they lie in the image, as many pixels of the result at a time as a tile has rows. A
// table says where each pixel's patch begins and where its results go, in bytes: neighbours of the result need not be
// neighbours in memory, and pixels of several images and rows fill one tile. Measured: they are as fast as the matrix
// product's micro-kernel on packed panels, so patches are never copied.

/** Bytes of a pixel in the table: where its patch begins, and where its results go. */
export const ENTRY = 8;

const VECTORS = TILE_COLS / 4;

/** Names for parameters, in order. */
export function parameters<N extends string>(...names: N[]): Record<N, Local> {
  return Object.fromEntries(names.map((name, i) => [name, i])) as Record<N, Local>;
}

/** A multiply-add as the tile does it: `sum += value·vector`, the two put on the stack by whom they belong to. */
export function multiplyAdd(
  f: FunctionBuilder,
  fused: boolean,
  sum: Local,
  value: () => void,
  vector: () => void,
): void {
  if (fused) {
    value();
    vector();
    f.get(sum).simd('f32x4_relaxed_madd').set(sum);
  } else {
    f.get(sum);
    value();
    vector();
    f.simd('f32x4_mul').simd('f32x4_add').set(sum);
  }
}

interface Patches {
  readonly table: Local;
  readonly source: Local;
  readonly out: Local;
  readonly tapRows: Local;
  readonly taps: Local;
  readonly nextTap: Local;
  readonly nextTapRow: Local;
}

/** For each row of taps, for each tap: `body`, after which the pixels' pointers go on to the next. */
function eachTap(
  f: FunctionBuilder,
  { tapRows, taps, nextTap, nextTapRow }: Patches,
  moving: readonly Local[],
  body: () => void,
  afterTap: () => void = () => {},
  afterRow: () => void = () => {},
): void {
  const left = f.local(I32);
  const move = (by: Local): void => {
    for (const pointer of moving) f.get(pointer).get(by).op('i32_add').set(pointer);
  };
  whilePositive(f, tapRows, () => {
    f.get(taps).set(left);
    f.loop(() => {
      body();
      move(nextTap);
      afterTap();
      f.get(left).i32(1).op('i32_sub').tee(left).brIf(0);
    });
    move(nextTapRow);
    afterRow();
    f.advance(tapRows, -1);
  });
}

/** Sets the pointers to the pixels' patches, or to their results. */
function point(
  f: FunctionBuilder,
  pointers: readonly Local[],
  table: Local,
  base: Local,
  what: 'patch' | 'result',
): void {
  for (const [i, pointer] of pointers.entries()) {
    f.get(table)
      .memory('i32_load', ENTRY * i + (what === 'patch' ? 0 : 4))
      .get(base)
      .op('i32_add')
      .set(pointer);
  }
}

/**
 * Eight columns of the results of a tile of pixels. Weights are packed, eight columns together for each element of the
 * patch; `nextTap` is from behind a run to the next, and `nextTapRow` added after the last of a row. Of the columns `cols` are
 * written, on top of what is there where `accumulate`. Every sum goes in the order of the patch.
 */
export function defineTile(module: ModuleBuilder, tile: Tile, storeTail: FunctionBuilder): FunctionBuilder {
  return module.define(i32s(11), [], (f) => {
    const p = parameters(
      'table',
      'source',
      'out',
      'weights',
      'tapRows',
      'taps',
      'run',
      'nextTap',
      'nextTapRow',
      'accumulate',
      'cols',
    );
    const pointers = Array.from({ length: tile.rows }, () => f.local(I32));
    const sums = Array.from({ length: tile.rows * VECTORS }, () => f.local(V128));
    const columns = Array.from({ length: VECTORS }, () => f.local(V128));
    const value = f.local(V128);
    const left = f.local(I32);

    point(f, pointers, p.table, p.source, 'patch');
    eachTap(f, p, pointers, () => {
      f.get(p.run).set(left);
      f.loop(() => {
        for (const [j, column] of columns.entries())
          f.get(p.weights)
            .memory('v128_load', 16 * j)
            .set(column);
        for (const [i, pointer] of pointers.entries()) {
          f.get(pointer).memory('v128_load32_splat').set(value);
          for (const [j, column] of columns.entries()) {
            const sum = sums[i * VECTORS + j]!;
            multiplyAdd(
              f,
              tile.fused,
              sum,
              () => f.get(value),
              () => f.get(column),
            );
          }
        }
        for (const pointer of pointers) f.advance(pointer, 4);
        f.advance(p.weights, 4 * TILE_COLS);
        f.get(left).i32(1).op('i32_sub').tee(left).brIf(0);
      });
    });

    point(f, pointers, p.table, p.out, 'result');
    f.get(p.accumulate).if_(() => {
      for (const [i, pointer] of pointers.entries()) {
        for (let j = 0; j < VECTORS; j++) {
          const sum = sums[i * VECTORS + j]!;
          f.get(pointer)
            .memory('v128_load', 16 * j)
            .get(sum)
            .simd('f32x4_add')
            .set(sum);
        }
      }
    });
    f.get(p.cols)
      .i32(TILE_COLS)
      .op('i32_ge_s')
      .if_(
        () => {
          for (const [i, pointer] of pointers.entries()) {
            for (let j = 0; j < VECTORS; j++)
              f.get(pointer)
                .get(sums[i * VECTORS + j]!)
                .memory('v128_store', 16 * j);
          }
        },
        () => {
          for (const [i, pointer] of pointers.entries()) {
            f.get(pointer)
              .get(sums[i * VECTORS]!)
              .get(sums[i * VECTORS + 1]!)
              .get(p.cols)
              .call(storeTail);
          }
        },
      );
  });
}

/**
 * One column of the results: four elements of a patch at a time, so runs are multiples of four. Where a result has few
 * columns, most of a tile would be thrown away.
 */
export function defineDot(module: ModuleBuilder, tile: Tile): FunctionBuilder {
  return module.define(i32s(11), [], (f) => {
    const p = parameters(
      'table',
      'source',
      'out',
      'weights',
      'tapRows',
      'taps',
      'run',
      'nextTap',
      'nextTapRow',
      'accumulate',
      'cols',
    );
    const pointers = Array.from({ length: tile.rows }, () => f.local(I32));
    const sums = pointers.map(() => f.local(V128));
    const [column, other] = [f.local(V128), f.local(V128)];
    const left = f.local(I32);

    point(f, pointers, p.table, p.source, 'patch');
    eachTap(f, p, pointers, () => {
      f.get(p.run).set(left);
      f.loop(() => {
        f.get(p.weights).memory('v128_load').set(column);
        for (const [i, pointer] of pointers.entries()) {
          multiplyAdd(
            f,
            tile.fused,
            sums[i]!,
            () => f.get(pointer).memory('v128_load'),
            () => f.get(column),
          );
        }
        for (const pointer of pointers) f.advance(pointer, 16);
        f.advance(p.weights, 16);
        f.get(left).i32(4).op('i32_sub').tee(left).brIf(0);
      });
    });

    point(f, pointers, p.table, p.out, 'result');
    for (const sum of sums) {
      // (a₀ + a₁) + (a₂ + a₃), as pairs.
      f.get(sum).get(sum).shuffle32(1, 1, 3, 3).get(sum).simd('f32x4_add').set(other);
      f.get(other).get(other).shuffle32(2, 2, 2, 2).get(other).simd('f32x4_add').set(sum);
    }
    // Pixels that stand in the table twice must be read before any is written.
    f.get(p.accumulate).if_(() => {
      for (const [i, pointer] of pointers.entries()) {
        f.get(pointer).memory('v128_load32_zero').get(sums[i]!).simd('f32x4_add').set(sums[i]!);
      }
    });
    for (const [i, pointer] of pointers.entries()) f.get(pointer).get(sums[i]!).memoryLane('v128_store32_lane', 0);
  });
}

/**
 * Four channels of a depthwise convolution, one channel to a lane: each tap's weights are four numbers, `nextWeight` bytes
 * apart, and `nextWeightRow` is added after a row of taps. Here `nextTap` is from tap to tap.
 */
export function defineDepthwise(module: ModuleBuilder, tile: Tile): FunctionBuilder {
  return module.define(i32s(11), [], (f) => {
    const p = parameters(
      'table',
      'source',
      'out',
      'weights',
      'tapRows',
      'taps',
      'nextTap',
      'nextTapRow',
      'nextWeight',
      'nextWeightRow',
      'cols',
    );
    const pointers = Array.from({ length: tile.rows }, () => f.local(I32));
    const sums = pointers.map(() => f.local(V128));
    const weight = f.local(V128);
    const goOn = (by: Local) => () => {
      f.get(p.weights).get(by).op('i32_add').set(p.weights);
    };
    point(f, pointers, p.table, p.source, 'patch');
    eachTap(
      f,
      p,
      pointers,
      () => {
        f.get(p.weights).memory('v128_load').set(weight);
        for (const [i, pointer] of pointers.entries()) {
          multiplyAdd(
            f,
            tile.fused,
            sums[i]!,
            () => f.get(pointer).memory('v128_load'),
            () => f.get(weight),
          );
        }
      },
      goOn(p.nextWeight),
      goOn(p.nextWeightRow),
    );
    point(f, pointers, p.table, p.out, 'result');
    f.get(p.cols)
      .i32(4)
      .op('i32_ge_s')
      .if_(
        () => {
          for (const [i, pointer] of pointers.entries()) f.get(pointer).get(sums[i]!).memory('v128_store');
        },
        () => {
          for (const [i, pointer] of pointers.entries()) storeLanes(f, pointer, sums[i]!, p.cols);
        },
      );
  });
}
