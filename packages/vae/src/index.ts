export * from './autoencoder/corruption.ts';
export * from './autoencoder/denoising.ts';
export { type Calibration, type CalibrationBin, calibration } from './evaluate/calibration.ts';
export { type ClassificationMetrics, type ClassScores, classificationMetrics } from './evaluate/classification.ts';
export type { Numbers } from './evaluate/pairs.ts';
export { type RegressionMetrics, regressionMetrics } from './evaluate/regression.ts';
export { prAuc, type RocCurve, rocAuc, rocCurve } from './evaluate/roc.ts';
export { klToStandardNormal } from './latent/diagonal-normal.ts';
export type { FitEvent, FitOptions, History } from './model/fit.ts';
export type { Rows } from './model/rows.ts';
export { bernoulli } from './reconstruction/bernoulli.ts';
export { type CompositePart, composite } from './reconstruction/composite.ts';
export { exponential } from './reconstruction/exponential.ts';
export { distributionFromConfig } from './reconstruction/from-config.ts';
export { type GaussianOptions, gaussian } from './reconstruction/gaussian.ts';
export {
  checkSupport,
  type DistributionConfig,
  type ReconstructionDistribution,
  type Support,
} from './reconstruction/reconstruction.ts';
export { squaredError } from './reconstruction/squared-error.ts';
export type { VaeOptions } from './variational/options.ts';
export { type ElboParts, Vae } from './variational/vae.ts';
