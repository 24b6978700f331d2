import { ValueError } from '@latent/tensor';
import { bernoulli } from './bernoulli.ts';
import { categorical } from './categorical.ts';
import { composite } from './composite.ts';
import { negativeBinomial, poisson } from './counts.ts';
import { exponential } from './exponential.ts';
import { type GaussianOptions, gaussian } from './gaussian.ts';
import { gaussianMixture } from './gaussian-mixture.ts';
import { laplace } from './laplace.ts';
import { logNormal } from './log-normal.ts';
import type { DistributionConfig, ReconstructionDistribution } from './reconstruction.ts';
import { squaredError } from './squared-error.ts';
import { type StudentTOptions, studentT } from './student-t.ts';
import { beta, continuousBernoulli } from './unit-interval.ts';

type Builder = (config: DistributionConfig) => ReconstructionDistribution;

const BUILDERS: Readonly<Record<string, Builder>> = {
  bernoulli: () => bernoulli(),
  gaussian: ({ variance, minStd }) => gaussian({ variance, minStd } as GaussianOptions),
  exponential: () => exponential(),
  squaredError: () => squaredError(),
  laplace: () => laplace(),
  logNormal: () => logNormal(),
  studentT: ({ degreesOfFreedom }) => studentT({ degreesOfFreedom } as StudentTOptions),
  poisson: () => poisson(),
  negativeBinomial: () => negativeBinomial(),
  beta: () => beta(),
  continuousBernoulli: () => continuousBernoulli(),
  categorical: ({ categories }) => categorical(categories as number | undefined),
  gaussianMixture: ({ components, minStd }) =>
    gaussianMixture({ components: components as number, minStd: minStd as number }),
  composite: ({ parts }) =>
    composite((parts as [number, DistributionConfig][]).map(([size, part]) => [size, distributionFromConfig(part)])),
};

/** The distribution that `config()` described. Distributions of your own are passed as `custom`, by name. */
export function distributionFromConfig(
  config: DistributionConfig,
  custom: Readonly<Record<string, Builder>> = {},
): ReconstructionDistribution {
  const build = Object.hasOwn(custom, config.name)
    ? custom[config.name]
    : Object.hasOwn(BUILDERS, config.name)
      ? BUILDERS[config.name]
      : undefined;
  if (build === undefined) {
    throw new ValueError(
      `load: no distribution named '${config.name}'; known are ${Object.keys({ ...BUILDERS, ...custom }).join(', ')}`,
    );
  }
  return build(config);
}
