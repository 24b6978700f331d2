import type { Expr } from '../../expr/expr.ts';
import { type FunctionBuilder, I32, type Local, V128 } from '../wasm/assembler.ts';
import { Computed, computeExpressions, written } from '../wasm/expression.ts';
import { type Lanes, storeLanes, type Value } from '../wasm/lanes.ts';
import { whileAtLeast } from '../wasm/loops.ts';

/** Stores a vector whole, or its first lanes where fewer than four units are left. */
export function storeUnits(
  f: FunctionBuilder,
  left: Local | null,
  pointer: Local,
  offset: number,
  vector: Local,
): void {
  if (left === null) {
    f.get(pointer).get(vector).memory('v128_store', offset);
    return;
  }
  const to = f.local(I32);
  f.get(pointer).i32(offset).op('i32_add').set(to);
  storeLanes(f, to, vector, left);
}

/** Four units at a time, `left` of them: `body` is told where fewer than four remain. */
export function eachFourUnits(
  f: FunctionBuilder,
  units: number,
  left: Local,
  pointers: readonly Local[],
  body: (tail: Local | null) => void,
): void {
  whileAtLeast(f, left, 4, () => {
    body(null);
    for (const pointer of pointers) f.advance(pointer, 16);
    f.advance(left, -4);
  });
  if (units % 4 === 0) return;
  f.get(left).i32(0).op('i32_gt_s');
  f.if_(() => body(left));
}

/** Computes expressions and leaves each in a local. */
export function computeInto(l: Lanes, roots: readonly Expr[], input: (position: number) => Value): Local[] {
  const results = roots.map(() => l.f.local(V128));
  for (const [i, value] of computeExpressions(l, written(roots, l.fused), new Computed(), input).entries()) {
    value.emit();
    l.f.set(results[i] as Local);
  }
  return results;
}
