import { definePackTranspose } from '../matmul/pack.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder, V128 } from '../wasm/assembler.ts';
import type { Form, Layout, Operands } from './form.ts';
import { eachBlock, PANEL, PANEL_ROW } from './product.ts';

/**
 * Packs all weights; the parameters are those of the whole. A panel has a row for each number of its part of [x, 1, h], with
 * the weights of `PANEL` units.
 */
export function definePanels(
  module: ModuleBuilder,
  form: Form,
  { blocks }: Layout,
  operands: Operands,
): FunctionBuilder {
  const { cell, features, units } = form;
  const transpose = definePackTranspose(module, PANEL);
  return module.define(i32s(operands.count), [], (f) => {
    const to = 2;
    const [weightInput, weightState, biasInput, biasState] = operands.weights;
    const [unit, lines, low, high] = [f.local(I32), f.local(I32), f.local(V128), f.local(V128)];
    /** Pushes base + 4·size·(gate·units + unit). */
    const row = (base: Local, gate: number, size: number): void => {
      f.get(base)
        .get(unit)
        .i32(gate * units)
        .op('i32_add')
        .i32(4 * size)
        .op('i32_mul')
        .op('i32_add');
    };
    const rows = (base: Local, gate: number, size: number): void => {
      row(base, gate, size);
      f.i32(4 * size)
        .get(to)
        .i32(size)
        .get(lines)
        .call(transpose);
      f.advance(to, size * PANEL_ROW);
    };
    eachBlock(f, blocks, (block) => {
      f.get(block).i32(PANEL).op('i32_mul').set(unit);
      f.i32(units).get(unit).op('i32_sub').set(lines);
      for (const { gate, part } of cell.columns) {
        if (part !== 'state') rows(weightInput, gate, features);
        const biases = [...(part === 'state' ? [] : [biasInput]), ...(part === 'input' ? [] : [biasState])];
        for (const [i, bias] of biases.entries()) {
          for (const [vector, offset] of [
            [low, 0],
            [high, 16],
          ] as const) {
            // The second vector of a last block may be past the end.
            const load = (): void => {
              row(bias, gate, 1);
              f.memory('v128_load', offset);
              if (i > 0) f.get(vector).simd('f32x4_add');
              f.set(vector);
            };
            if (offset === 0) load();
            else {
              f.get(lines).i32(4).op('i32_gt_s');
              f.if_(load);
            }
          }
        }
        f.get(to).get(low).memory('v128_store').get(to).get(high).memory('v128_store', 16);
        f.advance(to, PANEL_ROW);
        if (part !== 'input') rows(weightState, gate, units);
      }
    });
  });
}
