import { Kind, layerParameter, Module, type Part } from '@latent/nn';
import { logSumExp, type Rng, type Shape, type Tensor, whole, zeros } from '@latent/tensor';
import { normalLogProb } from './diagonal-normal.ts';

/** What a prior is built with. */
export interface PriorContext {
  readonly event: Shape;
  readonly latentSize: number;
  posterior(x: Tensor): { mean: Tensor; logVariance: Tensor };
  /** Draws first values. */
  readonly rng: Rng;
}

/** What p(z) is, as a value; the model makes it when it is built. */
export interface PriorSpec extends Part {
  /** The prior as part of a model; null for N(0, I), which has nothing to learn and whose KL is exact. */
  build(context: PriorContext): LearnedPrior | null;
}

/** The priors that models, and their files, may have. */
export const priors: Kind<PriorSpec> = /* @__PURE__ */ new Kind<PriorSpec>('prior');

/** Means and log-variances of a mixture's components [K, latent], and their logits [K]. */
export interface Components {
  readonly mean: Tensor;
  readonly logVariance: Tensor;
  readonly logits: Tensor;
}

/** log Σₖ πₖ N(z; μₖ, e^vₖ): z [..., latent] → [...]. */
function mixtureLogProb(z: Tensor, { mean, logVariance, logits }: Components): Tensor {
  const lead = z.shape.slice(0, -1);
  const [k = 1, latent = 1] = mean.shape;
  const each = [...lead, k, latent];
  const terms = normalLogProb(
    z.reshape([...lead, 1, latent]).broadcastTo(each),
    mean.broadcastTo(each),
    logVariance.broadcastTo(each),
  );
  return logSumExp(terms.add(logits.logSoftmax()), { axis: -1 });
}

/** A prior that is learned with the model: a mixture of Gaussians. */
export abstract class LearnedPrior extends Module {
  abstract components(): Components;

  /** log p(z): [..., latent] → [...]. */
  logProb(z: Tensor): Tensor {
    return mixtureLogProb(z, this.components());
  }

  /** n draws [n, latent]. */
  sample(n: number, rng: Rng): Tensor {
    const { mean, logVariance, logits } = this.components();
    const [k = 1, latent = 1] = mean.shape;
    const scores = logits.broadcastTo([n, k]).add(rng.gumbel([n, k]));
    const chosen = scores.equal(scores.max({ axis: 1, keepDims: true }));
    const std = chosen.matmul(logVariance).mul(0.5).exp();
    return chosen.matmul(mean).add(std.mul(rng.normal([n, latent])));
  }
}

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

class VampPrior extends LearnedPrior {
  /** The rows whose posteriors are the components. */
  readonly rows: Tensor;
  readonly #posterior: PriorContext['posterior'];
  readonly #logits: Tensor;

  constructor(components: number, { event, posterior, rng }: PriorContext) {
    super();
    const shape = [components, ...event];
    this.rows = layerParameter('table', shape, () => rng.uniform(shape));
    this.#posterior = posterior;
    this.#logits = zeros([components]).clone();
  }

  override get type(): string {
    return 'VampPrior';
  }

  components(): Components {
    return { ...this.#posterior(this.rows), logits: this.#logits };
  }
}

export const standardNormalPart = /* @__PURE__ */ priors.part('standardNormal', {
  options: {},
  build: () => ({ build: () => null }),
});

const checks = { components: /* @__PURE__ */ whole({ min: 1, max: 1_000_000 }) };

export const mixturePart = /* @__PURE__ */ priors.part('mixture', {
  caller: 'mixturePrior',
  options: checks,
  build: ({ components }) => ({ build: (context) => new MixturePrior(components, context) }),
});

export const vampPart = /* @__PURE__ */ priors.part('vamp', {
  caller: 'vampPrior',
  options: checks,
  build: ({ components }) => ({ build: (context) => new VampPrior(components, context) }),
});

priors.register(standardNormalPart, mixturePart, vampPart);

/** N(0, I), whose KL is exact. */
export function standardNormalPrior(): PriorSpec {
  return standardNormalPart.make({});
}

/** A mixture of Gaussians with learned means, variances and shares: for codes that form clusters. */
export function mixturePrior(options: { readonly components: number }): PriorSpec {
  return mixturePart.make(options);
}

/** A mixture of the posteriors of learned rows (Tomczak & Welling 2018). */
export function vampPrior(options: { readonly components: number }): PriorSpec {
  return vampPart.make(options);
}
