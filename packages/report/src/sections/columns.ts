import { bars } from '../charts/bars.ts';
import { histogram } from '../charts/histogram.ts';
import type { ColumnSummary } from '../summary.ts';
import { numeral, percent, shown } from '../text.ts';
import { more, type Section, table } from './section.ts';

/** Columns that are drawn, and those that are listed beyond. */
const MOST_DRAWN = 100;
const MOST_LISTED = 400;

const day = (time: number): string => {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 10);
};

function chart({ bins, levels = [], others = 0, dates }: ColumnSummary): string {
  const size = { width: 330, style: false };
  if (bins !== undefined) return histogram([bins], { ...size, height: 110, ...(dates && { text: day }) });
  if (levels.length === 0) return '';
  const list = levels.slice(0, 10).map(({ value, count }) => ({ name: value, value: count }));
  return bars(others > 0 ? [...list, { name: 'others', value: others }] : list, size);
}

function card(column: ColumnSummary): string {
  const { name, kind, why, holes, distinct } = column;
  const facts = [
    ...(kind === undefined ? [] : [`<b>${shown(kind)}</b>`]),
    `${numeral(distinct)} different`,
    ...(holes > 0 ? [`${percent(holes)} holes`] : []),
  ].join(' · ');
  const reason = why === undefined ? '' : `<p class="q">${shown(why, 160)}</p>`;
  return `<article><h3>${shown(name)}</h3><p>${facts}</p>${chart(column)}${reason}</article>`;
}

export const columns: Section = {
  id: 'columns',
  title: 'Columns',
  render({ columns: given, card: model }) {
    if (given === undefined || given.length === 0) {
      if (model === undefined || model.columns.length === 0) return null;
      const rows = model.columns
        .slice(0, MOST_LISTED)
        .map(({ name, kind, holes, why }) => [shown(name), shown(kind), percent(holes), shown(why, 160)]);
      return table(['column', 'kind', 'holes', 'why'], rows, [2]) + more(model.columns.length, MOST_LISTED, 'columns');
    }
    const drawn = given.slice(0, MOST_DRAWN).map(card).join('');
    const listed = given.slice(MOST_DRAWN, MOST_DRAWN + MOST_LISTED);
    const rest = listed.map(({ name, kind = '', holes, distinct }) => [
      shown(name),
      shown(kind),
      percent(holes),
      numeral(distinct),
    ]);
    const below = listed.length > 0 ? table(['column', 'kind', 'holes', 'different'], rest, [2, 3]) : '';
    return `<div class="cards">${drawn}</div>${below}${more(given.length, MOST_DRAWN + MOST_LISTED, 'columns')}`;
  },
};
