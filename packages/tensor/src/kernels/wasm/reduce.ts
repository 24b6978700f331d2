import type { Expr } from '../../expr/expr.ts';
import { COLUMN, FULL, type ReduceKind, ROW, SCALAR } from '../kernels.ts';
import { type Accumulator, accumulator } from './accumulator.ts';
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, V128 } from './assembler.ts';
import { Computed, invariants, variesAlongColumns } from './expression.ts';
import { Lanes, type Value } from './lanes.ts';
import { openOperands, prepare, storeLanes, unrolling, valuesAt } from './map.ts';

/** A reduction as a function (rows, cols, out, inputs…, line); the expression is computed as in a map, and never stored. */
export function defineReduce(
  module: ModuleBuilder,
  kind: ReduceKind,
  expression: Expr,
  axis: 0 | 1,
  layouts: readonly number[],
): FunctionBuilder {
  const parameters = Array.from({ length: 4 + layouts.length }, () => I32 as typeof I32);
  const emit = axis === 1 ? emitOverColumns : emitOverRows;
  return module.define(parameters, [], (f) => emit(f, kind, [expression], layouts));
}

const [ROWS, COLS, OUT, FIRST_INPUT] = [0, 1, 2, 3];
/**
 * Vectors joined before they are taken. The same for every formula, so that a sum has the same bits whether its terms were
 * computed before or as it goes.
 */
const JOINED = 4;

/** `while (left >= least) body()`. */
function whileAtLeast(f: FunctionBuilder, left: Local, least: number, body: () => void): void {
  f.get(left).i32(least).op('i32_ge_s');
  f.if_(() => {
    f.loop(() => {
      body();
      f.get(left).i32(least).op('i32_ge_s').brIf(0);
    });
  });
}

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
function emitOverColumns(
  f: FunctionBuilder,
  kind: ReduceKind,
  roots: readonly Expr[],
  layouts: readonly number[],
): void {
  const l = new Lanes(f);
  const operands = openOperands(
    l,
    layouts,
    layouts.map((_, i) => FIRST_INPUT + i),
  );
  const left = f.local(I32);
  const index = f.local(V128);
  const total = accumulator(l, kind);
  const { scalars, columns } = invariants(roots, layouts);
  const once = prepare(operands, scalars, new Computed());
  const moving = operands.pointers.filter((_, i) => variesAlongColumns(layouts[i]));
  const unroll = total.joinable ? JOINED : 1;

  const valueAt = (ready: Computed, offset: number): Value =>
    l.keep(total.prepare(valuesAt(operands, roots, ready, offset)[0]));
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
    if (values.length === 1) return values[0];
    return total.join(total.join(values[0], values[1]), total.join(values[2], values[3]));
  };

  whileAtLeast(f, ROWS, 1, () => {
    for (const [i, layout] of layouts.entries()) {
      if (layout === ROW) f.get(operands.parameters[i]).set(operands.pointers[i]);
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
      take(total.mask(l.local(inside), valueAt(ready, 0)), 1);
    });
    total.flush();
    f.get(OUT);
    total.emitScalar();
    f.memory('f32_store').advance(OUT, 4);
    for (const [i, pointer] of operands.pointers.entries()) {
      if (layouts[i] === FULL) f.get(pointer).get(left).i32(2).op('i32_shl').op('i32_add').set(pointer);
      else if (layouts[i] === COLUMN) f.advance(pointer, 4);
    }
    f.advance(ROWS, -1);
  });
}

/**
 * Over the rows, for a panel of one or several vectors of columns at a time, so that each row gives a whole cache line.
 * Panels walk all rows one after the other.
 */
function emitOverRows(f: FunctionBuilder, kind: ReduceKind, roots: readonly Expr[], layouts: readonly number[]): void {
  const l = new Lanes(f);
  const operands = openOperands(
    l,
    layouts,
    layouts.map((_, i) => FIRST_INPUT + i),
  );
  const [colsLeft, rowsLeft, rowBytes, row] = Array.from({ length: 4 }, () => f.local(I32));
  const { scalars, columns } = invariants(roots, layouts);
  const once = prepare(operands, scalars, new Computed());
  const width = unrolling(roots);
  const totals = Array.from({ length: width }, () => accumulator(l, kind));
  const joinedRows = totals[0].joinable ? JOINED : 1;

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
      const values = panel.map((total, p) => l.keep(total.prepare(valuesAt(operands, roots, ready, 16 * p)[0])));
      sums = r === 0 ? values : sums.map((sum, p) => l.keep(panel[p].join(sum, values[p])));
      if (r < count - 1) nextRow();
    }
    const rowIndex = (): Value => ({ emit: () => f.get(row).simd('i32x4_splat'), kept: false });
    for (const [p, total] of panel.entries()) total.take(sums[p], rowIndex);
    nextRow();
    if (kind === 'argMax') f.advance(row, count);
  };
  const walk = (panel: readonly Accumulator[]): void => {
    const flush = (): void => {
      for (const total of panel) total.flush();
    };
    for (const [i, pointer] of operands.pointers.entries()) {
      if (layouts[i] !== SCALAR) f.get(operands.parameters[i]).set(pointer);
    }
    f.get(ROWS).set(rowsLeft).i32(0).set(row);
    for (const total of panel) total.begin();
    blocks(f, rowsLeft, joinedRows, totals[0].blockLength, () => takeRows(panel, joinedRows), flush);
    if (joinedRows > 1) whileAtLeast(f, rowsLeft, 1, () => takeRows(panel, 1));
    flush();
  };
  const nextPanel = (vectors: number): void => {
    for (const [i, parameter] of operands.parameters.entries()) {
      if (variesAlongColumns(layouts[i])) f.advance(parameter, 16 * vectors);
    }
    f.advance(OUT, 16 * vectors).advance(colsLeft, -4 * vectors);
  };

  f.get(COLS).set(colsLeft);
  f.get(FIRST_INPUT + layouts.length)
    .i32(2)
    .op('i32_shl')
    .set(rowBytes);
  if (width > 1) {
    whileAtLeast(f, colsLeft, 4 * width, () => {
      walk(totals);
      for (const [p, total] of totals.entries()) {
        f.get(OUT);
        total.lanes().emit();
        f.memory('v128_store', 16 * p);
      }
      nextPanel(width);
    });
  }
  whileAtLeast(f, colsLeft, 1, () => {
    walk(totals.slice(0, 1));
    const result = f.local(V128);
    totals[0].lanes().emit();
    f.set(result).get(colsLeft).i32(4).op('i32_ge_s');
    f.if_(
      () => f.get(OUT).get(result).memory('v128_store'),
      () => storeLanes(f, OUT, result, colsLeft),
    );
    nextPanel(1);
  });
}
