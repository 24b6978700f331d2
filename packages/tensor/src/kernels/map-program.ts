import { type Expr, input } from '../expr/expr.ts';
import type { MapProgram } from './kernels.ts';

/** Makes a formula (or several over the same inputs) into a kernel. Keep the result: compiled code is cached on it. */
export function mapProgram(
  name: string,
  inputs: number,
  build: (...inputs: Expr[]) => Expr | readonly Expr[],
): MapProgram {
  const built = build(...Array.from({ length: inputs }, (_, i) => input(i)));
  return { name, expressions: Array.isArray(built) ? built : [built as Expr], inputs, compiled: new Map() };
}

/** The identity, for reducing a tensor as it is. */
export const IDENTITY: MapProgram = /* @__PURE__ */ mapProgram('identity', 1, (x) => x);
