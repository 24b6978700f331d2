import { standardise } from '@latent/nn';
import { Rng } from '@latent/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Autoencoder } from '../autoencoder/autoencoder.ts';
import { likelihoods } from '../index.ts';
import { mixturePrior } from '../latent/mixture-prior.ts';
import type { PriorSpec } from '../latent/prior.ts';
import { standardNormalPrior } from '../latent/standard-normal-prior.ts';
import { vampPrior } from '../latent/vamp-prior.ts';
import { elbo } from '../objectives/elbo.ts';
import { iwae } from '../objectives/iwae.ts';
import type { Objective } from '../objectives/objective.ts';
import { negativeBinomial, poisson } from '../reconstruction/counts.ts';
import { exponential } from '../reconstruction/exponential.ts';
import { gamma } from '../reconstruction/gamma.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { gaussianMixture } from '../reconstruction/gaussian-mixture.ts';
import { laplace } from '../reconstruction/laplace.ts';
import type { ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { logNormal } from '../reconstruction/log-normal.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import { studentT } from '../reconstruction/student-t.ts';
import { Vae } from '../variational/vae.ts';

// The rows that a detector exists for: whatever the likelihood, the prior and the objective, a row is finite in every score, and
// never less odd than one less far out in its direction.

const N = 200;
const rng = new Rng(3);
const hidden = rng.normal([N, 1]).data;
const noise = rng.normal([N, 3]).data;
const real = Array.from({ length: N }, (_, i) => [
  hidden[i]! + 0.3 * noise[3 * i]!,
  -hidden[i]! + 0.3 * noise[3 * i + 1]!,
  noise[3 * i + 2]!,
]);
const positive = real.map((row) => row.map((x) => Math.exp(0.6 * x)));
const counts = positive.map((row) => row.map((x) => Math.round(3 * x)));

/** Likelihoods of columns without an end, and rows for them. */
const unbounded: Record<string, [ReconstructionDistribution[], number[][]]> = {
  gaussian: [
    [
      gaussian(),
      gaussian({ variance: 'shared' }),
      gaussian({ variance: 'perColumn' }),
      gaussian({ variance: 'optimal' }),
      gaussian({ variance: 0.1, minStd: 1e-6 }),
    ],
    real,
  ],
  laplace: [[laplace()], real],
  studentT: [[studentT(), studentT({ degreesOfFreedom: 4 })], real],
  gaussianMixture: [[gaussianMixture({ components: 2 })], real],
  squaredError: [[squaredError()], real],
  exponential: [[exponential()], positive],
  gamma: [[gamma()], positive],
  logNormal: [[logNormal()], positive],
  poisson: [[poisson()], counts],
  negativeBinomial: [[negativeBinomial()], counts],
};
const priors: (() => PriorSpec)[] = [
  standardNormalPrior,
  () => mixturePrior({ components: 3 }),
  () => vampPrior({ components: 3 }),
];
const objectives: (() => Objective)[] = [
  elbo,
  () => iwae({ samples: 4 }),
  () => elbo({ beta: 4, samples: 2 }),
  () => iwae({ samples: 3, estimator: 'dreg' }),
];

it('all likelihoods of columns without an end are tried', () => {
  const ends = likelihoods.names().filter((name) => {
    if (['composite', 'categorical', 'perStep', 'tokens', 'bivariateMixture'].includes(name)) return false;
    const options = name === 'gaussianMixture' ? { components: 2 } : {};
    return (
      likelihoods.definition(name)!.make(options).support(1)[0]!.unbounded === true ||
      name === 'poisson' ||
      name === 'negativeBinomial'
    );
  });
  expect(ends.sort()).toEqual(Object.keys(unbounded).sort());
});

const mean = (rows: number[][]): number[] => [0, 1, 2].map((c) => rows.reduce((sum, row) => sum + row[c]!, 0) / N);
const deviation = (rows: number[][]): number[] =>
  mean(rows).map((m, c) => Math.sqrt(rows.reduce((sum, row) => sum + (row[c]! - m) ** 2, 0) / N));

/** Standard deviations from the mean; counts end at e¹⁵. */
const distances = [10, 20, 50, 200, 1e3, 1e4, 1e6, 1e9, 1e15, 1e30];

/** Rows further and further out in a direction. */
function out(rows: number[][], direction: readonly number[]): number[][] {
  const [centre, scale] = [mean(rows), deviation(rows)];
  const whole = rows === counts;
  return distances
    .filter((t) => !whole || t <= 1e4)
    .map((t) =>
      centre.map((m, c) => (whole ? Math.round(m + t * direction[c]! * scale[c]!) : m + t * direction[c]! * scale[c]!)),
    );
}

/** Throws unless the numbers are finite and never fall by more than their rounding. */
function neverLess(what: string, odd: ArrayLike<number>): void {
  for (let i = 0; i < odd.length; i++) {
    expect(Number.isFinite(odd[i]), `${what} at ${distances[i]}: ${odd[i]}`).toBe(true);
    if (i > 0) {
      const slack = 1e-5 * Math.max(1, Math.abs(odd[i - 1]!));
      expect(odd[i]!, `${what} from ${distances[i - 1]} to ${distances[i]} standard deviations`).toBeGreaterThanOrEqual(
        odd[i - 1]! - slack,
      );
    }
  }
}

const negated = (values: ArrayLike<number>): number[] => Array.from(values, (x) => -x);
const models = Object.entries(unbounded).flatMap(([name, [likelihoods, rows]], i) =>
  likelihoods.flatMap((likelihood, j) => {
    // Every likelihood with some prior and objective, and the first with all.
    const pairs =
      i + j === 0
        ? priors.flatMap((prior) => objectives.map((objective) => [prior, objective] as const))
        : [0, 1].map((k) => [priors[(i + j + k) % 3]!, objectives[(i + j + 2 * k) % 4]!] as const);
    return pairs.map(([prior, objective], k) => ({
      name: `${name} ${j}, ${prior().name}, ${objective().name}${k % 2 ? ', on a common scale' : ''}`,
      options: {
        inputSize: 3,
        latentSize: 2,
        encoder: [12],
        reconstruction: likelihood,
        prior: prior(),
        objective: objective(),
        transform: k % 2 && rows === real ? standardise() : null,
        seed: i,
      },
      rows,
    }));
  }),
);

describe.each(models)('$name', ({ options, rows }) => {
  it('finds no row less odd further out, in any direction', async () => {
    const vae = new Vae(options);
    await vae.fit(rows, { epochs: 15, batchSize: 50, learningRate: 5e-3, onWarning: () => {} });
    const density = options.reconstruction.normalized;
    const up = rows !== real;
    const one = fc.double({ min: up ? 0 : -1, max: 1, noNaN: true });
    // At least one column goes out by its whole measure.
    const direction = fc
      .tuple(one, one, one, fc.nat(2))
      .map(([a, b, c, k]) => [a, b, c].map((x, i) => (i === k ? (x < 0 ? -1 : 1) : x)));
    fc.assert(
      fc.property(direction, (along) => {
        const far = out(rows, along);
        const { elbo: bound, reconstruction, kl } = vae.elbo(far, { samples: 8 });
        neverLess('−elbo', negated(bound.data));
        for (const x of [reconstruction, kl]) for (const value of x.data) expect(Number.isFinite(value)).toBe(true);
        neverLess('contributions', vae.contributions(far, { samples: 8 }).score.data);
        neverLess('reconstruction error', vae.reconstructionError(far).data);
        if (density) {
          const { logLikelihood, standardError } = vae.logLikelihood(far, { samples: 30 });
          neverLess('−log p(x)', negated(logLikelihood.data));
          for (const value of standardError.data) expect(Number.isFinite(value)).toBe(true);
          neverLess('−log p(x | z)', negated(vae.reconstructionLogProbability(far, { samples: 8 }).data));
          neverLess('−log mean p(x | z)', negated(vae.logReconstructionProbability(far, { samples: 8 }).data));
        }
        const { mean: code, variance } = vae.encode(far);
        for (const x of [code, variance, vae.reconstruct(far), vae.samplePosterior(far)]) {
          expect(x.data.every((value: number) => Number.isFinite(value))).toBe(true);
        }
      }),
      { numRuns: 6, seed: 9, endOnFailure: true },
    );
  });
});

describe('further out', () => {
  it('holes are filled, and known values kept, at any distance', async () => {
    const vae = new Vae({
      inputSize: 3,
      latentSize: 2,
      encoder: [12],
      reconstruction: gaussian(),
      missing: true,
      transform: standardise(),
    });
    await vae.fit(real, { epochs: 15, batchSize: 50, onWarning: () => {} });
    const rows = out(real, [1, -1, 1]).map((row) => [row[0]!, Number.NaN, row[2]!]);
    for (const kind of ['mean', 'draws'] as const) {
      const [filled] = vae.impute(rows, { samples: 20, kind });
      (filled!.toArray() as number[][]).forEach((row, r) => {
        expect([row[0], row[2], Number.isFinite(row[1])]).toEqual([rows[r]![0], rows[r]![2], true]);
      });
    }
    neverLess('−elbo', negated(vae.elbo(rows, { samples: 8 }).elbo.data));
  });

  it('an autoencoder’s error grows too', async () => {
    for (const options of [{}, { tied: false, reconstruction: gaussian() }, { transform: standardise() }]) {
      const model = new Autoencoder({ inputSize: 3, encoder: [8, 2], ...options });
      await model.fit(real, { epochs: 15, batchSize: 50, onWarning: () => {} });
      for (const along of [
        [1, 0, 0],
        [1, -1, 0],
        [-1, 1, 0.3],
        [0, 0, -1],
      ]) {
        neverLess('reconstruction error', model.reconstructionError(out(real, along)).data);
      }
    }
  });

  it('past single precision rows are scored, and refused for training', async () => {
    const vae = new Vae({ inputSize: 3, latentSize: 2, encoder: [6], reconstruction: gaussian() });
    expect(Number.isFinite(vae.elbo([[1e300, -1e300, 0]]).elbo.item())).toBe(true);
    await expect(vae.fit([...real, [1, 2, -1e39]])).rejects.toThrow(
      `Vae.fit: -1e+39 at row ${N}, column 2 is too large for single precision on the model's scale`,
    );
    await vae.fit(real, { epochs: 2 });
    const [a, b] = vae.elboPerRow([
      [1e30, 0, 0],
      [1e300, 0, 0],
    ]).data;
    expect(b).toBe(a);
  });
});
