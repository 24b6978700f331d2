import { grad, gradCheck, parameter } from '@latent/autograd';
import { adam, type Module } from '@latent/nn';
import { compile, concat, Rng, step, Tensor, tensor, zeros } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { normalLogProb } from '../latent/diagonal-normal.ts';
import { exemplarPrior } from '../latent/exemplar-prior.ts';
import { vampPrior } from '../latent/vamp-prior.ts';
import { elbo } from '../objectives/elbo.ts';
import { iwae } from '../objectives/iwae.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { Vae } from '../variational/vae.ts';
import type { Flow } from './flow.ts';
import { iaf } from './iaf.ts';
import { planar } from './planar.ts';
import type { PosteriorSpec } from './posterior.ts';

const soft = { dtype: 'f64' } as const;
const LATENT = 3;
const FEATURES = 4;

/** A flow whose numbers are in double precision and far from where a run begins. */
function shaken(spec: PosteriorSpec, latentSize = LATENT): Flow {
  const rng = new Rng(7);
  const flow = spec.build({ latentSize, features: FEATURES, rng });
  for (const [, module] of flow.namedModules()) {
    const fields = module as unknown as Record<string, unknown>;
    for (const [name, value] of Object.entries(module as Module)) {
      if (!(value instanceof Tensor)) continue;
      const numbers = tensor(value.data, { shape: value.shape, ...soft });
      fields[name] = name === 'mask' ? numbers : parameter(numbers.add(rng.normal(value.shape, { std: 0.4, ...soft })));
    }
  }
  return flow;
}

/** log |det| of a square matrix, by elimination. */
function logAbsDeterminant(matrix: number[][]): number {
  const rows = matrix.map((row) => [...row]);
  let total = 0;
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows
      .slice(i)
      .reduce((best, _, k) => (Math.abs(rows[i + k]![i]!) > Math.abs(rows[best]![i]!) ? i + k : best), i);
    [rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!];
    total += Math.log(Math.abs(rows[i]![i]!));
    for (let r = i + 1; r < rows.length; r++) {
      const factor = rows[r]![i]! / rows[i]![i]!;
      for (let c = i; c < rows.length; c++) rows[r]![c]! -= factor * rows[i]![c]!;
    }
  }
  return total;
}

const flows: [string, PosteriorSpec][] = [
  ['one planar step', planar(1)],
  ['planar', planar(5)],
  ['iaf', iaf({ steps: 3, hidden: [8] })],
  ['iaf with two hidden layers', iaf({ steps: 2, hidden: [7, 5] })],
];

describe.each(flows)('%s', (_name, spec) => {
  it('stretches volumes as its Jacobian says', () => {
    const flow = shaken(spec);
    const rng = new Rng(3);
    const features = rng.normal([1, FEATURES], soft);
    for (let trial = 0; trial < 4; trial++) {
      const z = rng.normal([1, LATENT], { std: 2, ...soft });
      const jacobian = Array.from({ length: LATENT }, (_, i) => {
        const of = grad((x: Tensor) =>
          flow
            .of(features)(x)
            .z.slice([null, [i, i + 1]])
            .sum(),
        );
        return Array.from((of(z) as Tensor).data);
      });
      expect(flow.of(features)(z).logDet.item()).toBeCloseTo(logAbsDeterminant(jacobian), 9);
    }
  });

  it('is the same for each row and each draw, whatever stands beside them', () => {
    const flow = shaken(spec);
    const rng = new Rng(4);
    const features = rng.normal([2, FEATURES], soft);
    const z = rng.normal([3, 2, LATENT], soft);
    const { z: all, logDet } = flow.of(features)(z);
    expect([all.shape, logDet.shape]).toEqual([
      [3, 2, LATENT],
      [3, 2],
    ]);
    const one = flow.of(features.slice([[1, 2]]))(
      z
        .slice([
          [2, 3],
          [1, 2],
        ])
        .reshape([1, LATENT]),
    );
    expect(one.logDet.item()).toBeCloseTo((logDet.toArray() as number[][])[2]![1]!, 12);
    expect((one.z.toArray() as number[][])[0]).toEqual(
      (all.toArray() as number[][][])[2]![1]!.map((value) => expect.closeTo(value, 12)),
    );
  });

  it('has its gradient', () => {
    const flow = shaken(spec);
    const rng = new Rng(5);
    const [features, z] = [rng.normal([2, FEATURES], soft), rng.normal([2, LATENT], soft)];
    const weights = rng.normal([2, LATENT], soft);
    const value = (f: Tensor, x: Tensor): Tensor => {
      const made = flow.of(f)(x);
      return made.z.mul(weights).sum().add(made.logDet.sum());
    };
    expect(gradCheck(value, [features, z])).toBeLessThan(1e-6);
  });
});

describe('a masked network', () => {
  it('lets a latent see those before it alone, in turn from either end', () => {
    const features = new Rng(1).normal([1, FEATURES], soft);
    for (const [steps, sees] of [
      [1, (out: number, from: number) => from <= out],
      // From the first to the last and back: all see all.
      [2, () => true],
    ] as const) {
      const flow = shaken(iaf({ steps, hidden: [9] }));
      const z = new Rng(2).normal([1, LATENT], soft);
      for (let out = 0; out < LATENT; out++) {
        const slopes = grad((x: Tensor) =>
          flow
            .of(features)(x)
            .z.slice([null, [out, out + 1]])
            .sum(),
        )(z) as Tensor;
        expect(Array.from(slopes.data, (slope) => slope !== 0)).toEqual(
          Array.from({ length: LATENT }, (_, from) => sees(out, from)),
        );
      }
    }
  });
});

describe('codes that vary together', () => {
  // p(z | x) = N(0, Σ) with correlation ρ: the best Gaussian with a variance for each latent is −½ log(1 − ρ²) nats away.
  const RHO = 0.95;
  const away = -0.5 * Math.log(1 - RHO ** 2);
  const logTarget = (z: Tensor): Tensor => {
    const [a, b] = z.split(2, -1) as [Tensor, Tensor];
    const square = a
      .square()
      .sub(a.mul(b).mul(2 * RHO))
      .add(b.square())
      .mul(-0.5 / (1 - RHO ** 2));
    return square.sum({ axis: -1 }).sub(Math.log(2 * Math.PI) + 0.5 * Math.log(1 - RHO ** 2));
  };

  /** KL(q ‖ p) that training reaches, from 8192 fresh draws. */
  function reached(spec: PosteriorSpec | null): number {
    const rng = new Rng(1);
    const features = tensor([[1]]);
    const flow = spec?.build({ latentSize: 2, features: 1, rng }) ?? null;
    const [mean, logVariance] = [parameter(zeros([1, 2])), parameter(zeros([1, 2]))];
    const optimizer = adam({ learningRate: 2e-2 }).create([mean, logVariance, ...(flow?.parameters() ?? [])]);
    const divergence = (count: number): Tensor => {
      const [mu, v] = [mean.broadcastTo([count, 2]), logVariance.broadcastTo([count, 2])];
      const z0 = mu.add(
        v
          .mul(0.5)
          .exp()
          .mul(rng.normal([count, 2])),
      );
      const { z, logDet } = flow === null ? { z: z0, logDet: zeros([count]) } : flow.of(features)(z0);
      return normalLogProb(z0, mu, v).sub(logDet).sub(logTarget(z)).mean();
    };
    const learn = compile(() => {
      const loss = divergence(128);
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    });
    for (let i = 0; i < 600; i++) {
      if (i === 400) optimizer.learningRate = 2e-3;
      learn();
    }
    return step(() => divergence(8192)).item();
  }

  it('are out of reach of a Gaussian with a variance for each', () => {
    expect(reached(null)).toBeCloseTo(away, 1);
  });

  it('are nearly reached by an autoregressive flow, and approached by planar ones', () => {
    expect(reached(iaf({ steps: 2, hidden: [16] }))).toBeLessThan(0.05);
    expect(reached(planar(6))).toBeLessThan(0.6 * away);
  });
});

describe('a Vae with a flow', () => {
  const rows = new Rng(1).uniform([60, 5]);
  const options = { inputSize: 5, latentSize: 2, encoder: [6], reconstruction: gaussian() } as const;
  const quick = { epochs: 3, batchSize: 20, onWarning: () => {} };

  it.each([planar(3), iaf({ steps: 2, hidden: [8] })])(
    '$name answers everything of one posterior',
    async (posterior) => {
      const vae = new Vae({ ...options, posterior, missing: true });
      await vae.fit(rows, quick);
      const { mean } = vae.encode(rows);
      const again = vae.decode(mean).toArray() as number[][];
      (vae.reconstruct(rows).toArray() as number[][]).forEach((row, r) => {
        expect(row).toEqual(again[r]!.map((value) => expect.closeTo(value, 5)));
      });
      // A bound, in expectation; with one draw it is the weight of that draw.
      const { elbo: bound, reconstruction, kl } = vae.elbo(rows, { samples: 200 });
      expect(bound.mean().item()).toBeCloseTo(-reconstruction.add(kl).mean().item(), 4);
      expect(vae.logLikelihood(rows, { samples: 200 }).logLikelihood.mean().item()).toBeGreaterThan(
        bound.mean().item(),
      );
      const one = vae.elbo(rows, { samples: 1 }).elbo.toArray() as number[];
      expect(vae.logLikelihood(rows, { samples: 1 }).logLikelihood.toArray()).toEqual(
        one.map((value) => expect.closeTo(value, 4)),
      );
      expect(vae.samplePosterior(rows).shape).toEqual([60, 2]);
      expect(vae.moreLike(rows, 3).shape).toEqual([60, 3, 5]);
      const holes = (rows.toArray() as number[][]).map(([, ...rest]) => [null, ...rest]);
      for (const kind of ['mean', 'draws'] as const) {
        const [filled] = vae.impute(holes as never, { kind });
        expect(filled!.data.every(Number.isFinite)).toBe(true);
      }
      expect((await vae.diagnose(rows)).klPerLatent.every((value) => value > 0)).toBe(true);
    },
  );

  it('has variances that its draws have', async () => {
    const vae = new Vae({ ...options, posterior: iaf({ steps: 2, hidden: [8] }) });
    await vae.fit(rows, quick);
    const { variance } = vae.encode(rows.slice([[0, 4]]));
    const many = Array.from({ length: 300 }, (_, seed) =>
      vae.samplePosterior(rows.slice([[0, 4]]), { seed }).reshape([1, 4, 2]),
    );
    const drawn = concat(many, 0).variance({ axis: 0 });
    const ratio = variance.div(drawn).data;
    expect(Math.min(...ratio)).toBeGreaterThan(0.5);
    expect(Math.max(...ratio)).toBeLessThan(2);
  });

  it('refuses what takes its posterior to be Gaussian', () => {
    const make = (more: object) => () => new Vae({ ...options, posterior: planar(2), ...more });
    expect(make({ objective: elbo({ freeBits: 0.1 }) })).toThrow(
      "Vae: freeBits need the KL of each latent, which the posterior 'planar' does not have",
    );
    expect(make({ objective: iwae({ estimator: 'dreg' }) })).toThrow(
      "Vae: this estimator of 'iwae' is of a Gaussian posterior",
    );
    for (const prior of [vampPrior({ components: 2 }), exemplarPrior()]) {
      expect(make({ prior })).toThrow(`Vae: the prior '${prior.name}' is made of Gaussian posteriors`);
    }
    const vae = make({})();
    expect(() => vae.exactKl(zeros([1, 2]), zeros([1, 2]))).toThrow('Vae.exactKl: a flow refines q(z | x)');
    expect(() => new Vae({ ...options, posterior: { name: 'plenar' } as never })).toThrow(
      "Vae: there is no posterior (posterior) 'plenar'; did you mean 'planar'?",
    );
    expect(() => planar(0)).toThrow('planar: steps must be a whole number');
    expect(() => iaf({ hidden: [] })).toThrow('iaf: hidden must');
  });

  it('takes conditions, sequences of draws and other bounds', async () => {
    const vae = new Vae({
      ...{ inputSize: 5, latentSize: 1, encoder: [6], reconstruction: bernoulli(), condition: { classes: 2 } },
      ...{ posterior: iaf({ steps: 2, hidden: [4] }), objective: iwae({ samples: 3 }) },
    });
    const condition = Array.from({ length: 60 }, (_, i) => i % 2);
    const { epochs } = await vae.fit(rows, { ...quick, condition });
    expect(Number.isFinite(epochs.at(-1)!.loss)).toBe(true);
    expect(vae.elbo(rows, { condition }).elbo.shape).toEqual([60]);
  });
});
