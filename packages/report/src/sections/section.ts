import type { ReportContents } from '../contents.ts';

/** A part of a report: its heading, and what it makes of the contents; null where there is nothing for it. */
export interface Section {
  readonly id: string;
  readonly title: string;
  render(contents: ReportContents): string | null;
}

/** A table; cells are HTML. Numbers stand on the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: readonly number[] = [],
): string {
  const side = (column: number): string => (numbers.includes(column) ? ' class="n"' : '');
  const heads = head.map((text, i) => `<th scope="col"${side(i)}>${text}</th>`).join('');
  const body = rows
    .map((cells) => `<tr>${cells.map((cell, i) => `<td${side(i)}>${cell}</td>`).join('')}</tr>`)
    .join('');
  return `<div class="w"><table><thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** What is left out of a list. */
export function more(all: number, shown: number, what: string): string {
  return all > shown ? `<p class="q">${all - shown} more ${what} are not shown.</p>` : '';
}
