import { parameter } from '@latent/autograd';
import { compile, Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import type { Batch } from '../../data/dataset.ts';
import { dataset } from '../../data/dataset.ts';
import { mseLoss } from '../../losses/losses.ts';
import { Module, scoring } from '../../module/module.ts';
import { roleOf } from '../../module/role.ts';
import { network } from '../../network/network.ts';
import { sgd } from '../../optim/sgd.ts';
import { fit } from '../../train/fit.ts';
import { SplitStep } from '../../train/train-step.ts';
import { conv1d, conv2d, convTranspose2d } from '../convolution/conv-layers.ts';
import { foldBatchNorm } from '../convolution/fold-batch-norm.ts';
import { residual } from '../convolution/residual.ts';
import { dense } from '../dense.ts';
import { Dropout2d } from '../dropout2d.ts';
import type { Sequential } from '../sequential.ts';
import { BatchNorm, batchNorm } from './batch-norm.ts';
import { GroupNorm } from './group-norm.ts';
import { RmsNorm } from './rms-norm.ts';
import { ScaleNorm } from './scale-norm.ts';

const rng = new Rng(3);

/** What the running statistics are after these batches, by the definition. */
function running(batches: readonly number[][], momentum: number | null): { mean: number; variance: number } {
  let [mean, variance] = [0, 1];
  for (const [i, batch] of batches.entries()) {
    const m = batch.reduce((a, b) => a + b, 0) / batch.length;
    const v = batch.reduce((sum, x) => sum + (x - m) ** 2, 0) / (batch.length - 1);
    const share = momentum ?? 1 / (i + 1);
    mean += share * (m - mean);
    variance += share * (v - variance);
  }
  return { mean, variance };
}

const column = (values: readonly number[]): Tensor => tensor([...values], { shape: [values.length, 1] });
const batches = [
  [1, 2, 6],
  [3, 3, 9],
  [0, -4, 4],
];

/** A model of one batch norm, whose loss is its output's square. */
class Normed extends Module {
  readonly norm = new BatchNorm(1);
  parts({ x }: Batch): { loss: Tensor } {
    return { loss: mseLoss(this.norm.forward(x as Tensor), (x as Tensor).mul(0)) };
  }
}

describe('BatchNorm', () => {
  it('keeps running statistics with a fixed share, or of all batches alike', () => {
    for (const momentum of [0.1, 0.5, null]) {
      const norm = new BatchNorm(1, { momentum });
      for (const batch of batches) norm.forward(column(batch));
      const { mean, variance } = running(batches, momentum);
      expect(norm.running_mean.item()).toBeCloseTo(mean, 5);
      expect(norm.running_var.item()).toBeCloseTo(variance, 4);
      expect(norm.num_batches_tracked.item()).toBe(3);
    }
  });

  it('takes each batch once in a recorded step, in accumulated ones and in fit, and none while scoring', async () => {
    const { mean, variance } = running(batches, 0.1);
    const expectRunning = (norm: BatchNorm): void => {
      expect(norm.num_batches_tracked.item()).toBe(3);
      expect(norm.running_mean.item()).toBeCloseTo(mean, 5);
      expect(norm.running_var.item()).toBeCloseTo(variance, 4);
    };
    const recorded = new BatchNorm(1);
    const step = compile((x: Tensor) => recorded.forward(x));
    for (const batch of batches) step(column(batch));
    expectRunning(recorded);
    scoring(() => step(column([7, 8, 9])));
    expectRunning(recorded);
    recorded.eval();
    step(column([7, 8, 9]));
    expectRunning(recorded);

    const accumulated = new Normed();
    const optimizer = sgd({ learningRate: 0.1 }).create(accumulated.trainableParameters());
    const split = new SplitStep(accumulated, optimizer, new Rng(0), ['x'], {});
    for (const batch of batches) split.add({ x: column(batch) });
    split.update();
    expectRunning(accumulated.norm);

    const fitted = new Normed();
    const x = batches.flat().map((value) => [value]);
    await fit(fitted, dataset({ x }), { epochs: 2, batchSize: 3, validation: dataset({ x: [[1], [2]] }) });
    expect(fitted.norm.num_batches_tracked.item()).toBe(6);
  });

  it('does not train its statistics, and saves them', () => {
    const norm = new BatchNorm(2);
    expect(norm.namedParameters().map(([name]) => name)).toEqual(['weight', 'bias']);
    expect(Object.keys(norm.stateDict())).toEqual([
      'weight',
      'bias',
      'running_mean',
      'running_var',
      'num_batches_tracked',
    ]);
    expect([roleOf(norm.weight), roleOf(norm.bias), roleOf(norm.running_var)]).toEqual(['scale', 'bias', 'buffer']);
    norm.forward(rng.normal([5, 2]));
    const copy = new BatchNorm(2);
    copy.loadStateDict(norm.stateDict());
    expect(copy.running_mean.data).toEqual(norm.running_mean.data);
    expect(copy.num_batches_tracked.item()).toBe(1);
  });

  it('keeps digits of values far from zero', () => {
    const x = rng.normal([4, 10, 10, 3], { mean: 1000, std: 0.5 });
    const y = new BatchNorm(3).forward(x);
    for (const variance of y.variance({ axis: [0, 1, 2] }).data) expect(variance).toBeCloseTo(1, 3);
  });

  it('gives rows results of their own in scores', () => {
    const norm = new BatchNorm(3);
    const x = rng.normal([6, 4, 4, 3]);
    norm.forward(x);
    norm.eval();
    expect(norm.forward(x.slice([[2, 3]])).data).toEqual(norm.forward(x).slice([[2, 3]]).data);
  });

  it('refuses one value of a channel while training, and what has no channels', () => {
    const norm = new BatchNorm(2);
    expect(() => norm.forward(tensor([[1, 2]]))).toThrow(
      'BatchNorm: needs more than one value of each channel while training, got [1, 2]; use larger batches, or layerNorm() or groupNorm(…)',
    );
    expect(norm.eval().forward(tensor([[1, 2]])).shape).toEqual([1, 2]);
    expect(() => norm.forward(tensor([1, 2]))).toThrow('BatchNorm: expected last axis 2, got [2]');
    expect(() => norm.forward(tensor([[1, 2, 3]]))).toThrow('BatchNorm: expected last axis 2, got [1, 3]');
    expect(() => new BatchNorm(0)).toThrow('BatchNorm: features must be a whole number ≥ 1');
    expect(() => new BatchNorm(2, { momentum: 2 })).toThrow('BatchNorm: momentum must be a number ≥ 0 and ≤ 1, got 2');
  });
});

describe('a folded batch norm', () => {
  const settled = (net: Sequential, x: Tensor): Sequential => {
    net.train();
    for (let i = 0; i < 20; i++) net.forward(x.mul(1 + i / 10));
    for (const [, module] of net.namedModules()) {
      if (!(module instanceof BatchNorm)) continue;
      module.weight.assign(rng.uniform(module.weight.shape, { low: 0.5, high: 2 }));
      module.bias.assign(rng.normal(module.bias.shape));
    }
    return net.eval();
  };
  const cases = [
    ['dense layers', [dense(5, { activation: 'identity' }), batchNorm(), dense(3)], [4]],
    ['series', [conv1d(5, { norm: batchNorm() })], [7, 3]],
    [
      'pictures',
      [conv2d(6, { groups: 2, bias: false, norm: batchNorm(), paddingMode: 'circular', padding: 1 })],
      [5, 5, 4],
    ],
    ['transposed ones', [convTranspose2d(6, { groups: 2, stride: 2, norm: batchNorm({ epsilon: 0.1 }) })], [3, 3, 4]],
    ['blocks', [residual([conv2d(4, { padding: 1, norm: batchNorm() })], { activation: 'relu' })], [5, 5, 4]],
  ] as const;

  it.each(cases)('gives what it gave, of %s', (_name, layers, input) => {
    const net = network([...layers], { input: [...input], rng }) as Sequential;
    const x = rng.normal([6, ...input]);
    settled(net, x);
    const want = net.forward(x).data;
    const before = JSON.stringify(Object.fromEntries(net.namedTensors().map(([name, { data }]) => [name, [...data]])));
    const folded = foldBatchNorm(net);
    expect(Array.from(folded.namedModules(), ([, module]) => module).some((m) => m instanceof BatchNorm)).toBe(false);
    const got = folded.forward(x).data;
    for (const [i, value] of got.entries()) expect(value).toBeCloseTo(want[i] as number, 4);
    // The network itself is as it was.
    expect(net.forward(x).data).toEqual(want);
    expect(JSON.stringify(Object.fromEntries(net.namedTensors().map(([name, { data }]) => [name, [...data]])))).toBe(
      before,
    );
  });
});

describe('GroupNorm', () => {
  it('is of each row and group by itself', () => {
    const norm = new GroupNorm(2, 4);
    const x = rng.normal([3, 5, 5, 4], { mean: 2, std: 3 });
    const y = norm.forward(x).reshape([3, 25, 2, 2]);
    for (const mean of y.mean({ axis: [1, 3] }).data) expect(mean).toBeCloseTo(0, 4);
    for (const variance of y.variance({ axis: [1, 3] }).data) expect(variance).toBeCloseTo(1, 3);
    expect(norm.forward(x.slice([[1, 2]])).data).toEqual(norm.forward(x).slice([[1, 2]]).data);
    expect(() => new GroupNorm(3, 4)).toThrow('GroupNorm: 4 channels do not divide into 3 groups');
    expect(() => norm.forward(rng.normal([3, 5]))).toThrow('GroupNorm: expected last axis 4, got [3, 5]');
  });
});

describe('RmsNorm', () => {
  it('gives rows a mean square of 1', () => {
    const y = new RmsNorm(50).forward(rng.normal([4, 50], { mean: 3 }));
    for (const square of y.square().mean({ axis: 1 }).data) expect(square).toBeCloseTo(1, 4);
    expect(() => new RmsNorm(3).forward(tensor([1, 2]))).toThrow('RmsNorm: expected last axis 3, got [2]');
  });
});

describe('ScaleNorm', () => {
  it('gives rows the length of its weight, √features at first', () => {
    const layer = new ScaleNorm(50);
    expect(layer.weight.toArray()).toEqual([Math.fround(Math.sqrt(50))]);
    const lengths = (): Float32Array | Float64Array =>
      layer
        .forward(rng.normal([4, 50], { mean: 3 }))
        .square()
        .sum({ axis: 1 })
        .sqrt().data;
    for (const length of lengths()) expect(length).toBeCloseTo(Math.sqrt(50), 4);
    layer.loadStateDict({ weight: tensor([2]) });
    for (const length of lengths()) expect(length).toBeCloseTo(2, 5);
    expect(() => new ScaleNorm(3).forward(tensor([1, 2]))).toThrow('ScaleNorm: expected last axis 3, got [2]');
  });

  it('divides rows shorter than ε by ε, with finite gradients at 0', () => {
    const layer = new ScaleNorm(4, { epsilon: 2 });
    expect(layer.forward(tensor([[1, 0, 0, 0]])).toArray()).toEqual([[1, 0, 0, 0]]);
    for (const epsilon of [1e-15, 1e-5, 1]) {
      const p = parameter(tensor([[0, 0, 0, 0]]));
      new ScaleNorm(4, { epsilon }).forward(p).sum().backward();
      for (const slope of (p.grad as Tensor).data) expect(slope * epsilon).toBeCloseTo(2, 4);
    }
    expect(() => new ScaleNorm(4, { epsilon: 1e-30 })).toThrow('ScaleNorm: epsilon must be');
  });
});

describe('Dropout2d', () => {
  it('drops whole channels of a row, keeps the mean, and is off in eval', () => {
    const layer = new Dropout2d(0.25, { rng: new Rng(1) });
    const x = tensor(new Float32Array(400 * 6 * 10).fill(1), { shape: [400, 3, 2, 10] });
    const y = layer.forward(x);
    expect(Math.abs(y.mean().item() - 1)).toBeLessThan(0.05);
    const [first, last] = [y.slice([null, [0, 1], [0, 1]]).data, y.slice([null, [2, 3], [1, 2]]).data];
    expect(first).toEqual(last);
    expect(new Set(first)).toEqual(new Set([0, Math.fround(4 / 3)]));
    expect(layer.forward(x).data).not.toEqual(y.data);
    expect(layer.eval().forward(x)).toBe(x);
    expect(() => layer.forward(tensor([[1, 2]]))).toThrow('Dropout2d: expected [n, …sizes, channels], got [1, 2]');
  });

  it('passes gradients of what is kept', () => {
    const layer = new Dropout2d(0.5, { rng: new Rng(2) });
    const p = parameter(tensor(new Float32Array(60).fill(1), { shape: [5, 3, 4] }));
    const y = layer.forward(p);
    y.sum().backward();
    expect(p.grad?.data).toEqual(y.data);
  });
});
