import { gradCheck, parameter } from '@latent/autograd';
import { Linear } from '@latent/nn';
import { concat, Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { likelihoods } from '../index.ts';
import { klToStandardNormal } from '../latent/diagonal-normal.ts';
import { Vae } from '../variational/vae.ts';
import { bernoulli } from './bernoulli.ts';
import { categorical } from './categorical.ts';
import { composite } from './composite.ts';
import { negativeBinomial, poisson } from './counts.ts';
import { exponential } from './exponential.ts';
import { gamma } from './gamma.ts';
import { gaussian } from './gaussian.ts';
import { gaussianMixture } from './gaussian-mixture.ts';
import { laplace } from './laplace.ts';
import { checkSupport, type Head, type ReconstructionDistribution } from './likelihood.ts';
import { logNormal } from './log-normal.ts';
import { squaredError } from './squared-error.ts';
import { studentT } from './student-t.ts';
import { beta, continuousBernoulli } from './unit-interval.ts';

type Range = { readonly points: readonly number[] } | 'line' | 'half line' | 'unit interval';

/**
 * Points and weights of a sum that is an integral: the trapezoidal rule after a change of variables that makes the tails
 * fall doubly exponentially (Takahasi & Mori 1974), centred where a density may have a kink.
 */
function quadrature(over: Range, centre: number): { points: number[]; weights: number[] } {
  if (typeof over === 'object') return { points: [...over.points], weights: over.points.map(() => 1) };
  const h = 1 / 2048;
  const steps = Array.from({ length: 7 / h + 1 }, (_, i) => -3.5 + i * h);
  const [points, weights]: [number[], number[]] = [[], []];
  for (const t of steps) {
    const s = (Math.PI / 2) * Math.sinh(t);
    const ds = (Math.PI / 2) * Math.cosh(t);
    const [x, dx] =
      over === 'line'
        ? [centre + Math.sinh(s), Math.cosh(s)]
        : over === 'half line'
          ? [Math.exp(s), Math.exp(s)]
          : [1 / (1 + Math.exp(-2 * s)), 0.5 / Math.cosh(s) ** 2];
    if (!(Math.abs(x) < 1e15) || (over !== 'line' && !(x > 0)) || (over === 'unit interval' && !(x < 1))) continue;
    points.push(x);
    weights.push(h * dx * ds);
  }
  return { points, weights };
}

interface Entry {
  readonly name: string;
  readonly distribution: ReconstructionDistribution;
  /** Data columns to test with. */
  readonly columns: number;
  /** Log-probabilities of one column known to twelve digits: data, parameters, log p. */
  readonly golden: readonly (readonly [x: number, params: readonly number[], logProb: number])[];
  /** What one column can hold: points to sum over, or a set to integrate over. */
  readonly over: Range | null;
  /** Of golden values in f32; 1e-6 by default. */
  readonly single?: number;
  /** A value that it cannot hold. */
  readonly outside: number;
  readonly data: (rng: Rng, shape: number[]) => Tensor;
}

const soft = { dtype: 'f64' } as const;
const logit = (p: number): number => Math.log(p / (1 - p));
const entries: readonly Entry[] = [
  {
    name: 'bernoulli',
    distribution: bernoulli(),
    columns: 3,
    golden: [
      [1, [0.3], -0.554355244469],
      [0, [0.3], -0.854355244469],
      [0.25, [-2], -0.626928011043],
      [1, [-1000], -1000],
      [0, [1000], -1000],
      [1, [1000], 0],
      [1, [-40], -40],
    ],
    over: { points: [0, 1] },
    outside: 1.5,
    data: (rng, shape) => rng.bernoulli(shape, soft),
  },
  {
    name: 'gaussian',
    distribution: gaussian(),
    columns: 3,
    golden: [
      [0.5, [0, 0], -1.0439385332],
      [1.3, [-0.2, -1.5], -5.21083873733],
    ],
    over: 'line',
    outside: NaN,
    data: (rng, shape) => rng.normal(shape, soft),
  },
  {
    name: 'exponential',
    distribution: exponential(),
    columns: 3,
    golden: [
      [0.7, [0], -0.7],
      [0.7, [1.2], -1.12408184592],
      [3, [-2], -2.40600584971],
      [0, [5], 5],
    ],
    over: 'half line',
    outside: -0.5,
    data: (rng, shape) => rng.exponential(shape, soft),
  },
  {
    name: 'composite',
    distribution: composite([
      [1, gaussian()],
      [
        2,
        composite([
          [1, bernoulli()],
          [1, exponential()],
        ]),
      ],
    ]),
    columns: 3,
    golden: [],
    over: null,
    outside: -2,
    data: (rng, shape) => rng.bernoulli(shape, soft),
  },
  {
    name: 'squaredError',
    distribution: squaredError(),
    columns: 3,
    golden: [[1, [0.5], -0.25]],
    over: null,
    outside: Infinity,
    data: (rng, shape) => rng.normal(shape, soft),
  },
  {
    name: 'laplace',
    distribution: laplace(),
    columns: 3,
    golden: [[1, [0.2, Math.log(0.5)], -1.6]],
    over: 'line',
    outside: NaN,
    data: (rng, shape) => rng.normal(shape, soft),
  },
  {
    name: 'logNormal',
    distribution: logNormal(),
    columns: 3,
    golden: [[2, [0.1, 2 * Math.log(0.8)], -1.66380433261]],
    over: 'half line',
    outside: 0,
    data: (rng, shape) => rng.exponential(shape, soft).add(0.1),
  },
  {
    name: 'gamma',
    distribution: gamma(),
    columns: 3,
    // By Γ(½) = √π, Γ(3) = 2 and Γ(1) = 1.
    golden: [
      [1.3, [Math.log(2), Math.log(3)], -0.9020233273],
      [0.4, [0.5, Math.log(0.5)], -0.83209929921],
      [0.7, [-0.2, 0], -0.654981930712],
      [1005, [Math.log(1000), 8], -3.86884754109],
    ],
    single: 2e-6, // of log μ, which is rounded before it is multiplied by α(x/μ − 1)
    over: 'half line',
    outside: 0,
    data: (rng, shape) => rng.exponential(shape, soft).add(0.1),
  },
  {
    name: 'studentT',
    distribution: studentT(),
    columns: 3,
    golden: [[1, [0.2, Math.log(0.5), Math.log(2)], -1.52442267704]],
    over: 'line',
    outside: Infinity,
    data: (rng, shape) => rng.normal(shape, soft),
  },
  {
    name: 'studentT with ν = 4',
    distribution: studentT({ degreesOfFreedom: 4 }),
    columns: 3,
    golden: [[1, [0.2, Math.log(0.5)], -1.52442267704]],
    over: 'line',
    outside: Infinity,
    data: (rng, shape) => rng.normal(shape, soft),
  },
  {
    name: 'poisson',
    distribution: poisson(),
    columns: 3,
    golden: [
      [3, [Math.log(2.5)], -1.54288727361],
      [0, [Math.log(2.5)], -2.5],
    ],
    over: { points: Array.from({ length: 80 }, (_, i) => i) },
    outside: 1.5,
    data: (rng, shape) => rng.bernoulli(shape, soft).mul(3),
  },
  {
    name: 'negativeBinomial',
    distribution: negativeBinomial(),
    columns: 3,
    golden: [[4, [Math.log(3), Math.log(2)], -2.26644604638]],
    single: 2e-6, // a dozen roundings; see the sweep over counts below
    over: { points: Array.from({ length: 600 }, (_, i) => i) },
    outside: -1,
    data: (rng, shape) => rng.bernoulli(shape, soft).mul(3),
  },
  {
    name: 'beta',
    distribution: beta(),
    columns: 3,
    golden: [[0.3, [Math.log(2), Math.log(5)], 0.770524801581]],
    single: 1e-5, // differences of logΓ
    over: 'unit interval',
    outside: 1,
    data: (rng, shape) => rng.uniform(shape, { low: 0.05, high: 0.95, ...soft }),
  },
  {
    name: 'continuousBernoulli',
    distribution: continuousBernoulli(),
    columns: 3,
    // Parameters are logits of λ.
    golden: [
      [0.3, [0], 0],
      [0.3, [logit(0.5001)], -8.000666773356e-5],
      [0.3, [logit(0.2)], 0.1984280240941],
      [0.9, [logit(0.99)], 1.075635224646],
      [0.3, [logit(1e-6)], -1.518860025292],
    ],
    over: 'unit interval',
    outside: 1.2,
    data: (rng, shape) => rng.uniform(shape, soft),
  },
  {
    name: 'gaussianMixture',
    distribution: gaussianMixture({ components: 2 }),
    columns: 3,
    golden: [[0.4, [Math.log(0.3), Math.log(0.7), -1, 2, 2 * Math.log(0.5), 2 * Math.log(0.8)], -2.95667760017]],
    over: 'line',
    outside: NaN,
    data: (rng, shape) => rng.normal(shape, soft),
  },
  {
    name: 'categorical',
    distribution: categorical(),
    columns: 3,
    golden: [],
    over: null,
    outside: 0.5,
    data: (rng, shape) => {
      const draws = rng.gumbel(shape, soft);
      return draws.equal(draws.max({ axis: -1, keepDims: true }));
    },
  },
];

const f64 = (values: number[] | number[][]): Tensor => tensor(values, soft);

describe.each(entries)('$name', ({ distribution, columns, golden, single: precision = 1e-6, over, outside, data }) => {
  const width = distribution.paramCount(columns);
  const params = (seed: number, ...lead: number[]): Tensor =>
    new Rng(seed).normal([...lead, width], { std: 0.7, dtype: 'f64' });

  if (golden.length > 0)
    it('gives the golden log-probabilities', () => {
      for (const [x, p, want] of golden) {
        const got = distribution.logProb(f64([x]), f64([...p])).item();
        expect(Math.abs(got - want)).toBeLessThan(1e-10 * Math.max(1, Math.abs(want)));
        const single = distribution.logProb(tensor([x]), tensor([...p])).item();
        expect(Math.abs(single - want)).toBeLessThan(precision * Math.max(1, Math.abs(want)));
      }
    });

  if (over !== null)
    it('is a distribution: it adds up to 1, and its mean is the mean', () => {
      for (let seed = 0; seed < 4; seed++) {
        const one = params(seed).slice([[0, distribution.paramCount(1)]]);
        const { points, weights } = quadrature(over, distribution.mode(one).data[0]!);
        const p = one.broadcastTo([points.length, distribution.paramCount(1)]);
        const probability = distribution.logProb(f64(points.map((x) => [x])), p).exp().data;
        const at = (i: number): number => (probability[i] === 0 ? 0 : weights[i]! * probability[i]!);
        const total = points.reduce((sum, _, i) => sum + at(i), 0);
        const mean = points.reduce((sum, x, i) => sum + x * at(i), 0);
        expect(total).toBeCloseTo(1, 6);
        expect(mean).toBeCloseTo(distribution.mean(p).data[0]!, 5);
      }
    });

  it('has the gradients of its formula, to parameters and data', () => {
    const x = data(new Rng(5), [4, columns]);
    expect(gradCheck((a, p) => distribution.logProb(a, p), [x, params(1, 4)])).toBeLessThan(1e-6);
  });

  it('samples what it says: means agree within five standard errors, and samples are in the support', () => {
    const n = 20_000;
    const p = params(3).broadcastTo([n, width]);
    const draws = distribution.sample(p, new Rng(2));
    expect(draws.shape).toEqual([n, columns]);
    checkSupport('test', distribution, draws.data, columns);
    const mean = distribution.mean(p);
    const deviation = draws.sub(mean);
    const error = deviation
      .square()
      .mean({ axis: 0 })
      .sqrt()
      .mul(5 / Math.sqrt(n));
    const off = deviation.mean({ axis: 0 }).abs();
    off.data.forEach((value: number, i: number) => {
      expect(value).toBeLessThanOrEqual(error.data[i]!);
    });
    expect(distribution.sample(p, new Rng(2)).data).toEqual(draws.data);
  });

  it('stays finite, value and gradient, for parameters of 10⁴', () => {
    for (const scale of [-1e4, 1e4]) {
      const p = tensor(new Array(width).fill(scale));
      const value = distribution.logProb(tensor(data(new Rng(4), [columns]).data, { dtype: 'f32' }), p);
      expect(Number.isFinite(value.item())).toBe(true);
    }
  });

  it('adds up column by column, and its mode is no less likely than its mean', () => {
    const [x, p] = [data(new Rng(8), [6, columns]), params(9, 6)];
    const perColumn = distribution.logProbPerColumn(x, p);
    expect(perColumn.shape).toEqual([6, columns]);
    const row = distribution.logProb(x, p);
    perColumn.sum({ axis: -1 }).data.forEach((value: number, i: number) => {
      expect(value).toBeCloseTo(row.data[i]!, 10);
    });
    const mode = distribution.mode(p);
    expect(mode.shape).toEqual([6, columns]);
    const density = (at: Tensor): Float32Array | Float64Array => distribution.logProb(at, p).data;
    const whole = distribution.support(columns).some((s) => !s.contains(0.37) && s.contains(1));
    const mean = whole
      ? distribution
          .mean(p)
          .mul(0)
          .add(distribution.sample(p, new Rng(1)))
      : distribution.mean(p);
    // A density may be infinite at its mode, and a mixture's is taken for the highest component's.
    if (distribution.name === 'gaussianMixture') return;
    density(mode).forEach((value: number, i: number) => {
      expect(Number.isNaN(value) || value >= density(mean)[i]! - 1e-9).toBe(true);
    });
  });

  it('works with any leading axes, data repeated over samples', () => {
    const x = data(new Rng(1), [2, columns]);
    const p = params(4, 5, 2);
    const all = distribution.logProb(x, p);
    expect(all.shape).toEqual([5, 2]);
    const one = distribution.logProb(x, p.slice([[3, 4]]).reshape([2, width]));
    expect(all.slice([[3, 4]]).data).toEqual(one.data);
  });

  it('doubles when every column is doubled', () => {
    const x = data(new Rng(1), [2, 1]);
    // A category's columns are one.
    const alone = ['composite', 'categorical'].includes(distribution.name) ? null : distribution;
    if (alone === null) return;
    const p = new Rng(6).normal([2, alone.paramCount(1)], soft);
    const halves = Array.from({ length: alone.paramCount(1) }, (_, i) =>
      p.slice([null, [i, i + 1]]).broadcastTo([2, 2]),
    );
    const twice = alone.logProb(x.broadcastTo([2, 2]), tensorOf(halves));
    const once = alone.logProb(x, p);
    twice.data.forEach((value: number, i: number) => {
      expect(value).toBeCloseTo(2 * once.data[i]!, 10);
    });
  });

  it('refuses data it cannot hold, by row and column', () => {
    const rows = data(new Rng(1), [2, columns]).data;
    rows[columns + 1] = outside;
    expect(() => checkSupport('test', distribution, rows, columns)).toThrow(
      `test: ${distribution.name} data must be ${distribution.support(columns)[1]!.description}, got ${outside} at row 1, column 1`,
    );
  });

  it('refuses parameters of another width', () => {
    expect(() => distribution.logProb(f64(new Array(columns).fill(0)), f64(new Array(width + 1).fill(0)))).toThrow(
      `${distribution.name}: rows of ${columns} columns need ${width} parameters, got [${width + 1}] for data [${columns}]`,
    );
  });

  it('comes back from its description', () => {
    const copy = likelihoods.resolve(JSON.parse(JSON.stringify(distribution.config())), {
      caller: 'test',
      path: 'likelihood',
    });
    const [x, p] = [data(new Rng(1), [3, columns]), params(1, 3)];
    expect(copy.logProb(x, p).data).toEqual(distribution.logProb(x, p).data);
  });
});

/** Columns laid side by side. */
function tensorOf(parts: readonly Tensor[]): Tensor {
  const rows = parts[0]!.shape[0]!;
  return f64(
    Array.from({ length: rows }, (_, r) => parts.flatMap((part) => Array.from(part.slice([[r, r + 1]]).data))),
  );
}

it('all likelihoods that files know are tried here, or beside what their rows are', () => {
  const tried = [...entries.map(({ distribution }) => distribution.name), 'bivariateMixture', 'tokens', 'perStep'];
  expect([...new Set(tried)].sort()).toEqual([...likelihoods.names()].sort());
});

describe('categorical', () => {
  it('is log softmax at its category, and adds up to 1 over categories', () => {
    for (const [seed, k] of [2, 3, 7].entries()) {
      const logits = Array.from(new Rng(seed).normal([k], { std: 3, dtype: 'f64' }).data);
      const most = Math.max(...logits);
      const total = most + Math.log(logits.reduce((sum: number, l: number) => sum + Math.exp(l - most), 0));
      const categories = Array.from({ length: k }, (_, c) => Array.from({ length: k }, (_, i) => (i === c ? 1 : 0)));
      const repeated = categories.map(() => [...logits]);
      const got = Array.from(categorical().logProb(f64(categories), f64(repeated)).data);
      got.forEach((value: number, c: number) => {
        expect(value).toBeCloseTo((logits[c] as number) - total, 12);
      });
      expect(got.reduce((sum: number, value: number) => sum + Math.exp(value), 0)).toBeCloseTo(1, 12);
    }
  });
});

describe('bernoulli', () => {
  it('has gradient sigmoid(l) − x even where the logit is 10⁴', () => {
    const distribution = bernoulli();
    expect(gradCheck((l) => distribution.logProb(f64([0, 1, 1]), l), [f64([30, -30, 5])])).toBeLessThan(1e-6);
  });
});

describe('composite', () => {
  it('is the sum of its parts, whatever their order', () => {
    const [a, b] = [gaussian(), bernoulli()];
    const x = f64([[0.4, 1]]);
    const whole = composite([
      [1, a],
      [1, b],
    ])
      .logProb(x, f64([[0.1, -0.2, 0.7]]))
      .item();
    const turned = composite([
      [1, b],
      [1, a],
    ])
      .logProb(f64([[1, 0.4]]), f64([[0.7, 0.1, -0.2]]))
      .item();
    const parts = a.logProb(f64([0.4]), f64([0.1, -0.2])).item() + b.logProb(f64([1]), f64([0.7])).item();
    expect(whole).toBeCloseTo(parts, 12);
    expect(turned).toBeCloseTo(parts, 12);
    expect(
      composite([[3, a]])
        .logProb(f64([1, 2, 3]), f64([0, 1, 2, 0, 0, 0]))
        .item(),
    ).toBe(a.logProb(f64([1, 2, 3]), f64([0, 1, 2, 0, 0, 0])).item());
  });

  it('refuses parts that do not cover the data', () => {
    expect(() => composite([])).toThrow('composite: parts must be an array of ≥ 1 elements, got an empty array');
    expect(() => composite([[0, bernoulli()]])).toThrow(
      'composite: parts[0] (bernoulli) must have 1 or more columns, got 0',
    );
    expect(() =>
      composite([
        [2, bernoulli()],
        [1, gaussian()],
      ]).paramCount(4),
    ).toThrow('composite: parts cover 2 + 1 = 3 columns, got data of 4');
  });
});

describe('the Gaussian variance', () => {
  it('has a floor, below which the density does not grow', () => {
    const distribution = gaussian({ minStd: 0.1 });
    const at = (logVariance: number): number => distribution.logProb(f64([0]), f64([0, logVariance])).item();
    expect(at(-100)).toBe(at(2 * Math.log(0.1)));
    expect(() => gaussian({ minStd: 0 })).toThrow('gaussian: minStd must be a number > 0, got 0');
    expect(() => gaussian({ variance: -1 })).toThrow('gaussian: variance must be a number > 0, got -1');
  });
});

describe('the optimal Gaussian variance', () => {
  it('is the mean squared error, where its own gradient is 0 (σ-VAE)', () => {
    const distribution = gaussian({ variance: 'optimal' });
    const x = f64([
      [1, 2],
      [0, -1],
    ]);
    const mean = parameter(
      f64([
        [0.5, 1],
        [1, 1],
      ]),
    );
    const params = concat([mean, mean.mul(0)], -1);
    const head = distribution.head?.((count) => new Linear(3, count, { rng: new Rng(1) }), 2) as Head;
    const kept = (head as unknown as { logVariance: Tensor }).logVariance;
    const mse = x.sub(mean.detach()).square().mean().item();
    const [single, emitted] = [x.cast('f32'), params.detach().cast('f32')];
    const taught = distribution.whileTraining?.(single, emitted, head) as Tensor;
    expect(distribution.logProb(single, taught).sum().item()).toBeCloseTo(-2 * (Math.log(2 * Math.PI * mse) + 1), 5);
    // The head keeps a running mean, from 1 on.
    expect(kept.exp().item()).toBeCloseTo(0.9 + 0.1 * mse, 6);
    distribution.whileTraining?.(single, emitted, head);
    expect(kept.exp().item()).toBeCloseTo(0.81 + 0.19 * mse, 6);
    expect(head.parameters()).not.toContain(kept);
    // d/dσ² of the total at σ² = MSE.
    const plain = gaussian();
    const total = (v: number): number =>
      plain
        .logProb(x, concat([mean.detach(), mean.detach().mul(0).add(Math.log(v))], -1))
        .sum()
        .item();
    expect((total(mse * 1.0001) - total(mse / 1.0001)) / 2e-4).toBeCloseTo(0, 3);
  });

  it('is kept by the model for scoring', async () => {
    const rows = new Rng(1).normal([200, 3]).data as Float32Array;
    const make = (): Vae =>
      new Vae({ inputSize: 3, latentSize: 1, encoder: [4], reconstruction: gaussian({ variance: 'optimal' }) });
    const vae = make();
    const history = await vae.fit(rows, { epochs: 30 });
    expect(vae.elbo(rows).elbo.mean().item()).toBeCloseTo(-history.epochs[29]!.loss, 0);
    const copy = Vae.fromBytes(vae.toBytes());
    expect(copy.elbo(rows).elbo.data).toEqual(vae.elbo(rows).elbo.data);
    // A row's density does not depend on its neighbours.
    expect(vae.reconstructionError(rows.slice(0, 3)).item()).toBeCloseTo(vae.reconstructionError(rows).data[0]!, 5);
    // Of each model by itself, also where two are made of one value.
    const { reconstruction } = vae.options;
    const other = new Vae({ inputSize: 3, latentSize: 1, encoder: [4], reconstruction });
    const before = vae.elbo(rows).elbo.data;
    await other.fit(rows, { epochs: 3 });
    expect(vae.elbo(rows).elbo.data).toEqual(before);
  });
});

describe('KL to the standard normal', () => {
  it('gives the golden values, and is 0 only at the standard normal', () => {
    const kl = (mean: number, logVariance: number): number =>
      klToStandardNormal(f64([mean]), f64([logVariance])).item();
    expect(kl(1, -1)).toBeCloseTo(0.683939720586, 11);
    expect(kl(0.5, 0.3)).toBeCloseTo(0.149929403788, 11);
    expect(kl(0, 0)).toBe(0);
    for (const mean of [-1, 0, 0.3]) for (const v of [-2, 0.1, 1]) expect(kl(mean, v)).toBeGreaterThan(0);
  });

  it('is the sum over dimensions, and what sampling estimates', () => {
    const [mean, v] = [f64([0.5, -1]), f64([0.3, -0.7])];
    const parts = [0, 1].map((i) => klToStandardNormal(f64([mean.data[i]!]), f64([v.data[i]!])).item());
    const total = klToStandardNormal(mean, v).item();
    expect(total).toBeCloseTo(parts[0]! + parts[1]!, 12);
    const n = 100_000;
    const noise = new Rng(4).normal([n, 2], soft);
    const z = mean.add(v.mul(0.5).exp().mul(noise));
    // log q − log p per draw.
    const terms = z.square().sub(noise.square()).sub(v).mul(0.5).sum({ axis: 1 });
    const error = Math.sqrt(terms.variance().item() / n);
    expect(Math.abs(terms.mean().item() - total)).toBeLessThan(4 * error);
  });

  it('has its gradients', () => {
    expect(
      gradCheck((m, v) => klToStandardNormal(m, v), [new Rng(1).normal([3, 2]), new Rng(2).normal([3, 2])]),
    ).toBeLessThan(1e-6);
  });
});
