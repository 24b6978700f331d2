import { compile, Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { Linear } from '../layers/linear.ts';
import { applyConstraints, type Constraint, type PenaltyOptions, weightPenalty } from './penalty.ts';

const WEIGHT = [3, -4, 0, 0, 0.3, 0.4];
const BIAS = [-7, 7, -7];

/** A layer whose weight has rows of norms 5, 0 and ½. */
function layer(): Linear & { bias: Tensor } {
  const made = new Linear(2, 3, { rng: new Rng(1) });
  made.weight.assign(WEIGHT);
  made.bias?.assign(BIAS);
  return made as Linear & { bias: Tensor };
}

function expectClose(got: Tensor, want: readonly number[]): void {
  for (const [i, value] of got.data.entries()) expect(value).toBeCloseTo(want[i]!, 5);
}

const constraints: [string, Constraint[], number[]][] = [
  ['none', [], WEIGHT],
  ['maxNorm', [{ kind: 'maxNorm', limit: 1 }], [0.6, -0.8, 0, 0, 0.3, 0.4]],
  ['unitNorm', [{ kind: 'unitNorm' }], [0.6, -0.8, 0, 0, 0.6, 0.8]],
  ['nonNegative', [{ kind: 'nonNegative' }], [3, 0, 0, 0, 0.3, 0.4]],
  ['nonNegative, then maxNorm', [{ kind: 'nonNegative' }, { kind: 'maxNorm', limit: 1 }], [1, 0, 0, 0, 0.3, 0.4]],
];

describe.each(constraints)('constraints: %s', (_name, list, want) => {
  it('hold the rows of weights and not the biases, in recorded steps too', () => {
    const eager = layer();
    applyConstraints(eager, list);
    expectClose(eager.weight, want);
    expectClose(eager.bias, BIAS);
    const model = layer();
    const recorded = compile((x: Tensor) => {
      applyConstraints(model, list);
      return x.mul(1);
    });
    for (let i = 0; i < 3; i++) {
      model.weight.assign(WEIGHT);
      recorded(tensor([1]));
      expectClose(model.weight, want);
    }
  });
});

// Gradients: l1·sign(w) (0 at 0) and l2·w.
const penalties: [PenaltyOptions, number, number[]][] = [
  [{ l1: 2 }, 2 * 7.7, [2, -2, 0, 0, 2, 2]],
  [{ l2: 2 }, 25.25, [6, -8, 0, 0, 0.6, 0.8]],
  [{ l1: 1, l2: 0.5 }, 7.7 + 25.25 / 4, [2.5, -3, 0, 0, 1.15, 1.2]],
];

it.each(penalties)('the penalty of %o is its formula and has its gradient', (options, want, gradient) => {
  const model = layer();
  const penalty = weightPenalty(model, options) as Tensor;
  expect(penalty.item()).toBeCloseTo(want, 5);
  penalty.backward();
  expectClose(model.weight.grad as Tensor, gradient);
  expect(model.bias.grad).toBeNull();
});

it('penalties and constraints refuse what cannot be, and none is no penalty', () => {
  expect(weightPenalty(layer(), {})).toBeNull();
  expect(() => weightPenalty(layer(), { l1: NaN })).toThrow('weightPenalty: l1 must be a number ≥ 0, got NaN');
  expect(() => applyConstraints(layer(), [{ kind: 'maxNorm', limit: -1 }])).toThrow(
    'applyConstraints: constraints[0].limit must be a number > 0, got -1',
  );
});
