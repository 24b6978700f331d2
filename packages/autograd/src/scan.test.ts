import {
  compile,
  type GraphNode,
  linear,
  overwrite,
  Rng,
  stack,
  step,
  type Tensor,
  tensor,
  useKernels,
  useThreads,
  zeros,
} from '@latent/tensor';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { grad, gradCheck, gradients, type Nest, noGrad, parameter, sampleNormal, scan } from './index.ts';

afterEach(() => {
  useKernels('auto');
  useThreads('auto');
});

type Pair = [Tensor, Tensor];

/** The same steps one after the other. */
function unrolled(
  body: (carry: Tensor, x: Tensor) => readonly [Tensor, Tensor],
  init: Tensor,
  xs: Tensor,
  reverse = false,
): Pair {
  let carry = init;
  const ys: Tensor[] = [];
  const turns = xs.shape[0] as number;
  for (let nth = 0; nth < turns; nth++) {
    const t = reverse ? turns - 1 - nth : nth;
    const [next, y] = body(carry, xs.slice([[t, t + 1]]).reshape(xs.shape.slice(1)));
    carry = next;
    ys[t] = y;
  }
  return [carry, stack(ys, 0)];
}

const rng = new Rng(1);
const weights = { x: parameter(rng.normal([6, 5], { std: 0.4 })), h: parameter(rng.normal([6, 6], { std: 0.4 })) };
const bias = parameter(rng.normal([6], { std: 0.1 }));
const cell = (h: Tensor, x: Tensor): Pair => {
  const next = linear(x, weights.x, bias)
    .add(h.matmul(weights.h, { transposeB: true }))
    .tanh();
  return [next, next.square()];
};
const init = rng.normal([3, 6]);
const xs = rng.normal([9, 3, 5]);

/** The numbers of all tensors. */
function numbers(nest: Tensor | readonly Tensor[]): number[][] {
  return [nest].flat().map((x) => Array.from((x as Tensor).data));
}

describe('scan', () => {
  it.each([false, true])(
    'gives the bits of the unrolled loop, reverse %s: eagerly, in a step and compiled',
    (reverse) => {
      const want = numbers(unrolled(cell, init, xs, reverse));
      const run = (): Pair => scan(cell, init, xs, { reverse });
      expect(numbers(run())).toEqual(want);
      expect(numbers(noGrad(run))).toEqual(want);
      expect(numbers(step(run))).toEqual(want);
      for (const body of [run, () => noGrad(run)]) {
        const compiled = compile(body, { onEager: expect.unreachable });
        for (let i = 0; i < 3; i++) expect(numbers(compiled())).toEqual(want);
      }
    },
  );

  it('is recorded once, whatever its length', () => {
    let runs = 0;
    const add = (total: Tensor, row: Tensor): [Tensor, null] => {
      runs++;
      return [total.add(row), null];
    };
    const sum = compile((x: Tensor) => scan(add, zeros([2]), x)[0]);
    for (const length of [1000, 1000, 1, 1000, 7, 1]) {
      const rows = new Rng(length).normal([length, 2]);
      const want = step(() => unrolled((total, row) => [total.add(row), row], zeros([2]), rows)[0]);
      expect(sum(rows).data).toEqual(want.data);
    }
    expect(runs).toBe(3);
  });

  it('takes and gives arrays and objects of tensors, and null', () => {
    const body = ({ h, c }: { h: Tensor; c: Tensor }, [x, none]: readonly [Tensor, null]) => {
      expect(none).toBeNull();
      // Names in another order are the same carry.
      return [
        { c: h.mul(2), h: c.add(x) },
        { twice: [x.mul(2), null], h },
      ] as const;
    };
    const run = (x: Tensor) => scan(body, { h: zeros([]), c: zeros([]).add(1) }, [x, null] as const);
    const x = tensor([1, 2, 3]);
    for (const f of [run, compile(run)]) {
      for (let i = 0; i < 2; i++) {
        const [{ h, c }, ys] = f(x);
        expect([h.item(), c.item()]).toEqual([7, 4]);
        expect(ys.twice[0]?.toArray()).toEqual([2, 4, 6]);
        expect(ys.twice[1]).toBeNull();
        expect(ys.h.toArray()).toEqual([0, 2, 2]);
      }
    }
  });

  it('keeps what carries were when they change places, and what it was given', () => {
    const swap = ([a, b]: readonly [Tensor, Tensor], x: Tensor): [readonly [Tensor, Tensor], readonly Tensor[]] => [
      [b, a.add(b.mul(x))],
      [a, x, b.reshape([1])],
    ];
    const start = [tensor(1), tensor(2)] as const;
    const run = (x: Tensor) => scan(swap, start, x);
    const x = tensor([1, 2, 3, 4]);
    const want = run(x);
    const [a, b] = [[1], [2]];
    for (const t of [0, 1, 2, 3]) {
      b.push(a[t]! + b[t]! * (t + 1));
      a.push(b[t]!);
    }
    expect(want[0].map((y) => y.item())).toEqual([a[4], b[4]]);
    for (const f of [compile(run), compile((y: Tensor) => noGrad(() => run(y)))]) {
      for (let i = 0; i < 2; i++) {
        const got = f(x);
        expect(numbers(got[0])).toEqual(numbers(want[0]));
        expect(numbers(got[1])).toEqual([a.slice(0, 4), [1, 2, 3, 4], b.slice(0, 4)]);
      }
    }
    expect([...start, x].map((y) => y.toArray())).toEqual([1, 2, [1, 2, 3, 4]]);
  });

  it('gives the same bits with any number of threads', () => {
    const big = { w: parameter(new Rng(2).normal([192, 192], { std: 0.07 })), x: new Rng(3).normal([12, 128, 192]) };
    const body = (h: Tensor, x: Tensor): Pair => {
      const next = h.matmul(big.w).add(x).tanh();
      return [next, next.sum({ axis: 1 })];
    };
    const loss = (x: Tensor): Tensor[] => {
      const [last, ys] = scan(body, zeros([128, 192]), x);
      const value = last.square().mean().add(ys.mean());
      return [value, ...gradients(value, [big.w])];
    };
    const want = numbers(step(() => loss(big.x)));
    for (const threads of [1, 2, 3]) {
      useThreads(threads);
      const compiled = compile(loss);
      for (let i = 0; i < 6; i++) expect(numbers(compiled(big.x))).toEqual(want);
    }
    useThreads('auto');
    useKernels('reference');
    expect(numbers(compile(loss)(big.x))).toEqual(numbers(step(() => loss(big.x))));
  });

  it('draws in each step, from where the generator is', () => {
    const body =
      (rng: Rng) =>
      (h: Tensor, x: Tensor): Pair => {
        const y = rng
          .normal([3])
          .mul(x)
          .add(rng.uniform([3]));
        return [h.add(y), y];
      };
    const xs = tensor([1, 2, 3, 4, 5]);
    const [eager, loops] = [new Rng(5), new Rng(5)];
    const compiled = compile((x: Tensor, generator: Rng) => scan(body(generator), zeros([3]), x));
    for (let i = 0; i < 3; i++) {
      const want = numbers(step(() => unrolled(body(eager), zeros([3]), xs)));
      expect(numbers(compiled(xs, loops))).toEqual(want);
      expect(loops.state).toEqual(eager.state);
    }
    const fixed = new Rng(5);
    const own = compile(() => scan(body(fixed), zeros([3]), xs));
    const again = new Rng(5);
    for (let i = 0; i < 3; i++) expect(numbers(own())).toEqual(numbers(scan(body(again), zeros([3]), xs)));
  });

  it('gives the eager bits for random steps of several carries, kept or written over', () => {
    const size = 5;
    const unary: ((x: Tensor) => Tensor)[] = [
      (x) => x.tanh(),
      (x) => x.mul(0.5).add(1),
      (x) => x.transpose(),
      (x) => x.sub(x.mean({ axis: 0 })),
      (x) => x.div(x.square().sum({ axis: 1, keepDims: true }).add(1)),
      (x) => x.reshape([size * size]).reshape([size, size]),
      (x) => x.slice([[0, 1]]).add(x.mul(0)),
    ];
    const binary: ((x: Tensor, y: Tensor) => Tensor)[] = [
      (x, y) => x.add(y),
      (x, y) => x.mul(y).mul(0.5),
      (x, y) => x.matmul(y).mul(0.1),
      (x, y) => x.maximum(y.sum({ axis: 0 })),
    ];
    const op = fc.record({ op: fc.nat(unary.length + binary.length - 1), a: fc.nat(20), b: fc.nat(20) });
    fc.assert(
      fc.property(
        fc.array(op, { minLength: 1, maxLength: 8 }),
        fc.tuple(fc.nat(12), fc.nat(12), fc.nat(12), fc.nat(12)),
        fc.boolean(),
        fc.nat(1000),
        (ops, picks, reverse, seed) => {
          const draw = new Rng(seed);
          const start = [0, 1, 2].map(() => draw.normal([size, size]));
          const rows = draw.normal([3, size, size]);
          const body = (carry: readonly Tensor[], x: Tensor): [readonly Tensor[], Tensor] => {
            const known = [...carry, x];
            for (const { op, a, b } of ops) {
              const [left, right] = [known[a % known.length]!, known[b % known.length]!];
              known.push(op < unary.length ? unary[op]!(left) : binary[op - unary.length]!(left, right));
            }
            const [y, ...next] = picks.map(
              (pick) => known[(known.length - 1 - pick + 4 * known.length) % known.length]!,
            );
            return [next, y!];
          };
          const run = (x: Tensor): Tensor[] => {
            const [last, ys] = scan(body, start, x, { reverse });
            return [...last, ys];
          };
          const want = numbers(step(() => noGrad(() => run(rows))));
          for (const f of [compile(run), compile((x: Tensor) => noGrad(() => run(x)))]) {
            for (let i = 0; i < 2; i++) expect(numbers(f(rows))).toEqual(want);
            f.dispose();
          }
        },
      ),
      { numRuns: 60, seed: 3 },
    );
  });

  it('says which index of all is bad', () => {
    const table = tensor([[1], [2], [3]]);
    const pick = (total: Tensor, index: Tensor): Pair => [total.add(table.gather(index).sum()), index];
    const run = compile((indices: Tensor) => scan(pick, zeros([]), indices)[0]);
    expect(run(tensor([[0], [1], [2]])).item()).toBe(6);
    expect(run(tensor([[0], [2], [2]])).item()).toBe(7);
    expect(() => run(tensor([[0], [1], [3]]))).toThrow(/3/);
    expect(run(tensor([[0], [0], [0]])).item()).toBe(3);
    expect(() => compile((indices: Tensor) => scan(pick, zeros([]), indices)[0])(tensor([[0], [9], [0]]))).toThrow(/9/);
  });

  it('nests', () => {
    const table = new Rng(8).normal([4, 3, 2]);
    const inner = (total: Tensor, x: Tensor): Pair => [total.mul(0.5).add(x), total];
    const outer = (carry: Tensor, rows: Tensor): Pair => {
      const [last, all] = scan(inner, carry, rows, { reverse: true });
      return [last, all.sum({ axis: 0 })];
    };
    const run = (x: Tensor): Pair => scan(outer, zeros([2]), x);
    const want = unrolled(
      (carry, rows) => {
        const [last, all] = unrolled(inner, carry, rows, true);
        return [last, all.sum({ axis: 0 })];
      },
      zeros([2]),
      table,
    );
    for (const f of [run, compile(run), compile((x: Tensor) => noGrad(() => run(x)))]) {
      for (let i = 0; i < 2; i++) expect(numbers(f(table))).toEqual(numbers(want));
    }
  });
});

describe('gradients of scan', () => {
  const lossOf = ([last, ys]: Pair): Tensor => last.square().sum().add(ys.mul(0.3).sum());

  it.each([false, true])('are those of the unrolled loop, reverse %s', (reverse) => {
    const targets = [weights.x, weights.h, bias];
    const values = (run: () => Pair): number[][] => {
      const start = parameter(init);
      const [first, x] = [start, parameter(xs)];
      const loss = lossOf(run.call({ first, x }));
      return numbers(gradients(loss, [...targets, first, x]));
    };
    const scanned = values(function (this: { first: Tensor; x: Tensor }) {
      return scan(cell, this.first, this.x, { reverse });
    });
    const want = values(function (this: { first: Tensor; x: Tensor }) {
      return unrolled(cell, this.first, this.x, reverse);
    });
    for (const [i, g] of scanned.entries()) {
      for (const [j, value] of g.entries()) expect(value).toBeCloseTo(want[i]![j]!, 5);
    }
  });

  it('have the same bits eagerly, in a step and compiled', () => {
    const run = (): Tensor[] => gradients(lossOf(scan(cell, init, xs)), [weights.x, weights.h, bias]);
    const want = numbers(run());
    expect(numbers(step(run))).toEqual(want);
    const compiled = compile(run, { onEager: expect.unreachable });
    for (let i = 0; i < 3; i++) expect(numbers(compiled())).toEqual(want);
  });

  it('have the bits of the unrolled loop where each step uses a tensor once', () => {
    const w = parameter(new Rng(4).normal([5, 5], { std: 0.5 }));
    const body = (h: Tensor, x: Tensor): Pair => {
      const next = h.matmul(w).add(x).tanh();
      return [next, x];
    };
    const rows = new Rng(9).normal([6, 2, 5]);
    const start = new Rng(10).normal([2, 5]);
    const of = ([last]: Pair) => numbers(gradients(last.square().sum(), [w]));
    expect(of(scan(body, start, rows))).toEqual(of(unrolled(body, start, rows)));
  });

  it('agree with differences, through draws, captured tensors and several carries', () => {
    const seeds = new Rng(6);
    const f = (h: Tensor, x: Tensor, w: Tensor): Tensor => {
      const generator = new Rng(11);
      const scale = w.exp();
      const [[a, b], ys] = scan(
        ([p, q]: readonly [Tensor, Tensor], row: Tensor) => {
          const z = sampleNormal(p, q.mul(0.1), generator);
          const next = z.mul(scale).add(row).tanh();
          return [[next, p.mul(w).add(q).sin()] as const, { z, both: next.mul(p) }] as const;
        },
        [h, h.mul(0.5)] as const,
        x,
      );
      return a.square().sum().add(b.mul(w).sum()).add(ys.z.mul(0.2).sum()).add(ys.both.square().sum());
    };
    const sample = [[3], [4, 3], [3]].map((shape) => seeds.normal(shape, { dtype: 'f64' }));
    gradCheck(f as (...inputs: Tensor[]) => Tensor, sample);
  });

  it('can be differentiated again', () => {
    const f = (h: Tensor, w: Tensor, x: Tensor): Tensor => {
      const [last, ys] = scan(
        (c: Tensor, row: Tensor) => {
          const next = c.mul(w).add(row.square()).tanh();
          return [next, next.mul(c)];
        },
        h,
        x,
      );
      return last.square().sum().add(ys.sum());
    };
    const draw = new Rng(12);
    const [h, w, x] = [[2], [2], [3, 2]].map((shape) => draw.normal(shape, { dtype: 'f64' })) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const slope = (...inputs: Tensor[]): Tensor => {
      const g = grad((p: readonly Tensor[]) => f(p[0]!, p[1]!, p[2]!))(inputs);
      return g[0]!.square().sum().add(g[1]!.mul(g[0]!).sum()).add(g[2]!.square().sum());
    };
    gradCheck(slope, [h, w, x]);
    const want = numbers(slope(h, w, x));
    const second = (): Tensor[] => {
      const [p, q, r] = [parameter(h), parameter(w), parameter(x)];
      return gradients(slope(p, q, r), [p, q, r]);
    };
    expect(numbers(slope(h, w, x))).toEqual(want);
    expect(numbers(step(second))).toEqual(numbers(second()));
  });

  it('are cut where asked', () => {
    const body = (c: Tensor, x: Tensor): Pair => [c.mul(2).add(x), c];
    const through = (truncate: number | undefined, reverse: boolean): unknown => {
      const [h, x] = [parameter(1), parameter([1, 1, 1, 1])];
      const options = truncate === undefined ? { reverse } : { reverse, truncate };
      scan(body, h, x, options)[0].backward();
      return [x.grad?.toArray(), h.grad?.toArray()];
    };
    expect(through(undefined, false)).toEqual([[8, 4, 2, 1], 16]);
    expect(through(4, false)).toEqual([[8, 4, 2, 1], 16]);
    expect(through(2, false)).toEqual([[0, 0, 2, 1], 0]);
    expect(through(3, true)).toEqual([[1, 0, 0, 0], 0]);
  });

  it('train in a compiled step, with draws that are the same the second time', () => {
    const make = () => {
      const w = parameter(new Rng(3).normal([4, 4], { std: 0.3 }));
      const generator = new Rng(7);
      const body = (h: Tensor, x: Tensor): Pair => {
        const keep = generator.bernoulli([2, 4], { p: 0.7 });
        const next = h.matmul(w).add(x).tanh().mul(keep);
        return [next, next];
      };
      const train = (x: Tensor): Tensor => {
        const [, ys] = scan(body, zeros([2, 4]), x);
        const loss = ys.square().mean();
        loss.backward();
        const g = w.grad as Tensor;
        w.node!.grad = null;
        return g;
      };
      return train;
    };
    const [eager, compiled, x] = [make(), compile(make()), new Rng(1).normal([5, 2, 4])];
    for (let i = 0; i < 4; i++) expect(numbers(compiled(x))).toEqual(numbers(step(() => eager(x))));
  });

  it('flow into nested loops', () => {
    const f = (h: Tensor, x: Tensor, w: Tensor, generator = new Rng(2)): Tensor => {
      const [last, ys] = scan(
        (carry: Tensor, rows: Tensor) => {
          const [end, all] = scan(
            (c: Tensor, row: Tensor) => {
              const next = c
                .mul(w)
                .add(row)
                .add(generator.normal([2], { dtype: 'f64' }))
                .tanh();
              return [next, next.mul(row)];
            },
            carry,
            rows,
          );
          return [end, all.sum({ axis: 0 })];
        },
        h,
        x,
      );
      return last.sum().add(ys.square().sum());
    };
    const draw = new Rng(13);
    const inputs = [[2], [3, 4, 2], [2]].map((shape) => draw.normal(shape, { dtype: 'f64' }));
    gradCheck((h, x, w) => f(h, x, w), inputs);
    const run = (): Tensor[] => {
      const own = inputs.map((x) => parameter(x));
      return gradients(f(own[0]!, own[1]!, own[2]!), own);
    };
    const want = numbers(run());
    const own = inputs.map((x) => parameter(x));
    const compiled = compile((generator: Rng) => gradients(f(own[0]!, own[1]!, own[2]!, generator), own), {
      onEager: expect.unreachable,
    });
    for (let i = 0; i < 3; i++) expect(numbers(compiled(new Rng(2)))).toEqual(want);
  });

  it('may be taken inside a step', () => {
    const slope = grad((z: Tensor) => z.square().mul(0.5).sum());
    const run = (): Tensor =>
      scan((z: Tensor) => [z.sub(slope(z).mul(0.1)), null], tensor([1, 2]), null, { length: 10 })[0];
    const want = numbers(run());
    expect(want[0]![0]).toBeCloseTo(0.9 ** 10, 5);
    const compiled = compile(run);
    for (let i = 0; i < 2; i++) expect(numbers(compiled())).toEqual(want);
  });
});

describe('scan refuses', () => {
  const id = (c: Tensor, x: Tensor): Pair => [c, x];

  it('what does not fit', () => {
    expect(() => scan(id, zeros([2]), zeros([0, 2]))).toThrow(/at least one step/);
    expect(() => scan(id, zeros([2]), zeros([]))).toThrow(/first axis/);
    expect(() => scan((c: Tensor) => [c, null], zeros([2]), null)).toThrow(/length/);
    expect(() => scan((c: Tensor, [x]: readonly Tensor[]) => [c, x!], zeros([2]), [zeros([3]), zeros([4])])).toThrow(
      /3 rows.*\[4\]/,
    );
    expect(() => scan((c: Tensor) => [zeros([3]), c], zeros([2]), null, { length: 2 })).toThrow(/\[2\].*\[3\]/);
    expect(() => scan((c: Tensor) => [c.cast('f64'), c], zeros([2]), null, { length: 2 })).toThrow(/f32.*f64/);
    expect(() => scan((c: Nest) => [[c] as never, null], zeros([2]) as Nest, null, { length: 2 })).toThrow(
      /made up alike/,
    );
    expect(() => scan((c: Tensor) => c as never, zeros([2]), null, { length: 2 })).toThrow(/\[carry, y\]/);
    expect(() => scan(id, zeros([2]), zeros([2]), { lenght: 2 } as never)).toThrow(/length/);
    let turn = 0;
    expect(() => scan((c: Tensor) => [c, zeros([++turn])], zeros([2]), null, { length: 2 })).toThrow(
      /turn 1.*\[1\].*\[2\]/,
    );
  });

  it('what a loop cannot do again', () => {
    const generator = new Rng(1);
    const shuffle = (c: Tensor): [Tensor, null] => {
      generator.permutation(3);
      return [c, null];
    };
    expect(() => scan(shuffle, zeros([2]), null, { length: 2 })).toThrow(/Rng.permutation: not in the step of a scan/);
    const look = compile(
      () => scan((c: Tensor) => [c.mul(c.sum().item()), null], zeros([2]).add(1), null, { length: 2 })[0],
    );
    expect(look).toThrow(/outside the loop/);
    const running = parameter([0, 0]);
    const count = (w: Tensor): Tensor =>
      scan(
        (c: Tensor) => {
          overwrite(running, c);
          return [c.mul(w), null];
        },
        tensor([1, 2]),
        null,
        { length: 2 },
      )[0];
    expect(count(tensor(2)).toArray()).toEqual([4, 8]);
    expect(() => count(parameter(2)).sum().backward()).toThrow(/change nothing outside/);
  });

  it('gradients from outside a compiled function', () => {
    const w = parameter([2, 3]);
    const loss = (): Tensor => scan((c: Tensor) => [c.mul(w), null], w, null, { length: 3 })[0].sum();
    const outside = loss();
    expect(() => compile(() => gradients(outside, [w]))()).toThrow(/compute the loss inside/);
    expect(gradients(loss(), [w])[0]?.toArray()).toEqual([32, 108]);
  });

  it('nothing to a tape of another kind, which takes down ordinary ops', () => {
    const names: string[] = [];
    const tape: GraphNode = {
      isParameter: false,
      ended: false,
      grad: null,
      recording: true,
      record: (op, _inputs, _params, output) => {
        names.push(op.name);
        output.node = tape;
      },
      recordJoint: () => {},
      backward: () => {},
      end: () => null,
    };
    const traced = (x: Tensor): Tensor => {
      x.node = tape;
      return x;
    };
    const body = (h: Tensor, x: Tensor): Pair => [h.add(x), h];
    const [last, ys] = scan(
      body,
      zeros([2]),
      traced(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      ),
      { reverse: true },
    );
    expect([last.toArray(), ys.toArray()]).toEqual([
      [4, 6],
      [
        [3, 4],
        [0, 0],
      ],
    ]);
    expect(names.filter((name) => name === 'add')).toHaveLength(2);
    expect(names).toContain('slice');
    const w = traced(tensor([1, 2]));
    expect(() => scan((h: Tensor) => [h.mul(w), null], zeros([2]), null, { length: 2 })).toThrow(
      /written down as a graph/,
    );
  });

  it('and goes on after a step failed', () => {
    let fails = true;
    const run = compile(
      () => {
        try {
          return scan(
            (c: Tensor) => {
              if (fails) throw new Error('no');
              return [c.add(1), null];
            },
            zeros([1]),
            null,
            { length: 3 },
          )[0];
        } catch {
          return zeros([1]);
        }
      },
      { onEager: () => {} },
    );
    expect(run().toArray()).toEqual([0]);
    fails = false;
    expect(run().toArray()).toEqual([3]);
  });
});
