import { shown } from '../text.ts';
import type { Bins } from './bins.ts';
import { at, axisLabels, type ChartOptions, extent, gridLines, scale, svg } from './frame.ts';

/** What a histogram may be told. */
export interface HistogramOptions extends ChartOptions {
  /** Names of the series, where there are two. */
  readonly names?: readonly string[];
  /** A line at a number, such as a threshold. */
  readonly mark?: { readonly at: number; readonly label: string };
  /** Numbers below the chart, as text. */
  readonly text?: (x: number) => string;
}

/**
 * How numbers are distributed: one series as bars, or two over each other as shares of their own totals, to be held against one
 * another.
 */
export function histogram(series: readonly Bins[], options: HistogramOptions = {}): string {
  const { width = 360, height = 150, names = [], mark } = options;
  const [left, right, top, bottom] = [44, width - 6, 22, height - 18];
  const shares = series.map(({ counts, edges }) => {
    const total = counts.reduce((a, b) => a + b, 0);
    const values = series.length === 1 || total === 0 ? counts : counts.map((count) => count / total);
    return { edges, values };
  });
  const marked = mark !== undefined && Number.isFinite(mark.at) ? [mark.at] : [];
  const [low, high] = extent([...shares.flatMap(({ edges }) => [edges[0] ?? 0, edges.at(-1) ?? 0]), ...marked]);
  const most = Math.max(0, ...shares.flatMap(({ values }) => values)) || 1;
  const x = scale(low, high, left, right);
  const y = scale(0, most, bottom, top);
  const bars = shares.map(({ edges, values }, s) => {
    const d = values
      .map((value, i) => {
        if (value === 0) return '';
        const [from, to] = high > low ? [x(edges[i] ?? low), x(edges[i + 1] ?? high)] : [left, right];
        return `M${at(from)} ${bottom}V${at(y(value))}H${at(Math.max(to, from + 0.5))}V${bottom}z`;
      })
      .join('');
    return `<path class="lc-${s + 1}" fill-opacity="${series.length > 1 ? 0.55 : 0.9}" d="${d}"/>`;
  });
  const legend = names.map(
    (name, s) =>
      `<rect class="lc-${s + 1}" x="${at(right - 90 * (names.length - s))}" y="3" width="8" height="8"/><text x="${at(right - 90 * (names.length - s) + 11)}" y="11">${shown(name, 13)}</text>`,
  );
  const line = marked.map((place) => {
    const before = x(place) > (left + right) / 2;
    return `<path class="lc-m" d="M${at(x(place))} ${top - 6}V${bottom}"/><text class="lc-mt" x="${at(x(place) + (before ? -4 : 4))}" y="${top + 4}" text-anchor="${before ? 'end' : 'start'}">${shown(mark?.label, 40)}</text>`;
  });
  const labels = axisLabels(low, high, x, height - 5, options.text);
  return svg([gridLines(0, most, y, left, right), ...bars, labels, ...line, ...legend], width, height, options);
}
