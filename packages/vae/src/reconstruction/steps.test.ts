import { gradCheck } from '@latent/autograd';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { bivariateMixture, categorical, composite, perStep, tokens } from '../index.ts';

const f64 = (x: Tensor): Tensor => tensor(x.data, { shape: x.shape, dtype: 'f64' });

describe('tokens', () => {
  it('have the density of one-hot categories', () => {
    const params = new Rng(1).normal([5, 4]);
    const x = tensor([[0], [3], [2], [2], [1]]);
    const oneHot = tensor([0, 3, 2, 2, 1].map((token) => [0, 1, 2, 3].map((i) => Number(i === token))));
    const want = categorical().logProb(oneHot, params).toArray() as number[];
    (tokens(4).logProb(x, params).toArray() as number[]).forEach((value, i) => {
      expect(value).toBeCloseTo(want[i]!, 6);
    });
    expect(tokens(4).mode(params).toArray()).toEqual(
      (params.toArray() as number[][]).map((row) => [row.indexOf(Math.max(...row))]),
    );
  });

  it('are drawn as often as they say, and the first of equals is the mode', () => {
    const params = tensor([[Math.log(0.5), Math.log(0.3), Math.log(0.2)]]).broadcastTo([20_000, 3]);
    const drawn = tokens(3).sample(params, new Rng(2)).data;
    const share = (token: number) => drawn.filter((value) => value === token).length / drawn.length;
    [0.5, 0.3, 0.2].forEach((p, token) => {
      expect(Math.abs(share(token) - p)).toBeLessThan(0.015);
    });
    expect(tokens(3).mode(tensor([[1, 1, 1]])).data[0]).toBe(0);
  });

  it('have the gradient of their density', () => {
    const x = tensor([[0], [2]], { dtype: 'f64' });
    const params = f64(new Rng(3).normal([2, 3]));
    gradCheck((p: Tensor) => tokens(3).logProb(x, p).sum(), [params]);
  });
});

describe('a mixture of two columns', () => {
  const likelihood = bivariateMixture({ components: 3 });
  const params = new Rng(4).normal([1, 18]).mul(0.7);

  it('has mass 1, the mean that it says, and a first column that is its marginal', () => {
    const [step, reach] = [0.1, 12];
    const grid: number[][] = [];
    for (let a = -reach; a <= reach; a += step) for (let b = -reach; b <= reach; b += step) grid.push([a, b]);
    const x = tensor(grid);
    const all = params.broadcastTo([grid.length, 18]);
    const p = Array.from(likelihood.logProb(x, all).data, Math.exp);
    const mass = p.reduce((a, b) => a + b) * step * step;
    expect(mass).toBeCloseTo(1, 3);
    const [mx, my] = (likelihood.mean(params).toArray() as number[][])[0]!;
    expect(grid.reduce((sum, [a], i) => sum + a! * p[i]!, 0) * step * step).toBeCloseTo(mx!, 2);
    expect(grid.reduce((sum, [, b], i) => sum + b! * p[i]!, 0) * step * step).toBeCloseTo(my!, 2);
    const first = Array.from(likelihood.logProbPerColumn(x, all).data).filter((_, i) => i % 2 === 0);
    const at = grid.findIndex(([a]) => Math.abs(a! - 0.4) < 1e-9);
    const line = grid.flatMap(([a], i) => (a === grid[at]![0] ? [i] : []));
    expect(line.reduce((sum, i) => sum + p[i]!, 0) * step).toBeCloseTo(Math.exp(first[at]!), 3);
  });

  it('draws what it says', () => {
    const all = params.broadcastTo([40_000, 18]);
    const drawn = likelihood.sample(all, new Rng(5));
    const [mx, my] = (likelihood.mean(params).toArray() as number[][])[0]!;
    const [dx, dy] = drawn.mean({ axis: 0 }).toArray() as number[];
    expect(Math.abs(dx! - mx!)).toBeLessThan(0.05);
    expect(Math.abs(dy! - my!)).toBeLessThan(0.05);
  });

  it('has the gradient of its density, and no holes at the ends', () => {
    const x = f64(new Rng(6).normal([4, 2]));
    gradCheck((p: Tensor) => likelihood.logProb(x, p).sum(), [f64(new Rng(7).normal([4, 18]).mul(0.5))]);
    const far = likelihood.logProb(
      tensor([
        [1e12, -1e12],
        [0, 0],
      ]),
      new Rng(8).normal([2, 18]).mul(50),
    );
    expect(Array.from(far.data).every(Number.isFinite)).toBe(true);
  });
});

describe('steps', () => {
  const step = composite([
    [2, bivariateMixture({ components: 2 })],
    [3, categorical()],
  ]);
  const rows = perStep({ width: 5, of: step });

  it('add up, in density, columns, draws and what they may hold', () => {
    const params = new Rng(1).normal([3, 4 * step.paramCount(5)]);
    const x = rows.sample(params, new Rng(2));
    expect(x.shape).toEqual([3, 20]);
    const total = rows.logProb(x, params);
    const columns = rows.logProbPerColumn(x, params).sum({ axis: -1 });
    const apart = step.logProb(x.reshape([12, 5]), params.reshape([12, step.paramCount(5)])).reshape([3, 4]);
    [...total.data].forEach((value, i) => {
      expect(value).toBeCloseTo(columns.data[i]!, 4);
      expect(value).toBeCloseTo([...apart.sum({ axis: 1 }).data][i]!, 4);
    });
    expect(rows.support(20)).toHaveLength(20);
    expect(rows.oneHotGroups!(10)).toEqual([
      [2, 5],
      [7, 10],
    ]);
    expect(() => rows.logProb(x.slice([null, [0, 19]]), params)).toThrow(
      'perStep: rows must be whole steps of 5 columns',
    );
  });
});
