import { parameter } from '@latent/autograd';
import { conv2d, type Module, standardise } from '@latent/nn';
import { Rng, step, Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import { HierarchicalVae } from './hierarchical-vae.ts';
import type { HierarchicalVaeOptions } from './options.ts';

const options = {
  ...{ inputSize: 6, encoder: [[8], [5], [4]], latentSizes: [3, 2, 1], reconstruction: gaussian() },
} satisfies HierarchicalVaeOptions;
const rows = new Rng(1).normal([50, 6]);
const quick = { epochs: 3, batchSize: 25, onWarning: () => {} };

async function trained(more: Partial<HierarchicalVaeOptions> = {}): Promise<HierarchicalVae> {
  const model = new HierarchicalVae({ ...options, ...more });
  await model.fit(rows, quick);
  return model;
}

describe('HierarchicalVae', () => {
  it('has the bound’s gradient in all of its parameters', () => {
    const model = new HierarchicalVae({
      ...options,
      encoder: [[4], [3]],
      latentSizes: [2, 1],
      freeBits: 0.01,
      warmUp: 0,
    });
    const rng = new Rng(7);
    for (const [, module] of model.namedModules()) {
      const fields = module as unknown as Record<string, unknown>;
      for (const [name, value] of Object.entries(module as Module)) {
        if (!(value instanceof Tensor)) continue;
        const numbers = tensor(value.data, { shape: value.shape, dtype: 'f64' });
        fields[name] = parameter(numbers.add(rng.normal(value.shape, { std: 0.2, dtype: 'f64' })));
      }
    }
    const x = tensor(rows.data.slice(0, 18), { shape: [3, 6], dtype: 'f64' });
    model.beginEpoch(100);
    const loss = (): Tensor => model.parts({ x }, new Rng(3)).loss as Tensor;
    loss().backward();
    let checked = 0;
    for (const [name, weight] of model.namedParameters()) {
      const gradient = weight.grad!.data;
      for (let i = 0; i < weight.size; i += 5) {
        const values = Float64Array.from(weight.data);
        const at = (value: number): number => {
          weight.assign(values.map((own, k) => (k === i ? value : own)));
          return loss().item();
        };
        const [h, own] = [1e-6, values[i]!];
        const slope = (at(own + h) - at(own - h)) / (2 * h);
        at(own);
        expect(Math.abs(slope - gradient[i]!), `${name}[${i}]`).toBeLessThan(1e-6 * Math.max(1, Math.abs(slope)));
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(30);
  });

  it('reports the KL of each level, which add up, and the bound of its parts', async () => {
    const model = await trained();
    const { epochs } = await model.fit(rows, { ...quick, validationData: rows });
    const last = epochs.at(-1)!;
    expect(last.kl0! + last.kl1! + last.kl2!).toBeCloseTo(last.kl, 4);
    const { validation } = last;
    expect(validation!.loss).toBeCloseTo(validation!.reconstruction + validation!.kl, 4);
    const { elbo, reconstruction, kl, levels } = model.elbo(rows, { samples: 5 });
    expect(levels.shape).toEqual([50, 3]);
    expect(levels.sum({ axis: 1 }).toArray()).toEqual((kl.toArray() as number[]).map((x) => expect.closeTo(x, 4)));
    expect(elbo.toArray()).toEqual(
      (step(() => reconstruction.add(kl).neg()).toArray() as number[]).map((x) => expect.closeTo(x, 4)),
    );
  });

  it('has a likelihood above its bound, the same in blocks of draws and in one row', async () => {
    const model = await trained({ transform: standardise() });
    const bound = model.elbo(rows, { samples: 300 }).elbo;
    const likelihood = model.logLikelihood(rows, { samples: 300 });
    expect(likelihood.mean().item()).toBeGreaterThan(bound.mean().item());
    const one = model.logLikelihood(rows.slice([[7, 8]]), { samples: 300 }).item();
    expect(one).toBeCloseTo(likelihood.data[7]!, 4);
    expect(model.elbo(rows.slice([[7, 8]]), { samples: 300 }).elbo.item()).toBeCloseTo(bound.data[7]!, 4);
  });

  it('is a normalised density: what it says of a column integrates to one', async () => {
    const model = new HierarchicalVae({
      ...{ inputSize: 1, encoder: [[4], [3]], latentSizes: [1, 1], reconstruction: gaussian() },
    });
    await model.fit(new Rng(2).normal([100, 1]), { ...quick, epochs: 10 });
    const grid = Array.from({ length: 161 }, (_, i) => [-8 + i / 10]);
    const densities = model.logLikelihood(grid, { samples: 400 }).toArray() as number[];
    const total = densities.reduce((sum, value) => sum + Math.exp(value) / 10, 0);
    expect(total).toBeGreaterThan(0.97);
    expect(total).toBeLessThan(1.03);
  });

  it('learns what a level is for: codes found again, rows restored, from the top alone as well', async () => {
    // A class for the whole row, and details of their own.
    const rng = new Rng(3);
    const kinds = Array.from({ length: 200 }, (_, i) => i % 2);
    const noise = rng.normal([200, 6]).toArray() as number[][];
    const data = noise.map((row, r) => row.map((value) => (kinds[r] === 0 ? 3 : -3) + value));
    const model = new HierarchicalVae({ ...options, freeBits: 0.5, warmUp: 5 });
    await model.fit(data, { epochs: 40, batchSize: 50, learningRate: 1e-2 });
    const { mean } = model.encode(data);
    expect(mean.shape).toEqual([200, 6]);
    const error = (made: Tensor): number => made.sub(tensor(data)).square().mean().item();
    const all = error(model.reconstruct(data));
    expect(model.decode(mean).toArray()).toEqual(
      (model.reconstruct(data).toArray() as number[][]).map((row) => row.map((x) => expect.closeTo(x, 4))),
    );
    expect(all).toBeLessThan(1.1);
    expect(error(model.reconstruct(data, { levels: 0 }))).toBeGreaterThan(5);
    const sampled = model.sample(100, { seed: 4, output: 'draw' }).toArray() as number[][];
    const signs = sampled.map((row) => Math.sign(row.reduce((a, b) => a + b)));
    expect(Math.abs(signs.reduce((a, b) => a + b))).toBeLessThan(80);
    expect(model.sample(2, { temperature: 0 }).toArray()).toEqual(
      model.reconstruct(data.slice(0, 2), { levels: 0 }).toArray(),
    );
  });

  it('takes images: latents at each place', async () => {
    const model = new HierarchicalVae({
      event: [8, 8, 1],
      encoder: [[conv2d(4, { stride: 2 })], [conv2d(6, { stride: 2 })]],
      latentSizes: [1, 2],
      reconstruction: bernoulli(),
    });
    const images = new Rng(1).bernoulli([20, 8, 8, 1]);
    await model.fit(images, quick);
    expect(model.latentShapes.map((shape) => shape.at(-1))).toEqual([1, 2]);
    expect(model.sample(3).shape).toEqual([3, 8, 8, 1]);
    expect(model.reconstruct(images).shape).toEqual([20, 8, 8, 1]);
    expect(model.elbo(images, { samples: 3 }).elbo.data.every(Number.isFinite)).toBe(true);
  });

  it('refuses what cannot be', async () => {
    expect(() => new HierarchicalVae({ ...options, latentSizes: [1, 2] })).toThrow(
      'HierarchicalVae: latentSizes must have one entry for each of the 3 levels of the encoder, got 2',
    );
    expect(() => new HierarchicalVae({ ...options, decoder: [[8], [7], [5]] })).toThrow(
      'HierarchicalVae: decoder[1] must lead back to the features of the level below, [8], got [7]',
    );
    expect(() => new HierarchicalVae({ ...options, encoder: [[8]], latentSizes: [1] })).toThrow(
      'HierarchicalVae: encoder must',
    );
    const plain = await trained({ reconstruction: squaredError() });
    expect(() => plain.logLikelihood(rows)).toThrow('HierarchicalVae.logLikelihood: squaredError is a plain loss');
    expect(() => plain.reconstruct(rows, { levels: 4 })).toThrow('HierarchicalVae.reconstruct: levels must be');
    expect(() => plain.decode([[1, 2]])).toThrow('HierarchicalVae.decode');
    expect(() => new HierarchicalVae({ ...options, transform: standardise() }).sample(1)).toThrow(
      'HierarchicalVae.sample: standardise() learns',
    );
  });
});
