import { ValueError } from '@latent/tensor';
import { bernoulli } from './bernoulli.ts';
import { composite } from './composite.ts';
import { exponential } from './exponential.ts';
import { type GaussianOptions, gaussian } from './gaussian.ts';
import type { DistributionConfig, ReconstructionDistribution } from './reconstruction.ts';
import { squaredError } from './squared-error.ts';

type Builder = (config: DistributionConfig) => ReconstructionDistribution;

const BUILDERS: Readonly<Record<string, Builder>> = {
  bernoulli: () => bernoulli(),
  gaussian: ({ variance, minStd }) => gaussian({ variance, minStd } as GaussianOptions),
  exponential: () => exponential(),
  squaredError: () => squaredError(),
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
