import { ShapeError, ValueError } from '@latent/tensor';

/** Numbers in an array or a typed array; for a tensor, its `data`. */
export type Numbers = ArrayLike<number>;

/** Throws unless both hold as many numbers, at least one, and each number `a` and `b` of a pair is allowed. */
export function checkPairs(
  caller: string,
  a: Numbers,
  b: Numbers,
  expected: string,
  allowed: (a: number, b: number) => boolean,
): void {
  if (a.length !== b.length || a.length === 0) {
    throw new ShapeError(
      `${caller}: needs as many of one as of the other and at least one, got ${a.length} and ${b.length}`,
    );
  }
  for (let i = 0; i < a.length; i++) {
    if (!allowed(a[i], b[i])) {
      throw new ValueError(`${caller}: expected ${expected}, got ${a[i]} and ${b[i]} at row ${i}`);
    }
  }
}
