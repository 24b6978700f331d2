import { parameter } from '@latent/autograd';
import { dense, type Module, standardise } from '@latent/nn';
import { Rng, Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { categorical } from '../reconstruction/categorical.ts';
import { composite } from '../reconstruction/composite.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { MaskedAutoencoder } from './masked-autoencoder.ts';
import type { MaskedAutoencoderOptions } from './options.ts';

// Two numbers and a category that all follow one hidden number.
const rng = new Rng(1);
const hidden = rng.normal([300]).toArray() as number[];
const noise = rng.normal([300, 2], { std: 0.1 }).toArray() as number[][];
const rows = hidden.map((x, r) => [20 * x + noise[r]![0]!, 5 - x + noise[r]![1]!, ...(x > 0 ? [1, 0] : [0, 1])]);
const reconstruction = composite([
  [2, gaussian({ variance: 'perColumn' })],
  [2, categorical()],
]);
const options = {
  inputSize: 4,
  encoder: [24, 8],
  reconstruction,
  activation: 'tanh',
} satisfies MaskedAutoencoderOptions;
const numbers = { inputSize: 4, encoder: [6], onWarning: () => {} };

describe('MaskedAutoencoder', () => {
  it('has the gradient of its loss in all of its parameters', () => {
    const model = new MaskedAutoencoder({
      inputSize: 3,
      encoder: [4],
      reconstruction: gaussian(),
      visibleWeight: 0.3,
      activation: 'tanh',
    });
    for (const [, module] of model.namedModules()) {
      const fields = module as unknown as Record<string, unknown>;
      for (const [name, value] of Object.entries(module as Module)) {
        if (value instanceof Tensor) fields[name] = parameter(tensor(value.data, { shape: value.shape, dtype: 'f64' }));
      }
    }
    // What is drawn is in single precision: the rows' own terms are not.
    const x = tensor(
      [
        [0.3, -1, 2],
        [1, 0.5, Number.NaN],
      ],
      { dtype: 'f64' },
    );
    const loss = (): Tensor => model.likelihoodParams(x).square().sum();
    loss().backward();
    for (const [name, weight] of model.namedParameters()) {
      const [gradient, values] = [weight.grad!.data, Float64Array.from(weight.data)];
      for (let i = 0; i < weight.size; i += 3) {
        const at = (value: number): number => {
          weight.assign(values.map((own, k) => (k === i ? value : own)));
          return loss().item();
        };
        const slope = (at(values[i]! + 1e-6) - at(values[i]! - 1e-6)) / 2e-6;
        at(values[i]!);
        expect(Math.abs(slope - gradient[i]!), name).toBeLessThan(1e-6 * Math.max(1, Math.abs(slope)));
      }
    }
  });

  it('counts the hidden cells alone, which are as many as asked for, and categories as one', () => {
    const x = tensor(rows);
    for (const [low, high] of [
      [0.5, 0.5],
      [0.2, 0.4],
      [1, 1],
    ] as const) {
      const model = new MaskedAutoencoder({ ...options, hide: [low, high] });
      const share = Array.from({ length: 20 }, (_, i) => model.parts({ x }, new Rng(i)).hidden.item());
      const mean = share.reduce((a, b) => a + b) / 20;
      expect(mean).toBeCloseTo((low + high) / 2, 1);
    }
    // All hidden: the network sees nothing, and the loss is that of one prediction for all rows.
    const blind = new MaskedAutoencoder({ ...options, hide: [1, 1] });
    const params = blind.likelihoodParams(tensor([[Number.NaN, Number.NaN, Number.NaN, Number.NaN]]));
    const want = -reconstruction
      .logProb(x, params.broadcastTo([300, params.shape[1]!]))
      .mean()
      .item();
    const [a, b] = [blind.parts({ x }, new Rng(1)).loss.item(), blind.parts({ x }, new Rng(2)).loss.item()];
    expect(a).toBeCloseTo(want, 3);
    expect(b).toBe(a);
  });

  it('does not see what is hidden or missing', async () => {
    const model = new MaskedAutoencoder(options);
    const holes = rows.slice(0, 5).map((row, r) => row.map((x, c) => (c === r % 2 ? Number.NaN : x)));
    const codes = model.encode(holes).toArray();
    const zero = holes.map((row) => row.map((x) => (Number.isNaN(x) ? null : x)));
    expect(model.encode(zero as never).toArray()).toEqual(codes);
    // A missing value is no number of the loss: rows without any have none.
    const empty = tensor([[Number.NaN, Number.NaN, Number.NaN, Number.NaN]]);
    expect(model.parts({ x: empty }, new Rng(1)).loss.item()).toBe(0);
  });

  it('learns what cells say of each other: fills holes, finds odd cells, makes features', async () => {
    const model = new MaskedAutoencoder({ ...options, transform: undefined as never, hide: [0.2, 0.8] });
    const scaled = rows.map(([a = 0, b = 0, c = 0, d = 0]) => [a / 20, b - 5, c, d]);
    await model.fit(scaled, { epochs: 60, batchSize: 50, learningRate: 1e-2 });
    const torn = scaled.map(([, b, c, d]) => [Number.NaN, b, c, d]) as number[][];
    const filled = model.impute(torn).toArray() as number[][];
    const errors = filled.map((row, r) => (row[0]! - scaled[r]![0]!) ** 2);
    expect(errors.reduce((a, b) => a + b) / errors.length).toBeLessThan(0.1); // its variance is 1
    expect(filled.map((row) => row[1])).toEqual(torn.map((row) => expect.closeTo(row[1]!, 5)));
    const unknown = scaled.slice(0, 40).map(([a, b]) => [a, b, Number.NaN, Number.NaN]) as number[][];
    const kinds = model.impute(unknown, { kind: 'mode' }).toArray() as number[][];
    expect(kinds.filter((row, r) => row[2] === scaled[r]![2]).length).toBeGreaterThan(34);
    const drawn = model.impute(torn, { kind: 'draw', seed: 3 }).toArray() as number[][];
    expect(drawn.map((row) => row[0])).not.toEqual(filled.map((row) => row[0]));
    const { score, columns } = model.contributions([scaled[0]!, [2, 2, 1, 0]]);
    expect(columns.shape).toEqual([2, 4]);
    expect(score.data[1]!).toBeGreaterThan(score.data[0]! + 3);
    expect(model.encode(scaled).shape).toEqual([300, 8]);
  });

  it('gives densities of the data as given', async () => {
    const plain = new MaskedAutoencoder({
      inputSize: 4,
      encoder: [6],
      reconstruction: gaussian(),
      transform: standardise(),
    });
    const data = rows.map(([a = 0, b = 0], r) => [a, b, hidden[r]!, -hidden[r]!]);
    await plain.fit(data, { epochs: 2, onWarning: () => {} });
    const wider = new MaskedAutoencoder({
      inputSize: 4,
      encoder: [6],
      reconstruction: gaussian(),
      transform: standardise(),
    });
    await wider.fit(
      data.map((row) => row.map((x) => 10 * x)),
      { epochs: 2, onWarning: () => {} },
    );
    const [a, b] = [
      plain.contributions(data.slice(0, 9)),
      wider.contributions(data.slice(0, 9).map((row) => row.map((x) => 10 * x))),
    ];
    b.columns.data.forEach((value, i) => {
      expect(value - a.columns.data[i]!).toBeCloseTo(Math.log(10), 3);
    });
  });

  it('refuses what cannot be', () => {
    const make = (more: object) => () => new MaskedAutoencoder({ ...options, ...more } as never);
    expect(make({ hide: [0.6, 0.4] })).toThrow('MaskedAutoencoder: hide must be two shares');
    expect(make({ hide: 0.5 })).toThrow('MaskedAutoencoder: hide must');
    expect(make({ event: [4] })).toThrow(
      'MaskedAutoencoder: cells are columns of a row; give their number as inputSize',
    );
    expect(make({ encoder: [] })).toThrow('MaskedAutoencoder: encoder needs at least one layer');
    expect(make({ reconstruction: gaussian({ variance: 'optimal' }) })).toThrow(
      'MaskedAutoencoder: this gaussian learns from whole rows',
    );
    expect(() => new MaskedAutoencoder({ ...options, transform: standardise() }).impute(rows)).toThrow(
      'MaskedAutoencoder.impute: standardise() learns',
    );
    expect(make({ encoder: [dense(3)], reconstruction: bernoulli() })().codeSize).toBe(3);
    expect(numbers.inputSize).toBe(4);
  });
});
