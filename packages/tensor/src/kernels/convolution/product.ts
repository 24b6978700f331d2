import { defineStoreTail } from '../matmul/micro.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder } from '../wasm/assembler.ts';
import { LinkedFunction, type Linker } from '../wasm/linker.ts';
import { whilePositive } from '../wasm/loops.ts';
import type { Tile } from '../wasm/tile.ts';
import { eachBlock, eachGroup } from './blocks.ts';
import { emitImages, imageWords } from './images.ts';
import { defineDepthwise, defineDot, defineTile, ENTRY } from './micro.ts';
import type { Passes } from './passes.ts';
import { definePack } from './product-pack.ts';
import {
  blockOf,
  COPIED,
  type HeaderWord,
  header,
  type Kind,
  kindOf,
  ONE_COLUMN,
  type PassWord,
  pass,
  roomOf,
  TRANSPOSED,
  WIDTH,
} from './product-room.ts';
import type { ConvolutionShape } from './shape.ts';

/**
 * A convolution or a transposed one as products of patches with weights: of some images at a time, padded where they have to
 * be, each pass multiplies the patches of all its pixels, where they lie, with the weights, which are packed once a call.
 * Each result sums its products in the order of the patch within blocks, then the blocks in order; what a block is depends on
 * kernel and channels alone, so neither threads nor the number of images change a bit.
 */

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
