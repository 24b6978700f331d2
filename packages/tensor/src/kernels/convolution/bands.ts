import { imagesTogether, type Region, regionOf, rowsTogether } from './images.ts';
import { type AxisPass, bandOf, type Passes } from './passes.ts';
import type { ConvolutionShape } from './shape.ts';

/** A band of rows of results, which is worked on for all images before the next. */
export interface Band {
  readonly height: readonly AxisPass[];
  readonly region: Region;
  /** Images worked on together. */
  readonly together: number;
}

/** Bands that keep what they read in the caches; one, for images that are not large. */
export function bandsOf({ images }: ConvolutionShape, { height, width, source, sourceChannels }: Passes): Band[] {
  const most = Math.max(0, ...height.map(({ count }) => count));
  const columns = Math.max(0, ...width.map(({ count }) => count));
  const perRow = (height[0]?.sourceStep ?? 1) * source[1] * sourceChannels * 4;
  const rows = rowsTogether(most, Math.max(1, perRow));
  return Array.from({ length: Math.ceil(most / rows) }, (_, i) => {
    const band = height.map((axis) => bandOf(axis, i * rows, rows));
    return {
      height: band,
      region: regionOf(band, width, source),
      together: imagesTogether(images, Math.min(rows, most) * columns),
    };
  });
}
