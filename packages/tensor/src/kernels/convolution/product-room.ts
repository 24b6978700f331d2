import { align } from '../../memory/linear-memory.ts';
import { TILE_COLS } from '../matmul/micro.ts';
import { type Band, bandsOf } from './bands.ts';
import { IMAGE_WORDS, paddedBytes } from './images.ts';
import { ENTRY } from './micro.ts';
import type { Passes } from './passes.ts';
import type { ConvolutionShape } from './shape.ts';
import { Words } from './words.ts';

// What a product is told, and where in its scratch space what is.

/** A sum runs over blocks of at most this many elements of a patch, so that packed weights stay in the first-level cache. */
const MOST_IN_BLOCK = 336;
/** Results of so few columns take them one at a time. */
const MOST_DOT_COLUMNS = 4;

/** How weights are packed. */
export const COPIED = 0;
export const TRANSPOSED = 1;
export const ONE_COLUMN = 2;

export type Kind = 'tiles' | 'dot' | 'depthwise';

export const header = /* @__PURE__ */ new Words(
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
  /** How weights lie: copied, transposed or one column; and bytes from one to the next along a patch, and along columns. */
  'packing',
  'weightPerSource',
  'weightPerOut',
  /** Of each group. */
  'channels',
  'columns',
  /** Whether taps in a row lie one after the other, so that they make one run. */
  'merged',
);

export const pass = /* @__PURE__ */ new Words(
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
export type HeaderWord = typeof header extends Words<infer N> ? N : never;
export type PassWord = typeof pass extends Words<infer N> ? N : never;

export function kindOf({ groups }: ConvolutionShape, { depthwise, outChannels, sourceChannels }: Passes): Kind {
  if (depthwise) return 'depthwise';
  return outChannels / groups <= MOST_DOT_COLUMNS && (sourceChannels / groups) % 4 === 0 ? 'dot' : 'tiles';
}

export const WIDTH: Record<Kind, number> = { tiles: TILE_COLS, dot: 1, depthwise: 4 };

/** Tap rows, taps and channels of a block. */
export function blockOf(tapRows: number, taps: number, channels: number): readonly [number, number, number] {
  const equal = (all: number, most: number): number => Math.ceil(all / Math.max(1, Math.ceil(all / Math.max(1, most))));
  if (channels > MOST_IN_BLOCK) return [1, 1, 4 * Math.ceil(equal(channels, MOST_IN_BLOCK) / 4)];
  if (taps * channels > MOST_IN_BLOCK) return [1, equal(taps, Math.floor(MOST_IN_BLOCK / channels)), channels];
  const row = Math.max(1, taps * channels);
  return [Math.max(1, equal(tapRows, Math.floor(MOST_IN_BLOCK / row))), Math.max(1, taps), channels];
}

/** What of the scratch is where: bytes from its start. */
export interface Room {
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

export function roomOf(shape: ConvolutionShape, passes: Passes): Room {
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
