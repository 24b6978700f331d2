import type { RandomKind } from '../random/threefry.ts';
import { blocks, keySchedule, numbers } from '../random/wasm.ts';
import { type FunctionBuilder, i32s, type Local, type ModuleBuilder, V128 } from '../wasm/assembler.ts';
import { Lanes, type Value } from '../wasm/lanes.ts';
import { whilePositive } from '../wasm/loops.ts';

/** A function (out, keys, rows, samples, width, line): a lane is a row, so that narrow rows are no more work than wide ones. */
export function defineDrawRows(module: ModuleBuilder, kind: RandomKind): FunctionBuilder {
  return module.define(i32s(6), [], (f) => emitDrawRows(f, kind));
}

function emitDrawRows(f: FunctionBuilder, kind: RandomKind): void {
  const [OUT, KEYS, ROWS, SAMPLES, WIDTH, LINE] = f.arguments(6);
  const l = new Lanes(f, false);
  const [samplesLeft, columnsLeft, rowBytes, lineBytes, counter, base] = f.locals(6);
  /** Where each row's next number goes. */
  const places = f.locals(4);
  const [low, high] = [f.local(V128), f.local(V128)];
  const load = (offset: number): Value => l.keep({ emit: () => f.get(KEYS).memory('v128_load', offset), kept: false });
  const words = (x: Value): Value => l.keep(l.op('i32x4_trunc_sat_f32x4_u', x));

  /** Stores one number or two of each row. */
  const store = (name: 'v128_store64_lane' | 'v128_store32_lane'): void => {
    for (const [i, place] of places.entries()) {
      const lane = name === 'v128_store64_lane' ? i % 2 : 2 * (i % 2);
      const one = (): void => {
        f.get(place)
          .get(i < 2 ? low : high)
          .memoryLane(name, lane);
      };
      if (i === 0) one();
      else {
        f.get(ROWS).i32(i).op('i32_gt_s');
        f.if_(one);
      }
    }
  };

  f.get(WIDTH).i32(2).op('i32_shl').set(rowBytes).get(LINE).i32(2).op('i32_shl').set(lineBytes);
  whilePositive(f, ROWS, () => {
    const [first, second] = [load(0), load(16)];
    const keys = keySchedule(
      l,
      words(l.shuffle(first, second, [0, 2, 4, 6])),
      words(l.shuffle(first, second, [1, 3, 5, 7])),
    );
    f.get(SAMPLES).set(samplesLeft).i32(0).set(counter).get(OUT).set(base);
    whilePositive(f, samplesLeft, () => {
      for (const [i, place] of places.entries()) {
        if (i === 0) f.get(base).set(place);
        else
          f.get(places[i - 1] as Local)
            .get(rowBytes)
            .op('i32_add')
            .set(place);
      }
      f.get(WIDTH).set(columnsLeft);
      whilePositive(f, columnsLeft, () => {
        const counter0: Value = { emit: () => f.get(counter).simd('i32x4_splat'), kept: false };
        const [a, b] = numbers(l, kind, blocks(l, keys, counter0, l.i32(0)));
        l.shuffle(a, b, [0, 4, 1, 5]).emit();
        f.set(low);
        l.shuffle(a, b, [2, 6, 3, 7]).emit();
        f.set(high);
        f.get(columnsLeft).i32(1).op('i32_gt_s');
        f.if_(
          () => store('v128_store64_lane'),
          () => store('v128_store32_lane'),
        );
        for (const place of places) f.advance(place, 8);
        f.advance(counter, 1).advance(columnsLeft, -2);
      });
      f.get(base).get(lineBytes).op('i32_add').set(base);
      f.advance(samplesLeft, -1);
    });
    f.get(OUT).get(rowBytes).i32(2).op('i32_shl').op('i32_add').set(OUT);
    f.advance(KEYS, 32).advance(ROWS, -4);
  });
}
