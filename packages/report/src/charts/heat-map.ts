import { numeral, shown } from '../text.ts';
import { at, type ChartOptions, svg } from './frame.ts';

/** What a heat map may be told. */
export interface HeatMapOptions extends ChartOptions {
  /** The numbers that are palest and darkest; 0 and 1 by default. */
  readonly range?: readonly [number, number];
}

/** Rows and columns that are drawn. */
const MOST = 40;

/** A square of numbers by name and name; null is left empty. Of more than 40 names the first are drawn. */
export function heatMap(
  names: readonly string[],
  value: (row: number, column: number) => number | null,
  options: HeatMapOptions = {},
): string {
  const { range = [0, 1] } = options;
  const own = names.slice(0, MOST);
  const left = 112;
  const size = Math.max(9, Math.min(22, Math.floor(400 / Math.max(1, own.length))));
  const top = options.title === undefined ? 4 : 20;
  const cells = own.flatMap((_, r) =>
    own.map((__, c) => {
      const number = value(r, c);
      if (number === null || !Number.isFinite(number)) return '';
      const share = Math.max(0, Math.min(1, (number - range[0]) / (range[1] - range[0] || 1)));
      return `<rect class="lc-1" fill-opacity="${(0.04 + 0.96 * share).toFixed(2)}" x="${left + c * size}" y="${top + r * size}" width="${size - 1}" height="${size - 1}"><title>${shown(own[r], 20)} × ${shown(own[c], 20)}: ${numeral(number)}</title></rect>`;
    }),
  );
  const below = top + own.length * size + 4;
  const labels = own.flatMap((name, i) => [
    `<text x="${left - 5}" y="${at(top + (i + 0.5) * size + 4)}" text-anchor="end">${shown(name, 17)}</text>`,
    `<text transform="translate(${at(left + (i + 0.5) * size + 3)} ${below}) rotate(-60)" text-anchor="end">${shown(name, 15)}</text>`,
  ]);
  return svg([...cells, ...labels], left + own.length * size + 8, below + 82, options);
}
