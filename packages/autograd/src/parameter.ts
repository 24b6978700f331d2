import {
  callable,
  checkNames,
  checkTensor,
  type DType,
  describeValue,
  madeLater,
  Tensor,
  type TensorData,
  tensor,
  UsageError,
  ValueError,
} from '@latent/tensor';
import { withRecording } from './recording.ts';
import { TapeNode } from './tape.ts';

/**
 * A tensor that is learned: what is computed from it is recorded, and `loss.backward()` leaves its gradient in `.grad`.
 * The numbers are copied, and stay at one address for the tensor's life.
 */
export function parameter(data: Tensor | TensorData, options?: { readonly dtype?: DType }): Tensor {
  checkNames('parameter', options, ['dtype']);
  const made = sourceOf(data, options?.dtype).persisted(true);
  made.node = new TapeNode(true);
  return made;
}

/** A parameter of the numbers of `make`, which are computed when they are asked for; see `madeLater`. */
export function parameterLater(make: () => Tensor): Tensor {
  const made = madeLater(make);
  made.node = new TapeNode(true);
  return made;
}

function sourceOf(data: Tensor | TensorData, dtype: DType | undefined): Tensor {
  if (!(data instanceof Tensor)) return tensor(data, dtype === undefined ? {} : { dtype });
  return dtype === undefined || dtype === data.dtype ? data : data.cast(dtype);
}

/** Clears the gradients of parameters, so that the next `backward` starts from zero. */
export function zeroGrad(parameters: Iterable<Tensor>): void {
  if (typeof (parameters as { [Symbol.iterator]?: unknown } | null)?.[Symbol.iterator] !== 'function') {
    throw new ValueError(`zeroGrad: expected parameters in an array or the like, got ${describeValue(parameters)}`);
  }
  for (const p of parameters) {
    const { node } = checkTensor('zeroGrad', p);
    if (!node?.isParameter) throw new UsageError('zeroGrad: expected tensors made with parameter(...)');
    node.grad = null;
  }
}

/** Runs `body` without recording: nothing inside can be differentiated, and nothing is kept for it. */
export function noGrad<T>(body: () => T): T {
  callable()(body, { caller: 'noGrad', path: 'the function' });
  return withRecording(false, body);
}

/** The same values, as a constant: no gradient flows back through it. */
export function stopGradient(x: Tensor): Tensor {
  return checkTensor('stopGradient', x).detach();
}
