import { describe, expect, it } from 'vitest';
import { arange, eye, full, linspace, ones, tensor, zeros } from './create.ts';
import { debug } from './debug.ts';
import { LatentError } from './errors.ts';
import { heap } from './memory/heap.ts';
import { memory } from './memory/linear-memory.ts';
import { concat, split, stack } from './ops/layout.ts';
import { step } from './step.ts';
import type { Tensor } from './tensor.ts';

describe('creation', () => {
  it('takes numbers, nested arrays, typed arrays and typed rows', () => {
    expect(tensor(3).shape).toEqual([]);
    expect(
      tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]).shape,
    ).toEqual([3, 2]);
    expect(tensor(new Float32Array([1, 2, 3])).toArray()).toEqual([1, 2, 3]);
    expect(tensor([new Float32Array([1, 2]), new Float32Array([3, 4])]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(tensor(new Float64Array([0.1])).dtype).toBe('f64');
    expect(tensor([1, 2, 3, 4], { shape: [2, 2] }).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(tensor([]).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
  });

  it('copies: neither side sees the other change', () => {
    const data = new Float32Array([1, 2, 3]);
    const x = tensor(data);
    data[0] = 9;
    x.data[1] = 9;
    expect(x.toArray()).toEqual([1, 2, 3]);
  });

  it('makes regular tensors', () => {
    expect(zeros([2, 2]).toArray()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(ones([3]).toArray()).toEqual([1, 1, 1]);
    expect(full([2], 7, { dtype: 'f64' }).data).toEqual(new Float64Array([7, 7]));
    expect(arange(4).toArray()).toEqual([0, 1, 2, 3]);
    expect(arange(1, 2, 0.5).toArray()).toEqual([1, 1.5]);
    expect(arange(3, 0, -1).toArray()).toEqual([3, 2, 1]);
    expect(linspace(0, 1, 5).toArray()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(linspace(2, 3, 1).toArray()).toEqual([2]);
    expect(eye(2).toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  it('says what does not fit, and where', () => {
    expect(() => tensor([[1, 2], [3]])).toThrow('tensor: rows differ, expected length 2 at [1], got length 1');
    expect(() => tensor([[1, 2], 3] as never)).toThrow('tensor: rows differ, expected length 2 at [1], got number');
    expect(() => tensor([1, 'x'] as never)).toThrow('tensor: expected a number at [1], got "x"');
    expect(() => tensor([1, null] as never)).toThrow('tensor: expected a number at [1], got null');
    expect(() => tensor([1, 2, 3], { shape: [2, 2] })).toThrow('tensor: 3 numbers do not fit shape [2, 2]');
    expect(() => zeros([2, -1])).toThrow('zeros: sizes must be whole numbers ≥ 0, got [2, -1]');
    expect(() => arange(0, 1, 0)).toThrow('arange: needs finite numbers and a step other than 0, got 0, 1, 0');
  });
});

describe('reading', () => {
  it('item, data and toArray leave the tensor as it was', () => {
    const x = tensor([[1.5]]);
    expect([x.item(), x.item(), x.data[0], x.toArray()]).toEqual([1.5, 1.5, 1.5, [[1.5]]]);
    expect(() => tensor([1, 2]).item()).toThrow('item: needs a tensor of one element, got [2]');
  });

  it('prints shape, dtype and numbers, long axes shortened', () => {
    expect(
      String(
        tensor([
          [1, -2.5],
          [30, 4],
        ]),
      ),
    ).toBe('Tensor [2, 2] f32\n[[   1, -2.5],\n [  30,    4]]');
    expect(String(tensor(2))).toBe('Tensor [] f32\n2');
    expect(String(arange(20))).toBe('Tensor [20] f32\n[ 0,  1,  2, …, 17, 18, 19]');
  });

  it('cast and clone make tensors of their own', () => {
    const x = tensor([1, 2]);
    expect(x.cast('f64').data).toEqual(new Float64Array([1, 2]));
    const copy = x.clone();
    copy.assign([5, 6]);
    expect(x.toArray()).toEqual([1, 2]);
    expect(() => copy.assign([1])).toThrow('assign: expected 2 elements for [2], got 1');
  });
});

describe('errors', () => {
  const a = zeros([2, 3]);
  const cases: [string, () => unknown, string][] = [
    ['broadcasting', () => a.add(zeros([4])), 'add: shapes do not broadcast, got [2, 3] and [4] (axis 1: 3 ≠ 4)'],
    [
      'dtypes',
      () => a.add(zeros([3], { dtype: 'f64' })),
      "add: dtypes differ, got f32 and f64; convert one with cast('f32')",
    ],
    [
      'arrays',
      () => a.add([1] as never),
      'add: expected a tensor or a number, got an array of 1; make arrays into tensors with tensor(...)',
    ],
    ['inner sizes', () => a.matmul(zeros([2, 3])), 'matmul: inner sizes differ, got [2, 3] × [2, 3] (3 ≠ 2)'],
    [
      'inner sizes, transposed',
      () => a.matmul(zeros([2, 3]), { transposeA: true, transposeB: true }),
      'matmul: inner sizes differ, got [2, 3]ᵀ × [2, 3]ᵀ (2 ≠ 3)',
    ],
    [
      'vectors',
      () => a.matmul(zeros([3])),
      'matmul: needs at least two axes on both sides, got [2, 3] × [3]; reshape a vector to [1, n] or [n, 1]',
    ],
    ['axes', () => a.sum({ axis: 2 }), 'sum: axis must be between -2 and 1, got 2'],
    ['axes of scalars', () => tensor(1).sum({ axis: 0 }), 'sum: a scalar has no axes, got axis 0'],
    ['repeated axes', () => a.sum({ axis: [0, -2] }), 'sum: axis 0 is given twice'],
    ['nothing to compare', () => zeros([0]).max(), 'max: no largest or smallest of nothing, got [0]'],
    ['reshape', () => a.reshape([4]), 'reshape: 6 elements do not fit [4], got [2, 3]'],
    ['transpose', () => a.transpose([0, 0]), 'transpose: axes must name each of the 2 axes once, got [0, 0]'],
    ['broadcastTo', () => a.broadcastTo([3]), 'broadcastTo: [2, 3] does not broadcast to [3]'],
    [
      'slice',
      () => a.slice([[0, 5]]),
      'slice: range [0, 5] does not fit axis 0 of size 2; need 0 ≤ start ≤ stop ≤ size and step ≥ 1',
    ],
    ['too many ranges', () => a.slice([null, null, null]), 'slice: 3 ranges for 2 axes, got [2, 3]'],
    [
      'concat',
      () => concat([a, zeros([2, 4])]),
      'concat: shapes must agree except along axis 0, got [2, 3] and [2, 4]',
    ],
    ['stack', () => stack([a, zeros([3, 2])]), 'stack: shapes must be equal, got [2, 3] and [3, 2]'],
    ['split', () => split(a, 2, 1), 'split: axis 1 of size 3 does not divide into 2'],
    ['gather', () => a.gather([0, 2]), 'gather: index 1 must be a whole number from 0 to 1, got 2'],
    [
      'scatterAdd',
      () => a.scatterAdd([0], zeros([1, 2])),
      'scatterAdd: rows must be [1, 3] for base [2, 3] and indices [1], got [1, 2]',
    ],
    ['squeeze', () => a.squeeze(0), 'squeeze: axis 0 has size 2, got [2, 3]'],
    [
      'backward without parameters',
      () => a.sum().backward(),
      'backward: the loss depends on no parameter; make some inputs with parameter(...)',
    ],
  ];
  it.each(cases)('about %s say what was given and what to do', (_name, run, message) => {
    let thrown: unknown;
    try {
      run();
    } catch (error) {
      thrown = error;
    }
    expect((thrown as Error | undefined)?.message).toBe(message);
    expect(thrown).toBeInstanceOf(LatentError);
  });
});

describe('memory', () => {
  it('stays bounded in a synchronous loop that frees nothing', () => {
    const x = zeros([256, 256]);
    const before = memory.top;
    for (let i = 0; i < 1500; i++) x.add(1);
    expect(heap.held.tensors).toBeLessThanOrEqual(128 << 20);
    expect(memory.top - before).toBeLessThanOrEqual(140 << 20);
    expect(x.add(1).data[65535]).toBe(1);
  });

  it('gives the intermediates of a step back and copies out what it returns', () => {
    const x = tensor([1, 2]);
    let leaked: Tensor | undefined;
    const kept = step(() => {
      leaked = x.add(1);
      return { sum: x.add(leaked), list: [leaked, x], number: 3 };
    });
    expect(kept.sum.toArray()).toEqual([3, 5]);
    expect(kept.list.map((t) => t.toArray())).toEqual([
      [2, 3],
      [1, 2],
    ]);
    expect(kept.number).toBe(3);
    const message = 'the tensor was made inside a step that has ended; return it from the step to keep it';
    expect(() => leaked?.toArray()).toThrow(message);
    expect(() => leaked?.add(1)).toThrow(`add: ${message}`);
  });

  it('makes an inner step part of the outer one, and ends a step that throws', () => {
    const x = tensor([1, 2]);
    const y = step(() => {
      const inner = step(() => x.mul(2));
      return inner.add(1);
    });
    expect(y.toArray()).toEqual([3, 5]);
    expect(() =>
      step(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(step(() => x.add(1)).toArray()).toEqual([2, 3]);
    expect(() => step(async () => x)).toThrow('step: the function must not be async; await outside the step');
  });

  it('survives growth of the linear memory in the middle of a step', () => {
    const x = full([1000, 1000], 2);
    const total = step(() => {
      let y = x;
      for (let i = 0; i < 40; i++) y = y.add(1);
      return y.sum();
    });
    expect(total.item()).toBe(42e6);
  });
});

describe('debug.checkFinite', () => {
  it('names the first op whose output is not finite, the place and the inputs', () => {
    debug.checkFinite(true);
    try {
      expect(() =>
        tensor([
          [1, 2],
          [0, 3],
        ])
          .log()
          .exp(),
      ).toThrow(
        'checkFinite: log is the first op whose output is not finite, got -Infinity at [1, 0] of [2, 2]; inputs [2, 2] in [0, 3]',
      );
    } finally {
      debug.checkFinite(false);
    }
    expect(tensor(0).log().item()).toBe(-Infinity);
  });
});
