export { Autoencoder } from './autoencoder/autoencoder.ts';
export {
  type Corruption,
  corruptions,
  gaussianNoise,
  masking,
  noCorruption,
  saltAndPepper,
  swapNoise,
} from './autoencoder/corruption.ts';
export { DenoisingAutoencoder, type DenoisingAutoencoderOptions } from './autoencoder/denoising.ts';
export { blur, lowResolution, occlusion } from './autoencoder/image-corruption.ts';
export type { AutoencoderOptions, ResolvedAutoencoderOptions } from './autoencoder/options.ts';
export type { CodePenalties } from './autoencoder/penalties.ts';
export { type HierarchicalElbo, type HierarchicalNumbers, HierarchicalVae } from './hierarchical/hierarchical-vae.ts';
export type { Level, Residual } from './hierarchical/level.ts';
export type {
  HierarchicalVaeOptions,
  LevelOptions,
  ResolvedHierarchicalOptions,
} from './hierarchical/options.ts';
export type { Descent, Tower } from './hierarchical/tower.ts';
export { boundedLogVariance } from './latent/bounded-variance.ts';
export { type ConditionalPriorOptions, conditionalPrior } from './latent/conditional-prior.ts';
export { klBetweenNormals, klPerLatent, klToStandardNormal, normalLogProb } from './latent/diagonal-normal.ts';
export { type ExemplarPriorOptions, exemplarPrior } from './latent/exemplar-prior.ts';
export { kl, type Parametric } from './latent/kl.ts';
export { mixturePrior } from './latent/mixture-prior.ts';
export { type Codes, type Neighbours, nearestNeighbours, neighbourVotes } from './latent/neighbours.ts';
export {
  type Components,
  LearnedPrior,
  Prior,
  type PriorContext,
  type PriorRows,
  type PriorSpec,
  priors,
} from './latent/prior.ts';
export { standardNormalPrior } from './latent/standard-normal-prior.ts';
export { type VampPriorOptions, vampPrior } from './latent/vamp-prior.ts';
export { type FillOptions, MaskedAutoencoder, type MaskedNumbers } from './masked/masked-autoencoder.ts';
export type { MaskedAutoencoderOptions, ResolvedMaskedOptions } from './masked/options.ts';
export { modelNames, registerModel } from './model/file-header.ts';
export { loadModel, modelFromBytes } from './model/load.ts';
export { Model, type ModelClass, type ModelFitOptions } from './model/model.ts';
export type { PreparedRows } from './model/model-rows.ts';
export type { CommonOptions, EventOptions, RowsOptions } from './model/options.ts';
export { progressLine } from './model/progress.ts';
export {
  type ReadyRows,
  type RowDraws,
  type RowInputs,
  type RowsBeside,
  type RowsProgram,
  type RowsProgramOptions,
  rowsProgram,
} from './model/rows-program.ts';
export { SeenRange } from './model/seen-range.ts';
export { type ElboOptions, elbo } from './objectives/elbo.ts';
export { type IwaeOptions, iwae } from './objectives/iwae.ts';
export { type Objective, type ObjectiveModel, type ObjectiveParts, objectives } from './objectives/objective.ts';
export { Flow, type Refined } from './posterior/flow.ts';
export { type IafOptions, iaf } from './posterior/iaf.ts';
export { planar } from './posterior/planar.ts';
export { type PosteriorContext, type PosteriorSpec, posteriors } from './posterior/posterior.ts';
export type { CodePrior, CodePriorOptions } from './quantised/code-prior.ts';
export type { Codebook, CodebookOptions, Quantised } from './quantised/codebook.ts';
export type { ResolvedVqVaeOptions, VqVaeOptions } from './quantised/options.ts';
export { type CodeBound, VqVae, type VqVaeNumbers } from './quantised/vq-vae.ts';
export { bernoulli } from './reconstruction/bernoulli.ts';
export { bivariateMixture } from './reconstruction/bivariate-mixture.ts';
export { categorical } from './reconstruction/categorical.ts';
export { type ColumnDistribution, columnwise } from './reconstruction/columnwise.ts';
export { type CompositePart, composite } from './reconstruction/composite.ts';
export { negativeBinomial, poisson } from './reconstruction/counts.ts';
export { exponential } from './reconstruction/exponential.ts';
export { gamma } from './reconstruction/gamma.ts';
export { type GaussianOptions, gaussian } from './reconstruction/gaussian.ts';
export { gaussianMixture } from './reconstruction/gaussian-mixture.ts';
export { laplace } from './reconstruction/laplace.ts';
export {
  checkSupport,
  type Head,
  likelihoods,
  type ReconstructionDistribution,
  type Support,
} from './reconstruction/likelihood.ts';
export { logNormal } from './reconstruction/log-normal.ts';
export { perStep, type StepwiseDistribution } from './reconstruction/per-step.ts';
export { squaredError } from './reconstruction/squared-error.ts';
export { type StudentTOptions, studentT } from './reconstruction/student-t.ts';
export { tokens } from './reconstruction/tokens.ts';
export { beta, continuousBernoulli } from './reconstruction/unit-interval.ts';
export { type DrawOptions, type Score, type ScoredModel, type ScoreOutput, Scorer } from './scores/score.ts';
export {
  boundScore,
  contributionsScore,
  densityScore,
  likelihoodScore,
  reconstructionErrorScore,
} from './scores/standard.ts';
export type { Given } from './sequence/decoder.ts';
export type { PreviousStep } from './sequence/previous-step.ts';
export type { PreviousOptions, Sequence, SequenceOptions, StopOptions } from './sequence/sequence.ts';
export {
  type ActiveFeatures,
  type FeatureUse,
  SparseAutoencoder,
  type SparseAutoencoderOptions,
  type SparseNumbers,
} from './sparse/sparse-autoencoder.ts';
export { Classifier, type ClassifierFitOptions, type ClassifierOptions } from './supervised/classifier.ts';
export { Regressor, type RegressorFitOptions, type RegressorOptions } from './supervised/regressor.ts';
export {
  type PartialLabels,
  type SemiSupervisedFitOptions,
  type SemiSupervisedNumbers,
  type SemiSupervisedOptions,
  SemiSupervisedVae,
} from './supervised/semi-supervised.ts';
export type { Encoder, SupervisedOptions } from './supervised/supervised.ts';
export type { Condition, ConditionOptions, ConditionValue } from './variational/condition.ts';
export { VaeCore, type VaeNumbers } from './variational/core.ts';
export type { Diagnosis } from './variational/diagnose.ts';
export { expectedRows, type ImputeOptions } from './variational/impute.ts';
export type { ResolvedVaeOptions, VaeOptions } from './variational/options.ts';
export { Vae } from './variational/vae.ts';
export type {
  ElboParts,
  FitOptions,
  LikelihoodEstimate,
  SampleOptions,
  ScoreOptions,
} from './variational/verb-options.ts';
