import { type Expr, input } from '../../expr/expr.ts';
import type { MapProgram } from '../kernel.ts';
import { instructions } from '../wasm/expression.ts';

/** Makes a formula (or several over the same inputs) into a kernel. Keep the result: compiled code is cached on it. */
export function mapProgram(
  name: string,
  inputs: number,
  build: (...inputs: Expr[]) => Expr | readonly Expr[],
): MapProgram {
  const built = build(...Array.from({ length: inputs }, (_, i) => input(i)));
  return { name, expressions: Array.isArray(built) ? built : [built as Expr], inputs, compiled: new Map() };
}

/** The identity, for reducing or moving a tensor as it is. */
export const IDENTITY: MapProgram = /* @__PURE__ */ mapProgram('identity', 1, (x) => x);

// Measured on one core of an x86-64 server with WebAssembly SIMD.
const NS_PER_ELEMENT = 0.12;
const NS_PER_INSTRUCTION = 0.045;

/** About how many nanoseconds one element of a formula takes. */
export function elementTime(program: MapProgram): number {
  let known = program.compiled.get('time') as number | undefined;
  if (known === undefined) {
    known = NS_PER_ELEMENT + NS_PER_INSTRUCTION * instructions(program.expressions);
    program.compiled.set('time', known);
  }
  return known;
}
