/** Rounds of the power iteration: codes have few directions, and a picture needs no more digits. */
const ROUNDS = 60;

/**
 * Codes of any width as points on the plane of their two principal directions, by power iteration: what can be seen of them in
 * two dimensions. Codes of one number get a second of 0.
 */
export function principalPlane(codes: readonly ArrayLike<number>[]): (readonly [number, number])[] {
  const width = codes[0]?.length ?? 0;
  const means = Array.from(
    { length: width },
    (_, d) => codes.reduce((sum, code) => sum + (code[d] as number), 0) / codes.length,
  );
  const centred = codes.map((code) => means.map((mean, d) => (code[d] as number) - mean));
  const first = direction(centred, width, null);
  const second = direction(centred, width, first);
  return centred.map((code) => [dot(code, first), dot(code, second)] as const);
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, d) => sum + x * (b[d] as number), 0);

/** The direction of the largest variance that is at right angles to another. */
function direction(rows: readonly (readonly number[])[], width: number, beside: readonly number[] | null): number[] {
  const against = (v: number[]): number[] => {
    const along = beside === null ? 0 : dot(v, beside);
    const rest = v.map((x, d) => x - along * (beside?.[d] ?? 0));
    const length = Math.sqrt(dot(rest, rest));
    return length > 1e-12 ? rest.map((x) => x / length) : rest.map(() => 0);
  };
  // Of no special direction, and the same every time.
  let v = against(Array.from({ length: width }, (_, d) => 1 + 0.37 * ((d * 7) % 5)));
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Array<number>(width).fill(0);
    for (const row of rows) {
      const share = dot(row, v);
      row.forEach((x, d) => {
        next[d] = (next[d] as number) + share * x;
      });
    }
    v = against(next);
  }
  return v;
}
