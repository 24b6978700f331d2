import { layerParameter } from '@latent/nn';
import { type Tensor, whole, zeros } from '@latent/tensor';
import { type Components, LearnedPrior, type PriorContext, type PriorSpec, priors } from './prior.ts';

class MixturePrior extends LearnedPrior {
  readonly mean: Tensor;
  readonly logVariance: Tensor;
  readonly logits: Tensor;

  constructor(components: number, { latentSize, rng }: PriorContext) {
    super();
    const shape = [components, latentSize];
    this.mean = layerParameter('table', shape, () => rng.normal(shape));
    this.logVariance = layerParameter('scale', shape, () => zeros(shape));
    this.logits = layerParameter('bias', [components], () => zeros([components]));
  }

  override get type(): string {
    return 'MixturePrior';
  }

  components(): Components {
    return this;
  }
}

const checks = { components: /* @__PURE__ */ whole({ min: 1, max: 1_000_000 }) };

export const mixturePart = /* @__PURE__ */ priors.known('mixture', {
  caller: 'mixturePrior',
  options: checks,
  build: ({ components }) => ({ build: (context) => new MixturePrior(components, context) }),
});

/** A mixture of Gaussians with learned means, variances and shares: for codes that form clusters. */
export function mixturePrior(options: { readonly components: number }): PriorSpec {
  return mixturePart.make(options);
}
