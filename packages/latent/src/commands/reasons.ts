import type { CellReason, Expected } from '@latent/tables';
import { cellText } from '../terminal/words.ts';

/** What was expected in a cell, in words. */
export function expectedText(expected: Expected): string {
  if ('likely' in expected) {
    const likely = expected.likely.slice(0, 3);
    return likely
      .map(({ value, probability }) => `${cellText(value, 24)} (${Math.round(100 * probability)} %)`)
      .join(', ');
  }
  return `${cellText(expected.low, 20)} to ${cellText(expected.high, 20)}`;
}

/** The most telling cells of a row in one line; those that surprise at all. */
export function because(cells: readonly CellReason[], count = 2): string {
  const telling = cells.filter(({ nats }, i) => i === 0 || nats > 1).slice(0, count);
  return telling
    .map(({ column, value, expected }) => `${column} ${cellText(value, 24)} (expected ${expectedText(expected)})`)
    .join('; ');
}
