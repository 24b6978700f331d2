import { extent } from './frame.ts';

/** How many numbers lie between neighbouring edges. */
export interface Bins {
  /** One more than counts, rising. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** Bins of equal width; at most 64 in all, so that a chart stays small whatever the data. */
export function binsOf(
  values: ArrayLike<number>,
  options: { readonly count?: number; readonly range?: readonly [number, number] } = {},
): Bins {
  const count = Math.max(1, Math.min(64, Math.floor(options.count ?? 32)));
  const finite = Array.from(values).filter(Number.isFinite);
  const [low, high] = options.range ?? extent(finite);
  const width = (high - low) / count;
  if (!(width > 0) || !Number.isFinite(width)) return { edges: [low, low], counts: [finite.length] };
  const counts = new Array<number>(count).fill(0);
  for (const x of finite) {
    if (x < low || x > high) continue;
    const at = Math.min(count - 1, Math.floor((x - low) / width));
    counts[at] = (counts[at] as number) + 1;
  }
  return { edges: Array.from({ length: count + 1 }, (_, i) => (i === count ? high : low + i * width)), counts };
}
