import type { ColumnDrift } from '@latent/tables';
import { numeral, percent, pValueText, shown } from '../text.ts';
import { more, type Section, table } from './section.ts';

const MOST_COLUMNS = 200;

const verdict = (found: boolean): string => (found ? '<b class="bad">drift</b>' : 'none found');

function line({ column, test, adjustedPValue, effect, effectOf, drift, holes }: ColumnDrift): string[] {
  const gone = holes.drift
    ? `<b class="bad">${percent(holes.reference)} → ${percent(holes.now)}</b>`
    : percent(holes.now);
  return [
    shown(column),
    test === 'ks' ? 'Kolmogorov–Smirnov' : 'χ²',
    pValueText(adjustedPValue),
    `${numeral(Number(effect.toPrecision(3)))} ${effectOf === 'wasserstein' ? 'σ' : 'total variation'}`,
    gone,
    verdict(drift || holes.drift),
  ];
}

export const drift: Section = {
  id: 'drift',
  title: 'Drift',
  render({ drift: given }) {
    if (given === undefined) return null;
    const { rows, referenceRows, alpha, scores, codes, columns, notes } = given;
    const sorted = columns.toSorted(
      (a, b) =>
        Number(b.drift || b.holes.drift) - Number(a.drift || a.holes.drift) || a.adjustedPValue - b.adjustedPValue,
    );
    const families = table(
      ['all rows together', 'p', ''],
      [
        ['scores', pValueText(scores.pValue), verdict(scores.drift)],
        ['codes', pValueText(codes.pValue), verdict(codes.drift)],
      ],
      [1],
    );
    const list = sorted.slice(0, MOST_COLUMNS).map(line);
    const told = notes.slice(0, 20).map((note) => `<li>${shown(note, 300)}</li>`);
    const head = `<p>${given.drift ? '<b class="bad">These rows have drifted.</b>' : 'No drift was found.'} ${numeral(rows)} rows against ${numeral(referenceRows)} that took no part in fitting, at α = ${numeral(alpha)} in each family of tests.</p>`;
    return `${head}${families}${table(['column', 'test', 'p, adjusted', 'effect', 'holes', ''], list, [2, 3, 4])}${more(columns.length, MOST_COLUMNS, 'columns')}${told.length > 0 ? `<ul>${told.join('')}</ul>` : ''}`;
  },
};
