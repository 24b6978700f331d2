import { align } from '../../memory/linear-memory.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder } from '../wasm/assembler.ts';
import { Lanes, type Value } from '../wasm/lanes.ts';
import type { Linker } from '../wasm/linker.ts';
import { streamRun, whilePositive } from '../wasm/loops.ts';
import type { Tile } from '../wasm/tile.ts';
import type { Cell } from './cell.ts';
import { beginOf, endOf, type Form, type Layout, layoutOf, type Operands, operandsOf, WORDS } from './form.ts';
import { definePanels } from './panels.ts';
import { defineProduct, eachBlock, PANEL_ROW } from './product.ts';
import type { RecurrenceCall } from './recurrence.ts';
import { defineRowParts, PART_ROWS } from './row-parts.ts';
import { rowSizes } from './row-sizes.ts';
import { computeInto, eachFourUnits, storeUnits } from './units.ts';

/** Bytes for what the body works on, beside the panels. */
export function recurrenceScratch(call: RecurrenceCall): number {
  const { blocks, line, panelBytes, sums } = layoutOf(call);
  const rows = Math.min(call.rows, PART_ROWS);
  const base = call.steady ? sums : 0;
  return blocks * panelBytes + 2 * align(rows * line) + rows * (sums + base + 4 * WORDS) + 256;
}

const owners = new Map<string, object>();

/** Whom the code of one form belongs to. */
export function formOwner(kind: string, form: object & { readonly cell: Cell }): object {
  const key = `${kind} ${JSON.stringify({ ...form, cell: form.cell.name })}`;
  let owner = owners.get(key);
  if (owner === undefined) {
    owner = {};
    owners.set(key, owner);
  }
  return owner;
}

/**
 * The recurrence for rows that one thread has to itself. The weights are packed once, block of units by block; then at each
 * step the pre-activations of a block are products of the rows [xₜ, 1, hₜ₋₁] in first-level cache, and the cell's formulas are
 * computed of them before the next block. New states go to a second set of rows, which the next step reads.
 */
export function runRecurrence(call: RecurrenceCall, linker: Linker, scratch: number): void {
  const { cell, rows, steps, features, units, steady, reverse, lengths, keep, pointers } = call;
  const form: Form = { cell, features, units, steady, reverse, lengths, keep };
  const owner = formOwner('recurrence', form);
  const compiled =
    linker.get(owner, 0) ?? linker.link(owner, 0, (module) => defineRecurrence(module, form, linker.tile));
  compiled(rows, steps, scratch, ...pointers);
}

function defineRecurrence(module: ModuleBuilder, form: Form, tile: Tile): FunctionBuilder {
  const layout = layoutOf(form);
  const operands = operandsOf(form);
  const pack = definePanels(module, form, layout, operands);
  const shape = { lineA: layout.line, lineC: layout.sums };
  const fromZero = defineProduct(module, tile, { ...shape, goesOn: false });
  const goingOn = form.steady ? defineProduct(module, tile, { ...shape, goesOn: true }) : fromZero;
  const cell = defineCell(module, form, layout, tile.fused);
  const body = module.define(i32s(operands.count), [], (f) =>
    new Emitter(f, form, layout, operands).all(fromZero, goingOn, cell),
  );
  return defineRowParts(module, rowSizes(form), pack, body);
}

/**
 * The cell's formulas on one row. Parameters: sums, h (the row's old state), hNext, y, kept, and the last states, whose others
 * than h are also the old ones.
 */
function defineCell(module: ModuleBuilder, form: Form, { column }: Layout, fused: boolean): FunctionBuilder {
  const { cell, units, keep } = form;
  return module.define(i32s(5 + cell.states), [], (f) => {
    const [sums, h, hNext, y, kept] = [0, 1, 2, 3, 4];
    const last = cell.next.map((_, j) => 5 + j);
    const left = f.local(I32);
    f.i32(units).set(left);
    const moving = [sums, h, hNext, y, ...(keep ? [kept] : []), ...last];
    eachFourUnits(f, units, left, moving, (tail) => {
      const l = new Lanes(f, fused);
      const count = cell.columns.length;
      const input = (position: number): Value => {
        const [pointer, offset] =
          position < count
            ? [sums, position * column]
            : [position === count ? h : (last[position - count] as Local), 0];
        return { emit: () => f.get(pointer).memory('v128_load', offset), kept: false };
      };
      const values = computeInto(l, [...(keep ? cell.kept : []), ...cell.next], input);
      const next = values.slice(-cell.states);
      if (keep) {
        for (const q of cell.kept.keys()) storeUnits(f, tail, kept, 4 * units * q, values[q] as Local);
      }
      for (const [j, vector] of next.entries()) storeUnits(f, tail, last[j] as Local, 0, vector);
      for (const pointer of [hNext, y]) storeUnits(f, tail, pointer, 0, next[0] as Local);
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
  readonly #now: Local;
  readonly #next: Local;
  readonly #sums: Local;
  readonly #base: Local;
  /** Two words for each row: its position in [rows · steps], −1 where it is past its end; and its length. */
  readonly #words: Local;
  readonly #row: Local;
  readonly #step: Local;
  /** Rows up to the last that has not ended. */
  readonly #active: Local;

  constructor(f: FunctionBuilder, form: Form, layout: Layout, operands: Operands) {
    this.#f = f;
    this.#form = form;
    this.#layout = layout;
    this.#operands = operands;
    const local = (): Local => f.local(I32);
    [this.#now, this.#next, this.#sums, this.#base] = [local(), local(), local(), local()];
    [this.#words, this.#row, this.#step, this.#active] = [local(), local(), local(), local()];
  }

  all(fromZero: FunctionBuilder, goingOn: FunctionBuilder, cell: FunctionBuilder): void {
    const f = this.#f;
    const { steady, lengths } = this.#form;
    const { blocks } = this.#layout;
    this.#placeRoom();
    this.#begin();
    f.get(this.#rows).set(this.#active);
    if (steady) eachBlock(f, blocks, (block) => this.#products(fromZero, block, 'before'));
    f.i32(0).set(this.#step);
    f.block(() => {
      f.loop(() => {
        f.get(this.#step).get(this.#steps).op('i32_ge_s').brIf(1);
        if (lengths) {
          this.#endRows();
          f.get(this.#active).i32(0).op('i32_eq').brIf(1);
        }
        this.#openStep();
        eachBlock(f, blocks, (block) => this.#products(goingOn, block, 'each'));
        this.#cells(cell);
        f.get(this.#now).get(this.#next).set(this.#now).set(this.#next);
        f.advance(this.#step, 1).br(0);
      });
    });
    if (lengths) this.#fillPastEnds();
  }

  /** Pushes base + local·stride. */
  #at(base: Local, index: Local, stride: number): FunctionBuilder {
    return this.#f.get(base).get(index).i32(stride).op('i32_mul').op('i32_add');
  }

  #word(which: 0 | 1): FunctionBuilder {
    return this.#at(this.#words, this.#row, 4 * WORDS).memory('i32_load', 4 * which);
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

  #copy(to: () => void, from: () => void, count: number): void {
    const f = this.#f;
    const [target, source, left] = [f.local(I32), f.local(I32), f.local(I32)];
    to();
    f.set(target);
    from();
    f.set(source).i32(count).set(left);
    streamRun(f, target, left, (offset) => f.get(source).memory('v128_load', offset), [target, source]);
  }

  #zero(to: () => void, count: () => void): void {
    const f = this.#f;
    const [target, left] = [f.local(I32), f.local(I32)];
    to();
    f.set(target);
    count();
    f.set(left);
    streamRun(f, target, left, () => f.i32x4(0), [target]);
  }

  /** panels · rows now · rows next · sums · base · words. */
  #placeRoom(): void {
    const f = this.#f;
    const { blocks, panelBytes, line, sums } = this.#layout;
    const after = (place: Local, from: Local, perRow: number): void => {
      this.#at(from, this.#rows, perRow).i32(63).op('i32_add').i32(-64).op('i32_and').set(place);
    };
    f.get(this.#panels)
      .i32(blocks * panelBytes)
      .op('i32_add')
      .set(this.#now);
    after(this.#next, this.#now, line);
    after(this.#sums, this.#next, line);
    f.get(this.#sums).get(this.#rows).i32(sums).op('i32_mul').op('i32_add').set(this.#base);
    this.#at(this.#base, this.#rows, this.#form.steady ? sums : 0).set(this.#words);
  }

  /** Lengths, first states, and what of the rows [x, 1, h] never changes. */
  #begin(): void {
    const f = this.#f;
    const { features, units, steady, lengths } = this.#form;
    const { line } = this.#layout;
    const { first, last, x } = this.#operands;
    const length = f.local(I32);
    this.#eachRow(this.#rows, () => {
      if (lengths) {
        this.#at(this.#operands.lengths, this.#row, 4).memory('v128_load32_zero');
        f.simd('i32x4_trunc_sat_f32x4_s').lane('i32x4_extract_lane', 0).set(length);
        // max(0, min(length, steps))
        f.get(length).get(this.#steps).get(length).get(this.#steps).op('i32_lt_s').op('select').set(length);
        f.get(length).i32(0).get(length).i32(0).op('i32_gt_s').op('select').set(length);
      } else f.get(this.#steps).set(length);
      this.#at(this.#words, this.#row, 4 * WORDS)
        .get(length)
        .memory('i32_store', 4);
      for (const [j, from] of first.entries()) {
        this.#copy(
          () => this.#at(last[j] as Local, this.#row, 4 * units),
          () => this.#at(from, this.#row, 4 * units),
          units,
        );
      }
      this.#copy(
        () =>
          this.#at(this.#now, this.#row, line)
            .i32(4 * (features + 1))
            .op('i32_add'),
        () => this.#at(first[0] as Local, this.#row, 4 * units),
        units,
      );
      for (const set of [this.#now, this.#next]) {
        this.#at(set, this.#row, line)
          .i32(0x3f800000)
          .memory('i32_store', 4 * features);
      }
      if (steady) {
        this.#copy(
          () => this.#at(this.#now, this.#row, line),
          () => this.#at(x, this.#row, 4 * features),
          features,
        );
      }
    });
  }

  /** Leaves rows out that have ended, from the last on. */
  #endRows(): void {
    const f = this.#f;
    f.block(() => {
      f.loop(() => {
        f.get(this.#active).i32(0).op('i32_le_s').brIf(1);
        f.get(this.#active).i32(1).op('i32_sub').set(this.#row);
        this.#word(1).get(this.#step).op('i32_gt_s').brIf(1);
        f.get(this.#row).set(this.#active).br(0);
      });
    });
  }

  /** Where each row is in this step, its input, and what of it is kept. */
  #openStep(): void {
    const f = this.#f;
    const { features, units, steady, reverse, keep } = this.#form;
    const { line } = this.#layout;
    const { x, seen } = this.#operands;
    const position = f.local(I32);
    this.#eachRow(this.#active, () => {
      f.i32(-1).set(position);
      this.#word(1).get(this.#step).op('i32_gt_s');
      f.if_(() => {
        f.get(this.#row).get(this.#steps).op('i32_mul');
        if (reverse) this.#word(1).i32(1).op('i32_sub').get(this.#step).op('i32_sub');
        else f.get(this.#step);
        f.op('i32_add').set(position);
        if (!steady) {
          this.#copy(
            () => this.#at(this.#now, this.#row, line),
            () => this.#at(x, position, 4 * features),
            features,
          );
        }
        if (keep) {
          const from = steady ? 4 * (features + 1) : 0;
          const width = line / 4 - from / 4;
          this.#copy(
            () => this.#at(seen, position, 4 * width),
            () => this.#at(this.#now, this.#row, line).i32(from).op('i32_add'),
            steady ? units : width,
          );
        }
      });
      this.#at(this.#words, this.#row, 4 * WORDS)
        .get(position)
        .memory('i32_store');
    });
  }

  /**
   * The products of a block: of the whole part of [x, 1, h] that each column is of; where x is steady, `before` the first step
   * those of [x, 1], and at `each` those of h on top.
   */
  #products(product: FunctionBuilder, block: Local, when: 'before' | 'each'): void {
    const f = this.#f;
    const { cell, features, units, steady } = this.#form;
    const { panels, panelBytes, column } = this.#layout;
    for (const [c, part] of cell.columns.entries()) {
      const whole = [beginOf(part, features), endOf(part, features, units)] as const;
      const from = steady && when === 'each' ? Math.max(whole[0], features + 1) : whole[0];
      const to = steady && when === 'before' ? Math.min(whole[1], features + 1) : whole[1];
      f.get(this.#now)
        .i32(4 * from)
        .op('i32_add');
      this.#at(this.#panels, block, panelBytes)
        .i32((panels[c] as number) + PANEL_ROW * (from - whole[0]))
        .op('i32_add');
      const place = (base: Local): void => {
        this.#at(base, block, PANEL_ROW)
          .i32(c * column)
          .op('i32_add');
      };
      place(when === 'before' ? this.#base : this.#sums);
      f.i32(Math.max(0, to - from)).get(this.#active);
      place(this.#base);
      f.call(product);
    }
  }

  #cells(cell: FunctionBuilder): void {
    const f = this.#f;
    const { cell: formulas, features, units, keep, lengths } = this.#form;
    const { line, sums } = this.#layout;
    const { y, kept, last } = this.#operands;
    const position = f.local(I32);
    const compute = (): void => {
      this.#at(this.#sums, this.#row, sums);
      for (const set of [this.#now, this.#next]) {
        this.#at(set, this.#row, line)
          .i32(4 * (features + 1))
          .op('i32_add');
      }
      this.#at(y, position, 4 * units);
      if (keep) this.#at(kept, position, 4 * units * formulas.kept.length);
      else f.i32(0);
      for (const state of last) this.#at(state, this.#row, 4 * units);
      f.call(cell);
    };
    this.#eachRow(this.#active, () => {
      this.#word(0).set(position);
      if (!lengths) return compute();
      f.get(position).i32(0).op('i32_ge_s');
      f.if_(compute);
      return undefined;
    });
  }

  /** Zeros after each row's end, in y and in what the way back multiplies. */
  #fillPastEnds(): void {
    const f = this.#f;
    const { units, features, keep, steady } = this.#form;
    const { y, seen } = this.#operands;
    const [position, left] = [f.local(I32), f.local(I32)];
    const widths: [Local, number][] = [
      [y, units],
      ...(keep ? [[seen, steady ? units : features + 1 + units] as [Local, number]] : []),
    ];
    this.#eachRow(this.#rows, () => {
      this.#word(1).set(left);
      f.get(this.#row).get(this.#steps).op('i32_mul').get(left).op('i32_add').set(position);
      f.get(this.#steps).get(left).op('i32_sub').set(left);
      for (const [output, width] of widths) {
        this.#zero(
          () => this.#at(output, position, 4 * width),
          () => f.get(left).i32(width).op('i32_mul'),
        );
      }
    });
  }
}
