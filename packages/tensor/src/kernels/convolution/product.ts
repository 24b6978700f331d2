import { align } from '../../memory/linear-memory.ts';
import { defineStoreTail, TILE_COLS } from '../matmul/micro.ts';
import { definePackCopy, definePackTranspose } from '../matmul/pack.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder } from '../wasm/assembler.ts';
import { LinkedFunction, type Linker } from '../wasm/linker.ts';
import { whilePositive } from '../wasm/loops.ts';
import type { Tile } from '../wasm/tile.ts';
import { type Band, bandsOf } from './bands.ts';
import { emitImages, IMAGE_WORDS, imageWords, paddedBytes } from './images.ts';
import { defineDepthwise, defineDot, defineTile, ENTRY } from './micro.ts';
import type { Passes } from './passes.ts';
import type { ConvolutionShape } from './shape.ts';
import { Words } from './words.ts';

/**
 * A convolution or a transposed one as products of patches with weights: of some images at a time, padded where they have to
 * be, each pass multiplies the patches of all its pixels, where they lie, with the weights, which are packed once a call.
 * Each result sums its products in the order of the patch within blocks, then the blocks in order; what a block is depends on
 * kernel and channels alone, so neither threads nor the number of images change a bit.
 */

/** A sum runs over blocks of at most this many elements of a patch, so that packed weights stay in the first-level cache. */
const MOST_IN_BLOCK = 336;
/** Results of so few columns take them one at a time. */
const MOST_DOT_COLUMNS = 4;

const COPIED = 0;
const TRANSPOSED = 1;
const ONE_COLUMN = 2;

type Kind = 'tiles' | 'dot' | 'depthwise';

const header = /* @__PURE__ */ new Words(
  ...IMAGE_WORDS,
  'out',
  'outImage',
  'passes',
  'passCount',
  'groups',
  /** Bytes from group to group of source, results and weights. */
  'sourceGroup',
  'outGroup',
  'kernelGroup',
  /** How weights lie: see `PACK`; and bytes from one to the next along a patch, and along columns. */
  'packing',
  'weightPerSource',
  'weightPerOut',
  /** Of each group. */
  'channels',
  'columns',
  /** Whether taps in a row lie one after the other, so that they make one run. */
  'merged',
);

const pass = /* @__PURE__ */ new Words(
  /** Bytes from the region, and from the results of the first image. */
  'source',
  'out',
  /** Where its packed weights are. */
  'weights',
  'table',
  'rows',
  'columns',
  /** Bytes from pixel to pixel. */
  'sourceRow',
  'sourceColumn',
  'outRow',
  'outColumn',
  'tapRows',
  'taps',
  /** Bytes from tap to tap. */
  'tapRow',
  'tap',
  'blockTapRows',
  'blockTaps',
  'blockChannels',
  /** Where the first tap's weights are, and bytes from tap to tap. */
  'kernel',
  'kernelTapRow',
  'kernelTap',
);
type HeaderWord = typeof header extends Words<infer N> ? N : never;
type PassWord = typeof pass extends Words<infer N> ? N : never;

function kindOf({ groups }: ConvolutionShape, { depthwise, outChannels, sourceChannels }: Passes): Kind {
  if (depthwise) return 'depthwise';
  return outChannels / groups <= MOST_DOT_COLUMNS && (sourceChannels / groups) % 4 === 0 ? 'dot' : 'tiles';
}

const WIDTH: Record<Kind, number> = { tiles: TILE_COLS, dot: 1, depthwise: 4 };

/** Tap rows, taps and channels of a block. */
function blockOf(tapRows: number, taps: number, channels: number): readonly [number, number, number] {
  const equal = (all: number, most: number): number => Math.ceil(all / Math.max(1, Math.ceil(all / Math.max(1, most))));
  if (channels > MOST_IN_BLOCK) return [1, 1, 4 * Math.ceil(equal(channels, MOST_IN_BLOCK) / 4)];
  if (taps * channels > MOST_IN_BLOCK) return [1, equal(taps, Math.floor(MOST_IN_BLOCK / channels)), channels];
  const row = Math.max(1, taps * channels);
  return [Math.max(1, equal(tapRows, Math.floor(MOST_IN_BLOCK / row))), Math.max(1, taps), channels];
}

/** What of the scratch is where: bytes from its start. */
interface Room {
  readonly bands: readonly Band[];
  readonly header: number;
  readonly passes: number;
  readonly weights: readonly number[];
  readonly tables: readonly number[];
  readonly padded: number;
  readonly bytes: number;
}

/** The most rows a tile may have. */
const MOST_TILE_ROWS = 6;

function roomOf(shape: ConvolutionShape, passes: Passes): Room {
  const { groups } = shape;
  const { height, width, sourceChannels, outChannels } = passes;
  const bands = bandsOf(shape, passes);
  const kind = kindOf(shape, passes);
  let bytes = align(header.bytes);
  const take = (size: number): number => {
    const at = bytes;
    bytes += align(size);
    return at;
  };
  const pairs = height.flatMap((h, i) => width.map((w) => ({ h, w, i })));
  const passesAt = take(pass.bytes * pairs.length);
  const panels = Math.ceil(outChannels / groups / WIDTH[kind]) * WIDTH[kind];
  const weights = pairs.map(({ h, w }) =>
    kind === 'depthwise' ? 0 : take(4 * h.taps * w.taps * sourceChannels * panels + 64),
  );
  const tables = pairs.map(({ w, i }) =>
    take(Math.max(...bands.map((band) => band.height[i]!.count * w.count * band.together + MOST_TILE_ROWS)) * ENTRY),
  );
  const padded = take(
    Math.max(0, ...bands.map(({ together, region }) => paddedBytes(together, sourceChannels, region))) + 64,
  );
  return { bands, header: 0, passes: passesAt, weights, tables, padded, bytes };
}

/** Bytes that such a product needs while it runs. */
export function productScratch(shape: ConvolutionShape, passes: Passes): number {
  return shape.images === 0 || passes.height.length === 0 || passes.width.length === 0
    ? 0
    : roomOf(shape, passes).bytes;
}

const PACK = /* @__PURE__ */ new LinkedFunction(definePack);
const TILES = /* @__PURE__ */ new LinkedFunction((module, { tile }) =>
  defineProduct(module, 'tiles', tile, defineTile(module, tile, defineStoreTail(module))),
);
const DOT = /* @__PURE__ */ new LinkedFunction((module, { tile }) =>
  defineProduct(module, 'dot', tile, defineDot(module, tile)),
);
const DEPTHWISE = /* @__PURE__ */ new LinkedFunction((module, { tile }) =>
  defineProduct(module, 'depthwise', tile, defineDepthwise(module, tile)),
);
const PRODUCT: Record<Kind, LinkedFunction> = { tiles: TILES, dot: DOT, depthwise: DEPTHWISE };

/** Writes the columns `begin` … `begin + count` − 1 of the result; groups but for depthwise ones have all. */
export function runProduct(
  [out, source, kernel]: readonly [out: number, source: number, kernel: number],
  shape: ConvolutionShape,
  passes: Passes,
  begin: number,
  count: number,
  linker: Linker,
  scratch: number,
): void {
  const { images, groups: shapeGroups, features } = shape;
  const { height, width, sourceChannels, outChannels, weightPerSource, weightPerOut } = passes;
  if (images === 0 || count === 0 || height.length === 0 || width.length === 0) return;
  const kind = kindOf(shape, passes);
  const groups = kind === 'depthwise' ? 1 : shapeGroups;
  const room = roomOf(shape, passes);
  const channels = kind === 'depthwise' ? 1 : sourceChannels / groups;
  const columns = count / groups;
  const merged = groups === 1 && kind !== 'depthwise' && width.every(({ tapStep }) => tapStep === 1);
  const perTap = (sourceChannels / shapeGroups) * outChannels;
  const pixel = 4 * sourceChannels;
  const outPixel = 4 * outChannels;
  const headerAt = scratch + room.header;
  const passesAt = scratch + room.passes;
  const depthwiseBegin = kind === 'depthwise' ? 4 * begin : 0;

  for (const [number, { height: band, region, together }] of room.bands.entries()) {
    const pairs = band.flatMap((h) => width.map((w) => ({ h, w })));
    header.write(linker, headerAt, {
      ...imageWords(source, images, together, passes.source, sourceChannels, region, scratch + room.padded),
      out,
      outImage: passes.out[0] * passes.out[1] * outPixel,
      passes: passesAt,
      passCount: pairs.length,
      groups,
      sourceGroup: 4 * channels,
      outGroup: 4 * columns,
      kernelGroup: (4 * features) / shapeGroups,
      packing: kind === 'dot' ? ONE_COLUMN : weightPerOut === 1 ? COPIED : TRANSPOSED,
      weightPerSource: 4 * weightPerSource,
      weightPerOut: 4 * weightPerOut,
      channels,
      columns,
      merged: merged ? 1 : 0,
    });
    for (const [i, { h, w }] of pairs.entries()) {
      const [blockTapRows, blockTaps, blockChannels] = blockOf(h.taps, w.taps, channels);
      const row = region.columns * pixel;
      const outRow = passes.out[1] * outPixel;
      pass.write(linker, passesAt + i * pass.bytes, {
        source:
          (h.taps * w.taps === 0
            ? 0
            : (h.sourceFirst - region.first[0]) * row + (w.sourceFirst - region.first[1]) * pixel) + depthwiseBegin,
        out: h.outFirst * outRow + w.outFirst * outPixel + 4 * begin,
        weights: scratch + (room.weights[i] as number),
        table: scratch + (room.tables[i] as number),
        rows: h.count,
        columns: w.count,
        sourceRow: h.sourceStep * row,
        sourceColumn: w.sourceStep * pixel,
        outRow: h.outStep * outRow,
        outColumn: w.outStep * outPixel,
        tapRows: w.taps === 0 ? 0 : h.taps,
        taps: w.taps,
        tapRow: h.tapStep * row,
        tap: w.tapStep * pixel,
        blockTapRows,
        blockTaps,
        blockChannels,
        kernel:
          kernel + 4 * ((h.kernelFirst * shape.kernel[1] + w.kernelFirst) * perTapOf(shape) + begin * weightPerOut),
        kernelTapRow: 4 * h.kernelStep * shape.kernel[1] * perTapOf(shape),
        kernelTap: 4 * w.kernelStep * perTapOf(shape),
      });
    }
    if (number === 0 && kind !== 'depthwise' && perTap > 0) PACK.of(linker)(headerAt);
    PRODUCT[kind].of(linker)(headerAt);
  }
}

/** Weights of one tap. */
function perTapOf({ channels, groups, features }: ConvolutionShape): number {
  return (channels / groups) * features;
}

/** for (index = 0; index < end; index += step) — runs at least once. */
function each(f: FunctionBuilder, index: Local, step: () => void, end: () => void, body: () => void): void {
  f.i32(0).set(index);
  f.loop(() => {
    body();
    f.get(index);
    step();
    f.op('i32_add').tee(index);
    end();
    f.op('i32_lt_s').brIf(0);
  });
}

/** Sets `result` to min(limit, total − done). */
function remaining(f: FunctionBuilder, result: Local, limit: () => void, total: () => void, done: Local): void {
  limit();
  total();
  f.get(done).op('i32_sub').tee(result);
  limit();
  f.get(result).op('i32_lt_s').op('select').set(result);
}

/** Walks a pass's blocks; `body` finds the first tap row, tap and channel of each in locals, and how many there are. */
function eachBlock(
  f: FunctionBuilder,
  headerAt: Local,
  passAt: Local,
  body: (first: readonly [Local, Local, Local], count: readonly [Local, Local, Local]) => void,
): void {
  const locals = Array.from({ length: 6 }, () => f.local(I32)) as [Local, Local, Local, Local, Local, Local];
  const [row, tap, channel, rows, taps, channels] = locals;
  const walk = (index: Local, count: Local, step: PassWord, end: () => void, inside: () => void): void => {
    each(
      f,
      index,
      () => pass.push(f, passAt, step),
      end,
      () => {
        remaining(f, count, () => pass.push(f, passAt, step), end, index);
        inside();
      },
    );
  };
  walk(
    row,
    rows,
    'blockTapRows',
    () => pass.push(f, passAt, 'tapRows'),
    () => {
      walk(
        tap,
        taps,
        'blockTaps',
        () => pass.push(f, passAt, 'taps'),
        () => {
          walk(
            channel,
            channels,
            'blockChannels',
            () => header.push(f, headerAt, 'channels'),
            () => {
              body([row, tap, channel], [rows, taps, channels]);
            },
          );
        },
      );
    },
  );
}

/** Repeats `body` for each group, and then moves the pointers on by the bytes given. */
function eachGroup(
  f: FunctionBuilder,
  headerAt: Local,
  moves: readonly (readonly [pointer: Local, by: () => void])[],
  body: () => void,
): void {
  const left = f.local(I32);
  header.push(f, headerAt, 'groups').set(left);
  whilePositive(f, left, () => {
    body();
    for (const [pointer, by] of moves) {
      f.get(pointer);
      by();
      f.op('i32_add').set(pointer);
    }
    f.advance(left, -1);
  });
}

/** Packs the weights of all passes: a function of the header. */
function definePack(module: ModuleBuilder): FunctionBuilder {
  const copy = definePackCopy(module, TILE_COLS);
  const transpose = definePackTranspose(module, TILE_COLS);
  const column = definePackColumn(module);
  return module.define([I32], [], (f) => {
    const headerAt = 0;
    const names = ['passAt', 'left', 'kernel', 'to', 'from', 'columnsLeft', 'panel', 'r', 't', 'line'] as const;
    const l = Object.fromEntries(names.map((name) => [name, f.local(I32)])) as Record<(typeof names)[number], Local>;
    const h = (name: HeaderWord): FunctionBuilder => header.push(f, headerAt, name);
    const p = (name: PassWord): FunctionBuilder => pass.push(f, l.passAt, name);
    /** Packs `columns` at a time, panel after panel. */
    const panels = (
      width: number,
      [row, tap, channel]: readonly [Local, Local, Local],
      [rows, taps, channels]: readonly [Local, Local, Local],
      pack: () => void,
    ): void => {
      h('columns').set(l.columnsLeft);
      f.get(l.kernel).set(l.panel);
      whilePositive(f, l.columnsLeft, () => {
        f.get(rows).set(l.r);
        // panel + row·kernelTapRow + channel·weightPerSource
        f.get(l.panel).get(row);
        p('kernelTapRow').op('i32_mul').op('i32_add').get(channel);
        h('weightPerSource').op('i32_mul').op('i32_add').get(tap);
        p('kernelTap').op('i32_mul').op('i32_add').set(l.line);
        whilePositive(f, l.r, () => {
          f.get(taps).set(l.t).get(l.line).set(l.from);
          whilePositive(f, l.t, () => {
            pack();
            f.get(l.to)
              .get(channels)
              .i32(4 * width)
              .op('i32_mul')
              .op('i32_add')
              .set(l.to);
            f.get(l.from);
            p('kernelTap').op('i32_add').set(l.from);
            f.advance(l.t, -1);
          });
          f.get(l.line);
          p('kernelTapRow').op('i32_add').set(l.line);
          f.advance(l.r, -1);
        });
        f.get(l.panel);
        h('weightPerOut').i32(width).op('i32_mul').op('i32_add').set(l.panel);
        f.advance(l.columnsLeft, -width);
      });
    };
    h('passes').set(l.passAt);
    h('passCount').set(l.left);
    whilePositive(f, l.left, () => {
      p('weights').set(l.to);
      p('kernel').set(l.kernel);
      p('tapRows').if_(() => {
        eachGroup(f, headerAt, [[l.kernel, () => h('kernelGroup')]], () => {
          eachBlock(f, headerAt, l.passAt, (first, count) => {
            const [, , channels] = count;
            h('packing')
              .i32(COPIED)
              .op('i32_eq')
              .if_(() => {
                panels(TILE_COLS, first, count, () => {
                  f.get(l.from);
                  h('weightPerSource').get(l.to).get(channels).call(copy);
                });
              });
            h('packing')
              .i32(TRANSPOSED)
              .op('i32_eq')
              .if_(() => {
                panels(TILE_COLS, first, count, () => {
                  f.get(l.from);
                  h('weightPerOut').get(l.to).get(channels).get(l.columnsLeft).call(transpose);
                });
              });
            h('packing')
              .i32(ONE_COLUMN)
              .op('i32_eq')
              .if_(() => {
                panels(1, first, count, () => {
                  f.get(l.from);
                  h('weightPerSource').get(l.to).get(channels).call(column);
                });
              });
          });
        });
      });
      f.advance(l.passAt, pass.bytes).advance(l.left, -1);
    });
  });
}

/** Copies numbers that lie apart to a line: parameters from, step (bytes), to, count. */
function definePackColumn(module: ModuleBuilder): FunctionBuilder {
  return module.define(i32s(4), [], (f) => {
    const [from, step, to, count] = [0, 1, 2, 3];
    whilePositive(f, count, () => {
      f.get(to).get(from).memory('f32_load').memory('f32_store');
      f.get(from).get(step).op('i32_add').set(from);
      f.advance(to, 4).advance(count, -1);
    });
  });
}

/**
 * Writes the table of a pass for so many images, and repeats its last pixel until it fills whole tiles: parameters pass,
 * images, and bytes from image to image of source and results.
 */
function defineTable(module: ModuleBuilder, tile: Tile): FunctionBuilder {
  return module.define(i32s(4), [], (f) => {
    const [passAt, images, sourceImage, outImage] = [0, 1, 2, 3];
    const names = ['to', 'image', 'outOfImage', 'row', 'outOfRow', 'from', 'out', 'rows', 'columns', 'odd'] as const;
    const l = Object.fromEntries(names.map((name) => [name, f.local(I32)])) as Record<(typeof names)[number], Local>;
    const p = (name: PassWord): FunctionBuilder => pass.push(f, passAt, name);
    const add = (local: Local, by: () => void): void => {
      f.get(local);
      by();
      f.op('i32_add').set(local);
    };
    const enter = (): void => {
      f.get(l.to).get(l.from).memory('i32_store').get(l.to).get(l.out).memory('i32_store', 4);
      f.advance(l.to, ENTRY).advance(l.odd, -1);
      f.get(l.odd).i32(0).op('i32_eq');
      f.if_(() => f.i32(tile.rows).set(l.odd));
    };
    p('table').set(l.to);
    f.i32(tile.rows).set(l.odd);
    whilePositive(f, images, () => {
      f.get(l.image).set(l.row).get(l.outOfImage).set(l.outOfRow);
      p('rows').set(l.rows);
      whilePositive(f, l.rows, () => {
        f.get(l.row).set(l.from).get(l.outOfRow).set(l.out);
        p('columns').set(l.columns);
        whilePositive(f, l.columns, () => {
          enter();
          add(l.from, () => p('sourceColumn'));
          add(l.out, () => p('outColumn'));
          f.advance(l.columns, -1);
        });
        add(l.row, () => p('sourceRow'));
        add(l.outOfRow, () => p('outRow'));
        f.advance(l.rows, -1);
      });
      add(l.image, () => f.get(sourceImage));
      add(l.outOfImage, () => f.get(outImage));
      f.advance(images, -1);
    });
    // The last pixel again.
    f.get(l.to).i32(ENTRY).op('i32_sub').memory('i32_load').set(l.from);
    f.get(l.to).i32(ENTRY).op('i32_sub').memory('i32_load', 4).set(l.out);
    f.block(() => {
      f.loop(() => {
        f.get(l.odd).i32(tile.rows).op('i32_eq').brIf(1);
        enter();
        f.br(0);
      });
    });
  });
}

/**
 * All tiles of a pass for one panel of columns: the micro-kernel's parameters, with the number of tiles before them; the table
 * goes on from tile to tile.
 */
function defineSweep(module: ModuleBuilder, tile: Tile, micro: FunctionBuilder): FunctionBuilder {
  const count = micro.parameters.length;
  return module.define(i32s(count + 1), [], (f) => {
    f.loop(() => {
      for (let i = 1; i <= count; i++) f.get(i);
      f.call(micro);
      f.advance(1, ENTRY * tile.rows);
      f.get(0).i32(1).op('i32_sub').tee(0).brIf(0);
    });
  });
}

/** The whole call, its weights packed: a function of the header. */
function defineProduct(module: ModuleBuilder, kind: Kind, tile: Tile, micro: FunctionBuilder): FunctionBuilder {
  const width = WIDTH[kind];
  const images = emitImages(module, header);
  const table = defineTable(module, tile);
  const sweep = defineSweep(module, tile, micro);
  return module.define([I32], [], (f) => {
    const headerAt = 0;
    const names = [
      'passAt', 'left', 'out', 'built', 'tiles', 'from', 'to', 'weights', 'accumulate', 'panel', 'columnsLeft',
      'begin', 'taps', 'run', 'nextTap', 'nextTapRow', 'sourceImage',
    ] as const; // biome-ignore format: a list
    const l = Object.fromEntries(names.map((name) => [name, f.local(I32)])) as Record<(typeof names)[number], Local>;
    const h = (name: HeaderWord): FunctionBuilder => header.push(f, headerAt, name);
    const p = (name: PassWord): FunctionBuilder => pass.push(f, l.passAt, name);

    /** Sweeps the panels of columns; `next` are the micro-kernel's parameters from the weights on but for the last. */
    const panels = (next: () => void, advanceWeights: () => void): void => {
      h('columns').set(l.columnsLeft);
      f.get(l.to).set(l.panel);
      whilePositive(f, l.columnsLeft, () => {
        f.get(l.tiles);
        p('table').get(l.begin).get(l.panel).get(l.weights);
        next();
        f.get(l.columnsLeft).call(sweep);
        advanceWeights();
        f.advance(l.panel, 4 * width).advance(l.columnsLeft, -width);
      });
    };

    /** One group of a pass in blocks of the patch. */
    const blocks = (): void => {
      f.i32(0).set(l.accumulate);
      eachBlock(f, headerAt, l.passAt, ([row, tap, channel], [rows, taps, channels]) => {
        // begin = from + row·tapRow + tap·tap + 4·channel
        f.get(l.from).get(row);
        p('tapRow').op('i32_mul').op('i32_add').get(tap);
        p('tap').op('i32_mul').op('i32_add').get(channel).i32(4).op('i32_mul').op('i32_add').set(l.begin);
        h('merged').if_(
          () => {
            f.i32(1).set(l.taps).get(taps).get(channels).op('i32_mul').set(l.run);
            f.i32(0).set(l.nextTap);
            p('tapRow').get(l.run).i32(4).op('i32_mul').op('i32_sub').set(l.nextTapRow);
          },
          () => {
            f.get(taps).set(l.taps).get(channels).set(l.run);
            p('tap').get(l.run).i32(4).op('i32_mul').op('i32_sub').set(l.nextTap);
            p('tapRow').get(taps);
            p('tap').op('i32_mul').op('i32_sub').set(l.nextTapRow);
          },
        );
        panels(
          () => f.get(rows).get(l.taps).get(l.run).get(l.nextTap).get(l.nextTapRow).get(l.accumulate),
          () => {
            f.get(l.weights).get(rows).get(l.taps).op('i32_mul').get(l.run).op('i32_mul');
            f.i32(4 * width)
              .op('i32_mul')
              .op('i32_add')
              .set(l.weights);
          },
        );
        f.i32(1).set(l.accumulate);
      });
    };

    /** A pass of a depthwise convolution, four channels at a time. */
    const channels = (): void => {
      p('kernel').set(l.weights);
      h('columns').set(l.columnsLeft);
      f.get(l.from).set(l.begin).get(l.to).set(l.panel);
      whilePositive(f, l.columnsLeft, () => {
        f.get(l.tiles);
        p('table').get(l.begin).get(l.panel).get(l.weights);
        p('tapRows');
        p('taps');
        p('tap');
        p('tapRow');
        p('taps');
        p('tap').op('i32_mul').op('i32_sub');
        p('kernelTap');
        p('kernelTapRow');
        p('taps');
        p('kernelTap').op('i32_mul').op('i32_sub');
        f.get(l.columnsLeft).call(sweep);
        for (const pointer of [l.begin, l.panel, l.weights]) f.advance(pointer, 4 * width);
        f.advance(l.columnsLeft, -width);
      });
    };

    h('out').set(l.out);
    h('padded').if_(
      () => h('paddedImage').set(l.sourceImage),
      () => h('sourceImage').set(l.sourceImage),
    );
    images(f, headerAt, (count, region) => {
      h('passes').set(l.passAt);
      h('passCount').set(l.left);
      whilePositive(f, l.left, () => {
        // A table serves all images but for the last few, which may be fewer.
        f.get(count).get(l.built).op('i32_ne');
        f.if_(() => {
          f.get(l.passAt).get(count).get(l.sourceImage);
          h('outImage').call(table);
        });
        p('rows');
        p('columns')
          .op('i32_mul')
          .get(count)
          .op('i32_mul')
          .i32(tile.rows - 1)
          .op('i32_add')
          .i32(tile.rows);
        f.op('i32_div_u').set(l.tiles);
        f.get(region);
        p('source').op('i32_add').set(l.from);
        f.get(l.out);
        p('out').op('i32_add').set(l.to);
        p('weights').set(l.weights);
        f.get(l.tiles).if_(() => {
          if (kind === 'depthwise') channels();
          else {
            eachGroup(
              f,
              headerAt,
              [
                [l.from, () => h('sourceGroup')],
                [l.to, () => h('outGroup')],
              ],
              blocks,
            );
          }
        });
        f.advance(l.passAt, pass.bytes).advance(l.left, -1);
      });
      f.get(count).set(l.built);
      f.get(l.out).get(count);
      h('outImage').op('i32_mul').op('i32_add').set(l.out);
    });
  });
}
