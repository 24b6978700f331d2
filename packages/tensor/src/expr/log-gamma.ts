import { constant, type Expr, select } from './expr.ts';

/** Stirling's series in 1/z: B₂ₖ / (2k(2k − 1)), for z³, z⁵ …; from z = 8 on it is exact to 1e-13. */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156];
const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);
const FROM = 8;

/**
 * log Γ(x) for x > 0 as a formula, so that it runs wherever formulas run and its derivative (digamma) follows from it:
 * below 8 by log Γ(x) = log Γ(x + 8) − log(x(x + 1)…(x + 7)), above by Stirling's series.
 */
export function logGamma(x: Expr): Expr {
  const small = x.lt(FROM);
  const z = select(small, x.add(FROM), x);
  // The product of what the recurrence divides by; 1 where it is not used, so that it cannot overflow.
  const y = select(small, x, 1);
  let product = y;
  for (let i = 1; i < FROM; i++) product = product.mul(y.add(i));
  const inverse = constant(1).div(z);
  const square = inverse.mul(inverse);
  const series = STIRLING.reduceRight<Expr>((sum, c) => sum.mul(square).add(c), constant(0));
  const stirling = z.sub(0.5).mul(z.log()).sub(z).add(HALF_LOG_2PI).add(series.mul(inverse));
  return stirling.sub(select(small, product.log(), 0));
}
