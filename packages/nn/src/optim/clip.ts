import { noGrad } from '@latent/autograd';
import { checkTensor, div, list, minimum, real, type Tensor, UsageError } from '@latent/tensor';

const positive = /* @__PURE__ */ real({ above: 0 });

function checkParameters(caller: string, parameters: readonly Tensor[]): void {
  list((p) => checkTensor(caller, p as Tensor))(parameters, { caller, path: 'parameters' });
}

function replaceGrads(parameters: readonly Tensor[], change: (grad: Tensor) => Tensor): void {
  noGrad(() => {
    for (const p of parameters) if (p.grad !== null && p.node !== null) p.node.grad = change(p.grad);
  });
}

/** Holds every element of every gradient to [−limit, limit]. */
export function clipGradValue(parameters: readonly Tensor[], limit: number): void {
  checkParameters('clipGradValue', parameters);
  positive(limit, { caller: 'clipGradValue', path: 'the limit' });
  replaceGrads(parameters, (grad) => grad.clamp(-limit, limit));
}

/**
 * Scales all gradients together so that their joint L2 norm is at most `maxNorm` (Pascanu et al. 2013). Returns the norm
 * before, a scalar.
 */
export function clipGradNorm(parameters: readonly Tensor[], maxNorm: number): Tensor {
  checkParameters('clipGradNorm', parameters);
  positive(maxNorm, { caller: 'clipGradNorm', path: 'maxNorm' });
  return noGrad(() => {
    const squares = parameters.flatMap((p) => (p.grad === null ? [] : [p.grad.square().sum()]));
    if (squares.length === 0)
      throw new UsageError('clipGradNorm: no parameter has a gradient; call loss.backward() first');
    const norm = squares.reduce((total, square) => total.add(square)).sqrt();
    // min(1, maxNorm / norm), which is 1 for a norm of 0.
    const scale = minimum(div(maxNorm, norm), 1);
    replaceGrads(parameters, (grad) => grad.mul(scale));
    return norm;
  });
}

/** Scales each gradient by itself so that its L2 norm is at most `maxNorm`. */
export function clipEachGradNorm(parameters: readonly Tensor[], maxNorm: number): void {
  checkParameters('clipEachGradNorm', parameters);
  positive(maxNorm, { caller: 'clipEachGradNorm', path: 'maxNorm' });
  for (const p of parameters) if (p.grad !== null) clipGradNorm([p], maxNorm);
}
