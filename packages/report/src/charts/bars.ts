import { numeral, shown } from '../text.ts';
import { at, type ChartOptions, svg } from './frame.ts';

/** One line of a bar chart. */
export interface Bar {
  readonly name: unknown;
  readonly value: number;
  /** To be held against the value: a null, a reference. */
  readonly other?: number | null;
}

/** What a bar chart may be told. */
export interface BarsOptions extends ChartOptions {
  /** What value and other are. */
  readonly names?: readonly string[];
  /** The end of the axis; the largest value by default. */
  readonly most?: number;
  /** A value as text. */
  readonly text?: (x: number) => string;
}

/** Names and lengths, one below the other; with `other` a second bar below each. At most 64. */
export function bars(list: readonly Bar[], options: BarsOptions = {}): string {
  const { width = 360, names = [], text = numeral } = options;
  const lines = list.slice(0, 64);
  const double = lines.some(({ other }) => other !== undefined && other !== null);
  const step = double ? 24 : 17;
  const top = options.title === undefined && names.length === 0 ? 2 : names.length > 0 ? 34 : 20;
  const [left, right] = [Math.min(150, width * 0.4), width - 62];
  const finite = (x: number | null | undefined): number => (typeof x === 'number' && Number.isFinite(x) ? x : 0);
  const most =
    options.most ?? (Math.max(0, ...lines.flatMap(({ value, other }) => [finite(value), finite(other)])) || 1);
  const length = (x: number | null | undefined): number => Math.max(0, Math.min(1, finite(x) / most)) * (right - left);
  const drawn = lines.map(({ name, value, other }, i) => {
    const y = top + i * step;
    const second =
      other === undefined || other === null
        ? ''
        : `<rect class="lc-6" x="${at(left)}" y="${y + 11}" width="${at(Math.max(0.5, length(other)))}" height="5"/>`;
    return `<text x="${at(left - 6)}" y="${y + 9}" text-anchor="end">${shown(name, Math.floor((left - 8) / 6.4))}</text><rect class="lc-1" x="${at(left)}" y="${y}" width="${at(Math.max(0.5, length(value)))}" height="10"/>${second}<text x="${at(left + length(value) + 5)}" y="${y + 9}">${shown(text(value), 14)}</text>`;
  });
  const legend = names.map(
    (name, s) =>
      `<rect class="lc-${s === 0 ? 1 : 6}" x="${at(left + 110 * s)}" y="18" width="8" height="8"/><text x="${at(left + 110 * s + 12)}" y="26">${shown(name, 18)}</text>`,
  );
  return svg([...legend, ...drawn], width, top + lines.length * step + 4, options);
}
