import { describeValue, ShapeError, ValueError } from '@latent/tensor';

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
  for (const values of [a, b]) {
    if (typeof values !== 'object' || values === null || typeof values.length !== 'number') {
      throw new ValueError(
        `${caller}: expected arrays of numbers (of a tensor, its data), got ${describeValue(values)}`,
      );
    }
  }
  if (a.length !== b.length || a.length === 0) {
    throw new ShapeError(
      `${caller}: needs as many of one as of the other and at least one, got ${a.length} and ${b.length}`,
    );
  }
  for (let i = 0; i < a.length; i++) {
    const [x, y]: readonly unknown[] = [a[i], b[i]];
    if (typeof x !== 'number' || typeof y !== 'number' || !allowed(x, y)) {
      throw new ValueError(
        `${caller}: expected ${expected}, got ${describeValue(x)} and ${describeValue(y)} at row ${i}`,
      );
    }
  }
}
