// What a compiled function shares with the world: draws, tensors from outside, arguments that it returns, odd shapes.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compile, full, ones, Rng, step, type Tensor, tensor, useKernels, useThreads, zeros } from '../index.ts';
import { heap } from '../memory/heap.ts';

afterEach(() => {
  useKernels('auto');
  useThreads('auto');
});

describe('draws in a compiled function', () => {
  it('go on where nobody reads them, as in the eager step', () => {
    const make = (rng: Rng) => (x: Tensor) => {
      rng.normal([7]);
      const kept = rng.uniform([3]);
      rng.exponential([5]).mul(2);
      return x.add(kept);
    };
    const [a, b] = [new Rng(5), new Rng(5)];
    const compiled = compile(make(a));
    const eager = make(b);
    for (let i = 0; i < 4; i++) {
      expect(compiled(zeros([3])).data).toEqual(step(() => eager(zeros([3]))).data);
      expect(a.state).toEqual(b.state);
    }
  });

  it('are made in their order, whatever reads them and when', () => {
    const make = (rng: Rng) => (x: Tensor) => {
      const first = rng.normal([1]);
      const second = rng.normal([100]);
      return second.sum().add(x).sub(first);
    };
    const compiled = compile(make(new Rng(2)));
    const eager = make(new Rng(2));
    for (let i = 0; i < 3; i++) expect(compiled(tensor([1])).data).toEqual(step(() => eager(tensor([1]))).data);
  });
});

describe('tensors from outside', () => {
  it.each([1, 10, 255, 256, 1000, 300_000])('of %i elements are followed when they are assigned to', (size) => {
    const outside = full([size], 1);
    const run = compile((x: Tensor) => outside.mul(x).sum());
    const x = tensor([2]);
    for (let value = 1; value < 5; value++) {
      expect(run(x).item()).toBe(2 * size * value);
      outside.assign(new Float32Array(size).fill(value + 1));
    }
    if (size === 1) {
      outside.assign(7);
      expect(run(x).item()).toBe(14);
    }
    outside.assign(full([size], -1));
    expect(run(x).item()).toBe(-2 * size);
  });

  it('that JavaScript looks at while recording are looked at again when they were assigned to', () => {
    const threshold = tensor([1]);
    let recorded = 0;
    const run = compile((x: Tensor) => {
      recorded++;
      return threshold.item() > 0 ? x.mul(2) : x.neg();
    });
    const x = tensor([3]);
    expect([run(x).item(), run(x).item(), recorded]).toEqual([6, 6, 1]);
    threshold.assign([-1]);
    expect([run(x).item(), run(x).item(), recorded]).toEqual([-3, -3, 2]);
  });
});

describe('arguments that are returned', () => {
  it('are copies, at the recording and at the replays', () => {
    const run = compile((x: Tensor) => ({ x, view: x.reshape([1, 2]), y: x.add(1) }));
    const made = [1, 2, 3].map((value) => run(full([2], value)));
    for (const [i, { x, view, y }] of made.entries()) {
      expect([x.toArray(), view.toArray(), y.toArray()]).toEqual([[i + 1, i + 1], [[i + 1, i + 1]], [i + 2, i + 2]]);
    }
  });
});

describe('empty tensors', () => {
  it('are recorded like others, and make nothing eager', () => {
    const onEager = vi.fn();
    const run = compile(
      (x: Tensor) => {
        const h = x
          .matmul(ones([3, 4]))
          .add(1)
          .tanh();
        return { h, total: h.sum(), rows: h.sum({ axis: 1 }), soft: h.softmax() };
      },
      { onEager },
    );
    for (const rows of [0, 2, 0, 5]) {
      for (let i = 0; i < 2; i++) {
        const { h, total, rows: sums } = run(ones([rows, 3]));
        expect([h.shape, sums.shape, total.item()]).toEqual([
          [rows, 4],
          [rows],
          expect.closeTo(4 * rows * Math.tanh(4), 3),
        ]);
      }
    }
    expect(onEager).not.toHaveBeenCalled();
  });
});

describe('a call that cannot be recorded', () => {
  it('does not keep calls with other shapes from being recorded', () => {
    const onEager = vi.fn();
    let ran = 0;
    const run = compile(
      (x: Tensor) => {
        ran++;
        return x.size === 0 ? x.sum().item() : x.square().sum();
      },
      { onEager },
    );
    expect([run(zeros([0])), run(zeros([0]))]).toEqual([0, 0]);
    expect(ran).toBe(2);
    for (let i = 0; i < 3; i++) expect((run(full([4], i)) as Tensor).item()).toBe(4 * i * i);
    expect(ran).toBe(3);
    expect(onEager).toHaveBeenCalledTimes(1);
  });

  it('is not tried again and again where none could be recorded', () => {
    const onEager = vi.fn();
    const run = compile((x: Tensor, factor: number) => x.mul(x.sum().item() * factor), { onEager });
    for (let i = 0; i < 20; i++) expect(run(tensor([2]), i).item()).toBe(4 * i);
    expect(onEager).toHaveBeenCalledTimes(1);
  });
});

describe('compiled steps in double precision, with threads', () => {
  it('take no memory once they are recorded', () => {
    useThreads(2);
    const x = new Rng(0).normal([100, 100], { dtype: 'f64' });
    const run = compile((a: Tensor) => a.matmul(a).tanh().sum(), { reuse: true });
    run(x);
    run(x);
    const before = { ...heap.held };
    for (let i = 0; i < 10; i++) run(x);
    expect(heap.held).toEqual(before);
  });
});
