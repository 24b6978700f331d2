export * from './autoencoder/corruption.ts';
export * from './autoencoder/denoising.ts';
export { klToStandardNormal } from './latent/diagonal-normal.ts';
export type { FitEvent, FitOptions, History } from './model/fit.ts';
export type { Rows } from './model/rows.ts';
export { bernoulli } from './reconstruction/bernoulli.ts';
export { categorical } from './reconstruction/categorical.ts';
export { type CompositePart, composite } from './reconstruction/composite.ts';
export { negativeBinomial, poisson } from './reconstruction/counts.ts';
export { exponential } from './reconstruction/exponential.ts';
export { distributionFromConfig } from './reconstruction/from-config.ts';
export { type GaussianOptions, gaussian } from './reconstruction/gaussian.ts';
export { gaussianMixture } from './reconstruction/gaussian-mixture.ts';
export { laplace } from './reconstruction/laplace.ts';
export { logNormal } from './reconstruction/log-normal.ts';
export {
  checkSupport,
  type DistributionConfig,
  type ReconstructionDistribution,
  type Support,
} from './reconstruction/reconstruction.ts';
export { squaredError } from './reconstruction/squared-error.ts';
export { type StudentTOptions, studentT } from './reconstruction/student-t.ts';
export { beta, continuousBernoulli } from './reconstruction/unit-interval.ts';
export type { VaeOptions } from './variational/options.ts';
export { type ElboParts, Vae } from './variational/vae.ts';
