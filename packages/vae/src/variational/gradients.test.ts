import { gradCheck, sampleNormal } from '@latent/autograd';
import { Activation, activationNames } from '@latent/nn';
import { concat, linear, Rng, type Tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { klToStandardNormal } from '../latent/diagonal-normal.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { composite } from '../reconstruction/composite.ts';
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
import { beta, continuousBernoulli } from '../reconstruction/unit-interval.ts';

// The whole bound of a VAE, encoder to likelihood, against central differences in float64: every distribution with every
// activation, with one draw and three, with and without penalties on the weights.

const [INPUT, HIDDEN, LATENT] = [4, 3, 1];
const soft = { dtype: 'f64' } as const;

const unit = (rng: Rng): Tensor => rng.uniform([3, INPUT], { low: 0.1, high: 0.9, ...soft });
const real = (rng: Rng): Tensor => rng.normal([3, INPUT], soft);
const positive = (rng: Rng): Tensor => rng.exponential([3, INPUT], soft).add(0.1);
const count = (rng: Rng): Tensor => rng.bernoulli([3, INPUT], soft).mul(3);
const binary = (rng: Rng): Tensor => rng.bernoulli([3, INPUT], soft);

const distributions: [ReconstructionDistribution, (rng: Rng) => Tensor][] = [
  [bernoulli(), binary],
  [gaussian(), real],
  [exponential(), positive],
  [squaredError(), real],
  [laplace(), real],
  [logNormal(), positive],
  [gamma(), positive],
  [studentT(), real],
  [poisson(), count],
  [negativeBinomial(), count],
  [beta(), unit],
  [continuousBernoulli(), unit],
  [gaussianMixture({ components: 2 }), real],
  [
    composite([
      [1, gaussian()],
      [1, bernoulli()],
      [2, exponential()],
    ]),
    binary,
  ],
];

describe.each(distributions.map(([distribution, data]) => [distribution.name, distribution, data] as const))(
  'the bound with %s',
  (_name, distribution, data) => {
    it.each(activationNames)('and %s has its gradient', (name) => {
      const rng = new Rng(11);
      const x = data(rng);
      const activation = new Activation(name);
      const act = (h: Tensor): Tensor => activation.forward(h);
      const width = distribution.paramCount(INPUT);
      const weights = [
        [HIDDEN, INPUT],
        [HIDDEN],
        [2 * LATENT, HIDDEN],
        [2 * LATENT],
        [HIDDEN, LATENT],
        [HIDDEN],
        [width, HIDDEN],
        [width],
      ].map((shape) => rng.normal(shape, { std: 0.4, ...soft }));
      // Both numbers of draws for the activation of the reference's own tests, the larger for the others.
      const many: [samples: number, l2: number] = [3, 0.1];
      for (const [samples, l2] of name === 'tanh' ? [[1, 0] as typeof many, many] : [many]) {
        const loss = (...tensors: Tensor[]): Tensor => {
          const [w0, b0, w1, b1, w2, b2, w3, b3] = tensors as [
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
          ];
          const draws = new Rng(5);
          const code = linear(act(linear(x, w0, b0)), w1, b1);
          const [mean, v] = code.split(2, 1) as [Tensor, Tensor];
          const terms = Array.from({ length: samples }, () => {
            const z = sampleNormal(mean, v, draws);
            return distribution.logProb(x, linear(act(linear(z, w2, b2)), w3, b3));
          });
          const reconstruction = terms.reduce((a, b) => a.add(b)).mul(-1 / samples);
          const penalty = concat([w0, w2].map((w) => w.reshape([w.size])))
            .square()
            .sum()
            .mul(l2 / 2);
          return reconstruction.add(klToStandardNormal(mean, v)).mean().add(penalty);
        };
        expect(gradCheck(loss, weights)).toBeLessThan(2e-5);
      }
    });
  },
);
