import { callable, checkOptions, flag, list, optional, Rng, ValueError, whole } from '@latent/tensor';
import type { TableState } from '../model/state.ts';
import type { AnyRow } from '../results.ts';
import { drawConditioned, drawRows, hasHole } from './synthesize.ts';
import { conditionsOf, type Wanted, type Where } from './where.ts';

/** What synthetic rows are to be like. */
export interface SynthesizeOptions<Row extends object = AnyRow> {
  /** What rows must be, met without trying and throwing away. */
  readonly where?: Where<Row>;
  /** What else must hold for a row; rows for which it does not are drawn again. */
  readonly constraints?: readonly ((row: Row) => boolean)[];
  /** Whether rows have holes where learned rows have them; true by default. */
  readonly holes?: boolean;
  readonly seed?: number;
  /** Told the share of drawn rows that met the constraints. */
  onAcceptance?(share: number): void;
}

const synthesizeChecks = {
  where: (value: unknown): unknown => value,
  constraints: /* @__PURE__ */ optional(/* @__PURE__ */ list(/* @__PURE__ */ callable<(row: never) => boolean>()), []),
  seed: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 })),
  holes: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), true),
  onAcceptance: /* @__PURE__ */ optional(/* @__PURE__ */ callable<(share: number) => void>()),
};
/** Rows that are drawn for one that meets the constraints, at most. */
const MOST_TRIES = 200;
/** Synthetic rows that are made at a time. */
export const SYNTHESIS_BLOCK = 32_768;

/** `n` rows that are as wanted. */
export function wantedRows(caller: string, state: TableState, n: number, options: SynthesizeOptions): AnyRow[] {
  const { where, constraints, holes, seed, onAcceptance } = checkOptions(caller, options, synthesizeChecks);
  const conditions = conditionsOf(caller, state.code, where);
  const rng = new Rng((seed as number | undefined) ?? state.seed);
  const rules = constraints as readonly ((row: AnyRow) => boolean)[];
  const result: AnyRow[] = [];
  let drawn = 0;
  while (result.length < n) {
    const missing = n - result.length;
    const wanted =
      rules.length === 0
        ? missing
        : Math.ceil(1.2 * missing * Math.min(20, Math.max(1, drawn / Math.max(1, result.length)))) + 8;
    const rows = makeRows(state, Math.min(SYNTHESIS_BLOCK, wanted), conditions, holes, rng);
    for (const row of rows) {
      drawn++;
      if (result.length < n && rules.every((rule) => rule(row))) result.push(row);
    }
    if (drawn > MOST_TRIES * n + 10_000 && result.length < drawn / MOST_TRIES) {
      throw new ValueError(
        `${caller}: of ${drawn} rows, ${result.length} met the constraints; say with \`where\` what can be said so, or take constraints that more rows meet`,
      );
    }
  }
  onAcceptance?.(drawn === 0 ? 1 : result.length / drawn);
  return result;
}

/** Rows that were drawn, as records. */
export function makeRows(
  state: TableState,
  count: number,
  conditions: readonly Wanted[],
  holes: boolean,
  rng: Rng,
): AnyRow[] {
  const { rows: coded, around } =
    conditions.length === 0 ? drawRows(state, count, rng) : drawConditioned(state, count, conditions, rng);
  const columns = state.code.decode(coded, rng);
  const asked = new Set(conditions.map(({ column }) => column.name));
  const cells = new Map(
    state.code.columns.map(({ name }, c) => [
      name,
      // A row has the holes of the row it was drawn around.
      holes && !asked.has(name)
        ? (columns[c] as readonly unknown[]).map((cell, r) => (hasHole(state, around[r] as number, c) ? null : cell))
        : (columns[c] as readonly unknown[]),
    ]),
  );
  const rows = Array.from({ length: count }, (_, r) => {
    const row: AnyRow = {};
    for (const { name } of state.code.schema.columns) row[name] = cells.get(name)?.[r] ?? null;
    for (const { column, only, meets } of conditions) {
      // What rounding moved out of the condition.
      if (only !== undefined && !meets(row[column.name])) row[column.name] = only;
    }
    return row;
  });
  return rows.filter((row) => conditions.every(({ column, meets }) => meets(row[column.name])));
}
