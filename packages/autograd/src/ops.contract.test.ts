import { add, mul, Rng, sigmoid, square, sum, type Tensor } from '@latent/tensor';
import { domainOf, type Sample, sampleInputs, samples } from '@latent/tensor/samples';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grad } from './grad.ts';
import { gradCheck } from './gradcheck.ts';

const entries = (Object.entries(samples) as [string, Sample][]).filter(([, sample]) => sample.differentiable !== false);

/** The inputs that have a gradient: those that are not indices or conditions, and are not held fixed. */
function movable(sample: Sample, count: number): number[] {
  return Array.from({ length: count }, (_, i) => i).filter((i) => {
    const domain = domainOf(sample, i);
    return !domain.whole && domain.low < domain.high;
  });
}

describe.each(entries)('the gradient of %s', (_name, sample) => {
  it('agrees with central differences, whatever comes after it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...sample.shapes), fc.nat(1e6), (shapes, seed) => {
        const inputs = sampleInputs(sample, shapes, seed, 'f64');
        // Another op behind it, so that the incoming gradient is not all ones.
        const chained = (...x: Tensor[]): Tensor => mul(sample.call(...x), sigmoid(sample.call(...x)));
        expect(gradCheck(chained, inputs, { inputs: movable(sample, inputs.length) })).toBeLessThan(1e-6);
      }),
      { numRuns: 8, seed: 5, endOnFailure: true },
    );
  });

  if (sample.smooth)
    it('can itself be differentiated', () => {
      for (const [group, shapes] of sample.shapes.entries()) {
        const inputs = sampleInputs(sample, shapes, group, 'f64');
        const wanted = movable(sample, inputs.length);
        const first = (...x: Tensor[]): Tensor => {
          const grads = grad((p: Tensor[]) => sum(square(sample.call(...p))))(x) as Tensor[];
          // One number that depends on every gradient in its own way.
          return wanted.reduce<Tensor>(
            (total, i) => add(total, sum(mul(grads[i]!, weights(grads[i]!, i)))),
            sum(mul(x[0]!, 0)),
          );
        };
        expect(gradCheck(first, inputs, { inputs: wanted, tolerance: 2e-6 })).toBeLessThan(2e-6);
      }
    });
});

function weights(like: Tensor, seed: number): Tensor {
  return new Rng(seed).uniform(like.shape, { low: 0.5, high: 1.5, dtype: 'f64' });
}

describe('random graphs', () => {
  const unary = ['tanh', 'sigmoid', 'softplus', 'sin', 'square', 'gelu', 'silu', 'erf'] as const;
  const binary = ['add', 'sub', 'mul'] as const;
  const node = fc.record({
    op: fc.constantFrom(...unary, ...binary, 'softmax', 'matmul', 'sumRows'),
    a: fc.nat(100),
    b: fc.nat(100),
  });

  it('with shared and unused nodes have the right gradients', () => {
    fc.assert(
      fc.property(fc.array(node, { minLength: 5, maxLength: 15 }), fc.nat(1e6), (nodes, seed) => {
        const rng = new Rng(seed);
        const inputs = [
          rng.normal([3, 3], { dtype: 'f64' }),
          rng.normal([3, 3], { dtype: 'f64' }),
          rng.normal([1, 3], { dtype: 'f64' }),
        ];
        const graph = (...x: Tensor[]): Tensor => {
          const made: Tensor[] = [...x.slice(0, 2), add(x[0]!, x[2]!)];
          for (const { op, a, b } of nodes) {
            const left = made[a % made.length]!;
            const right = made[b % made.length]!;
            // Values are kept near 1, so that differences stay accurate.
            if (op === 'matmul') made.push(left.matmul(right).tanh());
            else if (op === 'sumRows') made.push(add(left, left.sum({ axis: 1, keepDims: true })).tanh());
            else if (op === 'softmax') made.push(left.softmax());
            else if (op === 'add' || op === 'sub' || op === 'mul') made.push(left[op](right).sin());
            else made.push(left[op]().tanh());
          }
          return add(made[made.length - 1]!, made[nodes[0]!.a % made.length]!);
        };
        expect(gradCheck(graph, inputs)).toBeLessThan(1e-6);
      }),
      { numRuns: 60, seed: 11, endOnFailure: true },
    );
  });
});
