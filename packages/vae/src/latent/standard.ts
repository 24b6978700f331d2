import { conditionalPart } from './conditional-prior.ts';
import { exemplarPart } from './exemplar-prior.ts';
import { mixturePart } from './mixture-prior.ts';
import { priors } from './prior.ts';
import { standardNormalPart } from './standard-normal-prior.ts';
import { vampPart } from './vamp-prior.ts';

/** The priors that files may name. */
export const knownPriors = /* @__PURE__ */ priors.register(
  standardNormalPart,
  mixturePart,
  vampPart,
  exemplarPart,
  conditionalPart,
);
