import { numeral, shown } from '../text.ts';
import { more, type Section, table } from './section.ts';

const MOST_COLUMNS = 200;

export const imputation: Section = {
  id: 'imputation',
  title: 'How far filled holes are off',
  render({ imputation: own, card }) {
    const given = (own ?? card?.imputation ?? []).filter(({ cells }) => cells > 0);
    if (given.length === 0) return null;
    const rows = given
      .slice(0, MOST_COLUMNS)
      .map(({ column, measure, error, baseline, cells, better }) => [
        shown(column),
        measure === 'rmse' ? 'root of the mean square' : 'share wrong',
        numeral(Number(error.toPrecision(3))),
        numeral(Number(baseline.toPrecision(3))),
        numeral(cells),
        better ? 'better' : '<b>not better</b>',
      ]);
    const words =
      '<p>Known cells were hidden from the model and filled again. Beside it: the mean, or the most frequent level.</p>';
    return `${words}${table(['column', 'measure', 'error', 'mean or mode', 'cells', ''], rows, [2, 3, 4])}${more(given.length, MOST_COLUMNS, 'columns')}`;
  },
};
