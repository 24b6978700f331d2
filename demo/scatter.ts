import { BLACK, type Colour, GREY, Picture, WHITE } from './picture.ts';

/** Ten colours that stay apart on white. */
export const DIGIT_COLOURS: readonly Colour[] = [
  [31, 119, 180],
  [255, 127, 14],
  [44, 160, 44],
  [214, 39, 40],
  [148, 103, 189],
  [140, 86, 75],
  [227, 119, 194],
  [110, 110, 110],
  [188, 189, 34],
  [23, 190, 207],
];

const SIZE = 640;
const MARGIN = 44;
const LEGEND = 70;

/** Points in the plane coloured by digit, with a grid line and its number at every whole unit, and a legend. */
export function scatter(points: readonly (readonly [number, number])[], labels: ArrayLike<number>): Picture {
  const reach = Math.max(1, Math.ceil(points.reduce((most, [x, y]) => Math.max(most, Math.abs(x), Math.abs(y)), 0)));
  const picture = new Picture(SIZE + MARGIN + LEGEND, SIZE + MARGIN + 10, WHITE);
  const scaleX = (x: number): number => Math.round(MARGIN + ((x + reach) / (2 * reach)) * SIZE);
  const scaleY = (y: number): number => Math.round(10 + ((reach - y) / (2 * reach)) * SIZE);
  for (let tick = -reach; tick <= reach; tick++) {
    picture.rectangle(scaleX(tick), 10, 1, SIZE, tick === 0 ? BLACK : GREY);
    picture.rectangle(MARGIN, scaleY(tick), SIZE, 1, tick === 0 ? BLACK : GREY);
    const text = String(tick);
    const width = text.length * 8 - 2;
    picture.text(scaleX(tick) - Math.round(width / 2), SIZE + 18, text, 2, BLACK);
    picture.text(MARGIN - 8 - width, scaleY(tick) - 5, text, 2, BLACK);
  }
  points.forEach(([x, y], i) => {
    picture.disc(scaleX(x), scaleY(y), 2.5, DIGIT_COLOURS[labels[i] as number] as Colour);
  });
  DIGIT_COLOURS.forEach((colour, digit) => {
    const top = 20 + digit * 32;
    picture.disc(SIZE + MARGIN + 24, top + 7, 7, colour);
    picture.text(SIZE + MARGIN + 40, top, String(digit), 3, BLACK);
  });
  return picture;
}
