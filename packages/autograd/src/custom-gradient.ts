import {
  anything,
  callable,
  checkTensor,
  fields,
  formatShape,
  list,
  type Op,
  type Tensor,
  UsageError,
} from '@latent/tensor';
import { withRecording } from './recording.ts';

/** From the gradient of the output to those of the inputs. */
type Gradient = (g: Tensor) => readonly (Tensor | null)[];

/**
 * A function with a gradient of its own. `f` computes the value (nothing inside is recorded) and returns a function from
 * the gradient of the output to the gradients of the inputs, `null` for none. Written with ops, it can itself be
 * differentiated.
 *
 * ```ts
 * // Rounds forward, passes the gradient straight through.
 * const roundThrough = customGradient((x) => ({ value: x.add(0.5).sub(0.5), gradient: (g) => [g] }));
 * ```
 */
export function customGradient(
  f: (...inputs: Tensor[]) => { value: Tensor; gradient: Gradient },
): (...inputs: Tensor[]) => Tensor {
  callable()(f, { caller: 'customGradient', path: 'the function' });
  return (...inputs) => {
    for (const x of inputs) checkTensor('customGradient', x);
    const made = withRecording(false, () => f(...inputs.map((x) => x.detach())));
    const { value, gradient } = fields({ value: anything(), gradient: callable<Gradient>() })(made, {
      caller: 'customGradient',
      path: 'what the function returns',
    }) as { value: Tensor; gradient: Gradient };
    checkTensor('customGradient', value);
    const output = value.detach();
    let last: { g: Tensor; result: readonly (Tensor | null)[] } | null = null;
    const op: Op = {
      name: 'customGradient',
      saves: { inputs: [], output: false },
      shape: () => output.shape,
      forward: () => {},
      gradient(i, g) {
        // One call gives the gradients of all inputs.
        if (last === null || last.g !== g) {
          last = { g, result: gradient(g) };
          list(anything())(last.result, { caller: 'customGradient', path: 'what gradient returns' });
          if (last.result.length !== inputs.length) {
            throw new UsageError(
              `customGradient: ${inputs.length} inputs need ${inputs.length} gradients, got ${last.result.length}`,
            );
          }
        }
        const result = last.result[i] as Tensor | null;
        if (result !== null) checkTensor('customGradient', result);
        if (result !== null && result.size < (inputs[i] as Tensor).size) {
          throw new UsageError(
            `customGradient: the gradient of input ${i} must be ${formatShape((inputs[i] as Tensor).shape)}, got ${formatShape(result.shape)}`,
          );
        }
        return result;
      },
    };
    const tracked = inputs.find((x) => x.node !== null && !x.node.ended) ?? inputs.find((x) => x.node !== null);
    tracked?.node?.record(op, inputs, undefined, output);
    return output;
  };
}
