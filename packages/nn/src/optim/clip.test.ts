import { parameter } from '@latent/autograd';
import { compile, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { clipEachGradNorm, clipGradNorm, clipGradValue } from './clip.ts';

type Clip = (parameters: readonly Tensor[], limit: number) => unknown;
const BIG = [3, 0, 4];
const SMALL = [0.6, -0.8];

/** What is left of gradients of norms 5 and 1. */
const table: [string, Clip, number, number[], number[]][] = [
  ['clipGradValue', clipGradValue, 0.7, [0.7, 0, 0.7], [0.6, -0.7]],
  ['clipEachGradNorm', clipEachGradNorm, 2, [1.2, 0, 1.6], SMALL],
  ['clipEachGradNorm', clipEachGradNorm, 0.5, [0.3, 0, 0.4], [0.3, -0.4]],
  ['clipGradNorm', clipGradNorm, Math.sqrt(26) / 2, [1.5, 0, 2], [0.3, -0.4]],
  ['clipGradNorm', clipGradNorm, 6, BIG, SMALL],
];

describe.each(table)('%s', (_name, clip, limit, big, small) => {
  const fresh = (): Tensor[] => [parameter(new Float32Array(3)), parameter(new Float32Array(2)), parameter([1])];
  /** Leaves the gradients, times `g`, in the first two parameters, clips them, and gives them back. */
  const clipped = (p: readonly Tensor[], g: Tensor): Tensor[] => {
    for (const x of p) if (x.node !== null) x.node.grad = null;
    const loss = p[0]!
      .mul(tensor(BIG))
      .sum()
      .add(p[1]!.mul(tensor(SMALL)).sum());
    loss.mul(g).sum().backward();
    clip(p, limit);
    return p.slice(0, 2).map((x) => (x.grad as Tensor).mul(1));
  };
  const expectClose = (got: readonly Tensor[], want: readonly number[][]): void => {
    for (const [i, x] of got.entries()) {
      for (const [j, value] of x.data.entries()) expect(value).toBeCloseTo(want[i]![j]!, 5);
    }
  };

  it(`holds gradients to ${limit.toFixed(2)}, in recorded steps too, and leaves zeros and absent ones alone`, () => {
    const p = fresh();
    expectClose(clipped(p, tensor([1])), [big, small]);
    expect(p[2]!.grad).toBeNull();
    const q = fresh();
    const recorded = compile((g: Tensor) => clipped(q, g));
    // The program is recorded on gradients that need no clipping and replayed on ones that do.
    const zero = [
      [0, 0, 0],
      [0, 0],
    ];
    expectClose(recorded(tensor([0])), zero);
    expectClose(recorded(tensor([1])), [big, small]);
    expectClose(recorded(tensor([0])), zero);
  });

  it('refuses a limit that is not > 0', () => {
    const p = fresh();
    p[1]!.sum().backward();
    for (const wrong of [0, -1, NaN]) expect(() => clip(p, wrong)).toThrow(`must be a number > 0, got ${wrong}`);
  });
});

describe('clipGradNorm', () => {
  it('returns the norm before, and says when there is nothing to clip', () => {
    const p = parameter([1, 1]);
    expect(() => clipGradNorm([p], 1)).toThrow('clipGradNorm: no parameter has a gradient; call loss.backward() first');
    p.mul(tensor([3, 4]))
      .sum()
      .backward();
    expect(clipGradNorm([p], 1).item()).toBe(5);
    expect(clipGradNorm([p], 1).item()).toBeCloseTo(1, 6);
  });
});
