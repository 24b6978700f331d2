import { gradCheck } from '@latent/autograd';
import { sgd } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { klToStandardNormal } from '../latent/diagonal-normal.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { composite } from '../reconstruction/composite.ts';
import { exponential } from '../reconstruction/exponential.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import { Vae } from './vae.ts';

/** Two clusters in four columns, as 0s and 1s with some noise. */
function clusters(n: number, seed: number): Float32Array[] {
  const rng = new Rng(seed);
  const flips = rng.bernoulli([n, 4], { p: 0.1 }).data;
  return Array.from({ length: n }, (_, i) =>
    Float32Array.from({ length: 4 }, (_, j) => Math.abs((i % 2 === j % 2 ? 1 : 0) - flips[i * 4 + j]!)),
  );
}

const small = { inputSize: 4, latentSize: 2, encoder: [8], reconstruction: bernoulli() } as const;

describe('Vae.fit', () => {
  it('raises the bound, reports its parts and validation, and keeps the data as it was', async () => {
    const rows = clusters(200, 1);
    const before = rows.map((row) => [...row]);
    const vae = new Vae({ ...small, seed: 3 });
    const untrained = vae.elbo(rows).elbo.mean().item();
    const steps: number[] = [];
    const { epochs, stopped } = await vae.fit(rows, {
      epochs: 30,
      batchSize: 32,
      learningRate: 5e-3,
      validationData: clusters(100, 2),
      onProgress: ({ step }) => steps.push(step),
    });
    expect(stopped).toBe('finished');
    expect(epochs).toHaveLength(30);
    expect(steps).toHaveLength(30 * 7);
    const last = epochs[29];
    expect(last).toMatchObject({ epoch: 30, epochs: 30, step: 7, steps: 7, rows: 200 });
    expect(last!.loss).toBeCloseTo((last!.reconstruction as number) + (last!.kl as number), 5);
    expect(vae.elbo(rows).elbo.mean().item()).toBeGreaterThan(untrained + 0.5);
    expect(last!.validation?.loss).toBeLessThan(2.6); // no model: 4 log 2 = 2.77
    expect(rows.map((row) => [...row])).toEqual(before);
    expect(vae.training).toBe(false);
  });

  it('gives the same numbers for the same seed, and others for another', async () => {
    const run = async (seed: number): Promise<number> => {
      const vae = new Vae({ ...small, seed });
      const history = await vae.fit(clusters(64, 1), { epochs: 2, batchSize: 20 });
      return history.epochs[1]!.loss;
    };
    expect(await run(5)).toBe(await run(5));
    expect(await run(5)).not.toBe(await run(6));
  });

  it('stops between steps when the signal says so, with what was learned', async () => {
    const controller = new AbortController();
    const vae = new Vae(small);
    const first = vae.stateDict()['encoder.0.weight']!.toArray();
    const history = await vae.fit(clusters(64, 1), {
      epochs: 50,
      batchSize: 16,
      signal: controller.signal,
      onProgress: ({ epoch, step }) => {
        if (epoch === 2 && step === 2) controller.abort();
      },
    });
    expect(history).toMatchObject({ stopped: 'aborted', epochs: [{ epoch: 1 }] });
    expect(vae.stateDict()['encoder.0.weight']!.toArray()).not.toEqual(first);
  });

  it('takes an optimizer and a clipping norm', async () => {
    const vae = new Vae(small);
    await vae.fit(clusters(32, 1), { epochs: 1, optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }), clipNorm: 1 });
    await expect(vae.fit(clusters(8, 1), { optimizer: sgd({ learningRate: 1 }), learningRate: 1 })).rejects.toThrow(
      'fit: give the learning rate to the optimizer, not beside it',
    );
  });

  it('refuses data of another width or outside the support', async () => {
    const vae = new Vae(small);
    await expect(vae.fit([[1, 0, 1]])).rejects.toThrow('Vae.fit: row 0 has 3 values, expected 4');
    await expect(
      vae.fit([
        [1, 0, 1, 0],
        [1, 0, 2, 0],
      ]),
    ).rejects.toThrow('Vae.fit: bernoulli data must be in [0, 1], got 2 at row 1, column 2');
    await expect(
      vae.fit(
        tensor([
          [
            [1, 0],
            [1, 1],
          ],
        ]),
      ),
    ).rejects.toThrow('Vae.fit: expected rows of 4 values, got [1, 2, 2]; reshape to [n, 4] first');
    await expect(vae.fit([])).rejects.toThrow('Vae.fit: needs at least one row, got none');
  });
});

describe('the bound', () => {
  const x = tensor(clusters(6, 4).map((row) => [...row]));

  it('is −reconstruction − KL per row, and more draws give a steadier one', () => {
    const vae = new Vae(small);
    const { elbo, reconstruction, kl } = vae.elbo(x, { seed: 1 });
    elbo.data.forEach((value: number, i: number) => {
      expect(value).toBeCloseTo(-reconstruction.data[i]! - kl.data[i]!, 5);
    });
    const spread = (samples: number): number =>
      tensor(Array.from({ length: 20 }, (_, seed) => vae.elbo(x, { seed, samples }).elbo.data[0]!))
        .variance()
        .item();
    expect(spread(50)).toBeLessThan(spread(1));
    expect(vae.elbo(x, { seed: 1 }).elbo.data).toEqual(elbo.data);
  });

  it('does not change when the batch is doubled', () => {
    const vae = new Vae({ ...small, reconstruction: squaredError() });
    const { mean, logVariance } = vae.posterior(x);
    const twice = vae.posterior(x.reshape([1, 6, 4]).broadcastTo([2, 6, 4]).reshape([12, 4]));
    const loss = (m: Tensor, v: Tensor): number => klToStandardNormal(m, v).mean().item();
    expect(loss(twice.mean, twice.logVariance)).toBeCloseTo(loss(mean, logVariance), 6);
  });

  it('weighs the KL by β in training only', () => {
    const rng = (): Rng => new Rng(2);
    const [plain, heavy] = [1, 4].map((beta) => new Vae({ ...small, beta, seed: 9 }));
    const [a, b] = [plain!.loss(x, rng()), heavy!.loss(x, rng())];
    expect(b.loss.item()).toBeCloseTo(a.reconstruction.item() + 4 * a.kl.item(), 5);
    expect(heavy!.elbo(x).elbo.data).toEqual(plain!.elbo(x).elbo.data);
  });

  const parts: [string, Vae][] = [
    ['bernoulli', new Vae({ ...small, activation: 'tanh' })],
    ['gaussian', new Vae({ ...small, activation: 'tanh', reconstruction: gaussian() })],
    [
      'gaussian, shared variance',
      new Vae({ ...small, activation: 'tanh', reconstruction: gaussian({ variance: 'shared' }) }),
    ],
    ['exponential', new Vae({ ...small, activation: 'softplus', reconstruction: exponential() })],
    ['squaredError', new Vae({ ...small, activation: 'tanh', encoder: [5, 3], reconstruction: squaredError() })],
    [
      'composite',
      new Vae({
        ...small,
        activation: 'tanh',
        reconstruction: composite([
          [1, bernoulli()],
          [2, gaussian({ variance: 'perColumn' })],
          [1, exponential()],
        ]),
      }),
    ],
  ];
  it.each(parts)('has the right gradient to every parameter in double precision: %s', (_name, vae) => {
    const [named, exact] = [vae.namedParameters(), x.cast('f64')];
    const values = named.map(([, p]) => p.detach());
    // The module computes with what its fields hold: put the checked tensors in their place.
    const check = gradCheck((...tensors) => {
      named.forEach(([name], i) => {
        const path = name.split('.');
        const field = path.pop() as string;
        const owner = path.reduce<object>(
          (at, key) => (at as Record<string, object>)[key]! ?? (at as { layers: object[] }).layers[Number(key)],
          vae,
        );
        (owner as Record<string, Tensor>)[field] = tensors[i]!;
      });
      return vae.loss(exact, new Rng(1)).loss;
    }, values);
    expect(check).toBeLessThan(1e-6);
  });
});

describe('using a model', () => {
  const vae = new Vae({ ...small, seed: 1 });
  const rows = clusters(700, 1); // more than one chunk

  it('encodes, decodes, reconstructs, samples and interpolates in the right shapes', () => {
    const { mean, variance } = vae.encode(rows);
    expect([mean.shape, variance.shape]).toEqual([
      [700, 2],
      [700, 2],
    ]);
    expect(Math.min(...variance.data)).toBeGreaterThan(0);
    const again = vae.decode(mean);
    expect(again.data).toEqual(vae.reconstruct(rows).data);
    expect(vae.sample(5, { seed: 2 }).data).toEqual(vae.sample(5, { seed: 2 }).data);
    expect(new Set(vae.sample(50, { output: 'draw' }).data)).toEqual(new Set([0, 1]));
    const path = vae.interpolate(rows[0]!, rows[1]!, 5);
    expect(path.shape).toEqual([5, 4]);
    expect(path.slice([[0, 1]]).data).toEqual(vae.reconstruct([rows[0]!]).data);
  });

  it('scores rows one by one as it does together', () => {
    const all = vae.encode(rows).mean.slice([[600, 601]]).data;
    expect(vae.encode([rows[600]!]).mean.data).toEqual(all);
  });

  it('names the layer that an input does not fit', () => {
    expect(() => vae.posterior(tensor([[1, 2, 3]]))).toThrow('encoder.0: expected last axis 4, got [1, 3]');
    expect(() =>
      vae.posterior(
        tensor([
          [
            [1, 2],
            [3, 4],
          ],
        ]),
      ),
    ).toThrow('encoder.0: expected last axis 4, got [1, 2, 2]; flatten each row first');
    expect(() => vae.decode([[1, 2, 3]])).toThrow('Vae.decode: row 0 has 3 values, expected 2');
  });

  it('comes back from its bytes with the same numbers', () => {
    const mixed = new Vae({
      ...small,
      beta: 2,
      reconstruction: composite([
        [3, bernoulli()],
        [1, gaussian({ variance: 'shared' })],
      ]),
    });
    for (const model of [vae, mixed]) {
      const copy = Vae.fromBytes(model.toBytes());
      expect(copy.elbo(rows).elbo.data).toEqual(model.elbo(rows).elbo.data);
      expect(copy.options).toMatchObject({ inputSize: 4, latentSize: 2 });
      expect(copy.options.objective.config()).toEqual(model.options.objective.config());
    }
  });

  it('refuses options that cannot be', () => {
    expect(() => new Vae({ ...small, inputSize: 0 })).toThrow('Vae: inputSize must be a whole number ≥ 1, got 0');
    expect(() => new Vae({ ...small, encoder: [8, 0.5] })).toThrow(
      'Vae: encoder[1] must be a whole number ≥ 1, got 0.5',
    );
    expect(() => new Vae({ ...small, beta: -1 })).toThrow('Vae: beta must be a number ≥ 0, got -1');
    expect(() => new Vae({ ...small, activation: 'rely' as never })).toThrow(
      "Vae: activation must be one of 'identity', 'relu'",
    );
    expect(() => new Vae({ ...small, reconstruction: 'bernoulli' as never })).toThrow(
      'Vae: reconstruction must be a likelihood such as bernoulli() or gaussian(), got "bernoulli"',
    );
    expect(() => new Vae({ ...small, reconstruction: composite([[3, bernoulli()]]) })).toThrow(
      'composite: parts cover 3 = 3 columns, got data of 4',
    );
  });
});
