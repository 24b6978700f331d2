import type { Expr } from '../../expr/expr.ts';
import type { Layout } from '../kernel.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder, V128 } from '../wasm/assembler.ts';
import { Computed, computeExpressions, instructions, invariants, written } from '../wasm/expression.ts';
import { Lanes, storeLanes, type Value } from '../wasm/lanes.ts';
import { COLUMN, FULL, ROW, variesAlongColumns } from './layout.ts';

/** The operands of a generated loop over `rows × cols`: where each is now, and the values that do not change inside. */
export interface Operands {
  readonly l: Lanes;
  readonly layouts: readonly Layout[];
  readonly parameters: readonly Local[];
  /** For `FULL` and `ROW` inputs the address of the current vector, for `COLUMN` inputs that of the row's value. */
  readonly pointers: readonly Local[];
}

/** Instructions a vector may take before a loop is no longer unrolled four times. */
const LIGHT = 12;

export function unrolling(expressions: readonly Expr[]): 1 | 4 {
  return instructions(expressions) <= LIGHT ? 4 : 1;
}

/** Locals for the inputs, set to the first element of each. */
export function openOperands(l: Lanes, layouts: readonly Layout[], parameters: readonly Local[]): Operands {
  const pointers = layouts.map((_, i) => {
    const pointer = l.f.local(I32);
    l.f.get(parameters[i]!).set(pointer);
    return pointer;
  });
  return { l, layouts, parameters, pointers };
}

/** The value of input `position` at the current place, `offset` bytes further along the columns. */
export function load({ l, layouts, pointers }: Operands, position: number, offset: number): Value {
  const splat = !variesAlongColumns(layouts[position]!);
  const emit = (): void => {
    l.f.get(pointers[position]!).memory(splat ? 'v128_load32_splat' : 'v128_load', splat ? 0 : offset);
  };
  return { emit, kept: false };
}

/** Computes and keeps nodes that later values are made of. */
export function prepare(operands: Operands, nodes: readonly Expr[], known: Computed): Computed {
  const { l } = operands;
  const computed = known.copy();
  const results = computeExpressions(l, nodes, computed, (position) => load(operands, position, 0));
  const ready = known.copy();
  for (const [i, node] of nodes.entries()) ready.values.set(node, l.keep(results[i]!));
  return ready;
}

/** The expressions at the current place, `offset` bytes further along the columns. */
export function valuesAt(operands: Operands, expressions: readonly Expr[], ready: Computed, offset: number): Value[] {
  return computeExpressions(operands.l, expressions, ready.copy(), (position) => load(operands, position, offset));
}

/**
 * A map as a function (rows, cols, outputs…, inputs…). Within a row it takes four columns at a time; the last vector of
 * a row reads past its end and stores by lane. All outputs of a vector are computed before the first is stored, so an
 * output may be an input's buffer.
 */
export function defineMap(
  module: ModuleBuilder,
  expressions: readonly Expr[],
  layouts: readonly Layout[],
  fused: boolean,
): FunctionBuilder {
  const parameters = i32s(2 + expressions.length + layouts.length);
  return module.define(parameters, [], (f) => emitMap(new Lanes(f, fused), written(expressions, fused), layouts));
}

function emitMap(l: Lanes, expressions: readonly Expr[], layouts: readonly Layout[]): void {
  const { f } = l;
  const [rows, cols] = [0, 1];
  const outs = expressions.map((_, j) => 2 + j);
  const operands = openOperands(
    l,
    layouts,
    layouts.map((_, i) => 2 + outs.length + i),
  );
  const results = expressions.map(() => f.local(V128));
  const left = f.local(I32);
  const { scalars, columns } = invariants(expressions, layouts);
  const once = prepare(operands, scalars, new Computed());
  const moving = [...outs, ...operands.pointers.filter((_, i) => variesAlongColumns(layouts[i]!))];
  const unroll = unrolling(expressions);

  const compute = (ready: Computed, offset: number): void => {
    const values = valuesAt(operands, expressions, ready, offset);
    for (const [j, value] of values.entries()) {
      value.emit();
      f.set(results[j]!);
    }
  };
  const storeAll = (offset: number): void => {
    for (const [j, out] of outs.entries()) f.get(out).get(results[j]!).memory('v128_store', offset);
  };
  const advance = (vectors: number): void => {
    for (const pointer of moving) f.advance(pointer, 16 * vectors);
    f.advance(left, -4 * vectors);
  };

  const wholeVectors = (ready: Computed, count: number): void => {
    f.get(left)
      .i32(4 * count)
      .op('i32_ge_s');
    f.if_(() => {
      f.loop(() => {
        for (let u = 0; u < count; u++) {
          compute(ready, 16 * u);
          storeAll(16 * u);
        }
        advance(count);
        f.get(left)
          .i32(4 * count)
          .op('i32_ge_s')
          .brIf(0);
      });
    });
  };

  const row = (): void => {
    for (const [i, layout] of layouts.entries()) {
      if (layout === ROW) f.get(operands.parameters[i]!).set(operands.pointers[i]!);
    }
    const ready = prepare(operands, columns, once);
    f.get(cols).set(left);
    wholeVectors(ready, unroll);
    if (unroll > 1) wholeVectors(ready, 1);
    f.get(left).i32(0).op('i32_gt_s');
    f.if_(() => {
      compute(ready, 0);
      for (const [j, out] of outs.entries()) storeLanes(f, out, results[j]!, left);
      advance(1);
    });
    // `left` is now minus the lanes that the last vector went too far.
    for (const [i, pointer] of [...outs, ...operands.pointers].entries()) {
      const layout = i < outs.length ? FULL : layouts[i - outs.length];
      if (layout === FULL) f.get(pointer).get(left).i32(2).op('i32_shl').op('i32_add').set(pointer);
      else if (layout === COLUMN) f.advance(pointer, 4);
    }
  };

  f.block(() => {
    f.loop(() => {
      f.get(rows).i32(0).op('i32_le_s').brIf(1);
      row();
      f.advance(rows, -1);
      f.br(0);
    });
  });
}
