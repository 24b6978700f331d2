import { parameter } from '@latent/autograd';
import { compile, Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import type { Layer } from '../module/module.ts';
import { AlphaDropout } from './alpha-dropout.ts';
import { Dropout } from './dropout.ts';
import { GaussianNoise } from './gaussian-noise.ts';

/** A layer, its variance on values of mean 0 and variance 1, and a strength that it refuses. */
const table: [string, (rng: Rng, amount?: number) => Layer, number, number, string][] = [
  ['Dropout', (rng, p = 0.2) => new Dropout(p, { rng }), 1 / 0.8, 1, 'Dropout: rate must be a number ≥ 0 and < 1'],
  [
    'AlphaDropout',
    (rng, p = 0.2) => new AlphaDropout(p, { rng }),
    1,
    1,
    'AlphaDropout: rate must be a number ≥ 0 and < 1',
  ],
  [
    'GaussianNoise',
    (rng, s = 0.5) => new GaussianNoise(s, { rng }),
    1.25,
    -1,
    'GaussianNoise: std must be a number ≥ 0',
  ],
];

describe.each(table)('%s', (_name, make, variance, refused, message) => {
  const x = new Rng(9).normal([100_000]);

  it('keeps the mean and has its variance', () => {
    const y = make(new Rng(1)).forward(x);
    expect(Math.abs(y.mean().item())).toBeLessThan(0.015);
    expect(Math.abs(y.variance().item() - variance)).toBeLessThan(0.03);
  });

  it('acts in training mode only, and not at strength 0', () => {
    const layer = make(new Rng(1));
    expect(layer.forward(x)).not.toBe(x);
    expect(layer.eval().forward(x)).toBe(x);
    expect(make(new Rng(1), 0).forward(x)).toBe(x);
    expect(() => make(new Rng(1), refused)).toThrow(message);
    expect(() => make(new Rng(1), NaN)).toThrow('got NaN');
  });

  it('draws anew each time, the same from the same seed, also in a recorded step', () => {
    const few = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    const three = (run: (x: Tensor) => Tensor): number[][] => [0, 1, 2].map(() => [...run(few).data]);
    const layer = make(new Rng(3));
    const eager = three((input) => layer.forward(input));
    expect(eager[0]).not.toEqual(eager[1]);
    expect(eager[1]).not.toEqual(eager[2]);
    const recorded = make(new Rng(3));
    expect(three(compile((input: Tensor) => recorded.forward(input)))).toEqual(eager);
  });

  it('has a generator that checkpoints find, and keeps f64', () => {
    const layer = make(new Rng(1));
    expect(layer.generators().map(([name]) => name)).toEqual(['rng']);
    expect(layer.forward(tensor([1, 2], { dtype: 'f64' })).dtype).toBe('f64');
  });
});

describe('AlphaDropout', () => {
  it('gives kept values a·x + b, dropped ones a·α′ + b, and gradients to the kept alone', () => {
    // For rate ½: a = (½ + α′²/4)^(−½) with α′² = 3.0909133.
    const [a, b] = [0.8864048947, 0.7791939305];
    const p = parameter(new Float64Array(64).fill(2), { dtype: 'f64' });
    const y = new AlphaDropout(0.5, { rng: new Rng(5) }).forward(p);
    y.sum().backward();
    const kept = [...y.data].map((value) => value > 0.5);
    expect(new Set(kept).size).toBe(2);
    for (const [i, value] of y.data.entries()) {
      expect(value).toBeCloseTo(kept[i] ? 2 * a + b : -b, 6);
      expect((p.grad as Tensor).data[i]).toBeCloseTo(kept[i] ? a : 0, 6);
    }
  });
});
