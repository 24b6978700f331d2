import { defineZero } from '../convolution/images.ts';
import { parameters } from '../convolution/micro.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder, V128 } from '../wasm/assembler.ts';
import { storeLanes } from '../wasm/lanes.ts';
import { LinkedFunction, type Linker } from '../wasm/linker.ts';
import { whileAtLeast, whilePositive } from '../wasm/loops.ts';
import type { PoolShape } from './shape.ts';

const PARAMETERS = [
  'out',
  'x',
  'from',
  'images',
  'height',
  'width',
  'channels',
  'outHeight',
  'outWidth',
  'kernelHeight',
  'kernelWidth',
  'strideHeight',
  'strideWidth',
  'dilationHeight',
  'dilationWidth',
  'paddingHeight',
  'paddingWidth',
] as const;
type Parameters = Record<(typeof PARAMETERS)[number], Local>;

export const PICK = /* @__PURE__ */ new LinkedFunction((module) => definePick(module));
/** `PICK` where `from` is x. */
export const MAX = /* @__PURE__ */ new LinkedFunction((module) => defineMax(module));
export const SPREAD = /* @__PURE__ */ new LinkedFunction((module) => defineSpread(module));

export function runWindows(
  fn: LinkedFunction,
  [out, x, from]: readonly number[],
  { images, input, channels, output, kernel, stride, dilation, padding }: PoolShape,
  linker: Linker,
): void {
  fn.of(linker)(out!, x!, from!, images, ...input, channels, ...output, ...kernel, ...stride, ...dilation, ...padding);
}

/** The part of a window that lies inside, for four channels at a time. */
interface Window {
  /** Bytes of its first element from the image's start, those of the four channels with it. */
  readonly first: Local;
  readonly rows: Local;
  readonly columns: Local;
  /** Bytes from element to element, and from behind a row to the next. */
  readonly column: Local;
  readonly nextRow: Local;
  /** Bytes of the result from its image's start. */
  readonly place: Local;
  /** Channels from these on. */
  readonly left: Local;
}

/** Along one axis: sets `first` to the first element of window `at` that is inside, and `count` to how many are. */
function emitInside(
  f: FunctionBuilder,
  [at, stride, dilation, padding, kernel, size]: readonly [Local, Local, Local, Local, Local, Local],
  first: Local,
  count: Local,
): void {
  f.get(kernel).set(count);
  f.get(at).get(stride).op('i32_mul').get(padding).op('i32_sub').set(first);
  f.block(() => {
    f.loop(() => {
      f.get(first).i32(0).op('i32_ge_s').brIf(1);
      f.get(first).get(dilation).op('i32_add').set(first);
      f.advance(count, -1);
      f.br(0);
    });
  });
  // Where the last of them is past the end: count = ⌈(size − first) / dilation⌉.
  f.get(count).i32(1).op('i32_sub').get(dilation).op('i32_mul').get(first).op('i32_add').get(size).op('i32_ge_s');
  f.if_(() => {
    f.get(size).get(first).op('i32_sub').get(dilation).op('i32_add').i32(1).op('i32_sub').get(dilation);
    f.op('i32_div_u').set(count);
  });
}

/** Repeats `body` for each pixel of an image's result; `body` moves `place` behind the pixel's channels, up to three too far. */
function eachPixel(f: FunctionBuilder, p: Parameters, body: (window: Window) => void): void {
  const names = [
    'i', 'j', 'top', 'side', 'rows', 'columns', 'column', 'nextRow', 'first', 'pixel', 'place', 'left', 'row', 'odd',
  ] as const; // biome-ignore format: a list
  const l = Object.fromEntries(names.map((name) => [name, f.local(I32)])) as Record<(typeof names)[number], Local>;
  f.get(p.channels).i32(4).op('i32_mul').set(l.pixel);
  f.get(p.dilationWidth).get(l.pixel).op('i32_mul').set(l.column);
  f.i32(0).set(l.place);
  f.i32(0).set(l.i);
  f.loop(() => {
    emitInside(f, [l.i, p.strideHeight, p.dilationHeight, p.paddingHeight, p.kernelHeight, p.height], l.top, l.rows);
    f.i32(0).set(l.j);
    f.loop(() => {
      emitInside(f, [l.j, p.strideWidth, p.dilationWidth, p.paddingWidth, p.kernelWidth, p.width], l.side, l.columns);
      // first = (top·width + side)·pixel; nextRow = dilationHeight·width·pixel − columns·column
      f.get(l.top).get(p.width).op('i32_mul').get(l.side).op('i32_add').get(l.pixel).op('i32_mul').set(l.first);
      f.get(p.dilationHeight).get(p.width).op('i32_mul').get(l.pixel).op('i32_mul');
      f.get(l.columns).get(l.column).op('i32_mul').op('i32_sub').set(l.nextRow);
      f.get(p.channels).set(l.left);
      body(l);
      // `left` is minus the lanes that the last vector went too far.
      f.get(l.place).get(l.left).i32(4).op('i32_mul').op('i32_add').set(l.place);
      f.get(l.j).i32(1).op('i32_add').tee(l.j).get(p.outWidth).op('i32_lt_s').brIf(0);
    });
    f.get(l.i).i32(1).op('i32_add').tee(l.i).get(p.outHeight).op('i32_lt_s').brIf(0);
  });
}

/** Repeats `body` for each four of a pixel's channels. */
function eachFour(f: FunctionBuilder, { first, place, left }: Window, body: () => void): void {
  whilePositive(f, left, () => {
    body();
    f.advance(first, 16).advance(place, 16).advance(left, -4);
  });
}

/** Repeats `body` for each window of an image and each four of its channels. */
function eachWindow(f: FunctionBuilder, p: Parameters, body: (window: Window) => void): void {
  eachPixel(f, p, (window) => eachFour(f, window, () => body(window)));
}

/**
 * Repeats `body` for each element of the window, `at` being its bytes from the image's start. The usual window of two by two is
 * written out: its loops would take longer than its elements.
 */
function eachElement(
  f: FunctionBuilder,
  { first, rows, columns, column, nextRow }: Window,
  at: Local,
  body: () => void,
): void {
  const [rowsLeft, columnsLeft] = [f.local(I32), f.local(I32)];
  const goOn = (by: Local): void => {
    f.get(at).get(by).op('i32_add').set(at);
  };
  f.get(first).set(at);
  f.get(rows).i32(2).op('i32_eq').get(columns).i32(2).op('i32_eq').op('i32_and');
  f.if_(
    () => {
      for (const row of [0, 1]) {
        body();
        goOn(column);
        body();
        if (row === 0) {
          goOn(column);
          goOn(nextRow);
        }
      }
    },
    () => {
      f.get(rows).set(rowsLeft);
      f.loop(() => {
        f.get(columns).set(columnsLeft);
        f.loop(() => {
          body();
          goOn(column);
          f.get(columnsLeft).i32(1).op('i32_sub').tee(columnsLeft).brIf(0);
        });
        goOn(nextRow);
        f.get(rowsLeft).i32(1).op('i32_sub').tee(rowsLeft).brIf(0);
      });
    },
  );
}

/** Sets `mask` to where `value` is larger than `best`, or a NaN. */
function larger(f: FunctionBuilder, value: Local, best: Local, mask: Local): void {
  f.get(value).get(best).simd('f32x4_gt');
  f.get(value).get(value).simd('f32x4_ne').simd('v128_or').set(mask);
}

const MINUS_INFINITY = new Int32Array(new Float32Array([-Infinity]).buffer)[0]!;

/** Images one after the other; the pointers go on by theirs. */
function eachImage(
  f: FunctionBuilder,
  p: Parameters,
  like: Record<'out' | 'x' | 'from', 'input' | 'output'>,
  body: () => void,
): void {
  whilePositive(f, p.images, () => {
    body();
    for (const name of ['out', 'x', 'from'] as const) {
      const [height, width] = like[name] === 'input' ? [p.height, p.width] : [p.outHeight, p.outWidth];
      f.get(p[name]).get(height).get(width).op('i32_mul').get(p.channels).op('i32_mul').i32(4).op('i32_mul');
      f.op('i32_add').set(p[name]);
    }
    f.advance(p.images, -1);
  });
}

function definePick(module: ModuleBuilder): FunctionBuilder {
  return module.define(i32s(PARAMETERS.length), [], (f) => {
    const p = parameters(...PARAMETERS);
    const [best, value, picked, mask] = Array.from({ length: 4 }, () => f.local(V128)) as [Local, Local, Local, Local];
    const [at, to] = [f.local(I32), f.local(I32)];
    eachImage(f, p, { out: 'output', x: 'input', from: 'input' }, () => {
      eachWindow(f, p, (window) => {
        // Of the first element also what is not larger than −∞ is taken.
        f.i32x4(MINUS_INFINITY).set(best);
        f.get(p.from).get(window.first).op('i32_add').memory('v128_load').set(picked);
        eachElement(f, window, at, () => {
          f.get(p.x).get(at).op('i32_add').memory('v128_load').set(value);
          larger(f, value, best, mask);
          f.get(value).get(best).get(mask).simd('v128_bitselect').set(best);
          f.get(p.from)
            .get(at)
            .op('i32_add')
            .memory('v128_load')
            .get(picked)
            .get(mask)
            .simd('v128_bitselect')
            .set(picked);
        });
        storePlace(f, p, window, picked, to);
      });
    });
  });
}

function defineMax(module: ModuleBuilder): FunctionBuilder {
  return module.define(i32s(PARAMETERS.length), [], (f) => {
    const p = parameters(...PARAMETERS);
    const [best, value, mask] = f.locals(3, V128);
    const [at, to] = f.locals(2);
    eachImage(f, p, { out: 'output', x: 'input', from: 'input' }, () => {
      eachPixel(f, p, (window) => {
        f.get(window.rows).i32(2).op('i32_eq').get(window.columns).i32(2).op('i32_eq').op('i32_and');
        f.if_(() => largestOfFour(f, p, window));
        eachFour(f, window, () => {
          f.i32x4(MINUS_INFINITY).set(best);
          eachElement(f, window, at, () => {
            f.get(p.x).get(at).op('i32_add').memory('v128_load').set(value);
            larger(f, value, best, mask);
            f.get(value).get(best).get(mask).simd('v128_bitselect').set(best);
          });
          storePlace(f, p, window, best, to);
        });
      });
    });
  });
}

/** Vectors at a time. */
const UNROLLED = 4;

/**
 * The windows of two by two at a pixel, without a question about each element: `first`, `place` and `left` go on by the channels that
 * were done. Two instructions choose the larger of two numbers, the first of equals; they lose a NaN, so where one was met
 * nothing is done, and the channels are left to who looks at each.
 */
function largestOfFour(f: FunctionBuilder, p: Parameters, { first, column, nextRow, place, left }: Window): void {
  const [a, b, c, d, to, done] = f.locals(6);
  const [one, other, top, bottom, odd] = f.locals(5, V128);
  f.get(p.x).get(first).op('i32_add').tee(a).get(column).op('i32_add').tee(b);
  f.get(column).op('i32_add').get(nextRow).op('i32_add').tee(c).get(column).op('i32_add').set(d);
  f.get(p.out).get(place).op('i32_add').set(to);
  f.i32x4(0).set(odd);
  f.get(left).set(done);
  const larger = (x: Local, y: Local, offset: number, found: Local): void => {
    f.get(x).memory('v128_load', offset).set(one);
    f.get(y).memory('v128_load', offset).set(other);
    f.get(one).get(other).simd('f32x4_pmax').tee(found);
    // The larger, whichever is asked first: unless one of them is a NaN.
    f.get(other).get(one).simd('f32x4_pmax').simd('f32x4_ne').get(odd).simd('v128_or').set(odd);
  };
  for (const vectors of [UNROLLED, 1]) {
    whileAtLeast(f, left, 4 * vectors, () => {
      for (let u = 0; u < vectors; u++) {
        larger(a, b, 16 * u, top);
        larger(c, d, 16 * u, bottom);
        f.get(to)
          .get(top)
          .get(bottom)
          .simd('f32x4_pmax')
          .memory('v128_store', 16 * u);
      }
      for (const pointer of [a, b, c, d, to]) f.advance(pointer, 16 * vectors);
      f.advance(left, -4 * vectors);
    });
  }
  f.get(odd).simd('i32x4_bitmask');
  f.if_(
    () => f.get(done).set(left),
    () => {
      f.get(done).get(left).op('i32_sub').i32(4).op('i32_mul').tee(done);
      f.get(first).op('i32_add').set(first);
      f.get(place).get(done).op('i32_add').set(place);
    },
  );
}

/** Writes what was found of a window, as many channels as there are. */
function storePlace(f: FunctionBuilder, p: Parameters, { place, left }: Window, found: Local, to: Local): void {
  f.get(p.out).get(place).op('i32_add').set(to);
  f.get(left).i32(4).op('i32_ge_s');
  f.if_(
    () => f.get(to).get(found).memory('v128_store'),
    () => storeLanes(f, to, found, left),
  );
}

function defineSpread(module: ModuleBuilder): FunctionBuilder {
  const zero = defineZero(module);
  return module.define(i32s(PARAMETERS.length), [], (f) => {
    const p = parameters(...PARAMETERS);
    const [best, value, place, number, mask, given] = Array.from({ length: 6 }, () => f.local(V128)) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const [at, to] = [f.local(I32), f.local(I32)];
    const count = (): void => {
      f.get(number).i32x4(1).simd('i32x4_add').set(number);
    };
    eachImage(f, p, { out: 'input', x: 'input', from: 'output' }, () => {
      f.get(p.out).get(p.height).get(p.width).op('i32_mul').get(p.channels).op('i32_mul').call(zero);
      eachWindow(f, p, (window) => {
        f.i32x4(MINUS_INFINITY).set(best);
        f.i32x4(0).set(number).i32x4(0).set(place);
        eachElement(f, window, at, () => {
          f.get(p.x).get(at).op('i32_add').memory('v128_load').set(value);
          larger(f, value, best, mask);
          f.get(value).get(best).get(mask).simd('v128_bitselect').set(best);
          f.get(number).get(place).get(mask).simd('v128_bitselect').set(place);
          count();
        });
        f.get(p.from).get(window.place).op('i32_add').memory('v128_load').set(given);
        f.i32x4(0).set(number);
        eachElement(f, window, at, () => {
          f.get(p.out).get(at).op('i32_add').tee(to).memory('v128_load');
          f.get(given).get(number).get(place).simd('i32x4_eq').simd('v128_and').simd('f32x4_add').set(value);
          f.get(window.left).i32(4).op('i32_ge_s');
          f.if_(
            () => f.get(to).get(value).memory('v128_store'),
            () => storeLanes(f, to, value, window.left),
          );
          count();
        });
      });
    });
  });
}
