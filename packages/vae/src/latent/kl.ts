import { generatorCheck } from '@latent/nn';
import {
  callable,
  checkOptions,
  checkTensor,
  fields,
  list,
  optional,
  type Rng,
  type Tensor,
  text,
  UsageError,
  ValueError,
  whole,
} from '@latent/tensor';

/** A distribution by its parameters, each a tensor; the last axis is summed over. */
export interface Parametric {
  readonly name: string;
  readonly params: readonly Tensor[];
  /** log density, and a draw that gradients flow through; for pairs without a closed form. */
  readonly logProb?: (x: Tensor) => Tensor;
  readonly rsample?: (rng: Rng) => Tensor;
}

/** The parameters of a distribution; one of one parameter has it twice. */
type Params = readonly [Tensor, Tensor];
type Pair = (p: Params, q: Params) => Tensor;

const normal: Pair = ([m, v], [n, w]) =>
  m.sub(n).square().mul(w.neg().exp()).add(v.sub(w).exp()).sub(1).sub(v).add(w).mul(0.5);

/** Of each pair that is known, the divergence element by element. Parameters are the unsquashed ones of the distributions. */
const CLOSED_FORMS: Readonly<Record<string, Pair>> = {
  // ½((μ₁ − μ₂)²/σ₂² + σ₁²/σ₂² − 1 − log σ₁²/σ₂²), from means and log-variances.
  'normal ‖ normal': normal,
  'logNormal ‖ logNormal': normal,
  // p(a − b) − softplus(a) + softplus(b), from logits.
  'bernoulli ‖ bernoulli': ([a], [b]) => a.sigmoid().mul(a.sub(b)).sub(a.softplus()).add(b.softplus()),
  // log(a/b) + b/a − 1, from log-rates.
  'exponential ‖ exponential': ([a], [b]) => a.sub(b).add(b.sub(a).exp()).sub(1),
  // log(b₂/b₁) + |d|/b₂ + (b₁/b₂)e^(−|d|/b₁) − 1, from centres and log-scales.
  'laplace ‖ laplace': ([m, s], [n, t]) => {
    const d = m.sub(n).abs();
    return t
      .sub(s)
      .add(d.mul(t.neg().exp()))
      .add(s.sub(t).sub(d.mul(s.neg().exp())).exp())
      .sub(1);
  },
  // Σ p(log p − log q), from logits over the last axis.
  'categorical ‖ categorical': ([a], [b]) => a.softmax().mul(a.logSoftmax().sub(b.logSoftmax())),
};

/** How many parameters each of these has. */
const COUNTS: Readonly<Record<string, number>> = {
  normal: 2,
  logNormal: 2,
  bernoulli: 1,
  exponential: 1,
  laplace: 2,
  categorical: 1,
};

const parametricChecks = {
  name: /* @__PURE__ */ text(),
  params: /* @__PURE__ */ list((value, at) => checkTensor(`${at.caller}: ${at.path}`, value as Tensor)),
  logProb: /* @__PURE__ */ optional(/* @__PURE__ */ callable<NonNullable<Parametric['logProb']>>()),
  rsample: /* @__PURE__ */ optional(/* @__PURE__ */ callable<NonNullable<Parametric['rsample']>>()),
};

function checkParametric(distribution: unknown, path: string): void {
  const { name, params } = fields(parametricChecks)(distribution, { caller: 'kl', path });
  const count = Object.hasOwn(COUNTS, name) ? COUNTS[name] : undefined;
  if (count !== undefined && params.length !== count) {
    throw new ValueError(`kl: ${name} has ${count} parameters, but ${path} has ${params.length}`);
  }
}

const estimateChecks = {
  estimate: /* @__PURE__ */ optional(
    /* @__PURE__ */ fields({ samples: /* @__PURE__ */ whole({ min: 1 }), rng: generatorCheck }),
  ),
};

/**
 * KL(p ‖ q) = E_p log p − log q in nats, summed over the last axis. Exact for pairs of normal, log-normal, Bernoulli,
 * exponential, Laplace and categorical distributions. Any other pair is refused unless `estimate` asks for the mean of so
 * many draws from p, which then needs p's `rsample` and both `logProb`s.
 */
export function kl(
  p: Parametric,
  q: Parametric,
  options: { readonly estimate?: { readonly samples: number; readonly rng: Rng } } = {},
): Tensor {
  checkParametric(p, 'p');
  checkParametric(q, 'q');
  const { estimate } = checkOptions('kl', options, estimateChecks);
  const pair = `${p.name} ‖ ${q.name}`;
  const form = Object.hasOwn(CLOSED_FORMS, pair) ? CLOSED_FORMS[pair] : undefined;
  if (form !== undefined) {
    const params = ({ params: [first, second = first] }: Parametric): Params => [first as Tensor, second as Tensor];
    return form(params(p), params(q)).sum({ axis: -1 });
  }
  if (estimate === undefined) {
    throw new UsageError(
      `kl: no closed form for ${pair}; known are ${Object.keys(CLOSED_FORMS).join(', ')}. Ask for an estimate: { estimate: { samples, rng } }`,
    );
  }
  const { rsample, logProb } = p;
  if (rsample === undefined || logProb === undefined || q.logProb === undefined) {
    throw new UsageError(`kl: an estimate of ${pair} needs rsample and logProb of ${p.name} and logProb of ${q.name}`);
  }
  const terms = Array.from({ length: estimate.samples }, () => {
    const x = rsample(estimate.rng);
    return logProb(x).sub((q.logProb as (x: Tensor) => Tensor)(x));
  });
  return terms.reduce((a, b) => a.add(b)).mul(1 / estimate.samples);
}
