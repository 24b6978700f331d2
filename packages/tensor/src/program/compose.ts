import { type Expr, input, substitute } from '../expr/expr.ts';
import type { Formula, Layout, MapProgram } from '../kernels/kernel.ts';
import { internedProgram } from '../kernels/map/map-program.ts';
import { machine } from '../kernels/select.ts';
import { type CallStep, type Operand, outputsOf, type Value } from './step.ts';

/** A call of a fused kernel, with its formula. */
export interface Part {
  readonly step: CallStep;
  readonly formula: Formula;
}

/** Parts whose names make the name of a fused formula. */
const NAMED = 6;

/**
 * One formula of all parts, in order: what a part reads that an earlier one makes is its formula, everything else an
 * input. `outputs` say which values are written.
 */
export function composed(
  parts: readonly Part[],
  outputs: readonly Operand[],
  inputs: readonly { readonly operand: Operand; readonly layout: Layout }[],
): MapProgram {
  const made = new Map<Value, Expr>();
  // The reference computes formulas in double precision: what a part handed on in single precision is rounded to it still.
  const { dtype } = (parts[0] as Part).step.call;
  const rounds = dtype === 'f32' && machine().linker === null;
  const position = (operand: Operand, layout: Layout): Expr =>
    input(
      inputs.findIndex(
        (known) =>
          known.layout === layout && known.operand.value === operand.value && known.operand.offset === operand.offset,
      ),
    );
  let roots: Expr[] = [];
  for (const { step, formula } of parts) {
    const results = outputsOf(step);
    const values = formula.layouts.map((layout, i) => {
      const operand = step.operands[results + i] as Operand;
      return made.get(operand.value) ?? position(operand, layout);
    });
    roots = formula.program.expressions.map((root) => substitute(root, values));
    for (const [i, root] of roots.entries()) {
      const output = step.operands[i];
      if (i < results && output !== undefined) made.set(output.value, rounds ? root.fround() : root);
    }
  }
  // The last part's outputs are written as they come: a reduction's is not what its formula gives.
  const last = parts[parts.length - 1] as Part;
  const own = outputsOf(last.step);
  const expressions = [...roots.slice(0, own), ...outputs.slice(own).map(({ value }) => made.get(value) as Expr)];
  return internedProgram(nameOf(parts), expressions, inputs.length);
}

function nameOf(parts: readonly Part[]): string {
  const names = parts.map(({ formula }) => formula.program.name);
  if (names.length <= NAMED) return names.join('·');
  return [...names.slice(0, NAMED / 2), `${names.length - NAMED} more`, ...names.slice(-NAMED / 2)].join('·');
}
