import { describe, expect, it, vi } from 'vitest';
import { differentiate } from './differentiate.ts';
import { erf } from './erf.ts';
import { elementLoop, evaluate } from './evaluate.ts';
import { type Expr, input, select, substitute, topological } from './expr.ts';
import { rangeOf } from './range.ts';

const [x, y] = [input(0), input(1)];

describe('expressions', () => {
  it('are the same object when they are the same formula, so that shared parts are computed once', () => {
    expect(x.add(y).mul(2)).toBe(x.add(y).mul(2));
    expect(topological([x.exp().add(x.exp())])).toHaveLength(3);
    expect(x.mul(0)).not.toBe(x.mul(-0));
    expect(substitute(x.add(y), [y, x])).toBe(y.add(x));
  });

  const formulas: [string, Expr][] = [
    [
      'arithmetic',
      x
        .add(y)
        .mul(x)
        .sub(y.div(x.add(4))),
    ],
    ['powers', x.add(3).pow(y)],
    ['transcendentals', x.exp().add(x.add(3).log()).add(x.tanh()).add(x.sin().mul(y.cos()))],
    ['log1p and expm1', x.square().log1p().mul(y.expm1())],
    ['sigmoid', x.sigmoid().mul(y.mul(2).sigmoid())],
    ['erf and roots', x.erf().add(x.square().add(1).sqrt())],
    ['choices', select(x.lt(y), x.mul(y), x.sub(y)).add(x.max(y)).add(x.min(y)).add(x.abs()).mul(y.neg())],
  ];

  it.each(formulas)('are differentiated rightly: %s', (_name, root) => {
    for (const at of [
      [0.7, -0.4],
      [-1.1, 0.3],
      [1.3, 1.9],
    ]) {
      differentiate(root, 2).forEach((derivative, i) => {
        const h = 1e-5;
        const moved = (d: number): number =>
          evaluate(
            [root],
            at.map((v, j) => (j === i ? v + d : v)),
          )[0]!;
        const numeric = (moved(h) - moved(-h)) / (2 * h);
        expect(derivative === null ? 0 : evaluate([derivative], at)[0]).toBeCloseTo(numeric, 7);
      });
    }
  });

  it.each(formulas)(
    'mean the same as numbers, as a loop, and as a loop where functions may not be made from text: %s',
    (_name, root) => {
      const heap = new Float64Array([0, 0, 0, 0, 0.7, -1.1, -0.4, 0.3]);
      const run = (): number[] => {
        elementLoop([root], 2)(heap, 2, 2, [0, 4, 6], [1, 0], [0, 1]);
        return [...heap.slice(0, 4)];
      };
      const compiled = run();
      vi.stubGlobal('Function', () => {
        throw new Error('forbidden');
      });
      const interpreted = run();
      vi.unstubAllGlobals();
      const numbers = [0.7, -1.1].flatMap((a) => [-0.4, 0.3].map((b) => evaluate([root], [a, b])[0]));
      expect(compiled).toEqual(numbers);
      expect(interpreted).toEqual(numbers);
    },
  );

  it('erf agrees with published values to 1e-15', () => {
    // Abramowitz & Stegun, table 7.1.
    for (const [at, value] of [
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [3.5, 0.9999992569016276],
    ] as const) {
      expect(Math.abs(erf(at) - value)).toBeLessThan(2e-15);
      expect(erf(-at)).toBe(-erf(at));
    }
    expect([erf(0), erf(10), Number.isNaN(erf(NaN))]).toEqual([0, 1, true]);
  });

  it('lie in the range that is known of them, whatever the inputs', () => {
    const known: [Expr, number, number][] = [
      [x, -Infinity, Infinity],
      [x.abs().neg(), -Infinity, 0],
      [x.abs().neg().exp(), 0, 1],
      [x.abs().neg().exp().log1p(), 0, Infinity],
      [x.square().mul(-0.5), -Infinity, 0],
      [x.mul(y), -Infinity, Infinity],
      [x.min(3).max(-2), -2, 3],
      [x.max(1).sqrt().neg().expm1(), -Infinity, 0],
      [select(x.lt(y), x.tanh(), y.sigmoid()), -1, 1],
      [x.max(2).min(5).abs().neg(), -5, -2],
      [x.min(-2).max(-5).abs(), 2, 5],
      [x.max(-4).min(2).abs(), 0, 4],
      [x.erf().floor(), -1, 1],
      [x.max(Number.NaN), -Infinity, Infinity],
    ];
    const numbers = [-Infinity, -1e30, -3.7, -1, -0.4, -0, 0, 1e-30, 0.6, 1, 2.5, 1e30, Infinity, Number.NaN];
    for (const [formula, low, high] of known) {
      expect(rangeOf(formula)).toEqual({ low, high });
      for (const a of numbers) {
        for (const b of numbers) {
          const value = evaluate([formula], [a, b])[0] as number;
          expect(Number.isNaN(value) || (value >= low && value <= high)).toBe(true);
        }
      }
    }
  });
});
