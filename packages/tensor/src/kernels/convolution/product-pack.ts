import { TILE_COLS } from '../matmul/micro.ts';
import { definePackCopy, definePackTranspose } from '../matmul/pack.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder } from '../wasm/assembler.ts';
import { whilePositive } from '../wasm/loops.ts';
import { eachBlock, eachGroup } from './blocks.ts';
import { COPIED, type HeaderWord, header, ONE_COLUMN, type PassWord, pass, TRANSPOSED } from './product-room.ts';

/** Packs the weights of all passes: a function of the header. */
export function definePack(module: ModuleBuilder): FunctionBuilder {
  const copy = definePackCopy(module, TILE_COLS);
  const transpose = definePackTranspose(module, TILE_COLS);
  const column = definePackColumn(module);
  return module.define([I32], [], (f) => {
    const headerAt = 0;
    const names = ['passAt', 'left', 'kernel', 'to', 'from', 'columnsLeft', 'panel', 'r', 't', 'line'] as const;
    const l = Object.fromEntries(names.map((name) => [name, f.local(I32)])) as Record<(typeof names)[number], Local>;
    const h = (name: HeaderWord): FunctionBuilder => header.push(f, headerAt, name);
    const p = (name: PassWord): FunctionBuilder => pass.push(f, l.passAt, name);
    /** Packs `columns` at a time, panel after panel. */
    const panels = (
      width: number,
      [row, tap, channel]: readonly [Local, Local, Local],
      [rows, taps, channels]: readonly [Local, Local, Local],
      pack: () => void,
    ): void => {
      h('columns').set(l.columnsLeft);
      f.get(l.kernel).set(l.panel);
      whilePositive(f, l.columnsLeft, () => {
        f.get(rows).set(l.r);
        // panel + row·kernelTapRow + channel·weightPerSource
        f.get(l.panel).get(row);
        p('kernelTapRow').op('i32_mul').op('i32_add').get(channel);
        h('weightPerSource').op('i32_mul').op('i32_add').get(tap);
        p('kernelTap').op('i32_mul').op('i32_add').set(l.line);
        whilePositive(f, l.r, () => {
          f.get(taps).set(l.t).get(l.line).set(l.from);
          whilePositive(f, l.t, () => {
            pack();
            f.get(l.to)
              .get(channels)
              .i32(4 * width)
              .op('i32_mul')
              .op('i32_add')
              .set(l.to);
            f.get(l.from);
            p('kernelTap').op('i32_add').set(l.from);
            f.advance(l.t, -1);
          });
          f.get(l.line);
          p('kernelTapRow').op('i32_add').set(l.line);
          f.advance(l.r, -1);
        });
        f.get(l.panel);
        h('weightPerOut').i32(width).op('i32_mul').op('i32_add').set(l.panel);
        f.advance(l.columnsLeft, -width);
      });
    };
    h('passes').set(l.passAt);
    h('passCount').set(l.left);
    whilePositive(f, l.left, () => {
      p('weights').set(l.to);
      p('kernel').set(l.kernel);
      p('tapRows').if_(() => {
        eachGroup(f, headerAt, [[l.kernel, () => h('kernelGroup')]], () => {
          eachBlock(f, headerAt, l.passAt, (first, count) => {
            const [, , channels] = count;
            h('packing')
              .i32(COPIED)
              .op('i32_eq')
              .if_(() => {
                panels(TILE_COLS, first, count, () => {
                  f.get(l.from);
                  h('weightPerSource').get(l.to).get(channels).call(copy);
                });
              });
            h('packing')
              .i32(TRANSPOSED)
              .op('i32_eq')
              .if_(() => {
                panels(TILE_COLS, first, count, () => {
                  f.get(l.from);
                  h('weightPerOut').get(l.to).get(channels).get(l.columnsLeft).call(transpose);
                });
              });
            h('packing')
              .i32(ONE_COLUMN)
              .op('i32_eq')
              .if_(() => {
                panels(1, first, count, () => {
                  f.get(l.from);
                  h('weightPerSource').get(l.to).get(channels).call(column);
                });
              });
          });
        });
      });
      f.advance(l.passAt, pass.bytes).advance(l.left, -1);
    });
  });
}

/** Copies numbers that lie apart to a line: parameters from, step (bytes), to, count. */
function definePackColumn(module: ModuleBuilder): FunctionBuilder {
  return module.define(i32s(4), [], (f) => {
    const [from, step, to, count] = [0, 1, 2, 3];
    whilePositive(f, count, () => {
      f.get(to).get(from).memory('f32_load').memory('f32_store');
      f.get(from).get(step).op('i32_add').set(from);
      f.advance(to, 4).advance(count, -1);
    });
  });
}
