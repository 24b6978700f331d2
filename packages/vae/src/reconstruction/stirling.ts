import { constant, type Expr, logGamma, select } from '@latent/tensor';

// The parts of log-probabilities of counts that stay small where the terms of the textbook form are large and cancel
// (Loader 2000, "Fast and accurate computation of binomial probabilities").

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);
/** From here on the series below is exact to 1e-10. */
const FROM = 8;

/** log Γ(x + 1) − (x + ½)·log x + x − ½·log 2π for x > 0: what Stirling's formula leaves out. */
export function stirlingError(x: Expr): Expr {
  const large = select(x.lt(FROM), FROM, x);
  const inverse = constant(1).div(large);
  const square = inverse.square();
  const series = square
    .mul(-1 / 1680)
    .add(1 / 1260)
    .mul(square)
    .sub(1 / 360)
    .mul(square)
    .add(1 / 12)
    .mul(inverse);
  const small = select(x.lt(FROM), x, 1);
  const exact = logGamma(small.add(1)).sub(small.add(0.5).mul(small.log())).add(small).sub(HALF_LOG_2PI);
  return select(x.lt(FROM), exact, series);
}

/** eᵈ − 1 − d, which near 0 is d²/2 and would lose its digits. */
export function deviance(d: Expr): Expr {
  const near = select(d.abs().lt(0.25), d, 0);
  // d²·(1/2 + d/6 + d²/24 + …)
  const series = [1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2].reduce<Expr>(
    (sum, c) => sum.mul(near).add(c),
    constant(0),
  );
  return select(d.abs().lt(0.25), near.square().mul(series), d.expm1().sub(d));
}

/** log Γ(a + ½) − log Γ(a) − ½·log a for a > 0, which goes to 0 as −1/(8a). */
export function halfStep(a: Expr): Expr {
  const low = a.lt(FROM);
  const z = select(low, a.add(FROM), a);
  const inverse = constant(1).div(z);
  const square = inverse.square();
  const series = square
    .mul(17 / 14336)
    .sub(1 / 640)
    .mul(square)
    .add(1 / 192)
    .mul(square)
    .sub(1 / 8)
    .mul(inverse);
  // Below, by Γ(a + 8 + ½)/Γ(a + 8) and what the recurrence divides by: √(1 + 8/a)·Π (a + k)/(a + k + ½).
  const y = select(low, a, 1);
  let ratio = constant(1).add(constant(FROM).div(y)).sqrt();
  for (let k = 0; k < FROM; k++) ratio = ratio.mul(y.add(k).div(y.add(k + 0.5)));
  return select(low, series.add(ratio.log()), series);
}
