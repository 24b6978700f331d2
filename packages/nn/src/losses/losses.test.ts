import { gradCheck } from '@latent/autograd';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  huberLoss,
  klDivergence,
  type LossOptions,
  l1Loss,
  mseLoss,
} from './losses.ts';

const rng = new Rng(5);
const [a, b] = [rng.normal([4, 3]), rng.normal([4, 3])];
const probabilities = rng.normal([4, 3]).softmax();
const rowsOf = (x: Tensor): number[][] => x.toArray() as number[][];

type Loss = (prediction: Tensor, target: Tensor, options?: LossOptions) => Tensor;
const mean = (values: number[]): number => values.reduce((x, y) => x + y, 0) / values.length;
const sum = (values: number[]): number => values.reduce((x, y) => x + y, 0);
const losses: [string, Loss, Tensor, Tensor, (p: number[], t: number[]) => number][] = [
  ['mse', mseLoss, a, b, (p, t) => mean(p.map((x, i) => (x - t[i]!) ** 2))],
  ['l1', l1Loss, a, b, (p, t) => mean(p.map((x, i) => Math.abs(x - t[i]!)))],
  [
    'huber',
    (p, t, o) => huberLoss(p, t, { ...o, delta: 0.8 }),
    a,
    b,
    (p, t) =>
      mean(p.map((x, i) => (Math.abs(x - t[i]!) <= 0.8 ? 0.5 * (x - t[i]!) ** 2 : 0.8 * (Math.abs(x - t[i]!) - 0.4)))),
  ],
  [
    'binary cross-entropy',
    binaryCrossEntropyWithLogits,
    a,
    probabilities,
    (l, t) =>
      sum(l.map((x, i) => -t[i]! * Math.log(1 / (1 + Math.exp(-x))) - (1 - t[i]!) * Math.log(1 / (1 + Math.exp(x))))),
  ],
  [
    'cross-entropy',
    crossEntropy,
    a,
    probabilities,
    (l, t) => sum(l.map((x, i) => -t[i]! * (x - Math.log(sum(l.map(Math.exp)))))),
  ],
  [
    'KL divergence',
    (p, q, o) => klDivergence(p, q, o),
    probabilities,
    a.logSoftmax(),
    (p, q) => sum(p.map((x, i) => x * (Math.log(x) - q[i]!))),
  ],
];

describe.each(losses)('%s', (_name, loss, prediction, target, row) => {
  it('is its formula per row, their mean, or their sum', () => {
    const want = rowsOf(prediction).map((p, i) => row(p, rowsOf(target)[i]!));
    loss(prediction, target, { reduction: 'none' }).data.forEach((value: number, i: number) => {
      expect(value).toBeCloseTo(want[i]!, 5);
    });
    expect(loss(prediction, target).item()).toBeCloseTo(mean(want), 5);
    expect(loss(prediction, target, { reduction: 'sum' }).item()).toBeCloseTo(sum(want), 4);
    expect(() => loss(prediction, target, { reduction: 'average' as never })).toThrow(
      "reduction must be one of 'mean', 'sum', 'none', got \"average\"",
    );
  });

  it('has the right gradients', () => {
    expect(gradCheck((p, t) => loss(p, t), [prediction, target])).toBeLessThan(1e-6);
  });

  it('refuses shapes that differ', () => {
    expect(() => loss(prediction, tensor([[1, 2]]))).toThrow(/must have one shape|index 0 must be|do not broadcast/);
  });
});

describe('losses from logits', () => {
  it('are exact where probabilities would be 0 or 1', () => {
    const extreme = binaryCrossEntropyWithLogits(tensor([[1000], [-1000], [1000]]), tensor([[1], [1], [0]]), {
      reduction: 'none',
    });
    expect(extreme.toArray()).toEqual([0, 1000, 1000]);
    expect(crossEntropy(tensor([[1000, 0]]), [1]).item()).toBe(1000);
  });

  it('take classes as numbers', () => {
    // Categorical with logits 0.1, 1.2, −0.7.
    const logits = tensor([
      [0.1, 1.2, -0.7],
      [0.1, 1.2, -0.7],
      [0.1, 1.2, -0.7],
    ]);
    const rows = crossEntropy(logits, [0, 1, 2], { reduction: 'none' }).data;
    [1.4936891785, 0.393689178496, 2.2936891785].forEach((want, i) => {
      expect(rows[i]).toBeCloseTo(want, 6);
    });
    expect(klDivergence(tensor([[0.2, 0.5, 0.3]]), tensor([[1, 1, 1]]).logSoftmax()).item()).toBeCloseTo(
      0.0689592746035,
      6,
    );
    expect(klDivergence(tensor([[0, 1]]), tensor([[-1, -2]])).item()).toBe(2);
  });
});
