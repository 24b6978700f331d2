import { parseRows, standardise } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { Autoencoder } from '../autoencoder/autoencoder.ts';
import { mixturePrior } from '../latent/mixture-prior.ts';
import { vampPrior } from '../latent/vamp-prior.ts';
import { elbo } from '../objectives/elbo.ts';
import { iwae } from '../objectives/iwae.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { categorical } from '../reconstruction/categorical.ts';
import { composite } from '../reconstruction/composite.ts';
import { exponential } from '../reconstruction/exponential.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import { interpolateCodes } from './interpolate.ts';
import { Vae } from './vae.ts';

/** Three columns that follow one hidden number, and one that is noise. */
function hidden(n: number, seed: number): Float32Array {
  const rng = new Rng(seed);
  const [z, noise] = [rng.normal([n, 1]), rng.normal([n, 4])];
  return z.matmul(tensor([[1, -1, 0.8, 0]])).add(noise.mul(tensor([0.2, 0.2, 0.2, 1]))).data as Float32Array;
}

let vae: Vae;
const rows = hidden(600, 1);
const fresh = hidden(100, 2);
beforeAll(async () => {
  vae = new Vae({ inputSize: 4, latentSize: 2, encoder: [16], reconstruction: gaussian({ variance: 'perColumn' }) });
  await vae.fit(rows, { epochs: 60, batchSize: 50, learningRate: 5e-3 });
});

describe('scores', () => {
  it('are made of columns and KL that add up', () => {
    const { score, columns, kl } = vae.contributions(fresh, { samples: 3, seed: 4 });
    const total = columns.sum({ axis: 1 }).add(kl).data;
    expect(columns.shape).toEqual([100, 4]);
    score.data.forEach((value: number, r: number) => {
      expect(value).toBeCloseTo(total[r]!, 4);
    });
    const bound = vae.elboPerRow(fresh, { samples: 3, seed: 4 }).data;
    for (const [r, value] of score.data.entries()) expect(value).toBeCloseTo(-bound[r]!, 4);
    // A row that is odd in one column is odd because of it.
    const odd = vae.contributions([[0, 0, 0, 9]]).columns.data;
    expect(odd.indexOf(Math.max(...odd))).toBe(3);
  });

  it('keep their order: bound ≤ importance-weighted log-likelihood ≤ a longer one, within its error', () => {
    const bound = vae.elbo(fresh, { samples: 20 }).elbo.mean().item();
    const few = vae.logLikelihood(fresh, { samples: 5 });
    const many = vae.logLikelihood(fresh, { samples: 500, seed: 1 });
    const error = many.standardError.mean().item();
    expect(bound).toBeLessThan(few.logLikelihood.mean().item() + 0.05);
    expect(few.logLikelihood.mean().item()).toBeLessThan(many.logLikelihood.mean().item() + 0.05);
    expect(error).toBeLessThan(0.2);
    expect(few.standardError.mean().item()).toBeGreaterThan(error);
  });

  it('of reconstruction leave the KL out; the averaged density is above the mean of its logs (Jensen)', () => {
    const mean = vae.reconstructionLogProbability(fresh, { samples: 8 });
    const averaged = vae.logReconstructionProbability(fresh, { samples: 8 });
    const { reconstruction } = vae.elbo(fresh, { samples: 8 });
    mean.data.forEach((value: number, r: number) => {
      expect(value).toBeCloseTo(-reconstruction.data[r]!, 4);
      expect(averaged.data[r]).toBeGreaterThanOrEqual(value - 1e-5);
    });
    expect(vae.reconstructionError(fresh).data).toEqual(vae.reconstructionError(fresh).data);
    const loss = new Vae({ inputSize: 4, latentSize: 2, reconstruction: squaredError() });
    expect(() => loss.reconstructionLogProbability(fresh)).toThrow('squaredError is a plain loss, not a distribution');
    expect(() => vae.elbo(fresh, { samples: 0 })).toThrow('Vae.elbo: samples must be a whole number ≥ 1, got 0');
  });

  it('diagnose what the latents do', async () => {
    const health = await vae.diagnose(fresh);
    expect(health.activeUnits).toBe(1);
    expect(health.elbo).toBeGreaterThan(health.baseline);
    expect(health.collapsed).toBe(false);
    expect(health.klPerLatent.reduce((a, b) => a + b)).toBeCloseTo(vae.elbo(fresh).kl.mean().item(), 3);
    expect(health.warnings).toEqual([expect.stringContaining('1 of 2 latents are unused')]);
    const dead = new Vae({ inputSize: 4, latentSize: 2, encoder: [4], reconstruction: gaussian(), beta: 1000 });
    await dead.fit(rows, { epochs: 20, learningRate: 0.02 });
    const verdict = await dead.diagnose(fresh);
    expect([verdict.activeUnits, verdict.collapsed]).toEqual([0, true]);
    expect(verdict.warnings[0]).toContain('the posterior has collapsed');
  });
});

describe('codes', () => {
  it('are drawn from q(z | x)', () => {
    const { mean, variance } = vae.encode(fresh);
    const draws = Array.from({ length: 300 }, (_, seed) => vae.samplePosterior(fresh.slice(0, 8), { seed }).data);
    for (let j = 0; j < 4; j++) {
      const values = draws.map((draw) => draw[j]!);
      const average = values.reduce((a, b) => a + b) / values.length;
      expect(Math.abs(average - mean.data[j]!)).toBeLessThan(5 * Math.sqrt(variance.data[j]! / values.length));
    }
  });

  it('make rows at the mean and at random', () => {
    const codes = [[0.5, -0.5]];
    expect(vae.generateAtMeanGivenZ(codes).data).toEqual(vae.decode(codes).data);
    const [a, b] = [vae.generateRandomGivenZ(codes, { seed: 1 }), vae.generateRandomGivenZ(codes, { seed: 2 })];
    expect(a.shape).toEqual([1, 4]);
    expect(a.data).not.toEqual(b.data);
    expect(vae.generateRandomGivenZ(codes, { seed: 1 }).data).toEqual(a.data);
  });

  it('go straight, or along the sphere, which keeps their length', () => {
    const [from, to] = [
      [1, 0],
      [0, 1],
    ];
    const straight = interpolateCodes(from, to, 5, 'linear');
    const round = interpolateCodes(from, to, 5, 'spherical');
    expect(straight[2]).toEqual([0.5, 0.5]);
    for (const code of round) expect(Math.hypot(...code)).toBeCloseTo(1, 12);
    expect(round[0]![0]).toBeCloseTo(1, 12);
    expect(round[4]![1]).toBeCloseTo(1, 12);
    expect(interpolateCodes(from, from, 3, 'spherical')).toEqual([from, from, from]);
    expect(vae.interpolate(rows.slice(0, 4), rows.slice(4, 8), 6, { path: 'spherical' }).shape).toEqual([6, 4]);
  });

  it('move along one latent', () => {
    const path = vae.traverse(rows.slice(0, 4), 0, [-1, 0, 1]);
    expect(path.shape).toEqual([3, 4]);
    expect(() => vae.traverse(rows.slice(0, 4), 2)).toThrow(
      'Vae.traverse: latent must be a whole number ≥ 0 and ≤ 1, got 2',
    );
  });
});

describe('missing values', () => {
  const holes = (data: Float32Array, rate: number, seed: number): Float32Array => {
    const drop = new Rng(seed).bernoulli([data.length], { p: rate }).data;
    return data.map((value, i) => (drop[i] ? Number.NaN : value));
  };

  it('are not scored, and what was stored in them does not matter', () => {
    const model = new Vae({
      inputSize: 3,
      latentSize: 1,
      encoder: [4],
      missing: true,
      reconstruction: composite([
        [1, gaussian()],
        [1, bernoulli()],
        [1, exponential()],
      ]),
    });
    const { columns, score } = model.contributions([[0.3, null as never, 2], [null, null, null] as never]);
    expect([columns.data[1]!, ...columns.data.slice(3)].map(Math.abs)).toEqual([0, 0, 0, 0]);
    for (const value of score.data) expect(Number.isFinite(value)).toBe(true);
    expect(() => new Vae({ inputSize: 1, latentSize: 1, reconstruction: gaussian() }).elbo([[Number.NaN]])).toThrow(
      'got NaN or null at row 0, column 0; for rows with holes make the model with { missing: true }',
    );
    expect(() => vae.impute([[1, 2, 3, 4]])).toThrow('Vae.impute: make the model with { missing: true }');
  });

  it('are filled nearer to the truth than by the column means', async () => {
    const model = new Vae({
      inputSize: 4,
      latentSize: 2,
      encoder: [24],
      missing: true,
      reconstruction: gaussian({ variance: 'perColumn' }),
    });
    const history = await model.fit(holes(rows, 0.2, 7), { epochs: 80, batchSize: 50, learningRate: 5e-3 });
    expect(history.stopped).toBe('finished');
    const torn = holes(fresh, 0.25, 8);
    const [filled] = model.impute(torn, { samples: 50 });
    let [model2, mean2] = [0, 0];
    filled!.data.forEach((value: number, i: number) => {
      if (!Number.isNaN(torn[i])) expect(value).toBe(torn[i]);
      else if (i % 4 < 3) {
        model2 += (value - fresh[i]!) ** 2;
        mean2 += fresh[i]! ** 2; // the columns' means are 0
      }
    });
    expect(model2).toBeLessThan(0.4 * mean2);
    const tables = model.impute(torn, { kind: 'draws', count: 3, samples: 20 });
    expect(tables).toHaveLength(3);
    expect(tables[0]!.data).not.toEqual(tables[1]!.data);
  });
});

describe('options that act', () => {
  const base = { inputSize: 4, latentSize: 2, encoder: [8], reconstruction: gaussian() } as const;
  const small = rows.slice(0, 400);

  it('pzxActivation holds the mean and leaves the variance alone', () => {
    const model = new Vae({ ...base, pzxActivation: 'tanh' });
    const { mean, variance } = model.encode([[100, -100, 100, 50]]);
    for (const value of mean.data) expect(Math.abs(value)).toBeLessThanOrEqual(1);
    const plain = new Vae(base).encode([[100, -100, 100, 50]]);
    expect(variance.data).toEqual(plain.variance.data);
    const both = new Vae({ ...base, pzxActivation: 'tanh', pzxActivationOnVariance: true });
    for (const value of both.encode([[100, -100, 100, 50]]).variance.data) expect(value).toBeLessThanOrEqual(Math.E);
  });

  it('dropout acts while training and never afterwards', async () => {
    const [model, plain] = [new Vae({ ...base, dropout: 0.5 }), new Vae(base)];
    expect(model.encode(fresh).mean.data).toEqual(model.encode(fresh).mean.data);
    const losses = [await model.fit(small, { epochs: 3 }), await plain.fit(small, { epochs: 3 })];
    expect(losses[0]!.epochs[2]!.loss).not.toBe(losses[1]!.epochs[2]!.loss);
    expect(model.encode(fresh).mean.data).toEqual(model.encode(fresh).mean.data);
  });

  it.each([
    ['layerNorm', { layerNorm: true }],
    [
      'activations by layer',
      { encoder: [8, 6], encoderActivation: ['tanh', 'elu'], decoderActivation: ['selu', 'relu'] },
    ],
    ['numSamples', { numSamples: 3 }],
    ['warm-up', { objective: elbo({ warmUp: 3 }) }],
    ['free bits', { objective: elbo({ freeBits: 0.1 }) }],
    ['capacity', { objective: elbo({ capacity: { max: 2, epochs: 3 } }) }],
    ['iwae', { objective: iwae({ samples: 4 }) }],
    ['dreg', { objective: iwae({ samples: 4, estimator: 'dreg' }) }],
    ['mixture prior', { prior: mixturePrior({ components: 3 }) }],
    ['vamp prior', { prior: vampPrior({ components: 4 }) }],
    [
      'vamp prior with iwae',
      { prior: vampPrior({ components: 4 }), objective: iwae({ samples: 3, estimator: 'stl' }) },
    ],
  ] as [string, Partial<ConstructorParameters<typeof Vae>[0]>][])(
    '%s trains, samples, and comes back from its file',
    async (_name, options) => {
      const model = new Vae({ ...base, ...options });
      const history = await model.fit(small, { epochs: 8, batchSize: 25, learningRate: 1e-2 });
      const score = (m: Vae): number => m.elbo(fresh).elbo.mean().item();
      // A capacity wants its nats in the code, whatever the bound says of it.
      if (_name !== 'capacity') expect(score(model)).toBeGreaterThan(score(new Vae({ ...base, ...options })));
      else expect(history.epochs[7]!.kl).toBeGreaterThan(1);
      expect(history.epochs).toHaveLength(8);
      expect(model.sample(5).shape).toEqual([5, 4]);
      expect(model.sample(5, { output: 'draw' }).shape).toEqual([5, 4]);
      const copy = Vae.fromBytes(model.toBytes());
      expect(score(copy)).toBe(score(model));
    },
  );

  it('are refused where they cannot be', () => {
    const bad = (options: object, message: string): void =>
      expect(() => new Vae({ ...base, ...options } as never)).toThrow(message);
    bad({ numSamples: 0 }, 'Vae: numSamples must be a whole number ≥ 1, got 0');
    bad({ dropout: 1 }, 'Vae: dropout must be a number ≥ 0 and < 1, got 1');
    bad(
      { encoderActivation: ['relu', 'relu'] },
      'encoder: activations must be one name or 1, one for each layer, got 2',
    );
    bad({ pzxActivation: 'softmax' }, 'Vae: pzxActivation must be one of');
    bad({ objective: elbo(), beta: 2 }, 'give beta and numSamples to the objective, not beside it');
    expect(() => mixturePrior({ components: 0 })).toThrow('mixturePrior: components must be a whole number ≥ 1');
  });
});

describe('a table of mixed columns', () => {
  it('trains on a number, a category and a waiting time, and draws rows like them', async () => {
    const rng = new Rng(9);
    const table = Array.from({ length: 300 }, () => {
      const kind = Math.floor((rng.uniform([1]).data[0] as number) * 3);
      const row = [kind + 0.1 * (rng.normal([1]).data[0] as number), 0, 0, 0, rng.exponential([1]).data[0] as number];
      row[1 + kind] = 1;
      return row;
    });
    const model = new Vae({
      inputSize: 5,
      latentSize: 2,
      encoder: [24],
      reconstruction: composite([
        [1, gaussian({ variance: 'perColumn' })],
        [3, categorical(3)],
        [1, exponential()],
      ]),
    });
    await model.fit(table, { epochs: 120, batchSize: 50, learningRate: 1e-2 });
    const drawn = model.sample(400, { output: 'draw', seed: 3 }).toArray() as number[][];
    let agree = 0;
    for (const row of drawn) {
      expect(row.slice(1, 4).reduce((a, b) => a + b)).toBe(1);
      expect(row[4]).toBeGreaterThanOrEqual(0);
      if (Math.abs(row[0]! - row.indexOf(1, 1) + 1) < 0.5) agree++;
    }
    expect(agree / drawn.length).toBeGreaterThan(0.75);
  });
});

describe('a transform', () => {
  it('learns the scale from the first fit, gives rows back on theirs, and is saved with the model', async () => {
    const scale = [1000, 0.01, 5, 1];
    const wide = rows.map((value, i) => 7 + value * scale[i % 4]!);
    const model = new Vae({
      inputSize: 4,
      latentSize: 2,
      encoder: [16],
      reconstruction: gaussian({ variance: 'perColumn' }),
      transform: standardise(),
    });
    await model.fit(wide, { epochs: 40, batchSize: 50, learningRate: 5e-3 });
    const restored = model.reconstruct(wide).toArray() as number[][];
    const error = restored.reduce((sum, row, r) => sum + Math.abs(row[0]! - wide[4 * r]!), 0) / restored.length;
    expect(error).toBeLessThan(400); // of a column that spreads by 1000
    // Densities are of the data as given: a unit that is a thousand times smaller costs log 1000 nats a column.
    const scaled = new Vae({
      inputSize: 4,
      latentSize: 2,
      encoder: [16],
      reconstruction: gaussian({ variance: 'perColumn' }),
    });
    scaled.loadStateDict(model.stateDict());
    const fitted = model.transform!;
    const common = fitted.forward('test', parseRows('test', wide, [4]));
    const jacobian = [0, 1, 2, 3].reduce((sum, c) => sum - Math.log(fitted.learned(c)[0]![1]!), 0);
    const [given, plain] = [model.elbo(wide), scaled.elbo(common)].map(({ elbo }) => elbo.mean().item());
    expect(given).toBeCloseTo(plain! + jacobian, 3);
    const parts = model.contributions(wide);
    expect(parts.columns.sum({ axis: 1 }).add(parts.kl).mean().item()).toBeCloseTo(-given!, 2);
    expect(model.logLikelihood(wide, { samples: 5 }).logLikelihood.mean().item()).toBeCloseTo(
      scaled.logLikelihood(common, { samples: 5 }).logLikelihood.mean().item() + jacobian,
      3,
    );
    const copy = Vae.fromBytes(model.toBytes());
    expect(copy.reconstruct(wide).data).toEqual(model.reconstruct(wide).data);
    expect(copy.sample(3, { output: 'draw' }).data).toEqual(model.sample(3, { output: 'draw' }).data);
    const shallow = new Autoencoder({ inputSize: 4, encoder: [3], transform: standardise() });
    await shallow.fit(wide, { epochs: 30, learningRate: 0.02 });
    const again = Autoencoder.fromBytes(shallow.toBytes());
    expect(again.reconstruct(wide).data).toEqual(shallow.reconstruct(wide).data);
  });
});

describe('as a layer', () => {
  it('gives the posterior mean, which a classifier can be trained on', () => {
    const x: Tensor = tensor(fresh, { shape: [100, 4] });
    expect(vae.forward(x).data).toEqual(vae.encode(fresh).mean.data);
  });
});

describe('the count of active latents', () => {
  it('does not depend on the order or the sign of the latents, and is 0 for an encoder that says nothing', async () => {
    const turned = Vae.fromBytes(vae.toBytes());
    const state = turned.stateDict();
    const flip = (weight: Tensor, signs: readonly number[]): Tensor =>
      weight.flip(0).mul(tensor(signs, { shape: [2, ...weight.shape.slice(1).map(() => 1)] }));
    for (const name of ['mean.weight', 'mean.bias']) state[name] = flip(state[name]!, [-1, 1]);
    for (const name of ['logVariance.weight', 'logVariance.bias']) state[name] = flip(state[name]!, [1, 1]);
    state['decoder.0.weight'] = flip(state['decoder.0.weight']!.transpose(), [-1, 1]).transpose();
    turned.loadStateDict(state);
    const [a, b] = [await vae.diagnose(fresh), await turned.diagnose(fresh)];
    expect(b.activeUnits).toBe(a.activeUnits);
    expect(
      turned
        .reconstruct(fresh)
        .data.every((x: number, i: number) => Math.abs(x - vae.reconstruct(fresh).data[i]!) < 1e-4),
    ).toBe(true);
    state['mean.weight'] = state['mean.weight']!.mul(0);
    turned.loadStateDict(state);
    const silent = await turned.diagnose(fresh);
    expect([silent.activeUnits, silent.collapsed]).toEqual([0, true]);
  });
});
