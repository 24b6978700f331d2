import { compile, step, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { grad, gradients, noGrad, parameter, stopGradient, valueAndGrad } from './index.ts';

const message =
  'backward: gradients would have to flow into a tensor that a step or a compiled function returned, where they ended; call backward inside that function, or cut the tensor off with stopGradient(x)';

describe.each([
  ['step', (f: (w: Tensor) => Tensor) => (w: Tensor) => step(() => f(w))],
  ['compile', (f: (w: Tensor) => Tensor) => compile(f)],
  ['compile with reuse', (f: (w: Tensor) => Tensor) => compile(f, { reuse: true })],
] as const)('what %s returns', (_name, wrap) => {
  it('refuses to be part of a later backward where it depends on parameters, at every call', () => {
    const w = parameter([3]);
    const squares = wrap((x) => x.square().sum());
    for (let i = 0; i < 3; i++) {
      const loss = squares(w);
      expect([loss.item(), loss.requiresGrad]).toEqual([9, false]);
      expect(() => loss.backward()).toThrow(message);
      expect(() => loss.add(w.sum()).backward()).toThrow(message);
      expect(() => w.sum().mul(loss).backward()).toThrow(message);
      expect(() => loss.mul(2).exp().backward()).toThrow(message);
      expect(() => gradients(loss.add(w.sum()), [w])).toThrow(message);
      // A failure leaves nothing behind.
      expect(w.grad).toBe(null);
    }
  });

  it('is an ordinary constant where it is cut off, or has no part in a gradient', () => {
    const w = parameter([3]);
    const squares = wrap((x) => x.square().sum());
    stopGradient(squares(w)).mul(w.sum()).backward();
    expect(w.grad?.toArray()).toEqual([9]);
    const made = noGrad(() => squares(w).mul(2));
    expect(made.requiresGrad).toBe(false);
    made.mul(w.sum()).backward();
    expect(w.grad?.toArray()).toEqual([27]);
    // A comparison has no gradient to pass on.
    squares(w).greater(w).mul(w.detach()).add(w).sum().backward();
    expect(w.grad?.toArray()).toEqual([28]);
  });

  it('keeps the mark through another', () => {
    const w = parameter([3]);
    const squares = wrap((x) => x.square().sum());
    const double = wrap((x) => x.mul(2));
    for (let i = 0; i < 3; i++) {
      const twice = double(squares(w));
      expect(twice.item()).toBe(18);
      expect(() => twice.add(w.sum()).backward()).toThrow(message);
      // What depends on no parameter carries none.
      double(tensor([1]))
        .mul(w)
        .sum()
        .backward();
      expect(double(tensor([1])).node).toBe(null);
    }
  });
});

describe('a compiled function inside a gradient', () => {
  it('lets gradients flow through', () => {
    const squares = compile((x: Tensor) => x.square().sum());
    for (let i = 0; i < 3; i++) {
      expect(grad((x: Tensor) => squares(x))(tensor([3])).toArray()).toEqual([6]);
      expect(grad((x: Tensor) => squares(x.mul(2)))(tensor([3])).toArray()).toEqual([24]);
      expect(
        valueAndGrad((x: Tensor) => grad((z: Tensor) => squares(z))(x).sum())(tensor([3])).grads.toArray(),
      ).toEqual([2]);
    }
    const w = parameter([3]);
    squares(w.mul(2)).add(w.sum()).backward();
    expect(w.grad?.toArray()).toEqual([25]);
  });
});
