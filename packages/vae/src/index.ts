export { Autoencoder, type AutoencoderOptions } from './autoencoder/autoencoder.ts';
export * from './autoencoder/corruption.ts';
export * from './autoencoder/denoising.ts';
export { klPerLatent, klToStandardNormal, normalLogProb } from './latent/diagonal-normal.ts';
export { kl, type Parametric } from './latent/kl.ts';
export { mixturePrior, type PriorSpec, standardNormalPrior, vampPrior } from './latent/prior.ts';
export type { CheckpointOptions, FitEvent, FitOptions, History, Stopped } from './model/fit.ts';
export { progressLine } from './model/progress.ts';
export type { Rows } from './model/rows.ts';
export { type ElboOptions, elbo } from './objectives/elbo.ts';
export { type IwaeOptions, iwae } from './objectives/iwae.ts';
export type { Objective, ObjectiveModel, ObjectiveParts } from './objectives/objective.ts';
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
export { Classifier, type ClassifierOptions } from './supervised/classifier.ts';
export type { Diagnosis } from './variational/diagnose.ts';
export type { ImputeOptions } from './variational/impute.ts';
export type { LikelihoodEstimate } from './variational/log-likelihood.ts';
export type { VaeOptions } from './variational/options.ts';
export { type DrawOptions, type ElboParts, Vae } from './variational/vae.ts';
