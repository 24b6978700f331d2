import { apply } from '../eager.ts';
import { ShapeError, ValueError } from '../errors.ts';
import { drawRowsCall } from '../kernels/draw-rows/draw-rows.ts';
import { execute } from '../kernels/execute.ts';
import type { RandomKind } from '../kernels/random/threefry.ts';
import type { Op } from '../op.ts';
import { describeValue, oneOf, whole } from '../options.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkTensor } from './argument.ts';
import { checkWhole } from './indices.ts';

/** Keys are whole numbers below this, which single precision has all of. */
export const KEY_LIMIT = 2 ** 24;

interface Draws {
  readonly kind: RandomKind;
  readonly samples: number;
  readonly width: number;
}

const drawRowsOp: Op<Draws> = {
  name: 'drawRows',
  saves: { inputs: [], output: false },
  shape: ([keys], { samples, width }) => [samples, keys![0]!, width],
  forward({ dtype, out, inputs, shapes, params: { kind, samples, width } }) {
    execute(drawRowsCall(kind, dtype, out, inputs[0], shapes[0][0]!, samples, width));
  },
  gradient: () => null,
};

export const randomOps = { drawRows: drawRowsOp } as const;

/**
 * Standard draws that belong to rows: [samples, n, width] of `kind` (uniform on [0, 1), normal, exponential of rate 1, Gumbel)
 * for `keys` [n, 2], whole numbers from 0 to 2²⁴ − 1. Row r draws from a Threefry2x32-20 generator of its own with the
 * key (keys[r, 0], keys[r, 1]), so a number depends on the row's key, the sample and the column alone: not on how many
 * rows there are, nor on the row's place. In a compiled function the keys are an ordinary argument. No gradient.
 */
export function drawRows(kind: RandomKind, keys: Tensor, samples: number, width: number): Tensor {
  oneOf('uniform', 'normal', 'exponential', 'gumbel')(kind, { caller: 'drawRows', path: 'kind' });
  const { shape } = checkTensor('drawRows', keys);
  if (shape.length !== 2 || shape[1] !== 2) {
    throw new ShapeError(`drawRows: keys must be [n, 2], got ${formatShape(shape)}`);
  }
  for (const [path, value] of Object.entries({ samples, width }))
    whole({ min: 0 })(value, { caller: 'drawRows', path });
  checkWhole('drawRows', keys, KEY_LIMIT, (position, value, note = '') => {
    const [row, word] = [Math.floor(position / 2), position % 2];
    return new ValueError(
      `drawRows: keys[${row}, ${word}] must be a whole number from 0 to 2²⁴ − 1, got ${describeValue(value)}${note}`,
    );
  });
  return apply(drawRowsOp, [keys], { kind, samples, width });
}
