import { type Rng, type Tensor, tensor, where } from '@latent/tensor';

/** Attempts of the rejection sampler; each accepts more than 95 %, so less than one draw in 10¹⁵ is left without. */
const ATTEMPTS = 12;

/**
 * Draws from the gamma distribution with the given concentration and rate 1 (Marsaglia & Tsang 2000); concentrations
 * below 1 by Γ(a) = Γ(a + 1)·U^(1/a).
 */
export function drawGamma(concentration: Tensor, rng: Rng): Tensor {
  const { shape, dtype } = concentration;
  const options = { dtype };
  const small = concentration.less(1);
  const d = concentration.add(small).sub(1 / 3);
  const c = d.mul(9).rsqrt();
  let draw = d;
  let open = d.mul(0).add(1);
  for (let i = 0; i < ATTEMPTS; i++) {
    const n = rng.normal(shape, options);
    const cube = c.mul(n).add(1).maximum(0);
    const v = cube.square().mul(cube);
    // log u < ½n² + d − dv + d·log v, with −log u an exponential draw; v = 0 gives −∞ and is refused.
    const bound = n
      .square()
      .mul(0.5)
      .add(d.mul(v.log().sub(v).add(1)));
    const accepted = rng.exponential(shape, options).neg().less(bound).mul(open);
    draw = where(accepted, d.mul(v), draw);
    open = open.sub(accepted);
  }
  // U^(1/a) is e^(−E/a) with E exponential.
  const boost = rng.exponential(shape, options).div(concentration).neg().exp();
  return draw.mul(where(small, boost, 1));
}

/** Above this rate the number of steps of an inversion would be felt, and the normal distribution is near. */
const LARGEST_EXACT = 500;

/** Draws from the Poisson distribution with these rates, by inversion; above 500 by the rounded normal distribution. */
export function drawPoisson(rates: Tensor, rng: Rng): Tensor {
  const { shape, dtype } = rates;
  const uniform = rng.uniform(shape, { dtype }).data;
  const normal = rng.normal(shape, { dtype }).data;
  const values = rates.data.map((rate, i) => {
    if (rate > LARGEST_EXACT) return Math.max(0, Math.round(rate + Math.sqrt(rate) * (normal[i] as number)));
    let probability = Math.exp(-rate);
    let [count, below] = [0, probability];
    const u = uniform[i] as number;
    while (u >= below && count < 10 * LARGEST_EXACT) {
      count++;
      probability *= rate / count;
      below += probability;
    }
    return count;
  });
  return tensor(values, { shape });
}
