import { type FunctionBuilder, I32, type Local } from '../wasm/assembler.ts';
import { whilePositive } from '../wasm/loops.ts';
import { header, type PassWord, pass } from './product-room.ts';

/** for (index = 0; index < end; index += step) — runs at least once. */
function each(f: FunctionBuilder, index: Local, step: () => void, end: () => void, body: () => void): void {
  f.i32(0).set(index);
  f.loop(() => {
    body();
    f.get(index);
    step();
    f.op('i32_add').tee(index);
    end();
    f.op('i32_lt_s').brIf(0);
  });
}

/** Sets `result` to min(limit, total − done). */
function remaining(f: FunctionBuilder, result: Local, limit: () => void, total: () => void, done: Local): void {
  limit();
  total();
  f.get(done).op('i32_sub').tee(result);
  limit();
  f.get(result).op('i32_lt_s').op('select').set(result);
}

/** Walks a pass's blocks; `body` finds the first tap row, tap and channel of each in locals, and how many there are. */
export function eachBlock(
  f: FunctionBuilder,
  headerAt: Local,
  passAt: Local,
  body: (first: readonly [Local, Local, Local], count: readonly [Local, Local, Local]) => void,
): void {
  const locals = Array.from({ length: 6 }, () => f.local(I32)) as [Local, Local, Local, Local, Local, Local];
  const [row, tap, channel, rows, taps, channels] = locals;
  const walk = (index: Local, count: Local, step: PassWord, end: () => void, inside: () => void): void => {
    each(
      f,
      index,
      () => pass.push(f, passAt, step),
      end,
      () => {
        remaining(f, count, () => pass.push(f, passAt, step), end, index);
        inside();
      },
    );
  };
  walk(
    row,
    rows,
    'blockTapRows',
    () => pass.push(f, passAt, 'tapRows'),
    () => {
      walk(
        tap,
        taps,
        'blockTaps',
        () => pass.push(f, passAt, 'taps'),
        () => {
          walk(
            channel,
            channels,
            'blockChannels',
            () => header.push(f, headerAt, 'channels'),
            () => {
              body([row, tap, channel], [rows, taps, channels]);
            },
          );
        },
      );
    },
  );
}

/** Repeats `body` for each group, and then moves the pointers on by the bytes given. */
export function eachGroup(
  f: FunctionBuilder,
  headerAt: Local,
  moves: readonly (readonly [pointer: Local, by: () => void])[],
  body: () => void,
): void {
  const left = f.local(I32);
  header.push(f, headerAt, 'groups').set(left);
  whilePositive(f, left, () => {
    body();
    for (const [pointer, by] of moves) {
      f.get(pointer);
      by();
      f.op('i32_add').set(pointer);
    }
    f.advance(left, -1);
  });
}
