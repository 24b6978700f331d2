import type { ReportContents } from '../contents.ts';
import { escaped, numeral, percent, shown } from '../text.ts';
import type { Section } from './section.ts';

function facts({ card, rows, columns, command }: ReportContents): (readonly [string, string])[] {
  const holes = columns ?? card?.columns ?? [];
  const share = holes.reduce((sum, column) => sum + column.holes, 0) / Math.max(1, holes.length);
  const list: (readonly [string, string])[] = [];
  if (rows !== undefined) list.push(['Rows', numeral(rows)]);
  if (holes.length > 0) list.push(['Columns', numeral(holes.length)], ['Holes', percent(share)]);
  if (card !== undefined) {
    list.push(
      ['Model', `${escaped(card.task)}, of ${numeral(card.rows.given)} rows`],
      [
        'Learned, watched, calibrated',
        [card.rows.learned, card.rows.watched, card.rows.calibration].map(numeral).join(', '),
      ],
      ['Seed', numeral(card.seed)],
      ['Made', `${shown(card.created.slice(0, 19).replace('T', ' '))}, in ${numeral(card.seconds)} s`],
      ['Version', `${shown(card.library)} ${shown(card.version)}`],
    );
  }
  if (command !== undefined) list.push(['To make it again', `<code>${shown(command, 400)}</code>`]);
  return list;
}

export const overview: Section = {
  id: 'overview',
  title: 'Overview',
  render(contents) {
    const list = facts(contents);
    if (list.length === 0) return null;
    return `<dl>${list.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl>`;
  },
};

/** Alerts that are shown. */
const MOST_ALERTS = 40;

export const alerts: Section = {
  id: 'alerts',
  title: 'To know first',
  render({ alerts: given = [], card }) {
    const all = [...given, ...(card?.warnings ?? [])];
    if (all.length === 0) return null;
    const items = all.slice(0, MOST_ALERTS).map((line) => `<li>${shown(line, 400)}</li>`);
    return `<ul class="alerts">${items.join('')}</ul>`;
  },
};

/** What holds for every report. */
const LIMITS = [
  'Rates of false alarms hold for rows that are exchangeable with the calibration rows. Where data drift they do not.',
  'Reasons and expected values are what the model believes. They are no proof of a cause.',
  'Distances of synthetic rows to real ones are measured. They are no guarantee of privacy.',
];

export const limits: Section = {
  id: 'limits',
  title: 'Limits',
  render({ card }) {
    const all = [...new Set([...LIMITS, ...(card?.limits ?? [])])];
    return `<ul>${all
      .slice(0, 20)
      .map((line) => `<li>${shown(line, 400)}</li>`)
      .join('')}</ul>`;
  },
};
