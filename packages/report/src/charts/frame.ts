import { escaped, numeral, shown } from '../text.ts';
import { chartStyle } from './style.ts';

/** What every chart may be told. */
export interface ChartOptions {
  /** Above the chart, and what it is called where it cannot be seen. */
  readonly title?: string;
  /** In pixels, 360 by default; a page may show it smaller. */
  readonly width?: number;
  /** In pixels. */
  readonly height?: number;
  /** False on a page that has `chartStyle` already. */
  readonly style?: boolean;
}

/** A point with one decimal: half a pixel is not seen. */
export function at(x: number): string {
  return String(Math.round(10 * x) / 10);
}

/** A chart of these elements. */
export function svg(elements: readonly string[], width: number, height: number, options: ChartOptions): string {
  const { title, style = true } = options;
  const named = title === undefined ? ' aria-hidden="true"' : ` aria-label="${escaped(title)}"`;
  const own = style ? `<style>${chartStyle}</style>` : '';
  const head =
    title === undefined ? '' : `<text class="lc-t" x="0" y="11">${shown(title, Math.floor(width / 6))}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="lc" role="img"${named} width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${own}${head}${elements.join('')}</svg>`;
}

/** Round numbers from about `low` to about `high`, some four of them. */
export function ticks(low: number, high: number, count = 4): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return Number.isFinite(low) ? [low] : [];
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((times) => times * power >= rough) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.min(20, last - first + 1) }, (_, i) => (first + i) * step);
}

/** Where a number is on an axis. */
export type Scale = (x: number) => number;

/** A straight line from numbers to pixels; all numbers alike are in the middle. */
export function scale(low: number, high: number, from: number, to: number): Scale {
  const span = high - low;
  return span > 0 && Number.isFinite(span) ? (x) => from + ((x - low) / span) * (to - from) : () => (from + to) / 2;
}

/** The smallest and largest of the finite numbers; 0 and 1 where there are none. */
export function extent(values: Iterable<number>): readonly [low: number, high: number] {
  let [low, high] = [Infinity, -Infinity];
  for (const x of values) {
    if (!Number.isFinite(x)) continue;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  return low <= high ? [low, high] : [0, 1];
}

/** Lines across the chart with their numbers on the left. */
export function gridLines(low: number, high: number, y: Scale, left: number, right: number): string {
  return ticks(low, high, 3)
    .map((tick) => {
      const place = at(y(tick));
      return `<path class="lc-g" d="M${left} ${place}H${right}"/><text x="${left - 4}" y="${at(y(tick) + 4)}" text-anchor="end">${numeral(tick)}</text>`;
    })
    .join('');
}

/** Numbers below the chart. */
export function axisLabels(
  low: number,
  high: number,
  x: Scale,
  y: number,
  text: (x: number) => string = numeral,
): string {
  return ticks(low, high, 4)
    .map((tick) => `<text x="${at(x(tick))}" y="${y}" text-anchor="middle">${escaped(text(tick))}</text>`)
    .join('');
}
