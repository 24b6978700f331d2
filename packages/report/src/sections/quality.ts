import type { Measure, QualityReport } from '@latent/tables';
import { bars } from '../charts/bars.ts';
import { heatMap } from '../charts/heat-map.ts';
import { numeral, percent, shown } from '../text.ts';
import { more, type Section, table } from './section.ts';

const MOST_COLUMNS = 60;

const figure = (x: number | null): string => (x === null ? '\u2013' : x.toFixed(3));

function measures({ shapes, pairs, detection, utility }: QualityReport): string {
  const line = (name: string, best: string, { value, independent, real }: Measure): string[] => [
    name,
    figure(value),
    figure(independent),
    figure(real),
    best,
  ];
  return table(
    ['', 'synthetic', 'independent columns', 'other real rows', 'best'],
    [
      line('Shapes of columns', '1', shapes),
      line('Pairs of columns', '1', pairs),
      line(`Pairs that belong together (${numeral(pairs.associated.count)})`, '1', pairs.associated),
      line('Told from real rows by boosted trees', '0.5', detection),
      ...(utility === null
        ? []
        : [
            line(
              `What trees learn of ${shown(utility.target, 24)} (${utility.of === 'auc' ? 'AUC' : 'R²'})`,
              'as real rows',
              utility,
            ),
          ]),
    ],
    [1, 2, 3, 4],
  );
}

function privacy({ privacy: given }: QualityReport): string {
  if (given === null) return '<p>Privacy was not measured: it takes real rows that were held out.</p>';
  return `<p>Exact copies: <b>${numeral(given.copies)}</b> (of the held-out rows ${numeral(given.holdoutCopies)}). Nearer to a learned row than to a held-out one: <b>${percent(given.nearerShare)}</b>; 50 % is right. Distance to the closest real row, lowest twentieth: ${numeral(given.distance.synthetic)} (held-out rows: ${numeral(given.distance.holdout)}). Measured, not guaranteed.</p>`;
}

export const quality: Section = {
  id: 'synthetic',
  title: 'Synthetic rows',
  render({ quality: given }) {
    if (given === undefined) return null;
    const { shapes, pairs, valid } = given;
    const worst = shapes.columns.toSorted((a, b) => a.value - b.value).slice(0, MOST_COLUMNS);
    const chart = bars(
      worst.map(({ column, value, independent }) => ({ name: column, value, other: independent })),
      {
        title: 'Shapes of columns, worst first',
        names: ['synthetic', 'independent'],
        most: 1,
        text: figure,
        style: false,
        width: 480,
      },
    );
    const names = [...new Set(pairs.list.flatMap(({ a, b }) => [a as string, b as string]))];
    const byPair = new Map(pairs.list.map(({ a, b, value }) => [JSON.stringify([a, b].sort()), value]));
    const map = heatMap(names, (r, c) => byPair.get(JSON.stringify([names[r], names[c]].sort())) ?? null, {
      title: 'How alike pairs of columns are',
      range: [0.5, 1],
      style: false,
    });
    const validity = `<p>Values within the real range: ${percent(valid.inRange)}; known levels: ${percent(valid.known)}.</p>`;
    return `${measures(given)}${validity}${privacy(given)}${chart}${more(shapes.columns.length, MOST_COLUMNS, 'columns')}${map}`;
  },
};
