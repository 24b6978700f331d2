import { applyJoint, type JointOp, mul, sin, sum, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { grad, gradCheck, gradients, noGrad, parameter } from './index.ts';

/** sin(a)·b and a + b at once, beside a result that no gradient comes to; how often each way of differentiating was taken. */
const taken = { fused: 0, composed: 0 };
const both: JointOp<undefined> = {
  name: 'both',
  shapes: ([a]) => [a!, a!, a!],
  saves: [2],
  forward() {},
  gradients([g, h], { inputs: [a, b], outputs }, wanted) {
    taken.fused++;
    expect(outputs[0]).toBe(null);
    expect(outputs[2]).not.toBe(null);
    const cos = (x: Tensor): Tensor => sin(x.add(Math.PI / 2));
    const da = [g?.mul(cos(a!)).mul(b!), h].filter((x) => x != null).reduce((x, y) => x.add(y));
    const db = [g?.mul(sin(a!)), h].filter((x) => x != null).reduce((x, y) => x.add(y));
    return [wanted[0] ? da : null, wanted[1] ? db : null];
  },
  composed([a, b]) {
    taken.composed++;
    return [mul(sin(a!), b!), a!.add(b!), null];
  },
};

/** The op with its numbers: the engine's part is to record, not to compute. */
function compute(a: Tensor, b: Tensor): Tensor[] {
  const results = applyJoint(both, [a, b], undefined);
  noGrad(() => {
    for (const [i, value] of [mul(sin(a), b), a.add(b), a].entries()) {
      results[i]!.storage.copyFrom(value.detach().storage, a.dtype, a.size);
    }
  });
  return results;
}

const a = tensor([0.3, -1.2, 2], { dtype: 'f64' });
const b = tensor([1.5, 0.7, -0.4], { dtype: 'f64' });

describe('an op of several results', () => {
  it('has the gradients of all of them together, however many are used', () => {
    const losses: ((...x: Tensor[]) => Tensor)[] = [
      (x, y) => compute(x!, y!)[0]!,
      (x, y) => compute(x!, y!)[1]!.square(),
      (x, y) => {
        const [p, q] = compute(x!, y!);
        return p!.mul(q!).add(p!);
      },
      (x, y) => compute(compute(x!, y!)[0]!, y!)[0]!,
      (x) => compute(x!, x!)[0]!,
    ];
    for (const loss of losses) expect(gradCheck(loss, [a, b])).toBeLessThan(1e-6);
  });

  it('is asked once for all inputs, and only for those that are wanted', () => {
    taken.fused = 0;
    const [p, q] = [parameter(a), parameter(b)];
    const [s, t] = compute(p, q);
    sum(s!.mul(t!)).backward();
    expect(taken.fused).toBe(1);
    const r = parameter(a);
    sum(compute(r, b)[0]!).backward();
    expect(r.grad).not.toBe(null);
  });

  it('can be differentiated again by its composition, to any order', () => {
    taken.fused = 0;
    taken.composed = 0;
    const f = (x: Tensor, y: Tensor): Tensor => {
      const [p, q] = compute(x, y);
      return sum(p!.mul(q!.square()));
    };
    const first = (x: Tensor, y: Tensor): Tensor => {
      const [dx, dy] = grad(([u, v]: Tensor[]) => f(u!, v!))([x, y]) as Tensor[];
      return sum(dx!.mul(dy!).add(dx!));
    };
    expect(gradCheck(first, [a, b], { tolerance: 2e-6 })).toBeLessThan(2e-6);
    expect(taken.composed).toBeGreaterThan(0);
    const second = (x: Tensor, y: Tensor): Tensor => {
      const [dx, dy] = grad(([u, v]: Tensor[]) => first(u!, v!))([x, y]) as Tensor[];
      return sum(dx!.mul(0.3).add(dy!));
    };
    expect(gradCheck(second, [a, b], { tolerance: 2e-6 })).toBeLessThan(2e-6);
  });

  it('leaves nothing behind where a backward pass fails', () => {
    const p = parameter(a);
    const [s, t] = compute(p, b);
    const failing = applyJoint(
      {
        ...both,
        gradients() {
          throw new Error('no');
        },
      },
      [t!, b],
      undefined,
    );
    const loss = sum(s!.add(failing[1]!));
    expect(() => loss.backward({ retainGraph: true })).toThrow('no');
    const [clean] = gradients(sum(s!), [p]);
    const again = parameter(a);
    sum(compute(again, b)[0]!).backward();
    expect(clean!.data).toEqual(again.grad!.data);
  });

  it('records nothing where nothing is recorded', () => {
    const p = parameter(a);
    expect(noGrad(() => compute(p, b)).map((x) => x.requiresGrad)).toEqual([false, false, false]);
    expect(compute(a, b).map((x) => x.requiresGrad)).toEqual([false, false, false]);
  });
});
