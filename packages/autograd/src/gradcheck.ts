import {
  anything,
  callable,
  checkOptions,
  checkTensor,
  formatShape,
  list,
  mul,
  optional,
  Rng,
  real,
  sum,
  type Tensor,
  tensor,
  ValueError,
  whole,
} from '@latent/tensor';
import { gradientsOf } from './grad.ts';
import { withRecording } from './recording.ts';
import { TapeNode } from './tape.ts';

/** Of `gradCheck`. */
export interface GradCheckOptions {
  /** Step of the central difference, scaled by max(1, |x|); 1e-5 by default (the inputs are taken in double precision). */
  readonly epsilon?: number;
  /** Largest |analytic − numeric| / max(1, |analytic|, |numeric|); 1e-6 by default. */
  readonly tolerance?: number;
  /** Which inputs to check; all by default. */
  readonly inputs?: readonly number[];
}

/**
 * Compares the gradients of `f` with central differences, in double precision, element by element. The result of `f` is
 * made a scalar with fixed random weights, so f may return any shape; it must give the same result for the same inputs.
 * Returns the largest relative error; throws a `ValueError` that names the input and element where it is past the tolerance.
 */
export function gradCheck(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options?: GradCheckOptions,
): number {
  callable()(f, { caller: 'gradCheck', path: 'the function' });
  list(anything(), { min: 1 })(inputs, { caller: 'gradCheck', path: 'inputs' });
  for (const x of inputs) checkTensor('gradCheck', x);
  const {
    epsilon,
    tolerance,
    inputs: chosen,
  } = checkOptions('gradCheck', options, {
    epsilon: optional(real({ above: 0 }), 1e-5),
    tolerance: optional(real({ min: 0 }), 1e-6),
    inputs: optional(list(whole({ min: 0, below: inputs.length }))),
  });
  const exact = inputs.map((x) => x.cast('f64'));
  let weights: Tensor | undefined;
  const scalar = (values: readonly Tensor[]): Tensor => {
    const y = f(...values);
    weights ??= new Rng(0).uniform(y.shape, { low: 0.5, high: 1.5, dtype: 'f64' });
    return sum(mul(y, weights));
  };

  const leaves = exact.map((x) => {
    const leaf = x.detach();
    leaf.node = new TapeNode(false);
    return leaf;
  });
  const analytic = withRecording(true, () => gradientsOf(scalar(leaves), leaves)).map((g) => g.data);

  let worst = 0;
  for (const i of chosen ?? exact.keys()) {
    const values = exact[i]!.data;
    const at = (j: number, value: number): number => {
      const moved = values.slice();
      moved[j] = value;
      return scalar(exact.map((x, k) => (k === i ? tensor(moved, { shape: x.shape, dtype: 'f64' }) : x))).item();
    };
    for (let j = 0; j < values.length; j++) {
      const h = epsilon * Math.max(1, Math.abs(values[j]!));
      const numeric = (at(j, values[j]! + h) - at(j, values[j]! - h)) / (2 * h);
      const error = Math.abs(analytic[i]![j]! - numeric) / Math.max(1, Math.abs(analytic[i]![j]!), Math.abs(numeric));
      if (!(error <= tolerance)) {
        throw new ValueError(
          `gradCheck: input ${i} ${formatShape(exact[i]!.shape)}, element ${j}: the gradient is ${analytic[i]![j]}, central differences give ${numeric} (relative error ${error.toExponential(1)})`,
        );
      }
      worst = Math.max(worst, error);
    }
  }
  return worst;
}
