import { SIDE } from './digits.ts';
import { type Colour, Picture } from './picture.ts';

const INK_ON: Colour = [24, 26, 32];
const SEPARATOR: Colour = [70, 74, 86];
const SCALE = 2;
const GAP = 2;

/**
 * Digit images in rows, white on dark, left to right. `groups` puts a wider gap after every so many rows, to hold pairs
 * of rows together.
 */
export function sheet(images: readonly ArrayLike<number>[], columns: number, groups = Infinity, gap = GAP): Picture {
  const rows = Math.ceil(images.length / columns);
  const cell = SIDE * SCALE + gap;
  const extra = (row: number): number => Math.floor(row / groups) * 4 * GAP;
  const picture = new Picture(columns * cell + gap, rows * cell + gap + extra(rows - 1), INK_ON);
  images.forEach((pixels, i) => {
    const row = Math.floor(i / columns);
    const [left, top] = [gap + (i % columns) * cell, gap + row * cell + extra(row)];
    for (let y = 0; y < SIDE * SCALE; y++) {
      for (let x = 0; x < SIDE * SCALE; x++) {
        const value = pixels[Math.floor(y / SCALE) * SIDE + Math.floor(x / SCALE)];
        const grey = Math.round(Math.min(1, Math.max(0, value ?? 0)) * 255);
        picture.set(left + x, top + y, [grey, grey, grey]);
      }
    }
  });
  for (let row = groups; row < rows; row += groups) {
    picture.rectangle(0, row * cell + extra(row) - 2 * GAP, picture.width, 1, SEPARATOR);
  }
  return picture;
}
