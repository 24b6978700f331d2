import { type DType, Tensor, type TensorData, tensor, UsageError } from '@latent/tensor';
import { TapeNode, withRecording } from './tape.ts';

/**
 * A tensor that is learned: what is computed from it is recorded, and `loss.backward()` leaves its gradient in `.grad`.
 * The numbers are copied, and stay at one address for the tensor's life.
 */
export function parameter(data: Tensor | TensorData, options: { readonly dtype?: DType } = {}): Tensor {
  const source = data instanceof Tensor ? data : tensor(data, options);
  const made = source.persisted(true);
  made.node = new TapeNode(true);
  return made;
}

/** Clears the gradients of parameters, so that the next `backward` starts from zero. */
export function zeroGrad(parameters: Iterable<Tensor>): void {
  for (const p of parameters) {
    if (p.node === null) throw new UsageError('zeroGrad: expected tensors made with parameter(...)');
    p.node.grad = null;
  }
}

/** Runs `body` without recording: nothing inside can be differentiated, and nothing is kept for it. */
export function noGrad<T>(body: () => T): T {
  return withRecording(false, body);
}

/** The same values, as a constant: no gradient flows back through it. */
export function stopGradient(x: Tensor): Tensor {
  return x.detach();
}
