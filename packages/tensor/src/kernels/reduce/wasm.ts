import type { Expr } from '../../expr/expr.ts';
import type { Layout } from '../kernel.ts';
import { COLUMN, FULL, ROW, SCALAR, variesAlongColumns } from '../map/layout.ts';
import { openOperands, prepare, unrolling, valuesAt } from '../map/wasm.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder, V128 } from '../wasm/assembler.ts';
import { Computed, invariants, written } from '../wasm/expression.ts';
import { Lanes, storeLanes, type Value } from '../wasm/lanes.ts';
import { whileAtLeast } from '../wasm/loops.ts';
import { type Accumulator, accumulator } from './accumulator.ts';
import type { ReduceKind } from './reduce.ts';

/**
 * A reduction as a function: (rows, cols, out, written…, inputs…) over the columns, (outer, axis, inner, line, out, inputs…)
 * over the rows. The first expression is computed as in a map, and never stored; all others are.
 */
export function defineReduce(
  module: ModuleBuilder,
  kind: ReduceKind,
  expressions: readonly Expr[],
  overColumns: boolean,
  layouts: readonly Layout[],
  fused: boolean,
): FunctionBuilder {
  const parameters = i32s((overColumns ? 2 : 4) + expressions.length + layouts.length);
  const emit = overColumns ? emitOverColumns : emitOverRows;
  return module.define(parameters, [], (f) => emit(new Lanes(f, fused), kind, written(expressions, fused), layouts));
}

/**
 * Vectors joined before they are taken. The same for every formula, so that a sum has the same bits whether its terms were
 * computed before or as it goes.
 */
const JOINED = 4;

/** Repeats `step`, which takes `perStep` off `left`, while it can, with `flush` after each block of steps. */
function blocks(
  f: FunctionBuilder,
  left: Local,
  perStep: number,
  blockLength: number,
  step: () => void,
  flush: () => void,
): void {
  if (!Number.isFinite(blockLength)) {
    whileAtLeast(f, left, perStep, step);
    return;
  }
  const stepsLeft = f.local(I32);
  whileAtLeast(f, left, perStep, () => {
    // min(blockLength, left / perStep) steps.
    f.get(left).i32(perStep).op('i32_div_u').tee(stepsLeft).i32(blockLength).op('i32_gt_s');
    f.if_(() => f.i32(blockLength).set(stepsLeft));
    f.loop(() => {
      step();
      f.get(stepsLeft).i32(1).op('i32_sub').tee(stepsLeft).brIf(0);
    });
    flush();
  });
}

/** Over the columns of each row, four at a time; the last vector of a row is masked. */
function emitOverColumns(l: Lanes, kind: ReduceKind, roots: readonly Expr[], layouts: readonly Layout[]): void {
  const [ROWS, COLS, OUT] = [0, 1, 2];
  const { f } = l;
  const outs = roots.slice(1).map((_, j) => 3 + j);
  const results = outs.map(() => f.local(V128));
  const operands = openOperands(
    l,
    layouts,
    layouts.map((_, i) => 3 + outs.length + i),
  );
  const left = f.local(I32);
  const index = f.local(V128);
  const total = accumulator(l, kind);
  const storeVector = (out: Local, result: Local, offset: number): void => {
    f.get(out).get(result).memory('v128_store', offset);
  };
  const { scalars, columns } = invariants(roots, layouts);
  const once = prepare(operands, scalars, new Computed());
  const moving = [...outs, ...operands.pointers.filter((_, i) => variesAlongColumns(layouts[i]!))];
  const unroll = total.joinable ? JOINED : 1;

  /** What is reduced; all that is written of a vector is computed before the first is stored. */
  const valueAt = (ready: Computed, offset: number, store = storeVector): Value => {
    const [value, ...others] = valuesAt(operands, roots, ready, offset) as [Value, ...Value[]];
    const taken = l.keep(total.prepare(value));
    for (const [j, other] of others.entries()) {
      other.emit();
      f.set(results[j]!);
    }
    for (const [j, out] of outs.entries()) store(out, results[j]!, offset);
    return taken;
  };
  const take = (value: Value, vectors: number): void => {
    total.take(value, () => l.local(index));
    for (const pointer of moving) f.advance(pointer, 16 * vectors);
    f.advance(left, -4 * vectors);
    if (kind === 'argMax')
      f.get(index)
        .i32x4(4 * vectors)
        .simd('i32x4_add')
        .set(index);
  };
  const joined = (ready: Computed): Value => {
    const values = Array.from({ length: unroll }, (_, u) => valueAt(ready, 16 * u));
    if (values.length === 1) return values[0]!;
    return total.join(total.join(values[0]!, values[1]!), total.join(values[2]!, values[3]!));
  };

  whileAtLeast(f, ROWS, 1, () => {
    for (const [i, layout] of layouts.entries()) {
      if (layout === ROW) f.get(operands.parameters[i]!).set(operands.pointers[i]!);
    }
    const ready = prepare(operands, columns, once);
    f.get(COLS).set(left);
    f.i32x4(0, 1, 2, 3).set(index);
    total.begin();
    blocks(f, left, 4 * unroll, total.blockLength, () => take(joined(ready), unroll), total.flush);
    if (unroll > 1) whileAtLeast(f, left, 4, () => take(valueAt(ready, 0), 1));
    f.get(left).i32(0).op('i32_gt_s');
    f.if_(() => {
      const inside = f.local(V128);
      f.i32x4(0, 1, 2, 3).get(left).simd('i32x4_splat').simd('i32x4_lt_s').set(inside);
      const last = valueAt(ready, 0, (out, result) => storeLanes(f, out, result, left));
      take(total.mask(l.local(inside), last), 1);
    });
    total.flush();
    f.get(OUT);
    total.emitScalar();
    f.memory('f32_store').advance(OUT, 4);
    for (const [i, pointer] of [...outs, ...operands.pointers].entries()) {
      const layout = i < outs.length ? FULL : layouts[i - outs.length];
      if (layout === FULL) f.get(pointer).get(left).i32(2).op('i32_shl').op('i32_add').set(pointer);
      else if (layout === COLUMN) f.advance(pointer, 4);
    }
    f.advance(ROWS, -1);
  });
}

/**
 * Over the rows of each matrix, for a panel of one or several vectors of columns at a time, so that each row gives a whole
 * cache line. Panels walk all rows one after the other.
 */
function emitOverRows(l: Lanes, kind: ReduceKind, roots: readonly Expr[], layouts: readonly Layout[]): void {
  const [OUTER, ROWS, COLS, LINE, OUT] = [0, 1, 2, 3, 4];
  const { f } = l;
  const operands = openOperands(
    l,
    layouts,
    layouts.map((_, i) => 5 + i),
  );
  /** Where the panel begins, of each input and of the result. */
  const begins = layouts.map(() => f.local(I32));
  const [out, colsLeft, rowsLeft, rowBytes, row] = f.locals(5);
  const { scalars, columns } = invariants(roots, layouts);
  const once = prepare(operands, scalars, new Computed());
  const width = unrolling(roots);
  const totals = Array.from({ length: width }, () => accumulator(l, kind));
  const joinedRows = totals[0]!.joinable ? JOINED : 1;

  const nextRow = (): void => {
    for (const [i, pointer] of operands.pointers.entries()) {
      if (layouts[i] === FULL) f.get(pointer).get(rowBytes).op('i32_add').set(pointer);
      else if (layouts[i] === COLUMN) f.advance(pointer, 4);
    }
    f.advance(rowsLeft, -1);
  };
  /** Joins `count` rows of the panel and takes them. */
  const takeRows = (panel: readonly Accumulator[], count: number): void => {
    let sums: Value[] = [];
    for (let r = 0; r < count; r++) {
      const ready = prepare(operands, columns, once);
      const values = panel.map((total, p) => l.keep(total.prepare(valuesAt(operands, roots, ready, 16 * p)[0]!)));
      sums = r === 0 ? values : sums.map((sum, p) => l.keep(panel[p]!.join(sum, values[p]!)));
      if (r < count - 1) nextRow();
    }
    const rowIndex = (): Value => ({ emit: () => f.get(row).simd('i32x4_splat'), kept: false });
    for (const [p, total] of panel.entries()) total.take(sums[p]!, rowIndex);
    nextRow();
    if (kind === 'argMax') f.advance(row, count);
  };
  const walk = (panel: readonly Accumulator[]): void => {
    const flush = (): void => {
      for (const total of panel) total.flush();
    };
    for (const [i, pointer] of operands.pointers.entries()) {
      if (layouts[i] !== SCALAR) f.get(begins[i]!).set(pointer);
    }
    f.get(ROWS).set(rowsLeft).i32(0).set(row);
    for (const total of panel) total.begin();
    blocks(f, rowsLeft, joinedRows, totals[0]!.blockLength, () => takeRows(panel, joinedRows), flush);
    if (joinedRows > 1) whileAtLeast(f, rowsLeft, 1, () => takeRows(panel, 1));
    flush();
  };
  const nextPanel = (vectors: number): void => {
    for (const [i, begin] of begins.entries()) {
      if (variesAlongColumns(layouts[i]!)) f.advance(begin, 16 * vectors);
    }
    f.advance(out, 16 * vectors).advance(colsLeft, -4 * vectors);
  };

  const matrix = (): void => {
    if (width > 1) {
      whileAtLeast(f, colsLeft, 4 * width, () => {
        walk(totals);
        for (const [p, total] of totals.entries()) {
          f.get(out);
          total.lanes().emit();
          f.memory('v128_store', 16 * p);
        }
        nextPanel(width);
      });
    }
    whileAtLeast(f, colsLeft, 1, () => {
      walk(totals.slice(0, 1));
      const result = f.local(V128);
      totals[0]!.lanes().emit();
      f.set(result).get(colsLeft).i32(4).op('i32_ge_s');
      f.if_(
        () => f.get(out).get(result).memory('v128_store'),
        () => storeLanes(f, out, result, colsLeft),
      );
      nextPanel(1);
    });
  };

  f.get(LINE).i32(2).op('i32_shl').set(rowBytes);
  whileAtLeast(f, OUTER, 1, () => {
    for (const [i, begin] of begins.entries()) f.get(operands.parameters[i]!).set(begin);
    f.get(OUT).set(out).get(COLS).set(colsLeft);
    matrix();
    for (const [i, parameter] of operands.parameters.entries()) {
      if (layouts[i] === FULL) f.get(parameter).get(ROWS).get(rowBytes).op('i32_mul').op('i32_add').set(parameter);
      else if (layouts[i] === COLUMN) f.get(parameter).get(ROWS).i32(2).op('i32_shl').op('i32_add').set(parameter);
    }
    f.get(OUT).get(rowBytes).op('i32_add').set(OUT).advance(OUTER, -1);
  });
}
