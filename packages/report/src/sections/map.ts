import { dots } from '../charts/dots.ts';
import type { CodeMap } from '../contents.ts';
import { numeral, plain, shown } from '../text.ts';
import type { Section } from './section.ts';

/** Levels that have a colour of their own; the sixth is the rest. */
const MOST_LEVELS = 5;

/** The group of each point, and the groups' names: frequent values, or fifths of numbers. */
function groupsOf(values: readonly unknown[]): {
  readonly of: (value: unknown) => number;
  readonly names: readonly string[];
} {
  const numbers = values.filter((value) => typeof value === 'number' && Number.isFinite(value)) as number[];
  if (numbers.length > 0.5 * values.length && new Set(numbers).size > MOST_LEVELS) {
    const sorted = numbers.toSorted((a, b) => a - b);
    const edges = [1, 2, 3, 4].map((fifth) => sorted[Math.floor((fifth * sorted.length) / MOST_LEVELS)] as number);
    const names = [...edges.map((edge) => `< ${numeral(edge)}`), `≥ ${numeral(edges[3] as number)}`];
    return {
      of: (value) => (typeof value === 'number' ? edges.filter((edge) => value >= edge).length : MOST_LEVELS),
      names,
    };
  }
  const counts = new Map<string, number>();
  for (const value of values) counts.set(plain(value), (counts.get(plain(value)) ?? 0) + 1);
  const names = [...counts].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  const own = names.slice(0, MOST_LEVELS);
  return {
    of: (value) => {
      const at = own.indexOf(plain(value));
      return at < 0 ? MOST_LEVELS : at;
    },
    names: names.length > MOST_LEVELS ? [...own, 'others'] : own,
  };
}

function drawn({ points, values, column }: CodeMap): string {
  if (values === undefined)
    return dots(
      points.map(([x, y]) => ({ x, y })),
      { title: 'Codes of rows', style: false },
    );
  const { of, names } = groupsOf(values);
  const coloured = points.map(([x, y], i) => ({ x, y, group: of(values[i]) }));
  return dots(coloured, { title: `Codes of rows by ${column ?? 'value'}`, names, style: false });
}

export const map: Section = {
  id: 'map',
  title: 'Map of the rows',
  render({ map: given }) {
    if (given === undefined || given.points.length === 0) return null;
    const by = given.column === undefined ? '' : ` Colours are of <b>${shown(given.column)}</b>.`;
    return `${drawn(given)}<p>Rows that the model finds alike are near each other, as far as a plane can show it.${by}</p>`;
  },
};
