import { shown } from '../text.ts';
import { at, type ChartOptions, extent, scale, svg } from './frame.ts';

/** A point of a scatter plot. */
export interface Dot {
  readonly x: number;
  readonly y: number;
  /** Which group it is of, by the place of its name; the first by default. */
  readonly group?: number;
}

/** What a scatter plot may be told. */
export interface DotsOptions extends ChartOptions {
  /** Of groups, six at most. */
  readonly names?: readonly string[];
}

/** Points that are drawn; of more, every so manieth. */
const MOST = 2000;

/** Points on a plane, coloured by their group. */
export function dots(points: readonly Dot[], options: DotsOptions = {}): string {
  const { width = 520, height = 380, names = [] } = options;
  const [left, right, top, bottom] = [6, width - 6, names.length > 0 ? 36 : 22, height - 6];
  const every = Math.max(1, Math.ceil(points.length / MOST));
  const own = points.filter(({ x, y }, i) => i % every === 0 && Number.isFinite(x) && Number.isFinite(y));
  const x = scale(...extent(own.map((dot) => dot.x)), left + 4, right - 4);
  const y = scale(...extent(own.map((dot) => dot.y)), bottom - 4, top + 4);
  // One path for each group: a dot is a line of no length with round ends.
  const groups = Array.from({ length: 6 }, (_, g) =>
    own
      .filter(({ group = 0 }) => Math.min(5, Math.max(0, group)) === g)
      .map((dot) => `M${at(x(dot.x) - 1.6)} ${at(y(dot.y))}a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0-3.2 0`)
      .join(''),
  ).map((d, g) => (d === '' ? '' : `<path class="lc-${g + 1}" fill-opacity="0.65" d="${d}"/>`));
  const legend = names
    .slice(0, 6)
    .map(
      (name, g) =>
        `<rect class="lc-${g + 1}" x="${at(left + (g * (right - left)) / 6)}" y="17" width="8" height="8"/><text x="${at(left + 11 + (g * (right - left)) / 6)}" y="25">${shown(name, 11)}</text>`,
    );
  return svg([...legend, ...groups], width, height, options);
}
