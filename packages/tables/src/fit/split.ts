import { Rng } from '@latent/tensor';

/** What a row is for. */
export const ROLE = { unused: 0, learned: 1, watched: 2, calibration: 3 } as const;

/** How the rows of a table are shared out. */
export interface Split {
  /** Of each row, what it is for. */
  readonly roles: Uint8Array;
  readonly learned: number;
  readonly watched: number;
  readonly calibration: number;
}

/** Rows that are learned from, at most: what training visits in its steps. */
export const MOST_LEARNED = 200_000;
const MOST_WATCHED = 5000;
export const MOST_CALIBRATION = 10_000;
const FEWEST_CALIBRATION = 100;

/** How many rows calibrate: a share of them, at least 100 and at most 10,000, and never more than a third. */
export function calibrationRows(rows: number, share: number): number {
  const wanted = Math.max(FEWEST_CALIBRATION, Math.round(share * rows));
  return Math.min(wanted, MOST_CALIBRATION, Math.floor(rows / 3));
}

/**
 * Shares rows out by chance: some calibrate, a tenth of the others is watched while the rest is learned. With `groups`, rows of
 * one group are for one thing; `inOrder` takes the last rows to calibrate, for rows in the order of time.
 */
export function splitRows(
  rows: number,
  seed: number,
  share: number,
  { groups = null, inOrder = false }: { readonly groups?: readonly string[] | null; readonly inOrder?: boolean } = {},
): Split {
  const calibration = share === 0 ? 0 : calibrationRows(rows, share);
  const watched = Math.max(1, Math.min(MOST_WATCHED, Math.round(0.1 * (rows - calibration))));
  const order = groups === null ? new Rng(seed).permutation(rows) : groupedOrder(groups, seed);
  if (inOrder) {
    const last = rows - calibration;
    const rest = order.filter((r) => r < last);
    order.set(Array.from({ length: calibration }, (_, i) => last + i));
    order.set(rest, calibration);
  }
  const roles = new Uint8Array(rows);
  const edges = [calibration, calibration + watched, Math.min(rows, calibration + watched + MOST_LEARNED)];
  const moved = groups === null ? edges : edges.map((edge) => endOfGroup(order, groups, edge));
  const [first = 0, second = 0, third = 0] = moved;
  for (let i = 0; i < rows; i++) {
    const role = i < first ? ROLE.calibration : i < second ? ROLE.watched : i < third ? ROLE.learned : ROLE.unused;
    roles[order[i] as number] = role;
  }
  return { roles, calibration: first, watched: second - first, learned: third - second };
}

/** Rows in the order of their groups, groups in random order. */
function groupedOrder(groups: readonly string[], seed: number): Uint32Array {
  const names = [...new Set(groups)];
  const place = new Map<string, number>();
  new Rng(seed).permutation(names.length).forEach((to, i) => {
    place.set(names[i] as string, to);
  });
  return Uint32Array.from(groups.keys()).sort(
    (a, b) => (place.get(groups[a] as string) as number) - (place.get(groups[b] as string) as number) || a - b,
  );
}

/** The first place from `edge` on where another group begins. */
function endOfGroup(order: Uint32Array, groups: readonly string[], edge: number): number {
  let end = edge;
  while (end > 0 && end < order.length && groups[order[end] as number] === groups[order[end - 1] as number]) end++;
  return end;
}
