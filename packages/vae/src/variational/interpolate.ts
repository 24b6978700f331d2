/** Below this angle two codes have one direction, and the sphere between them is the line. */
const SMALLEST_ANGLE = 1e-6;

/** `steps` codes from `from` to `to`, both included, straight or along the great circle (Shoemake 1985). */
export function interpolateCodes(
  from: readonly number[],
  to: readonly number[],
  steps: number,
  path: 'linear' | 'spherical',
): number[][] {
  const norm = (x: readonly number[]): number => Math.hypot(...x);
  const dot = from.reduce((sum, x, i) => sum + x * (to[i] as number), 0);
  const angle = Math.acos(Math.min(1, Math.max(-1, dot / (norm(from) * norm(to)))));
  const spherical = path === 'spherical' && angle > SMALLEST_ANGLE && angle < Math.PI - SMALLEST_ANGLE;
  return Array.from({ length: steps }, (_, i) => {
    const t = i / (steps - 1);
    const [a, b] = spherical
      ? [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)]
      : [1 - t, t];
    return from.map((x, j) => a * x + b * (to[j] as number));
  });
}
