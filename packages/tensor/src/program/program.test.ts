import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { overwrite } from '../eager.ts';
import { concat, persistentZeros, Rng, step, type Tensor, tensor, useKernels, useThreads, zeros } from '../index.ts';
import { tiles } from '../kernels/select.ts';
import { SHORT, TALL } from '../kernels/wasm/tile.ts';
import { everyStep, recordedValue } from '../memory/watcher.ts';
import { sampleInputs } from '../ops/sample-inputs.ts';
import { type Sample, samples } from '../ops/samples.ts';
import { compile } from './compile.ts';
import { profile } from './profile.ts';

afterEach(() => {
  useKernels('auto');
  useThreads('auto');
});

/** Every way of running a step gives the bits of the eager one, at the recording and at the replays. */
function expectSame(fn: (...args: Tensor[]) => Tensor | Tensor[], rounds: readonly Tensor[][]): void {
  const compiled = compile(fn);
  for (const inputs of rounds) {
    const want = [step(() => fn(...inputs))].flat();
    const got = [compiled(...inputs)].flat();
    expect(got.map((x) => x.shape)).toEqual(want.map((x) => x.shape));
    for (const [i, x] of got.entries()) expect(x.data).toEqual(want[i]!.data);
  }
}

describe('compile', () => {
  it('lowers programs anew when another tile turns out to be the fastest, with the same bits', () => {
    const [a, b] = [new Rng(1).normal([130, 300]), new Rng(2).normal([300, 90])];
    const product = compile((x: Tensor, y: Tensor) => x.matmul(y).tanh());
    const before = tiles.best;
    const want = a.matmul(b).tanh().data;
    try {
      for (const tile of [TALL, SHORT, TALL]) {
        tiles.best = tile;
        for (const threads of [1, 2]) {
          useThreads(threads);
          for (let i = 0; i < 4; i++) expect(product(a, b).data).toEqual(want);
        }
      }
    } finally {
      tiles.best = before;
    }
  });

  it.each(Object.entries(samples) as [string, Sample][])('records and replays %s', (_name, sample) => {
    for (const [group, shapes] of sample.shapes.entries()) {
      for (const dtype of ['f32', 'f64'] as const) {
        const rounds = [0, 1, 2].map((round) => sampleInputs(sample, shapes, 10 * group + round, dtype));
        let compiles = true;
        const compiled = compile(sample.call, { onEager: () => (compiles = false), repeats: dtype === 'f32' });
        for (const inputs of rounds) {
          expect(compiled(...inputs).data).toEqual(step(() => sample.call(...inputs)).data);
        }
        expect(compiles).toBe(true);
      }
    }
  });

  it.each([
    ['auto', 96],
    // Formulas are double precision there, and what is handed on between them is not.
    ['reference', 12],
  ] as const)('gives the eager bits for random graphs on %s kernels, with 1, 2 and 3 threads', (kernels, size) => {
    useKernels(kernels);
    const half = Math.floor(size / 2) - 2;
    const unary: ((x: Tensor) => Tensor)[] = [
      (x) => x.sigmoid(),
      (x) => x.mul(0.5).add(1),
      (x) => x.relu(),
      (x) => x.tanh().square(),
      (x) => x.softmax(),
      (x) => x.transpose(),
      (x) => x.sub(x.mean({ axis: 0 })),
      (x) => x.div(x.square().sum({ axis: 1, keepDims: true }).add(1)),
      (x) => concat([x.slice([[0, half]]), x.slice([[half, size]])], 0),
      (x) => x.cumulativeSum({ axis: 1 }).mul(0.01),
      (x) =>
        x
          .pad([
            [1, 0],
            [0, 0],
          ])
          .slice([[1, size + 1]]),
    ];
    const binary: ((x: Tensor, y: Tensor) => Tensor)[] = [
      (x, y) => x.add(y),
      (x, y) => x.mul(y),
      (x, y) => x.matmul(y, { transposeB: true }).mul(0.1),
      (x, y) => x.matmul(y, { transposeA: true }).mul(0.1),
      (x, y) => x.add(y.sum({ axis: 0 }).mul(0.01)),
      (x, y) => x.maximum(y.max({ axis: 1, keepDims: true }).mul(0.5)),
    ];
    const choice = fc.array(fc.record({ op: fc.nat(16), a: fc.nat(50), b: fc.nat(50) }), {
      minLength: 3,
      maxLength: 14,
    });
    fc.assert(
      fc.property(choice, fc.nat(1000), fc.constantFrom(1, 2, 3), (ops, seed, threads) => {
        useThreads(threads);
        const rng = new Rng(seed);
        const inputs = [0, 1, 2].map(() => [rng.normal([size, size]), rng.uniform([size, size])]);
        expectSame((...args) => {
          const known = [...args];
          for (const { op, a, b } of ops) {
            const x = known[a % known.length]!;
            const y = known[b % known.length]!;
            known.push(unary[op]?.(x) ?? binary[op - unary.length]!(x, y));
          }
          const last = known[known.length - 1]!;
          return [last, last.sum(), known[2]!];
        }, inputs);
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ['wasm', {}],
    ['wasm', { deterministic: true }],
    ['reference', {}],
  ] as const)('makes a log-probability and its gradient in one pass, on %s kernels %o', (kernels, options) => {
    useKernels(kernels, options);
    for (const rows of [1, 2, 33]) {
      const drawn = (seed: number): [Tensor, Tensor] => [
        new Rng(seed).uniform([rows, 45]),
        new Rng(seed).normal([rows, 45]).mul(4),
      ];
      const weight = tensor([1 / rows]);
      const fn = (x: Tensor, l: Tensor): Tensor[] => {
        const logits = l.add(1);
        const sums = x.mul(logits).sub(logits.softplus()).sum({ axis: 1 });
        return [sums.mean(), x.sub(logits.sigmoid()).mul(weight)];
      };
      for (const threads of [1, 2]) {
        useThreads(threads);
        expectSame(fn as (...args: Tensor[]) => Tensor[], [drawn(1), drawn(2)]);
      }
      const compiled = compile(fn);
      const last = drawn(3);
      compiled(...last);
      const made = profile(() => compiled(...last)).rows.map(({ name }) => name);
      expect(made.filter((name) => name.includes(`[${rows}, 45]`))).toEqual([expect.stringContaining('1 beside')]);
    }
  });

  it('agrees with the reference kernels within rounding', () => {
    const fn = (x: Tensor, w: Tensor): Tensor =>
      x
        .matmul(w)
        .add(w.sum({ axis: 0 }))
        .softplus()
        .sum({ axis: 1 });
    const rng = new Rng(1);
    const [x, w] = [rng.normal([40, 30]), rng.normal([30, 20])];
    const compiled = compile(fn);
    compiled(x, w);
    const got = compiled(x, w).data;
    useKernels('reference');
    const want = step(() => fn(x, w)).data;
    for (const [i, value] of got.entries()) expect(Math.abs(value / want[i]! - 1)).toBeLessThan(2e-6);
    // A program goes on under other kernels.
    for (const [i, value] of compiled(x, w).data.entries()) expect(Math.abs(value / want[i]! - 1)).toBeLessThan(2e-6);
  });

  it('records anew under other kernels, whose need of room may be another', () => {
    let recorded = 0;
    const run = compile((x: Tensor) => {
      recorded++;
      return x.matmul(x);
    });
    const x = new Rng(2).normal([40, 40]);
    useKernels('reference');
    run(x);
    run(x);
    useKernels('wasm');
    for (let i = 0; i < 2; i++) expect(run(x).data).toEqual(step(() => x.matmul(x)).data);
    expect(recorded).toBe(2);
  });

  it('records each shape, and comes back to it', () => {
    let recorded = 0;
    const run = compile((x: Tensor) => {
      recorded++;
      return x.square().sum();
    });
    for (const n of [3, 4, 3, 4, 3]) expect(run(tensor(new Array(n).fill(2))).item()).toBe(4 * n);
    expect(recorded).toBe(2);
  });

  it('takes numbers, strings and booleans as part of the recording', () => {
    const run = compile((x: Tensor, factor: number, negative: boolean) => x.mul(negative ? -factor : factor).sum());
    const x = tensor([1, 2]);
    expect([run(x, 2, false), run(x, 3, false), run(x, 2, true), run(x, 2, false)].map((y) => y.item())).toEqual([
      6, 9, -6, 6,
    ]);
    expect(() => compile((x: Tensor, o: object) => (o ? x : x))(x, {})).toThrow(
      'compile: argument 1 must be a tensor, a generator',
    );
  });

  it.each([false, true])(
    'draws as the eager step does, from its own generator and from an argument (repeats: %s)',
    (repeats) => {
      const make = (rng: Rng) => (x: Tensor, other: Rng) =>
        x
          .add(rng.normal([5]))
          .mul(other.bernoulli([5]))
          .add(other.exponential([5]));
      const [a, b] = [new Rng(1), new Rng(1)];
      const compiled = compile(make(a), { repeats });
      const eager = make(b);
      const x = tensor([1, 2, 3, 4, 5]);
      for (let i = 0; i < 4; i++) {
        const [c, d] = [new Rng(i), new Rng(i)];
        expect(compiled(x, c).data).toEqual(step(() => eager(x, d)).data);
        expect(c.state).toEqual(d.state);
      }
      expect(a.state).toEqual(b.state);
    },
  );

  it('makes the first call of what repeats by the program: nothing is computed while it is recorded', () => {
    const [x, y] = [tensor([1, 2, 3]), tensor([4, 5, 6])];
    let during = Number.NaN;
    const kept = persistentZeros([3]);
    const makeBy = (repeats: boolean) =>
      compile(
        (a: Tensor) => {
          overwrite(kept, a.slice([[0, 3]]).mul(2));
          during = kept.storage.view('f32', 3)[0] as number;
          return a.exp().sum();
        },
        { repeats },
      );
    for (const repeats of [false, true]) {
      const [run, before] = [makeBy(repeats), kept.data[0] as number];
      for (const a of [x, y]) {
        expect(run(a).item()).toBe(a.exp().sum().item());
        expect(kept.data).toEqual(a.mul(2).data);
        if (a === x) expect(during).toBe(repeats ? before : 2);
      }
      // Another shape may come but once.
      run(tensor([7, 8, 9, 10]));
      expect(during).toBe(14);
    }
  });

  it('makes up for what was put off where what repeats turns out to read its own values', () => {
    const onEager = vi.fn();
    const run = compile((x: Tensor) => (x.square().sum().item() > 4 ? x : x.neg()).sum(), { onEager, repeats: true });
    expect([run(tensor([1])), run(tensor([3])), run(tensor([-1]))].map((y) => y.item())).toEqual([-1, 3, 1]);
    expect(onEager).toHaveBeenCalledTimes(1);
  });

  it('repeats what changes from step to step, and records anew when something it depended on changed', () => {
    const rate = zeros([1]).persisted(true);
    let t = 0;
    let training = true;
    let recorded = 0;
    const run = compile(
      (x: Tensor) => {
        recorded++;
        everyStep(() => rate.assign([++t]));
        return recordedValue(() => training) ? x.mul(rate) : x;
      },
      { onEager: () => {} },
    );
    const outside = compile((x: Tensor) => {
      everyStep(() => {
        rate.storage.view('f32', 1)[0] = ++t;
      });
      recorded++;
      return recordedValue(() => training) ? x.mul(rate) : x;
    });
    expect([1, 2, 3].map(() => outside(tensor([10])).item())).toEqual([10, 20, 30]);
    training = false;
    expect([1, 2].map(() => outside(tensor([10])).item())).toEqual([10, 10]);
    training = true;
    expect(outside(tensor([10])).item()).toBe(60);
    expect(recorded).toBe(2);
    expect(run(tensor([1])).item()).toBe(7); // assign is not recorded: this one runs eagerly
  });

  it('computes anew in actions, which are no part of the step', () => {
    const x = tensor([1, 2, 3]);
    const table = zeros([3]).persisted(true);
    let times = 0;
    const run = compile(
      (y: Tensor) => {
        everyStep(() => {
          const values = step(() => x.mul(++times).add(table.mul(0))).data;
          table.assign(values);
        });
        return y.add(table).mul(2);
      },
      { onEager: (reason) => expect.fail(reason) },
    );
    for (let t = 1; t <= 4; t++)
      expect(run(tensor([10, 10, 10])).toArray()).toEqual([20 + 2 * t, 20 + 4 * t, 20 + 6 * t]);
    expect(times).toBe(4);
  });

  it('runs a step that reads its own values eagerly, and says so once', () => {
    const onEager = vi.fn();
    const run = compile((x: Tensor) => (x.sum().item() > 0 ? x : x.neg()).sum(), { onEager });
    expect([run(tensor([1])), run(tensor([-1])), run(tensor([2]))].map((y) => y.item())).toEqual([1, 1, 2]);
    expect(onEager).toHaveBeenCalledTimes(1);
    expect(onEager.mock.calls[0]![0]).toContain('item reads a computed value');
  });

  it('warns on the console when nobody asks to be told', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    compile(function lookingStep(x: Tensor) {
      return x.mul(x.sum().item());
    })(tensor([1]));
    expect(warn.mock.calls).toEqual([[expect.stringContaining('lookingStep runs eagerly')]]);
    warn.mockRestore();
  });

  it('gives back fresh tensors, or the same ones when asked', () => {
    const fresh = compile((x: Tensor) => x.add(1));
    const results = [1, 2, 3].map((n) => fresh(tensor([n])));
    expect(results.map((x) => x.item())).toEqual([2, 3, 4]);
    const reused = compile((x: Tensor) => ({ y: x.add(1), x }), { reuse: true });
    reused(tensor([0]));
    const first = reused(tensor([1]));
    expect(reused(tensor([5]))).toBe(first);
    expect([first.y.item(), first.x.item()]).toEqual([6, 5]);
  });

  it('leaves nothing behind when the function throws', () => {
    let fail = true;
    const run = compile((x: Tensor) => {
      const y = x.add(1);
      if (fail) throw new Error('mine');
      return y;
    });
    expect(() => run(tensor([1]))).toThrow('mine');
    fail = false;
    expect(run(tensor([1])).item()).toBe(2);
    expect(tensor([1]).add(1).item()).toBe(2);
  });

  it('never writes to its arguments', () => {
    const x = tensor([3, 1, 2]);
    const run = compile((a: Tensor) => a.mul(2).add(a));
    for (let i = 0; i < 3; i++) run(x);
    expect(x.toArray()).toEqual([3, 1, 2]);
  });
});

describe('profile', () => {
  it('counts calls and shares of compiled steps', () => {
    const run = compile((x: Tensor) => x.matmul(x).add(1).relu().sum());
    const x = new Rng(0).normal([64, 64]);
    for (let i = 0; i < 3; i++) run(x);
    const report = profile(() => run(x));
    expect(report.rows.reduce((sum, row) => sum + row.share, 0)).toBeCloseTo(1, 6);
    const product = report.rows.find((row) => row.name.startsWith('matmul 64×64'));
    expect(product?.calls).toBe(1);
    expect(product?.gflops).toBeGreaterThan(0);
    expect(String(report)).toContain('GFLOP/s');
    expect(() => profile(() => {})).toThrow('no kernel was called');
  });
});
