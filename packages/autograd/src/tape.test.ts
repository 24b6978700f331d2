import { add, matmul, mul, Rng, step, sum, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import {
  customGradient,
  grad,
  gradCheck,
  gradients,
  noGrad,
  parameter,
  stopGradient,
  valueAndGrad,
  zeroGrad,
} from './index.ts';

describe('backward', () => {
  it('leaves gradients on parameters and adds them up until they are cleared', () => {
    const w = parameter([1, 2]);
    w.square().sum().backward();
    expect(w.grad?.toArray()).toEqual([2, 4]);
    w.sum().backward();
    expect(w.grad?.toArray()).toEqual([3, 5]);
    zeroGrad([w]);
    expect(w.grad).toBeNull();
  });

  it('visits a shared node once and an unused one never', () => {
    const w = parameter([3]);
    const shared = w.mul(2);
    shared.exp();
    sum(add(mul(shared, shared), shared)).backward();
    expect(w.grad?.toArray()).toEqual([2 * 2 * 6 + 2]);
  });

  it('undoes broadcasting', () => {
    const [row, column, one] = [parameter([1, 2, 3]), parameter([[1], [2]]), parameter(2)];
    row.mul(column).mul(one).sum().backward();
    expect(row.grad?.toArray()).toEqual([6, 6, 6]);
    expect(column.grad?.toArray()).toEqual([[12], [12]]);
    expect(one.grad?.toArray()).toBe(18);
  });

  it('does not recurse: a graph of 20,000 ops', () => {
    const w = parameter([1]);
    let x: Tensor = w;
    for (let i = 0; i < 20_000; i++) x = x.add(0.5);
    x.sum().backward();
    expect(w.grad?.toArray()).toEqual([1]);
  });

  it('works inside a step, whose gradients end with it', () => {
    const w = parameter([1, 2]);
    const kept = step(() => {
      w.square().sum().backward();
      return w.grad;
    });
    expect(kept?.toArray()).toEqual([2, 4]);
    expect(w.grad).toBeNull();
  });

  it('says what is wrong', () => {
    const w = parameter([1, 2]);
    expect(() => w.mul(2).backward()).toThrow(
      'backward: the loss must be a scalar, got [2]; reduce it with sum() or mean() first',
    );
    expect(() => tensor(1).backward()).toThrow(
      'backward: the loss depends on no parameter; make some inputs with parameter(...)',
    );
    const loss = w.square().sum();
    loss.backward();
    expect(() => loss.backward()).toThrow('was already used by an earlier backward');
    const again = w.square().sum();
    again.backward({ retainGraph: true });
    again.backward();
    expect(w.grad?.toArray()).toEqual([6, 12]);
  });

  it('can be recorded, for derivatives of gradients', () => {
    const w = parameter([2]);
    w.pow(3).sum().backward({ createGraph: true });
    const first = w.grad as Tensor;
    expect(first.toArray()).toEqual([12]);
    zeroGrad([w]);
    first.sum().backward();
    expect(w.grad?.toArray()).toEqual([12]);
  });
});

describe('functional gradients', () => {
  it('come back in the shape of the parameters', () => {
    const params = { layer: { w: tensor([[1, 2]]), b: tensor([1]) }, list: [tensor(3)] };
    const loss = (p: typeof params, scale: number): Tensor =>
      add(p.layer.w.square().sum(), p.layer.b.sum().mul(p.list[0]!)).mul(scale);
    const { value, grads } = valueAndGrad(loss)(params, 2);
    expect(value.item()).toBe(16);
    expect(grads.layer.w.toArray()).toEqual([[4, 8]]);
    expect(grads.layer.b.toArray()).toEqual([6]);
    expect(grads.list[0]!.toArray()).toBe(2);
    expect(params.list[0]!.requiresGrad).toBe(false);
  });

  it('are zero for what the value does not depend on', () => {
    const g = grad(({ a }: { a: Tensor; b: Tensor }) => a.sum())({ a: tensor([1, 1]), b: tensor([[5]]) });
    expect(g.b.toArray()).toEqual([[0]]);
  });

  it('nest: the third derivative of x⁴ is 24x', () => {
    const f = (x: Tensor): Tensor => x.pow(4).sum();
    const d1 = (x: Tensor): Tensor => grad(f)(x).sum();
    const d2 = (x: Tensor): Tensor => grad(d1)(x).sum();
    expect(grad(d2)(tensor(2, { dtype: 'f64' })).item()).toBeCloseTo(48, 10);
  });

  it('flow on to parameters: a gradient penalty', () => {
    const w = parameter(
      [
        [0.5, -1],
        [2, 0.3],
      ],
      { dtype: 'f64' },
    );
    const x = new Rng(1).normal([3, 2], { dtype: 'f64' });
    const penalty = (weight: Tensor): Tensor =>
      grad((z: Tensor) => matmul(z, weight).tanh().sum())(x)
        .square()
        .sum();
    penalty(w).backward();
    const h = 1e-6;
    const [values, analytic] = [w.data, w.grad?.data as Float64Array];
    values.forEach((value, i) => {
      const at = (d: number): number => {
        const moved = values.slice();
        moved[i] = value + d;
        return penalty(tensor(moved, { shape: [2, 2], dtype: 'f64' })).item();
      };
      expect(analytic[i]).toBeCloseTo((at(h) - at(-h)) / (2 * h), 6);
    });
  });

  it('reach intermediates as well as leaves, also when one target depends on another', () => {
    const a = parameter([2]);
    const b = a.mul(3);
    const [ga, gb] = gradients(b.square().sum(), [a, b]) as [Tensor, Tensor];
    expect([ga.toArray(), gb.toArray(), a.grad]).toEqual([[36], [12], null]);
  });

  it('refuse what is no tree of tensors or no scalar', () => {
    expect(() => grad((x: Tensor) => x)(tensor([1, 2]))).toThrow(
      'grad: the function must return a scalar, got [2]; reduce it with sum() or mean()',
    );
    expect(() => grad((x: Tensor) => x.sum())(3 as never)).toThrow(
      'grad: parameters must be tensors, or arrays and objects of tensors, got 3',
    );
  });
});

describe('stopping and replacing gradients', () => {
  it('noGrad records nothing, also after an error inside', () => {
    const w = parameter([1]);
    expect(noGrad(() => w.mul(2)).requiresGrad).toBe(false);
    expect(() =>
      noGrad(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(w.mul(2).requiresGrad).toBe(true);
  });

  it('stopGradient makes a constant', () => {
    const w = parameter([3]);
    mul(w, stopGradient(w)).sum().backward();
    expect(w.grad?.toArray()).toEqual([3]);
  });

  it('customGradient replaces the gradient, and can be differentiated twice', () => {
    const cube = customGradient((x) => ({ value: x.pow(3), gradient: (g) => [g.mul(x.square()).mul(30)] }));
    const w = parameter([2]);
    cube(w).sum().backward();
    expect(w.grad?.toArray()).toEqual([120]);
    const square = (x: Tensor): Tensor => {
      const op = customGradient((v) => ({ value: v.square(), gradient: (g) => [mul(g, x.mul(2))] }));
      return op(x);
    };
    expect(grad((x: Tensor) => grad((z: Tensor) => square(z).sum())(x).sum())(tensor([5])).toArray()).toEqual([2]);
    const short = customGradient((x, y) => ({ value: x.add(y), gradient: (g) => [g] }));
    expect(() =>
      short(parameter([1]), parameter([1]))
        .sum()
        .backward(),
    ).toThrow('customGradient: 2 inputs need 2 gradients, got 1');
  });
});

describe('gradCheck', () => {
  it('passes right gradients and names the element of a wrong one', () => {
    expect(gradCheck((x) => x.sin().mul(x), [new Rng(0).normal([2, 2])])).toBeLessThan(1e-9);
    const wrong = customGradient((x) => ({ value: x.square(), gradient: (g) => [g.mul(x)] }));
    expect(() => gradCheck((x) => wrong(x), [tensor([1, 2])])).toThrow(
      /^gradCheck: input 0 \[2\], element 0: the gradient is .*, central differences give/,
    );
  });
});
