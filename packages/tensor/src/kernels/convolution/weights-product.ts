import { align } from '../../memory/linear-memory.ts';
import { defineStoreTail, TILE_COLS } from '../matmul/micro.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder } from '../wasm/assembler.ts';
import { LinkedFunction, type Linker } from '../wasm/linker.ts';
import { whilePositive } from '../wasm/loops.ts';
import type { Tile } from '../wasm/tile.ts';
import { bandsOf } from './bands.ts';
import { defineZero, emitImages, IMAGE_WORDS, imageWords, paddedBytes } from './images.ts';
import { type AxisPass, forwardPasses } from './passes.ts';
import { type ConvolutionShape, isDepthwise } from './shape.ts';
import type { ConvolutionWeightsCall } from './weights.ts';
import { defineLaneProduct, defineOuterProduct, WEIGHT_PARAMETERS } from './weights-micro.ts';
import { Words } from './words.ts';

/**
 * The gradient to the weights as products over pixels: of some images at a time, padded where they have to be, each run of
 * elements of the patches (rows of a tile) times the features (its columns), both read where they lie. Each weight sums the
 * pixels of those images in order, then adds what the next ones give; what images are taken together depends on the sizes
 * alone. Of few features, features are the rows and elements the columns.
 */

/** Up to so many features, they are the rows of tiles. */
const MOST_SWAPPED = 4;

type Kind = 'tiles' | 'swapped' | 'depthwise';

function kindOf(shape: ConvolutionShape): Kind {
  if (isDepthwise(shape)) return 'depthwise';
  return shape.features / shape.groups <= MOST_SWAPPED ? 'swapped' : 'tiles';
}

const header = /* @__PURE__ */ new Words(
  ...IMAGE_WORDS,
  'y',
  'yImage',
  'out',
  /** Bytes from row to row of the result, and added to it from then on. */
  'line',
  'accumulate',
  /** Pixels of the result. */
  'rows',
  'pixels',
  /** Bytes from pixel to pixel, and after the last of a row and of an image. */
  'xPixel',
  'xNextRow',
  'xNextImage',
  'yPixel',
  /** Where the first tap begins, bytes from the region; the taps, and bytes from one to the next. */
  'first',
  'tapRows',
  'taps',
  'tapRow',
  'tap',
  /** Elements of a run, which is one tap's or a row of taps'. */
  'run',
  /** Rows of the result that are wanted. */
  'firstRow',
  'wanted',
  /** Features of a group, and bytes from group to group. */
  'features',
  'groups',
  'xGroup',
  'yGroup',
  'outGroup',
);
type HeaderWord = typeof header extends Words<infer N> ? N : never;

interface Room {
  readonly sums: number;
  readonly padded: number;
  readonly bytes: number;
}

function roomOf(shape: ConvolutionShape): Room {
  const { channels, features, kernel, groups } = shape;
  const sums = align(header.bytes);
  const elements = (kernel[0] * kernel[1] * channels) / groups;
  const padded = sums + (kindOf(shape) === 'swapped' ? align(4 * features * elements + 64) : 0);
  const most = Math.max(
    0,
    ...bandsOf(shape, forwardPasses(shape)).map(({ together, region }) => paddedBytes(together, channels, region)),
  );
  return { sums, padded, bytes: padded + align(most + 64) };
}

export function weightsScratch(shape: ConvolutionShape): number {
  return shape.images === 0 ? 0 : roomOf(shape).bytes;
}

const ZERO_ROWS = /* @__PURE__ */ new LinkedFunction(defineZeroRows);
const TURN = /* @__PURE__ */ new LinkedFunction(defineTurn);
const TILES = /* @__PURE__ */ new LinkedFunction((module, { tile }) => defineTiles(module, tile, false));
const SWAPPED = /* @__PURE__ */ new LinkedFunction((module, { tile }) => defineTiles(module, tile, true));
const DEPTHWISE = /* @__PURE__ */ new LinkedFunction((module, { tile }) => defineLanes(module, tile));
const PRODUCT: Record<Kind, LinkedFunction> = { tiles: TILES, swapped: SWAPPED, depthwise: DEPTHWISE };

export function runWeights(call: ConvolutionWeightsCall, linker: Linker, scratch: number): void {
  const { shape, firstRow, rows, begin, count } = call;
  const { images, input, channels, output, features, kernel, groups } = shape;
  if (rows === 0 || count === 0) return;
  const [out, x, y] = call.pointers as readonly [number, number, number];
  const line = 4 * features;
  if (images === 0) {
    ZERO_ROWS.of(linker)(out + firstRow * line + 4 * begin, rows, count, line);
    return;
  }
  const kind = kindOf(shape);
  const room = roomOf(shape);
  const passes = forwardPasses(shape);
  const swapped = kind === 'swapped';
  const depthwise = kind === 'depthwise';
  const elements = (kernel[0] * kernel[1] * channels) / groups;
  const [width] = passes.width as [AxisPass];
  const merged = groups === 1 && width.tapStep === 1;
  const pixel = 4 * channels;
  for (const [number, { height, region, together }] of bandsOf(shape, passes).entries()) {
    const [h] = height as [AxisPass];
    const row = region.columns * pixel;
    const imageBytes = region.padded ? region.rows * row : input[0] * row;
    header.write(linker, scratch, {
      ...imageWords(x, images, together, input, channels, region, scratch + room.padded),
      y: y + 4 * (h.outFirst * output[1] * features + begin),
      yImage: 4 * output[0] * output[1] * features,
      out: swapped ? scratch + room.sums : out + 4 * begin,
      line: swapped ? 4 * elements : line,
      accumulate: number === 0 ? 0 : 1,
      rows: h.count,
      pixels: width.count,
      xPixel: width.sourceStep * pixel,
      xNextRow: h.sourceStep * row - width.count * width.sourceStep * pixel,
      xNextImage: imageBytes - h.count * h.sourceStep * row,
      yPixel: line,
      first:
        (h.sourceFirst - region.first[0]) * row +
        (width.sourceFirst - region.first[1]) * pixel +
        (depthwise ? 4 * begin : 0),
      tapRows: h.taps,
      taps: merged ? 1 : width.taps,
      tapRow: h.tapStep * row,
      tap: width.tapStep * pixel,
      run: depthwise ? 1 : merged ? width.taps * channels : channels / groups,
      firstRow,
      wanted: rows,
      features: depthwise ? count : count / groups,
      groups: depthwise ? 1 : groups,
      xGroup: (4 * channels) / groups,
      yGroup: (4 * features) / groups,
      outGroup: swapped ? (4 * elements * features) / groups : (4 * features) / groups,
    });
    PRODUCT[kind].of(linker)(scratch);
  }
  if (swapped) TURN.of(linker)(out + firstRow * line, scratch + room.sums + 4 * firstRow, rows, features, 4 * elements);
}

/** Zeros: parameters out, rows, length (numbers), line (bytes). */
function defineZeroRows(module: ModuleBuilder): FunctionBuilder {
  const zero = defineZero(module);
  return module.define(i32s(4), [], (f) => {
    const [out, rows, length, line] = [0, 1, 2, 3];
    whilePositive(f, rows, () => {
      f.get(out).get(length).call(zero);
      f.get(out).get(line).op('i32_add').set(out).advance(rows, -1);
    });
  });
}

/** out[i, j] = from[j, i]: parameters out, from, rows, cols, line (bytes from row to row of `from`). */
function defineTurn(module: ModuleBuilder): FunctionBuilder {
  return module.define(i32s(5), [], (f) => {
    const [out, from, rows, cols, line] = [0, 1, 2, 3, 4];
    const [left, at] = [f.local(I32), f.local(I32)];
    whilePositive(f, rows, () => {
      f.get(cols).set(left).get(from).set(at);
      whilePositive(f, left, () => {
        f.get(out).get(at).memory('f32_load').memory('f32_store');
        f.get(at).get(line).op('i32_add').set(at);
        f.advance(out, 4).advance(left, -1);
      });
      f.advance(from, 4).advance(rows, -1);
    });
  });
}

const NAMES = [
  'y',
  'accumulate',
  'tapRow',
  'tap',
  'tapRowsLeft',
  'tapsLeft',
  'x',
  'yGroup',
  'out',
  'row',
  'begin',
  'end',
  'element',
  'featuresLeft',
  'a',
  'b',
  'c',
  'yNextImage',
] as const;
type Locals = Record<(typeof NAMES)[number], Local>;

interface Walk {
  readonly f: FunctionBuilder;
  readonly l: Locals;
  readonly h: (name: HeaderWord) => FunctionBuilder;
  readonly count: Local;
}

/**
 * A function of the header: for some images at a time, for each group and each run of elements, `body`, with where its first
 * element and the group's first feature are in `x` and `yGroup`, the group's results in `out`, and of the elements those
 * that are wanted, from `begin` up to `end`, counted from `row`, the run's first row of the result.
 */
function defineWalk(module: ModuleBuilder, body: (walk: Walk) => void): FunctionBuilder {
  const images = emitImages(module, header);
  return module.define([I32], [], (f) => {
    const headerAt = 0;
    const l = Object.fromEntries(NAMES.map((name) => [name, f.local(I32)])) as Locals;
    const groupsLeft = f.local(I32);
    const first = f.local(I32);
    const h = (name: HeaderWord): FunctionBuilder => header.push(f, headerAt, name);
    const add = (local: Local, by: HeaderWord): void => {
      f.get(local);
      h(by).op('i32_add').set(local);
    };
    h('y').set(l.y);
    h('accumulate').set(l.accumulate);
    // y's pixels of the rows that are looked at lie one after the other; the rest of an image is skipped.
    h('yImage');
    h('rows');
    h('pixels').op('i32_mul');
    h('yPixel').op('i32_mul').op('i32_sub').set(l.yNextImage);
    images(f, headerAt, (count, region) => {
      f.get(region);
      h('first').op('i32_add').set(first);
      f.get(l.y).set(l.yGroup);
      h('out').set(l.out);
      h('groups').set(groupsLeft);
      whilePositive(f, groupsLeft, () => {
        f.get(first).set(l.tapRow).i32(0).set(l.row);
        h('tapRows').set(l.tapRowsLeft);
        whilePositive(f, l.tapRowsLeft, () => {
          f.get(l.tapRow).set(l.x);
          h('taps').set(l.tapsLeft);
          whilePositive(f, l.tapsLeft, () => {
            // begin = max(firstRow − row, 0), end = min(firstRow + wanted − row, run)
            h('firstRow').get(l.row).op('i32_sub').tee(l.begin).i32(0);
            f.get(l.begin).i32(0).op('i32_gt_s').op('select').set(l.begin);
            h('firstRow');
            h('wanted').op('i32_add').get(l.row).op('i32_sub').tee(l.end);
            h('run').get(l.end);
            h('run').op('i32_lt_s').op('select').set(l.end);
            f.get(l.begin).get(l.end).op('i32_lt_s');
            f.if_(() => body({ f, l, h, count }));
            add(l.row, 'run');
            add(l.x, 'tap');
            f.advance(l.tapsLeft, -1);
          });
          add(l.tapRow, 'tapRow');
          f.advance(l.tapRowsLeft, -1);
        });
        add(first, 'xGroup');
        add(l.yGroup, 'yGroup');
        add(l.out, 'outGroup');
        f.advance(groupsLeft, -1);
      });
      f.i32(1).set(l.accumulate);
      f.get(l.y).get(count);
      h('yImage').op('i32_mul').op('i32_add').set(l.y);
    });
  });
}

/** Pushes the parameters of a micro-kernel but the number of columns, x being operand a, or b where `swapped`. */
function pushParameters({ f, l, h, count }: Walk, swapped: boolean): void {
  const xSteps = (): void => {
    h('xPixel');
    h('xNextRow');
    h('xNextImage');
  };
  const ySteps = (): void => {
    h('yPixel').i32(0).get(l.yNextImage);
  };
  f.get(l.a).get(l.b).get(l.c).get(count);
  h('rows');
  h('pixels');
  if (swapped) ySteps();
  xSteps();
  if (!swapped) ySteps();
  h('line').get(l.accumulate);
}

/** Tiles of elements × features, or of features × elements where `swapped`. */
function defineTiles(module: ModuleBuilder, tile: Tile, swapped: boolean): FunctionBuilder {
  const storeTail = defineStoreTail(module);
  const heights = Array.from({ length: tile.rows }, (_, i) => defineOuterProduct(module, i + 1, tile, storeTail));
  const count = WEIGHT_PARAMETERS.length;
  /** A tile of so many rows: the number, then the micro-kernel's parameters. */
  const anyHeight = module.define(i32s(count + 1), [], (f) => {
    for (const [i, micro] of heights.entries()) {
      f.get(0)
        .i32(i + 1)
        .op(i + 1 === heights.length ? 'i32_ge_s' : 'i32_eq')
        .if_(() => {
          for (let j = 1; j <= count; j++) f.get(j);
          f.call(micro);
          f.op('return_');
        });
    }
  });
  return defineWalk(module, (walk) => {
    const { f, l, h } = walk;
    const left = f.local(I32);
    const [rowStep, columnStep] = [tile.rows, TILE_COLS];
    if (swapped) {
      // Rows are features, and a run of elements lies along the columns.
      f.get(l.begin).set(l.element);
      f.get(l.end).get(l.begin).op('i32_sub').set(left);
      whilePositive(f, left, () => {
        f.get(l.x).get(l.element).i32(4).op('i32_mul').op('i32_add').set(l.b);
        f.get(l.out).get(l.row).get(l.element).op('i32_add').i32(4).op('i32_mul').op('i32_add').set(l.c);
        f.get(l.yGroup).set(l.a);
        h('features');
        pushParameters(walk, true);
        f.get(left).call(anyHeight);
        f.advance(l.element, columnStep).advance(left, -columnStep);
      });
      return;
    }
    f.get(l.begin).set(l.element);
    f.get(l.end).get(l.begin).op('i32_sub').set(left);
    whilePositive(f, left, () => {
      f.get(l.x).get(l.element).i32(4).op('i32_mul').op('i32_add').set(l.a);
      f.get(l.out).get(l.row).get(l.element).op('i32_add');
      h('line').op('i32_mul').op('i32_add').set(l.c);
      f.get(l.yGroup).set(l.b);
      h('features').set(l.featuresLeft);
      whilePositive(f, l.featuresLeft, () => {
        f.get(left);
        pushParameters(walk, false);
        f.get(l.featuresLeft).call(anyHeight);
        f.advance(l.b, 4 * columnStep)
          .advance(l.c, 4 * columnStep)
          .advance(l.featuresLeft, -columnStep);
      });
      f.advance(l.element, rowStep).advance(left, -rowStep);
    });
  });
}

/** Of a depthwise convolution: four channels at a time, tap by tap. */
function defineLanes(module: ModuleBuilder, tile: Tile): FunctionBuilder {
  const lanes = defineLaneProduct(module, tile);
  return defineWalk(module, (walk) => {
    const { f, l, h } = walk;
    f.get(l.x).set(l.a).get(l.yGroup).set(l.b);
    f.get(l.out).get(l.row);
    h('line').op('i32_mul').op('i32_add').set(l.c);
    h('features').set(l.featuresLeft);
    whilePositive(f, l.featuresLeft, () => {
      pushParameters(walk, false);
      f.get(l.featuresLeft).call(lanes);
      for (const pointer of [l.a, l.b, l.c]) f.advance(pointer, 16);
      f.advance(l.featuresLeft, -4);
    });
  });
}
