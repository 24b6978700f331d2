import { parameter } from '@latent/autograd';
import { Module } from '@latent/nn';
import { logSumExp, type Rng, type Tensor, ValueError, zeros } from '@latent/tensor';
import { normalLogProb } from './diagonal-normal.ts';

/** What p(z) is, as a value; the model makes it when it is built. */
export type PriorSpec =
  | { readonly name: 'standardNormal' }
  | { readonly name: 'mixture'; readonly components: number }
  | { readonly name: 'vamp'; readonly components: number };

/** N(0, I), whose KL is exact. */
export function standardNormalPrior(): PriorSpec {
  return { name: 'standardNormal' };
}

function checked(name: 'mixture' | 'vamp', components: number): PriorSpec {
  if (!Number.isInteger(components) || components < 1) {
    throw new ValueError(`${name}Prior: components must be a whole number ≥ 1, got ${components}`);
  }
  return { name, components };
}

/** A mixture of Gaussians with learned means, variances and shares: for codes that form clusters. */
export function mixturePrior(options: { readonly components: number }): PriorSpec {
  return checked('mixture', options.components);
}

/** A mixture of the posteriors of learned rows (Tomczak & Welling 2018). */
export function vampPrior(options: { readonly components: number }): PriorSpec {
  return checked('vamp', options.components);
}

/** Means and log-variances of a mixture's components [K, latent], and their logits [K]. */
interface Components {
  readonly mean: Tensor;
  readonly logVariance: Tensor;
  readonly logits: Tensor;
}

/** log Σₖ πₖ N(z; μₖ, e^vₖ): z [..., latent] → [...]. */
function mixtureLogProb(z: Tensor, { mean, logVariance, logits }: Components): Tensor {
  const lead = z.shape.slice(0, -1);
  const [k, latent] = mean.shape;
  const each = [...lead, k, latent];
  const terms = normalLogProb(
    z.reshape([...lead, 1, latent]).broadcastTo(each),
    mean.broadcastTo(each),
    logVariance.broadcastTo(each),
  );
  return logSumExp(terms.add(logits.logSoftmax()), { axis: -1 });
}

/** A prior that is learned with the model. */
export abstract class LearnedPrior extends Module {
  abstract components(): Components;

  logProb(z: Tensor): Tensor {
    return mixtureLogProb(z, this.components());
  }

  /** n draws [n, latent]. */
  sample(n: number, rng: Rng): Tensor {
    const { mean, logVariance, logits } = this.components();
    const [k, latent] = mean.shape;
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

  constructor(components: number, latentSize: number, rng: Rng) {
    super();
    this.mean = parameter(rng.normal([components, latentSize]));
    this.logVariance = parameter(zeros([components, latentSize]));
    this.logits = parameter(zeros([components]));
  }

  components(): Components {
    return this;
  }
}

class VampPrior extends LearnedPrior {
  /** The rows whose posteriors are the components. */
  readonly rows: Tensor;
  readonly #posterior: (x: Tensor) => { mean: Tensor; logVariance: Tensor };
  readonly #logits: Tensor;

  constructor(
    components: number,
    inputSize: number,
    posterior: (x: Tensor) => { mean: Tensor; logVariance: Tensor },
    rng: Rng,
  ) {
    super();
    this.rows = parameter(rng.uniform([components, inputSize]));
    this.#posterior = posterior;
    this.#logits = zeros([components]).clone();
  }

  components(): Components {
    return { ...this.#posterior(this.rows), logits: this.#logits };
  }
}

/** The prior as part of a model; null for N(0, I), which has nothing to learn. */
export function buildPrior(
  spec: PriorSpec,
  sizes: { readonly inputSize: number; readonly latentSize: number },
  posterior: (x: Tensor) => { mean: Tensor; logVariance: Tensor },
  rng: Rng,
): LearnedPrior | null {
  if (spec.name === 'standardNormal') return null;
  return spec.name === 'mixture'
    ? new MixturePrior(spec.components, sizes.latentSize, rng)
    : new VampPrior(spec.components, sizes.inputSize, posterior, rng);
}
