import { bernoulliLikelihood } from './bernoulli.ts';
import { bivariateMixtureLikelihood } from './bivariate-mixture.ts';
import { categoricalLikelihood } from './categorical.ts';
import { compositeLikelihood } from './composite.ts';
import { negativeBinomialLikelihood, poissonLikelihood } from './counts.ts';
import { exponentialLikelihood } from './exponential.ts';
import { gammaLikelihood } from './gamma.ts';
import { gaussianLikelihood } from './gaussian.ts';
import { gaussianMixtureLikelihood } from './gaussian-mixture.ts';
import { laplaceLikelihood } from './laplace.ts';
import { likelihoods } from './likelihood.ts';
import { logNormalLikelihood } from './log-normal.ts';
import { perStepLikelihood } from './per-step.ts';
import { squaredErrorLikelihood } from './squared-error.ts';
import { studentTLikelihood } from './student-t.ts';
import { tokensLikelihood } from './tokens.ts';
import { betaLikelihood, continuousBernoulliLikelihood } from './unit-interval.ts';

/** The kind of likelihoods, with those that files know. */
export const knownLikelihoods = likelihoods.register(
  bernoulliLikelihood,
  gaussianLikelihood,
  exponentialLikelihood,
  squaredErrorLikelihood,
  laplaceLikelihood,
  logNormalLikelihood,
  gammaLikelihood,
  studentTLikelihood,
  poissonLikelihood,
  negativeBinomialLikelihood,
  betaLikelihood,
  continuousBernoulliLikelihood,
  categoricalLikelihood,
  gaussianMixtureLikelihood,
  compositeLikelihood,
  bivariateMixtureLikelihood,
  tokensLikelihood,
  perStepLikelihood,
);
