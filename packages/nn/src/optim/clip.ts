import { noGrad } from '@latent/autograd';
import { type Tensor, ValueError } from '@latent/tensor';

function replaceGrads(parameters: readonly Tensor[], change: (grad: Tensor) => Tensor): void {
  noGrad(() => {
    for (const p of parameters) if (p.grad !== null && p.node !== null) p.node.grad = change(p.grad);
  });
}

/** Holds every element of every gradient to [−limit, limit]. */
export function clipGradValue(parameters: readonly Tensor[], limit: number): void {
  if (!(limit > 0)) throw new ValueError(`clipGradValue: the limit must be > 0, got ${limit}`);
  replaceGrads(parameters, (grad) => grad.clamp(-limit, limit));
}

/**
 * Scales all gradients together so that their joint L2 norm is at most `maxNorm` (Pascanu et al. 2013). Returns the norm
 * before.
 */
export function clipGradNorm(parameters: readonly Tensor[], maxNorm: number): number {
  if (!(maxNorm > 0)) throw new ValueError(`clipGradNorm: maxNorm must be > 0, got ${maxNorm}`);
  const norm = Math.sqrt(
    parameters.reduce(
      (total, p) => total + (p.grad === null ? 0 : noGrad(() => (p.grad as Tensor).square().sum().item())),
      0,
    ),
  );
  if (norm > maxNorm) replaceGrads(parameters, (grad) => grad.mul(maxNorm / norm));
  return norm;
}
