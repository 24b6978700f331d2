import { grad } from '@latent/autograd';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { expect, it } from 'vitest';
import { categorical } from './categorical.ts';
import { composite } from './composite.ts';
import { gaussian } from './gaussian.ts';

const slope = (f: (params: Tensor) => Tensor, at: Tensor): Tensor => grad(f)(at) as Tensor;

it('of many parts, which are cut by halves, is the parts side by side', () => {
  const rng = new Rng(1);
  const sizes = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? 1 : 2 + (i % 4)));
  const parts = sizes.map((size, i) => [size, i % 3 === 0 ? gaussian() : categorical(size)] as const);
  const all = composite(parts);
  const [width, count] = [sizes.reduce((a, b) => a + b), all.paramCount(sizes.reduce((a, b) => a + b))];
  const x = rng.normal([3, width], { dtype: 'f64' });
  const params = rng.normal([3, count], { dtype: 'f64' });
  let [from, first] = [0, 0];
  const expected = parts.map(([size, part]) => {
    const own = part.paramCount(size);
    const [rows, its] = [x.slice([null, [from, from + size]]), params.slice([null, [first, first + own]])];
    from += size;
    first += own;
    return {
      terms: part.logProbPerColumn(rows, its).toArray() as number[][],
      gradient: slope((p) => part.logProb(rows, p).sum(), its).toArray() as number[][],
    };
  });
  const beside = (of: 'terms' | 'gradient') =>
    [0, 1, 2].map((r) => expected.flatMap((part) => part[of][r] as number[]));
  expect(all.logProbPerColumn(x, params).toArray()).toEqual(beside('terms'));
  const found = slope((p) => all.logProb(x, p).sum(), params).data;
  const wanted = tensor(beside('gradient'), { dtype: 'f64' }).data;
  found.forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i] as number, 12);
  });
});
