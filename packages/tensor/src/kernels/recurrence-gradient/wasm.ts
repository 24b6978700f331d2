import { definePackCopy } from '../matmul/pack.ts';
import { type Cell, recurrentColumns } from '../recurrence/cell.ts';
import { defineProduct, eachBlock, PANEL, PANEL_ROW } from '../recurrence/product.ts';
import { defineRowParts, PART_ROWS } from '../recurrence/row-parts.ts';
import { computeInto, eachFourUnits, storeUnits } from '../recurrence/units.ts';
import { formOwner } from '../recurrence/wasm.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder } from '../wasm/assembler.ts';
import { Lanes, type Value } from '../wasm/lanes.ts';
import type { Linker } from '../wasm/linker.ts';
import { streamRun, whilePositive } from '../wasm/loops.ts';
import type { Tile } from '../wasm/tile.ts';
import type { RecurrenceGradientCall } from './recurrence-gradient.ts';
import { rowSizes } from './row-sizes.ts';

/** What the code depends on; everything else is an argument. */
interface Form {
  readonly cell: Cell;
  readonly units: number;
  readonly reverse: boolean;
  readonly lengths: boolean;
  readonly given: readonly boolean[];
}

interface Layout {
  /** Blocks of `PANEL` units. */
  readonly blocks: number;
  /** Numbers that each product adds up: those of all gates. */
  readonly depth: number;
  readonly panelBytes: number;
  /** A row of the products' left operand, the gradients to the gates. */
  readonly line: number;
  /** A row of the gradients to h, whole blocks. */
  readonly carry: number;
}

function layoutOf({ cell, units }: Pick<Form, 'cell' | 'units'>): Layout {
  const depth = cell.gates * units;
  const blocks = Math.ceil(units / PANEL);
  return { blocks, depth, panelBytes: depth * PANEL_ROW, line: 4 * depth, carry: blocks * PANEL_ROW };
}

export function recurrenceGradientScratch(call: RecurrenceGradientCall): number {
  const { blocks, panelBytes, line, carry } = layoutOf(call);
  return blocks * panelBytes + Math.min(call.rows, PART_ROWS) * (line + carry + 4) + 256;
}

/**
 * The way back for rows that one thread has to itself. W_hh is packed once; at each step the cell's gradients are computed
 * row by row and written out, and their product with W_hh is added to the gradients to h that go on to the step before.
 */
export function runRecurrenceGradient(call: RecurrenceGradientCall, linker: Linker, scratch: number): void {
  const { cell, rows, steps, units, reverse, lengths, given, pointers } = call;
  const form: Form = { cell, units, reverse, lengths, given };
  const owner = formOwner('recurrenceGradient', form);
  const compiled = linker.get(owner, 0) ?? linker.link(owner, 0, (module) => defineGradient(module, form, linker.tile));
  compiled(rows, steps, scratch, ...pointers);
}

/** The pointers of a call, as parameters from number 3 on. */
interface Operands {
  readonly columns: Local;
  readonly first: readonly Local[];
  readonly kept: Local;
  readonly weights: Local;
  /** Of y and the last states; −1 where there is none. */
  readonly given: readonly Local[];
  readonly lengths: Local;
  readonly count: number;
}

function operandsOf({ cell, given, lengths }: Form): Operands {
  let next = 3;
  const one = (): Local => next++;
  const columns = one();
  const first = Array.from({ length: cell.states }, one);
  const [kept, weights] = [one(), one()];
  const sources = given.map((there) => (there ? one() : -1));
  return { columns, first, kept, weights, given: sources, lengths: lengths ? one() : -1, count: next };
}

function defineGradient(module: ModuleBuilder, form: Form, tile: Tile): FunctionBuilder {
  const layout = layoutOf(form);
  const operands = operandsOf(form);
  const copy = definePackCopy(module, PANEL);
  const pack = module.define(i32s(operands.count), [], (f) => {
    const { blocks, panelBytes, depth } = layout;
    eachBlock(f, blocks, (block) => {
      f.get(operands.weights).get(block).i32(PANEL_ROW).op('i32_mul').op('i32_add');
      f.i32(4 * form.units);
      f.get(2).get(block).i32(panelBytes).op('i32_mul').op('i32_add');
      f.i32(depth).call(copy);
    });
  });
  const product = defineProduct(module, tile, { lineA: layout.line, lineC: layout.carry, goesOn: true });
  const cell = defineCell(module, form, tile.fused);
  const body = module.define(i32s(operands.count), [], (f) =>
    new Emitter(f, form, layout, operands).all(product, cell),
  );
  return defineRowParts(module, rowSizes(form), pack, body);
}

/**
 * The cell's gradients on one row. Parameters: what was kept, where the columns' gradients go, where those of the gates go for
 * the product, the gradient to h, that to y, and those to the other states, which are replaced by those to the old ones.
 */
function defineCell(module: ModuleBuilder, { cell, units, given }: Form, fused: boolean): FunctionBuilder {
  const others = cell.states - 1;
  return module.define(i32s(5 + others), [], (f) => {
    const [kept, columns, gates, carry, y] = [0, 1, 2, 3, 4];
    const states = [carry, ...Array.from({ length: others }, (_, i) => 5 + i)];
    const left = f.local(I32);
    f.i32(units).set(left);
    const moving = [kept, columns, gates, ...states, ...(given[0] ? [y] : [])];
    const recurrent = recurrentColumns(cell);
    eachFourUnits(f, units, left, moving, (tail) => {
      const l = new Lanes(f, fused);
      const load = (pointer: Local, offset: number): Value => ({
        emit: () => f.get(pointer).memory('v128_load', offset),
        kept: false,
      });
      const toH = given[0] ? l.keep(l.add(load(carry, 0), load(y, 0))) : load(carry, 0);
      const input = (position: number): Value => {
        const state = position - cell.kept.length;
        if (state < 0) return load(kept, 4 * units * position);
        return state === 0 ? toH : load(states[state] as Local, 0);
      };
      const values = computeInto(l, [...cell.columnGradients, ...cell.stateGradients], input);
      for (const c of cell.columns.keys()) storeUnits(f, tail, columns, 4 * units * c, values[c] as Local);
      for (const [gate, c] of recurrent.entries()) {
        storeUnits(f, tail, gates, 4 * units * gate, values[c] as Local);
      }
      for (const [j, state] of states.entries()) {
        storeUnits(f, tail, state, 0, values[cell.columns.length + j] as Local);
      }
    });
  });
}

/** Writes the body of the function. */
class Emitter {
  readonly #f: FunctionBuilder;
  readonly #form: Form;
  readonly #layout: Layout;
  readonly #operands: Operands;
  readonly #rows: Local = 0;
  readonly #steps: Local = 1;
  readonly #panels: Local = 2;
  readonly #gates: Local;
  readonly #carry: Local;
  /** Each row's length. */
  readonly #ends: Local;
  readonly #row: Local;
  readonly #step: Local;
  readonly #active: Local;

  constructor(f: FunctionBuilder, form: Form, layout: Layout, operands: Operands) {
    this.#f = f;
    this.#form = form;
    this.#layout = layout;
    this.#operands = operands;
    const local = (): Local => f.local(I32);
    [this.#gates, this.#carry, this.#ends] = [local(), local(), local()];
    [this.#row, this.#step, this.#active] = [local(), local(), local()];
  }

  all(product: FunctionBuilder, cell: FunctionBuilder): void {
    const f = this.#f;
    const { units, lengths } = this.#form;
    const { blocks, depth, panelBytes, line, carry } = this.#layout;
    const { first } = this.#operands;
    f.get(this.#panels)
      .i32(blocks * panelBytes)
      .op('i32_add')
      .set(this.#gates);
    this.#at(this.#gates, this.#rows, line).set(this.#carry);
    this.#at(this.#carry, this.#rows, carry).set(this.#ends);
    this.#begin();
    f.get(this.#steps).set(this.#step);
    f.get(this.#rows).set(this.#active);
    whilePositive(f, this.#step, () => {
      f.advance(this.#step, -1);
      if (lengths) this.#activeRows();
      this.#cells(cell);
      eachBlock(f, blocks, (block) => {
        f.get(this.#gates);
        this.#at(this.#panels, block, panelBytes);
        this.#at(this.#carry, block, PANEL_ROW).i32(depth).get(this.#active);
        this.#at(this.#carry, block, PANEL_ROW).call(product);
      });
    });
    this.#eachRow(this.#rows, () => {
      this.#copy(
        () => this.#at(first[0] as Local, this.#row, 4 * units),
        () => this.#at(this.#carry, this.#row, carry),
      );
    });
  }

  /** Pushes base + index·stride. */
  #at(base: Local, index: Local, stride: number): FunctionBuilder {
    return this.#f.get(base).get(index).i32(stride).op('i32_mul').op('i32_add');
  }

  #end(): FunctionBuilder {
    return this.#at(this.#ends, this.#row, 4).memory('i32_load');
  }

  #eachRow(count: Local, body: () => void): void {
    const f = this.#f;
    const left = f.local(I32);
    f.get(count).set(left);
    f.i32(0).set(this.#row);
    whilePositive(f, left, () => {
      body();
      f.advance(this.#row, 1).advance(left, -1);
    });
  }

  /** The units of a row, or zeros. */
  #copy(to: () => void, from: (() => void) | null): void {
    const f = this.#f;
    const [target, source, left] = [f.local(I32), f.local(I32), f.local(I32)];
    to();
    f.set(target).i32(this.#form.units).set(left);
    if (from === null) {
      streamRun(f, target, left, () => f.i32x4(0), [target]);
      return;
    }
    from();
    f.set(source);
    streamRun(f, target, left, (offset) => f.get(source).memory('v128_load', offset), [target, source]);
  }

  #zeros(to: () => void, count: () => void): void {
    const f = this.#f;
    const [target, left] = [f.local(I32), f.local(I32)];
    to();
    f.set(target);
    count();
    f.set(left);
    streamRun(f, target, left, () => f.i32x4(0), [target]);
  }

  /** Lengths, zeros past the ends, and the gradients to the last states. */
  #begin(): void {
    const f = this.#f;
    const { cell, units, lengths } = this.#form;
    const { carry } = this.#layout;
    const { first, given, columns } = this.#operands;
    const [end, position] = [f.local(I32), f.local(I32)];
    this.#eachRow(this.#rows, () => {
      if (lengths) {
        this.#at(this.#operands.lengths, this.#row, 4).memory('v128_load32_zero');
        f.simd('i32x4_trunc_sat_f32x4_s').lane('i32x4_extract_lane', 0).set(end);
        // max(0, min(end, steps))
        f.get(end).get(this.#steps).get(end).get(this.#steps).op('i32_lt_s').op('select').set(end);
        f.get(end).i32(0).get(end).i32(0).op('i32_gt_s').op('select').set(end);
        f.get(this.#row).get(this.#steps).op('i32_mul').get(end).op('i32_add').set(position);
        const width = cell.columns.length * units;
        this.#zeros(
          () => this.#at(columns, position, 4 * width),
          () => f.get(this.#steps).get(end).op('i32_sub').i32(width).op('i32_mul'),
        );
      } else f.get(this.#steps).set(end);
      this.#at(this.#ends, this.#row, 4).get(end).memory('i32_store');
      for (const [j, to] of first.entries()) {
        const from = given[1 + j] as Local;
        this.#copy(
          () => (j === 0 ? this.#at(this.#carry, this.#row, carry) : this.#at(to, this.#row, 4 * units)),
          from < 0 ? null : () => this.#at(from, this.#row, 4 * units),
        );
      }
    });
  }

  /** Rows up to the last that goes on past this step. */
  #activeRows(): void {
    const f = this.#f;
    f.get(this.#rows).set(this.#active);
    f.block(() => {
      f.loop(() => {
        f.get(this.#active).i32(0).op('i32_le_s').brIf(1);
        f.get(this.#active).i32(1).op('i32_sub').set(this.#row);
        this.#end().get(this.#step).op('i32_gt_s').brIf(1);
        f.get(this.#row).set(this.#active).br(0);
      });
    });
  }

  #cells(cell: FunctionBuilder): void {
    const f = this.#f;
    const { cell: formulas, units, reverse, lengths, given } = this.#form;
    const { depth, line, carry } = this.#layout;
    const { columns, first, kept, given: sources } = this.#operands;
    const position = f.local(I32);
    const compute = (): void => {
      f.get(this.#row).get(this.#steps).op('i32_mul');
      if (reverse) this.#end().i32(1).op('i32_sub').get(this.#step).op('i32_sub');
      else f.get(this.#step);
      f.op('i32_add').set(position);
      this.#at(kept, position, 4 * units * formulas.kept.length);
      this.#at(columns, position, 4 * units * formulas.columns.length);
      this.#at(this.#gates, this.#row, line);
      this.#at(this.#carry, this.#row, carry);
      if (given[0]) this.#at(sources[0] as Local, position, 4 * units);
      else f.i32(0);
      for (const state of first.slice(1)) this.#at(state, this.#row, 4 * units);
      f.call(cell);
    };
    this.#eachRow(this.#active, () => {
      if (!lengths) return compute();
      this.#end().get(this.#step).op('i32_gt_s');
      // A row that has ended adds nothing to its gradient.
      f.if_(compute, () =>
        this.#zeros(
          () => this.#at(this.#gates, this.#row, line),
          () => f.i32(depth),
        ),
      );
      return undefined;
    });
  }
}
