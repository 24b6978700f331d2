import { setInspector } from './eager.ts';
import { ValueError } from './errors.ts';
import { describeValue } from './options.ts';
import { formatShape, stridesOf } from './shape.ts';
import type { Tensor } from './tensor.ts';

/** Switches for finding out what goes wrong. */
export const debug = {
  /**
   * When on, every op checks its result and the first one that is not finite throws a `ValueError` that names the op,
   * the place and the range of its inputs. Slow: for finding where a NaN comes from.
   */
  checkFinite(on: boolean): void {
    if (typeof on !== 'boolean') throw new ValueError(`checkFinite: must be true or false, got ${describeValue(on)}`);
    setInspector(on ? checkFinite : null);
  },
};

function checkFinite(op: { readonly name: string }, inputs: readonly Tensor[], output: Tensor): void {
  const values = output.data;
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    const index = stridesOf(output.shape).map((stride, axis) => Math.floor(i / stride) % output.shape[axis]!);
    throw new ValueError(
      `checkFinite: ${op.name} is the first op whose output is not finite, got ${values[i]} at ${formatShape(index)} of ${formatShape(output.shape)}; inputs ${inputs.map(range).join(', ')}`,
    );
  }
}

function range(x: Tensor): string {
  const values = x.data;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return `${formatShape(x.shape)} in [${low}, ${high}]`;
}
