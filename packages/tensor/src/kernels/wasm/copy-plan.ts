import type { LayoutFunctions } from './layout.ts';

/**
 * Chooses the loop for a 4-D copy. Dimensions of size 1 are dropped and neighbours that are one run in both operands are
 * joined, then:
 * runs (both stride 1 inside) and splats (in stride 0) go by vectors, a pair of dimensions that trade stride 1 is a
 * transposition, and everything else goes element by element.
 */
const size = [1, 1, 1, 1];
const outStride = [0, 0, 0, 0];
const inStride = [0, 0, 0, 0];

function move(from: number, to: number): void {
  size[to] = size[from];
  outStride[to] = outStride[from];
  inStride[to] = inStride[from];
}

function swap(a: number, b: number): void {
  const [n, o, i] = [size[a], outStride[a], inStride[a]];
  move(b, a);
  size[b] = n;
  outStride[b] = o;
  inStride[b] = i;
}

/** Fills the plan from the innermost dimension outwards. Returns false when there is nothing to copy. */
function simplify(shape: readonly number[], outStrides: readonly number[], inStrides: readonly number[]): boolean {
  let top = 4;
  for (let d = 3; d >= 0; d--) {
    const n = shape[d];
    if (n === 0) return false;
    if (n === 1) continue;
    const joins = top < 4 && outStrides[d] === outStride[top] * size[top] && inStrides[d] === inStride[top] * size[top];
    if (joins) {
      size[top] *= n;
      continue;
    }
    top--;
    size[top] = n;
    outStride[top] = outStrides[d];
    inStride[top] = inStrides[d];
  }
  if (top === 4) {
    top = 3;
    size[3] = 1;
    outStride[3] = 1;
    inStride[3] = 1;
  }
  for (let d = 0; d < top; d++) {
    size[d] = 1;
    outStride[d] = 0;
    inStride[d] = 0;
  }
  return true;
}

export function copyBox(
  functions: LayoutFunctions,
  out: number,
  input: number,
  shape: readonly number[],
  outStrides: readonly number[],
  inStrides: readonly number[],
): void {
  if (!simplify(shape, outStrides, inStrides)) return;
  // The dimension that is contiguous in the result goes inside, and next to it the one that is contiguous in the input.
  for (let d = 0; d < 3; d++) if (outStride[d] === 1 && outStride[3] !== 1 && size[d] > 1) swap(d, 3);
  let run = functions.copyElements;
  if (outStride[3] === 1 && inStride[3] === 1) run = functions.copyRuns;
  else if (outStride[3] === 1 && inStride[3] === 0) run = functions.copySplats;
  else if (outStride[3] === 1) {
    for (let d = 0; d < 3; d++) {
      if (inStride[d] !== 1 || size[d] === 1) continue;
      if (d !== 2) swap(d, 2);
      run = functions.transpose;
    }
  }
  run(
    out,
    input,
    size[0],
    size[1],
    size[2],
    size[3],
    4 * outStride[0],
    4 * outStride[1],
    4 * outStride[2],
    4 * outStride[3],
    4 * inStride[0],
    4 * inStride[1],
    4 * inStride[2],
    4 * inStride[3],
  );
}
