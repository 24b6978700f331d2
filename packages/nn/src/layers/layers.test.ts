import { parameter } from '@latent/autograd';
import { Rng, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { roleOf } from '../module/role.ts';
import { Activation, activation, activationNames } from './activation.ts';
import { dense } from './dense.ts';
import { Dropout } from './dropout.ts';
import { LayerNorm } from './layer-norm.ts';
import { Linear } from './linear.ts';
import { Reshape, reshape } from './shape.ts';

const rng = (): Rng => new Rng(1);

describe('Linear', () => {
  it('is x·Wᵀ + b along the last axis and starts as PyTorch does', () => {
    const layer = new Linear(3, 2, { rng: rng() });
    layer.weight.assign([1, 2, 3, 4, 5, 6]);
    layer.bias?.assign([10, 20]);
    expect(layer.forward(tensor([[1, 0, 1]])).toArray()).toEqual([[14, 30]]);
    expect(layer.forward(tensor([[[1, 0, 1]], [[0, 1, 0]]])).shape).toEqual([2, 1, 2]);
    const wide = new Linear(100, 400, { rng: rng() });
    const limit = 1 / 10;
    expect(Math.max(...wide.weight.data)).toBeLessThanOrEqual(limit);
    expect(Math.sqrt(wide.weight.variance().item())).toBeCloseTo(limit / Math.sqrt(3), 3);
    expect(() => new Linear(0, 1, { rng: rng() })).toThrow('Linear: inFeatures must be a whole number ≥ 1, got 0');
    expect([roleOf(layer.weight), layer.bias && roleOf(layer.bias)]).toEqual(['weight', 'bias']);
  });

  it('says which last axis it expects, and when rows should be flattened', () => {
    const layer = new Linear(4, 2, { rng: rng() });
    expect(() => layer.forward(tensor([[1, 2]]))).toThrow('linear: expected last axis 4, got [1, 2]');
    expect(() =>
      layer.forward(
        tensor([
          [
            [1, 2],
            [3, 4],
          ],
        ]),
      ),
    ).toThrow('got [1, 2, 2]; flatten each row first');
  });
});

describe('Dropout', () => {
  it('keeps the mean, draws anew each time, and is off in eval', () => {
    const layer = new Dropout(0.25, { rng: rng() });
    const x = tensor(new Float32Array(20_000).fill(1));
    const [a, b] = [layer.forward(x).data, layer.forward(x).data];
    const kept = a.filter((value: number) => value > 0);
    expect(Math.abs(kept.length / 20_000 - 0.75)).toBeLessThan(0.015);
    expect(kept[0]).toBeCloseTo(4 / 3, 6);
    expect(a).not.toEqual(b);
    expect(layer.eval().forward(x)).toBe(x);
    expect(() => new Dropout(1, { rng: rng() })).toThrow('Dropout: rate must be a number ≥ 0 and < 1, got 1');
  });
});

describe('LayerNorm', () => {
  it('gives every row mean 0 and variance 1, then scales and shifts', () => {
    const layer = new LayerNorm(50);
    const y = layer.forward(rng().normal([4, 50], { mean: 3, std: 2 }));
    for (const mean of y.mean({ axis: 1 }).data) expect(mean).toBeCloseTo(0, 5);
    for (const variance of y.variance({ axis: 1 }).data) expect(variance).toBeCloseTo(1, 3);
    layer.bias.assign(new Float32Array(50).fill(5));
    expect(
      layer
        .forward(rng().normal([1, 50]))
        .mean()
        .item(),
    ).toBeCloseTo(5, 4);
    expect(() => layer.forward(tensor([1, 2]))).toThrow('LayerNorm: expected last axis 50, got [2]');
    expect([roleOf(layer.weight), roleOf(layer.bias)]).toEqual(['scale', 'bias']);
    for (const bad of [0, 1.5, '5', Number.NaN]) {
      expect(() => new LayerNorm(bad as number)).toThrow('LayerNorm: features must be a whole number ≥ 1');
    }
  });
});

describe('activations', () => {
  it('are known by name, and say which are', () => {
    for (const name of activationNames) expect(new Activation(name).forward(tensor([-1, 0, 2])).shape).toEqual([3]);
    expect(() => new Activation('tahn' as never)).toThrow(
      /^activation: name must be one of 'identity', 'relu', .*, got "tahn"; did you mean 'tanh'\?$/,
    );
    for (const bad of ['swish', 'toString', '__proto__', 5, null]) {
      expect(() => new Activation(bad as never)).toThrow('activation: name must be one of');
      expect(() => activation(bad as never)).toThrow('activation: of must be one of');
    }
  });
});

describe('Reshape', () => {
  it('keeps the rows and the numbers in order, and says what does not fit', () => {
    const layer = new Reshape([2, 3]);
    const x = tensor([[1, 2, 3, 4, 5, 6]]);
    expect(layer.forward(x).toArray()).toEqual([
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ]);
    expect(layer.forward(tensor(new Float32Array(0), { shape: [0, 6] })).shape).toEqual([0, 2, 3]);
    expect(() => layer.forward(tensor([[1, 2]]))).toThrow('reshape: rows of [2] do not fit [2, 3]');
    expect(() => reshape([2, 3]).outShape([7])).toThrow('reshape: rows of [7] do not fit [2, 3]');
  });

  it('passes gradients back', () => {
    const p = parameter([[1, 2, 3, 4]]);
    new Reshape([2, 2]).forward(p).mul(3).sum().backward();
    expect(p.grad?.toArray()).toEqual([[3, 3, 3, 3]]);
  });
});

describe('dense', () => {
  const context = { weights: rng(), noise: rng(), activation: 'tanh' } as const;

  it('is a linear layer, normalisation, activation and dropout, in this order', () => {
    const names = (...args: Parameters<typeof dense>): string[] =>
      dense(...args)
        .build([4], context)
        .map((layer) => layer.type);
    expect(names(3)).toEqual(['Linear', 'Activation']);
    expect(names(3, { layerNorm: true, dropout: 0.1 })).toEqual(['Linear', 'LayerNorm', 'Activation', 'Dropout']);
    const [first, second] = dense(3, { bias: false, activation: 'relu' }).build([4], context);
    expect((first as Linear).bias).toBeNull();
    expect((second as Activation).name).toBe('relu');
    expect((dense(3).build([4], context)[1] as Activation).name).toBe('tanh');
  });

  it('flattens rows of a shape, and its mirror gives the shape back', () => {
    const spec = dense(3);
    expect(spec.outShape([2, 2])).toEqual([3]);
    expect(spec.build([2, 2], context).map((layer) => layer.type)).toEqual(['Reshape', 'Linear', 'Activation']);
    expect(spec.mirror([2, 2]).map((layer) => layer.config())).toEqual([
      { name: 'dense', units: 4, bias: true, layerNorm: false, dropout: 0 },
      { name: 'reshape', shape: [2, 2] },
    ]);
  });
});
