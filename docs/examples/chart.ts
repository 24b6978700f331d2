import { BLACK, type Colour, GREY, Picture, WHITE } from '../../demo/picture.ts';

export const BLUE: Colour = [31, 119, 180];
export const RED: Colour = [214, 39, 40];
export const ORANGE: Colour = [255, 127, 14];

/** A line over the width of its panel. */
export interface Line {
  readonly values: ArrayLike<number>;
  readonly colour: Colour;
}

/** Lines in one frame, on one scale. */
export interface Panel {
  readonly lines: readonly Line[];
  /** Spans of positions that are shaded. */
  readonly spans?: readonly (readonly [from: number, to: number])[];
}

const SHADE: Colour = [253, 230, 205];
const GAP = 8;

/** Panels in rows, left to right, each on a scale of its own unless one is given. */
export function chart(
  panels: readonly Panel[],
  size: { readonly columns: number; readonly width: number; readonly height: number },
  scale?: readonly [low: number, high: number],
): Picture {
  const { columns, width, height } = size;
  const rows = Math.ceil(panels.length / columns);
  const picture = new Picture(columns * (width + GAP) + GAP, rows * (height + GAP) + GAP, WHITE);
  panels.forEach((panel, p) => {
    const left = GAP + (p % columns) * (width + GAP);
    const top = GAP + Math.floor(p / columns) * (height + GAP);
    const all = panel.lines.flatMap(({ values }) => Array.from(values).filter(Number.isFinite));
    const low = scale?.[0] ?? all.reduce((a, b) => Math.min(a, b), Infinity);
    const high = scale?.[1] ?? all.reduce((a, b) => Math.max(a, b), -Infinity);
    const count = Math.max(...panel.lines.map(({ values }) => values.length), 2);
    const x = (i: number): number => left + (i / (count - 1)) * (width - 1);
    const y = (value: number): number => {
      const share = high > low ? (value - low) / (high - low) : 0.5;
      return top + (1 - Math.min(1, Math.max(0, share))) * (height - 1);
    };
    for (const [from, to] of panel.spans ?? []) {
      picture.rectangle(Math.round(x(from)), top, Math.max(1, Math.round(x(to) - x(from))), height, SHADE);
    }
    frame(picture, left, top, width, height);
    for (const { values, colour } of panel.lines) {
      for (let i = 1; i < values.length; i++) {
        const [a, b] = [values[i - 1] as number, values[i] as number];
        if (Number.isFinite(a) && Number.isFinite(b)) segment(picture, [x(i - 1), y(a)], [x(i), y(b)], colour);
      }
    }
  });
  return picture;
}

function frame(picture: Picture, left: number, top: number, width: number, height: number): void {
  picture.rectangle(left - 1, top - 1, width + 2, 1, GREY);
  picture.rectangle(left - 1, top + height, width + 2, 1, GREY);
  picture.rectangle(left - 1, top, 1, height, GREY);
  picture.rectangle(left + width, top, 1, height, GREY);
}

/** A straight stroke. */
export function segment(
  picture: Picture,
  [x0, y0]: readonly [number, number],
  [x1, y1]: readonly [number, number],
  colour: Colour = BLACK,
): void {
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0))));
  for (let i = 0; i <= steps; i++) {
    const share = i / steps;
    picture.set(Math.round(x0 + share * (x1 - x0)), Math.round(y0 + share * (y1 - y0)), colour);
  }
}
