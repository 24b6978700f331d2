import {
  add,
  apply,
  checkTensor,
  describeValue,
  div,
  type Expr,
  elementwise,
  Rng,
  real,
  softmax,
  type Tensor,
  ValueError,
} from '@latent/tensor';

// Reparameterised draws: noise that no parameter touches comes from the explicit generator, and the draw is one op of
// the parameters and the noise, so its gradient reaches the parameters (Kingma & Welling 2014; Rezende et al. 2014).

const half = (logVariance: Expr): Expr => logVariance.mul(0.5).exp();

/** μ + e^(½ log σ²)·ε. */
const normalOp = /* @__PURE__ */ elementwise(
  'sampleNormal',
  (mean: Expr, logVariance: Expr, noise: Expr) => mean.add(half(logVariance).mul(noise)),
  [(g) => g, (g, _mean, logVariance, noise) => g.mul(0.5).mul(half(logVariance)).mul(noise), null],
);

/** location + e^(log scale)·noise. */
const locationScaleOp = /* @__PURE__ */ elementwise(
  'sampleLocationScale',
  (location: Expr, logScale: Expr, noise: Expr) => location.add(logScale.exp().mul(noise)),
  [(g) => g, (g, _location, logScale, noise) => g.mul(logScale.exp()).mul(noise), null],
);

/** noise / rate = noise·e^(−log rate). */
const exponentialOp = /* @__PURE__ */ elementwise(
  'sampleExponential',
  (logRate: Expr, noise: Expr) => logRate.neg().exp().mul(noise),
  [(g, _logRate, _noise, y) => g.mul(y).neg(), null],
);

/** A draw from N(mean, e^logVariance), elementwise: z = μ + e^(½ log σ²)·ε with ε from N(0, 1). */
export function sampleNormal(mean: Tensor, logVariance: Tensor, rng: Rng): Tensor {
  checkDraw('sampleNormal', [mean, logVariance], rng);
  return apply(normalOp, [mean, logVariance, rng.normal(mean.shape, { dtype: mean.dtype })], undefined);
}

/** A draw from the Laplace distribution with the given location and log scale; the noise is a difference of exponentials. */
export function sampleLaplace(location: Tensor, logScale: Tensor, rng: Rng): Tensor {
  checkDraw('sampleLaplace', [location, logScale], rng);
  const { shape, dtype } = location;
  const noise = rng.exponential(shape, { dtype }).sub(rng.exponential(shape, { dtype }));
  return apply(locationScaleOp, [location, logScale, noise], undefined);
}

/** A draw from the exponential distribution with rate e^logRate, by its inverse distribution function −log(u)/rate. */
export function sampleExponential(logRate: Tensor, rng: Rng): Tensor {
  checkDraw('sampleExponential', [logRate], rng);
  return apply(exponentialOp, [logRate, rng.exponential(logRate.shape, { dtype: logRate.dtype })], undefined);
}

/**
 * A relaxed draw from the categorical distribution over the last axis: softmax((logits + Gumbel noise) / temperature)
 * (Jang et al. 2017; Maddison et al. 2017). It nears a one-hot draw as the temperature nears 0.
 */
export function sampleGumbelSoftmax(logits: Tensor, temperature: number, rng: Rng): Tensor {
  checkDraw('sampleGumbelSoftmax', [logits], rng);
  real({ above: 0 })(temperature, { caller: 'sampleGumbelSoftmax', path: 'temperature' });
  return softmax(div(add(logits, rng.gumbel(logits.shape, { dtype: logits.dtype })), temperature));
}

function checkDraw(op: string, tensors: readonly Tensor[], rng: Rng): void {
  for (const x of tensors) checkTensor(op, x);
  if (!(rng instanceof Rng)) {
    throw new ValueError(`${op}: rng must be a generator, new Rng(seed), got ${describeValue(rng)}`);
  }
}
