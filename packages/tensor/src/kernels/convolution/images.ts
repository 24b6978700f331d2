import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder } from '../wasm/assembler.ts';
import { streamRun, whilePositive } from '../wasm/loops.ts';
import { type AxisPass, reachOf } from './passes.ts';
import type { Pair } from './shape.ts';
import type { Words } from './words.ts';

/** Images are worked on so many results at a time, and rows of large ones so that what they read stays in the caches. */
const RESULTS = 192;
const REGION_BYTES = 128 << 10;

/** What is read of each image: a part of it, with zeros around where it reaches past the edges. */
export interface Region {
  /** The first row and column, which may lie before the image. */
  readonly first: Pair;
  readonly rows: number;
  readonly columns: number;
  /** Whether it has to be copied, to get its zeros. */
  readonly padded: boolean;
}

export function regionOf(height: readonly AxisPass[], width: readonly AxisPass[], source: Pair): Region {
  const [top, bottom] = reachOf(height);
  const [left, right] = reachOf(width);
  const padded = top < 0 || left < 0 || bottom > source[0] || right > source[1];
  return padded
    ? { first: [top, left], rows: bottom - top, columns: right - left, padded }
    : { first: [top, left], rows: source[0], columns: source[1], padded };
}

/** How many images are worked on together, with so many results of each. */
export function imagesTogether(images: number, results: number): number {
  return Math.max(1, Math.min(images, Math.floor(RESULTS / Math.max(1, results))));
}

/** How many of `count` rows of results are worked on together, each needing `bytes` more of the source. */
export function rowsTogether(count: number, bytes: number): number {
  if (count * bytes <= REGION_BYTES) return Math.max(1, count);
  const bands = Math.ceil(count / Math.max(1, Math.floor(REGION_BYTES / bytes)));
  return Math.ceil(count / bands);
}

/** What of the words tells how images are walked and padded. */
export const IMAGE_WORDS = [
  'source',
  'images',
  'together',
  /** Bytes from image to image, and to the first that is read of one. */
  'sourceImage',
  'sourceFirst',
  /** Where padded images go, 0 for nowhere; how many numbers they are, and bytes from one to the next. */
  'padded',
  'paddedSize',
  'paddedImage',
  /** Where in a padded image the copy goes, its rows, numbers in a row, and bytes from row to row of both. */
  'copyTo',
  'copyRows',
  'copyLength',
  'sourceRow',
  'paddedRow',
] as const;
export type ImageWord = (typeof IMAGE_WORDS)[number];

/** The words of images of `channels` at `source`, of which `region` is read; padded ones go to `room`. */
export function imageWords(
  source: number,
  images: number,
  together: number,
  [height, width]: Pair,
  channels: number,
  { first, rows, columns, padded }: Region,
  room: number,
): Record<ImageWord, number> {
  const pixel = 4 * channels;
  const [top, left] = [Math.max(0, first[0]), Math.max(0, first[1])];
  const copyRows = Math.max(0, Math.min(height, first[0] + rows) - top);
  const copyColumns = Math.max(0, Math.min(width, first[1] + columns) - left);
  return {
    source,
    images,
    together,
    sourceImage: height * width * pixel,
    sourceFirst: (top * width + left) * pixel,
    padded: padded ? room : 0,
    paddedSize: together * rows * columns * channels,
    paddedImage: rows * columns * pixel,
    copyTo: ((top - first[0]) * columns + (left - first[1])) * pixel,
    copyRows: copyColumns === 0 ? 0 : copyRows,
    copyLength: copyColumns * channels,
    sourceRow: width * pixel,
    paddedRow: columns * pixel,
  };
}

/** Bytes of the padded images that are worked on together. */
export function paddedBytes(together: number, channels: number, { rows, columns, padded }: Region): number {
  return padded ? 4 * together * rows * columns * channels : 0;
}

/** Fills `count` numbers from `out` on with zeros: parameters out, count. */
export function defineZero(module: ModuleBuilder): FunctionBuilder {
  return module.define(i32s(2), [], (f) => {
    const zero = f.constant([0, 0, 0, 0]);
    streamRun(f, 0, 1, () => f.get(zero), [0]);
  });
}

/** Copies rows: parameters to, from, rows, length (numbers), and bytes from row to row of both. */
function defineCopyRows(module: ModuleBuilder): FunctionBuilder {
  return module.define(i32s(6), [], (f) => {
    const [to, from, rows, length, toRow, fromRow] = [0, 1, 2, 3, 4, 5];
    const [out, input, left] = [f.local(I32), f.local(I32), f.local(I32)];
    whilePositive(f, rows, () => {
      f.get(to).set(out).get(from).set(input).get(length).set(left);
      streamRun(f, out, left, (offset) => f.get(input).memory('v128_load', offset), [out, input]);
      f.get(to).get(toRow).op('i32_add').set(to);
      f.get(from).get(fromRow).op('i32_add').set(from);
      f.advance(rows, -1);
    });
  });
}

/**
 * Walks the images, as many together as the words say: `body` gets a local with how many there are now, and one with where
 * the region of the first begins, in padded images or in the source. `begin` is where the source's images begin.
 */
export function emitImages<N extends string>(
  module: ModuleBuilder,
  words: Words<N | ImageWord>,
): (f: FunctionBuilder, header: Local, body: (count: Local, region: Local) => void) => void {
  const zero = defineZero(module);
  const copyRows = defineCopyRows(module);
  return (f, header, body) => {
    const word = (name: ImageWord): FunctionBuilder => words.push(f, header, name);
    const [from, left, count, region, image, to] = Array.from({ length: 6 }, () => f.local(I32)) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    word('source');
    word('sourceFirst').op('i32_add').set(from);
    word('images').set(left);
    word('padded').if_(() => {
      word('padded');
      word('paddedSize').call(zero);
    });
    whilePositive(f, left, () => {
      // count = min(together, left)
      word('together').get(left);
      word('together').get(left).op('i32_lt_s').op('select').set(count);
      f.get(from).set(region);
      word('padded').if_(
        () => {
          word('padded').tee(region);
          word('copyTo').op('i32_add').set(to);
          f.get(count).set(image);
          whilePositive(f, image, () => {
            f.get(to).get(from);
            for (const name of ['copyRows', 'copyLength', 'paddedRow', 'sourceRow'] as const) word(name);
            f.call(copyRows);
            f.get(to);
            word('paddedImage').op('i32_add').set(to);
            f.get(from);
            word('sourceImage').op('i32_add').set(from);
            f.advance(image, -1);
          });
        },
        () => {
          f.get(from).get(count);
          word('sourceImage').op('i32_mul').op('i32_add').set(from);
        },
      );
      body(count, region);
      f.get(left).get(count).op('i32_sub').set(left);
    });
  };
}
