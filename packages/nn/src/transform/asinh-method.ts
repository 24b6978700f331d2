import type { ColumnMethod } from './column-method.ts';

/**
 * y = asinh(x/s) = ln(x/s + √((x/s)² + 1)): straight near 0, a logarithm far from it on either side (Johnson 1949). What it does
 * is not learned.
 */
export function asinhMethod(scale: number): ColumnMethod {
  return {
    fit: () => ({ add: () => {}, again: () => false, numbers: () => [] }),
    map: () => ({
      forward: (x) => Math.asinh(x / scale),
      inverse: (y) => scale * Math.sinh(y),
      logSlope: (x) => -Math.log(Math.hypot(x, scale)),
    }),
    valid: (numbers) => numbers.length === 0,
  };
}
