import { Activation, type ActivationName, activationCheck, type Batch, Linear } from '@latent/nn';
import { list, optional, type Rng, type Tensor, UsageError, whole } from '@latent/tensor';
import { boundedLogVariance } from './bounded-variance.ts';
import { klBetweenNormals, normalLogProb } from './diagonal-normal.ts';
import { Prior, type PriorContext, type PriorSpec, priors } from './prior.ts';

class ConditionalPrior extends Prior {
  readonly hidden: readonly Linear[];
  readonly mean: Linear;
  readonly logVariance: Linear;
  readonly #activation: Activation;

  constructor(sizes: readonly number[], activation: ActivationName, context: PriorContext) {
    super();
    const { conditionSize, latentSize, rng } = context;
    if (conditionSize === 0) {
      throw new UsageError(
        'Vae: conditionalPrior() is for models with a condition; give one: { condition: { classes: 10 } }',
      );
    }
    const widths = [conditionSize, ...sizes];
    this.hidden = sizes.map((size, i) => new Linear(widths[i] as number, size, { rng }));
    this.mean = new Linear(widths.at(-1) as number, latentSize, { rng });
    this.logVariance = new Linear(widths.at(-1) as number, latentSize, { rng });
    this.#activation = new Activation(activation);
  }

  override get type(): string {
    return 'ConditionalPrior';
  }

  /** Mean and log-variance of p(z | c): [rows, latent] each. */
  #of(beside: Batch): { mean: Tensor; logVariance: Tensor } {
    const features = this.hidden.reduce((x, layer) => this.#activation.forward(layer.forward(x)), conditionOf(beside));
    return {
      mean: this.mean.forward(features),
      logVariance: boundedLogVariance(this.logVariance.forward(features)),
    };
  }

  logProb(z: Tensor, beside: Batch = {}): Tensor {
    const { mean, logVariance } = this.#of(beside);
    return normalLogProb(z, mean.broadcastTo(z.shape), logVariance.broadcastTo(z.shape));
  }

  override exactKl(mean: Tensor, logVariance: Tensor, beside: Batch = {}): Tensor {
    const prior = this.#of(beside);
    return klBetweenNormals(
      mean,
      logVariance,
      prior.mean.broadcastTo(mean.shape),
      prior.logVariance.broadcastTo(mean.shape),
    );
  }

  sample(n: number, rng: Rng, beside: Batch = {}): Tensor {
    const { mean, logVariance } = this.#of(beside);
    return mean.add(
      logVariance
        .mul(0.5)
        .exp()
        .mul(rng.normal([n, mean.shape[1] as number])),
    );
  }
}

function conditionOf({ condition }: Batch): Tensor {
  if (condition === undefined) throw new UsageError('conditionalPrior: p(z | c) needs the condition of each row');
  return condition;
}

const checks = {
  hidden: /* @__PURE__ */ optional(/* @__PURE__ */ list(/* @__PURE__ */ whole({ min: 1 }), { min: 1, max: 16 })),
  activation: /* @__PURE__ */ optional(activationCheck, 'relu' as const),
};

export const conditionalPart = /* @__PURE__ */ priors.known('conditional', {
  caller: 'conditionalPrior',
  options: checks,
  build: ({ hidden = [], activation }) => ({ build: (context) => new ConditionalPrior(hidden, activation, context) }),
});

/** Of a prior that depends on the condition. */
export interface ConditionalPriorOptions {
  /** Units of dense layers between the condition and the prior's mean and log-variance; none by default. */
  readonly hidden?: readonly number[];
  /** Of these layers; 'relu' by default. */
  readonly activation?: ActivationName;
}

/**
 * p(z | c) = N(μ(c), diag σ²(c)), both learned (Sohn et al. 2015): for a condition that says something of the code, not only of
 * the row given the code. Its KL is exact.
 */
export function conditionalPrior(options: ConditionalPriorOptions = {}): PriorSpec {
  return conditionalPart.make(options);
}
