import { shown } from '../text.ts';
import { at, axisLabels, type ChartOptions, extent, gridLines, scale, svg } from './frame.ts';

/** A curve: numbers at rising places. */
export interface Line {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** What a chart of curves may be told. */
export interface LinesOptions extends ChartOptions {
  /** A line across at a number. */
  readonly mark?: { readonly at: number; readonly label: string };
}

/** Points of one curve that are drawn; more are thinned. */
const MOST_POINTS = 300;

/** Up to three curves. Points without a number leave a gap. */
export function lines(list: readonly Line[], options: LinesOptions = {}): string {
  const { width = 520, height = 200, mark } = options;
  const [left, right, top, bottom] = [52, width - 8, 28, height - 18];
  const curves = list.slice(0, 3);
  const [low, high] = extent(curves.flatMap(({ x }) => [...x]));
  const marked = mark !== undefined && Number.isFinite(mark.at) ? [mark.at] : [];
  const [least, most] = extent([...curves.flatMap(({ y }) => [...y]), ...marked]);
  const x = scale(low, high, left, right);
  const y = scale(least, most, bottom, top);
  const drawn = curves.map((curve, s) => {
    const every = Math.max(1, Math.ceil(curve.x.length / MOST_POINTS));
    let pen = 'M';
    const d = curve.x
      .map((place, i) => {
        const value = curve.y[i] as number;
        if (!Number.isFinite(value) || !Number.isFinite(place)) {
          pen = 'M';
          return '';
        }
        if (i % every !== 0 && i !== curve.x.length - 1) return '';
        const point = `${pen}${at(x(place))} ${at(y(value))}`;
        pen = 'L';
        return point;
      })
      .join('');
    return `<path class="lc-s${s + 1}" d="${d}"/><rect class="lc-${s + 1}" x="${at(left + 130 * s)}" y="17" width="8" height="3"/><text x="${at(left + 130 * s + 12)}" y="23">${shown(curve.name, 20)}</text>`;
  });
  const line = marked.map(
    (place) =>
      `<path class="lc-m" d="M${left} ${at(y(place))}H${right}"/><text class="lc-mt" x="${right}" y="${at(y(place) - 4)}" text-anchor="end">${shown(mark?.label, 40)}</text>`,
  );
  return svg(
    [gridLines(least, most, y, left, right), ...drawn, ...line, axisLabels(low, high, x, height - 4)],
    width,
    height,
    options,
  );
}
