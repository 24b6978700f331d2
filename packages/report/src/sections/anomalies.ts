import type { CellReason, Expected } from '@latent/tables';
import { binsOf } from '../charts/bins.ts';
import { extent } from '../charts/frame.ts';
import { histogram } from '../charts/histogram.ts';
import type { OddRow } from '../contents.ts';
import { numeral, percent, pValueText, sentence, shown } from '../text.ts';
import { more, type Section, table } from './section.ts';

/** Rows that are shown, and reasons of each. */
const MOST_ROWS = 100;
const MOST_REASONS = 4;

/** What was expected in a cell, as words. */
export function expectedText(expected: Expected): string {
  if ('likely' in expected) {
    const likely = expected.likely.slice(0, 3);
    return likely
      .map(({ value, probability }) => `${shown(value, 24)} (${percent(Math.round(100 * probability) / 100)})`)
      .join(', ');
  }
  return `${shown(expected.low, 20)} to ${shown(expected.high, 20)}`;
}

function reason({ column, value, nats, adjustedPValue, expected }: CellReason): string {
  return `<li><b>${shown(column, 32)}</b> is <em>${shown(value, 32)}</em>, expected ${expectedText(expected)} <span class="q">${numeral(Number(nats.toPrecision(3)))} nats, p ${pValueText(adjustedPValue)}</span></li>`;
}

function oddRow({ row, explanation }: OddRow): string[] {
  const reasons = explanation.cells.slice(0, MOST_REASONS).map(reason).join('');
  return [
    numeral(row),
    numeral(Number(explanation.score.toPrecision(5))),
    pValueText(explanation.pValue),
    `<ul>${reasons}</ul>`,
  ];
}

/** Scores without the thousandth that is furthest out, which would leave the rest one bar. */
function range(scores: ArrayLike<number>, mark: number): readonly [number, number] {
  const sorted = Float64Array.from(scores).filter(Number.isFinite).sort();
  const last = sorted[Math.floor(0.999 * (sorted.length - 1))] ?? 1;
  const [low, high] = extent([sorted[0] ?? 0, last, ...(Number.isFinite(mark) ? [mark] : [])]);
  return [low, high > low ? high + 0.02 * (high - low) : high + 1];
}

export const anomalies: Section = {
  id: 'anomalies',
  title: 'Odd rows',
  render({ anomalies: given }) {
    if (given === undefined) return null;
    const { scores, calibrationScores, threshold, count, rows } = given;
    const span = range(scores, threshold?.score ?? Number.NaN);
    const series = [scores, ...(calibrationScores === undefined ? [] : [calibrationScores])].map((each) =>
      binsOf(each, { count: 48, range: span }),
    );
    const chart = histogram(series, {
      title: 'Scores in nats; higher is odder',
      width: 640,
      height: 190,
      style: false,
      ...(series.length > 1 && { names: ['these rows', 'calibration'] }),
      ...(threshold !== undefined && { mark: { at: threshold.score, label: `threshold ${numeral(threshold.score)}` } }),
    });
    const words = threshold === undefined ? '' : `<p>${shown(sentence(threshold.guarantee), 400)}.</p>`;
    const found = `<p><b>${numeral(count)}</b> of ${numeral(scores.length)} rows are beyond the line.</p>`;
    const list = rows.slice(0, MOST_ROWS).map(oddRow);
    const below = list.length === 0 ? '' : table(['row', 'score', 'p', 'because'], list, [0, 1, 2]);
    return `${chart}${words}${found}${below}${more(Math.max(count, rows.length), list.length, 'odd rows')}`;
  },
};
