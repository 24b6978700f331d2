import { type PriorSpec, priors } from './prior.ts';

export const standardNormalPart = /* @__PURE__ */ priors.known('standardNormal', {
  caller: 'standardNormalPrior',
  options: {},
  build: () => ({ build: () => null }),
});

/** N(0, I), whose KL is exact. */
export function standardNormalPrior(): PriorSpec {
  return standardNormalPart.make({});
}
