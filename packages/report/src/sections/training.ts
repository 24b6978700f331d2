import { lines } from '../charts/lines.ts';
import { numeral } from '../text.ts';
import { type Section, table } from './section.ts';

/** Members of an ensemble that are drawn. */
const MOST_MEMBERS = 3;

export const training: Section = {
  id: 'training',
  title: 'Training',
  render({ history, card }) {
    if (history === undefined || history.members.length === 0) return null;
    const members = history.members.slice(0, MOST_MEMBERS);
    const curves = members.map(({ epochs }, i) => ({
      name: members.length === 1 ? 'watched rows' : `watched rows, model ${i + 1}`,
      x: epochs.map(({ epoch }) => epoch),
      y: epochs.map(({ validation }) => validation),
    }));
    const mark = Number.isFinite(history.nullLoss) ? { mark: { at: history.nullLoss, label: 'null' } } : {};
    const chart = lines(curves, { title: 'Nats per row by epoch', style: false, ...mark });
    const rows = members.map(({ epochs, best, stopped }, i) => {
      const at = epochs.find(({ epoch }) => epoch === best) ?? epochs.at(-1);
      return [i + 1, epochs.length, best, at?.reconstruction ?? Number.NaN, at?.kl ?? Number.NaN]
        .map(numeral)
        .concat(stopped === '' ? '' : stopped.replace(/[^\w ]/g, ' '));
    });
    const worth = card?.loss.nullWins
      ? '<p><b>The null wins</b>: columns that know nothing of each other cost no more. What the model says of these rows is worth little.</p>'
      : '<p>The dashed line is the null: columns that know nothing of each other. What lies below it is what the model has learned of how columns go together.</p>';
    return `${chart}${worth}${table(['model', 'epochs', 'best', 'reconstruction', 'KL', 'ended by'], rows, [0, 1, 2, 3, 4])}`;
  },
};
