import { parameter, zeroGrad } from '@latent/autograd';
import { Rng, step, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import {
  Activation,
  activationNames,
  adam,
  adamW,
  clipGradNorm,
  clipGradValue,
  constantInit,
  Dataset,
  Dropout,
  decodeSafetensors,
  encodeSafetensors,
  heNormal,
  heUniform,
  type Initializer,
  LayerNorm,
  Linear,
  lecunNormal,
  lecunUniform,
  Module,
  normalInit,
  type OptimizerSpec,
  orthogonal,
  Sequential,
  sgd,
  train,
  trainTestSplit,
  truncatedNormal,
  uniformInit,
  xavierNormal,
  xavierUniform,
  zerosInit,
} from './index.ts';

const rng = (): Rng => new Rng(1);

class Pair extends Module {
  readonly encoder = new Sequential(new Linear(3, 4, { rng: rng() }), new Activation('relu'));
  readonly heads = [new Linear(4, 1, { rng: rng() }), new Linear(4, 2, { rng: rng(), bias: false })];
  readonly scale = parameter([2]);
  readonly note = tensor([1]);
}

describe('Module', () => {
  it('names parameters by their fields', () => {
    expect(new Pair().namedParameters().map(([name]) => name)).toEqual([
      'scale',
      'encoder.0.weight',
      'encoder.0.bias',
      'heads.0.weight',
      'heads.0.bias',
      'heads.1.weight',
    ]);
  });

  it('copies its state out and takes one in, exactly or not at all', () => {
    const [a, b] = [new Pair(), new Pair()];
    const state = a.stateDict();
    state.scale = tensor([7]);
    b.loadStateDict(state);
    expect([b.scale.item(), a.scale.item()]).toEqual([7, 2]);
    const { scale: _gone, ...missing } = state;
    const wrong = { ...missing, 'encoder.0.bias': tensor([1]), other: tensor([1]) };
    expect(() => b.loadStateDict(wrong)).toThrow(
      'loadStateDict: missing scale [1]; encoder.0.bias must be [4], got [1]; unexpected other',
    );
    expect(b.scale.item()).toBe(7);
  });

  it('switches training mode for the whole tree', () => {
    const drop = new Dropout(0.5, { rng: rng() });
    const model = new Sequential(new Sequential(drop));
    expect([model.eval().training, drop.training, model.train().training, drop.training]).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it('prints a table of its parameters', () => {
    const lines = new Pair().summary().split('\n');
    expect(lines[0]).toMatch(/^module +type +parameters +count$/);
    expect(lines).toContainEqual(expect.stringMatching(/^encoder\.0 +Linear +weight \[4, 3\], bias \[4\] +16$/));
    expect(lines.at(-1)).toMatch(/^total +30$/);
  });
});

describe('layers', () => {
  it('Linear is x·Wᵀ + b along the last axis and starts as PyTorch does', () => {
    const layer = new Linear(3, 2, { rng: rng() });
    layer.weight.assign([1, 2, 3, 4, 5, 6]);
    layer.bias?.assign([10, 20]);
    expect(layer.forward(tensor([[1, 0, 1]])).toArray()).toEqual([[14, 30]]);
    expect(layer.forward(tensor([[[1, 0, 1]], [[0, 1, 0]]])).shape).toEqual([2, 1, 2]);
    const wide = new Linear(100, 400, { rng: rng() });
    const limit = 1 / 10;
    expect(Math.max(...wide.weight.data)).toBeLessThanOrEqual(limit);
    expect(Math.sqrt(wide.weight.variance().item())).toBeCloseTo(limit / Math.sqrt(3), 3);
    expect(() => new Linear(0, 1, { rng: rng() })).toThrow('Linear: inFeatures must be a whole number ≥ 1, got 0');
  });

  it('names the layer in an error', () => {
    const model = new Sequential(new Linear(3, 2, { rng: rng() }), new Sequential(new Linear(5, 2, { rng: rng() })));
    expect(() => model.forward(tensor([[1, 2, 3]]))).toThrow('1.0: expected last axis 5, got [1, 2]');
  });

  it('Dropout keeps the mean, draws anew each time, and is off in eval', () => {
    const layer = new Dropout(0.25, { rng: rng() });
    const x = tensor(new Float32Array(20_000).fill(1));
    const [a, b] = [layer.forward(x).data, layer.forward(x).data];
    const kept = a.filter((value: number) => value > 0);
    expect(Math.abs(kept.length / 20_000 - 0.75)).toBeLessThan(0.015);
    expect(kept[0]).toBeCloseTo(4 / 3, 6);
    expect(a).not.toEqual(b);
    expect(layer.eval().forward(x)).toBe(x);
    expect(() => new Dropout(1, { rng: rng() })).toThrow('Dropout: the rate must be at least 0 and below 1, got 1');
  });

  it('LayerNorm gives every row mean 0 and variance 1, then scales and shifts', () => {
    const layer = new LayerNorm(50);
    const y = layer.forward(rng().normal([4, 50], { mean: 3, std: 2 }));
    for (const mean of y.mean({ axis: 1 }).data) expect(mean).toBeCloseTo(0, 5);
    for (const variance of y.variance({ axis: 1 }).data) expect(variance).toBeCloseTo(1, 3);
    layer.bias.assign(new Float32Array(50).fill(5));
    expect(
      layer
        .forward(rng().normal([1, 50]))
        .mean()
        .item(),
    ).toBeCloseTo(5, 4);
    expect(() => layer.forward(tensor([1, 2]))).toThrow('LayerNorm: expected last axis 50, got [2]');
  });

  it('knows every activation by name, and says which it knows', () => {
    for (const name of activationNames) expect(new Activation(name).forward(tensor([-1, 0, 2])).shape).toEqual([3]);
    expect(() => new Activation('swish' as never)).toThrow(
      "activation: no activation named 'swish'; known are identity, relu",
    );
  });
});

describe('initialisers', () => {
  const std = (x: Tensor): number => Math.sqrt(x.variance().item());
  const [out, fanIn] = [300, 200];
  const cases: [string, Initializer, number][] = [
    ['xavierUniform', xavierUniform(), Math.sqrt(2 / 500)],
    ['xavierNormal', xavierNormal(2), 2 * Math.sqrt(2 / 500)],
    ['heUniform', heUniform(), Math.sqrt(2 / 200)],
    ['heNormal', heNormal(), Math.sqrt(2 / 200)],
    ['lecunUniform', lecunUniform(), Math.sqrt(1 / 200)],
    ['lecunNormal', lecunNormal(), Math.sqrt(1 / 200)],
    ['uniform', uniformInit(-1, 1), 1 / Math.sqrt(3)],
    ['normal', normalInit(0, 0.3), 0.3],
    // A standard normal cut at ±2 has variance 0.774.
    ['truncatedNormal', truncatedNormal(0, 0.5), 0.5 * Math.sqrt(0.7737)],
  ];
  it.each(cases)('%s has the right spread around 0', (_name, init, want) => {
    const x = init([out, fanIn], rng());
    expect(x.shape).toEqual([out, fanIn]);
    expect(std(x) / want).toBeCloseTo(1, 1.7);
    expect(Math.abs(x.mean().item())).toBeLessThan((5 * want) / Math.sqrt(out * fanIn));
  });

  it('truncatedNormal stays within two standard deviations, and constants are constant', () => {
    expect(Math.max(...truncatedNormal(0, 1)([1000], rng()).data.map(Math.abs))).toBeLessThanOrEqual(2);
    expect(zerosInit([2], rng()).toArray()).toEqual([0, 0]);
    expect(constantInit(3)([2], rng()).toArray()).toEqual([3, 3]);
    expect(() => heNormal()([3], rng())).toThrow('init: fan-in and fan-out need a weight of two or more axes, got [3]');
  });

  it.each([
    [4, 9],
    [9, 4],
    [5, 5],
  ])('orthogonal gives orthonormal lines: %i × %i', (rows, cols) => {
    const x = orthogonal(2)([rows, cols], rng());
    const gram = rows <= cols ? x.matmul(x, { transposeB: true }) : x.matmul(x, { transposeA: true });
    (gram.toArray() as number[][]).forEach((row, i) => {
      row.forEach((value, j) => {
        expect(value).toBeCloseTo(i === j ? 4 : 0, 5);
      });
    });
  });
});

/** The first three values of one parameter that starts at 1 with gradients 0.5, −1 and 2, by the update rule in numbers. */
function sequence(rule: (t: number, p: number, g: number, state: number[]) => number): number[] {
  const state = [0, 0];
  let p = 1;
  return [0.5, -1, 2].map((g, i) => {
    p = rule(i + 1, p, g, state);
    return p;
  });
}

const momentum =
  (nesterov: boolean, decay: number) =>
  (_t: number, p: number, g0: number, state: number[]): number => {
    const g = g0 + decay * p;
    state[0] = 0.9 * state[0] + g;
    return p - 0.1 * (nesterov ? g + 0.9 * state[0] : state[0]);
  };
const adaptive =
  (decay: number, decoupled: boolean) =>
  (t: number, p: number, g0: number, state: number[]): number => {
    const g = decoupled ? g0 : g0 + decay * p;
    state[0] = 0.9 * state[0] + 0.1 * g;
    state[1] = 0.99 * state[1] + 0.01 * g * g;
    const shrunk = decoupled ? p * (1 - 0.1 * decay) : p;
    return shrunk - (0.1 * (state[0] / (1 - 0.9 ** t))) / (Math.sqrt(state[1] / (1 - 0.99 ** t)) + 1e-8);
  };
const betas = { learningRate: 0.1, beta2: 0.99 };
const optimizers: [string, OptimizerSpec, number[]][] = [
  ['sgd', sgd({ learningRate: 0.1 }), sequence((_t, p, g) => p - 0.1 * g)],
  ['sgd with momentum', sgd({ learningRate: 0.1, momentum: 0.9 }), sequence(momentum(false, 0))],
  [
    'sgd with Nesterov momentum and decay',
    sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.2 }),
    sequence(momentum(true, 0.2)),
  ],
  ['adam', adam(betas), sequence(adaptive(0, false))],
  ['adam with L2', adam({ ...betas, weightDecay: 0.3 }), sequence(adaptive(0.3, false))],
  ['adamW', adamW({ ...betas, weightDecay: 0.3 }), sequence(adaptive(0.3, true))],
];

describe.each(optimizers)('%s', (_name, spec, want) => {
  it.each(['f32', 'f64'] as const)('takes the steps of its formula in %s', (dtype) => {
    const p = parameter(new Float64Array(7).fill(1), { dtype });
    const optimizer = spec.create([p]);
    [0.5, -1, 2].forEach((g, i) => {
      p.mul(g).sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
      for (const value of p.data) expect(Math.abs(value - want[i])).toBeLessThan(dtype === 'f64' ? 1e-12 : 3e-6);
    });
  });

  it('goes on from a saved state', () => {
    const run = (p: Tensor, optimizer: ReturnType<OptimizerSpec['create']>, count: number): void => {
      for (let i = 0; i < count; i++) {
        step(() => {
          p.square().sum().backward();
          optimizer.step();
          optimizer.zeroGrad();
        });
      }
    };
    const p = parameter([1, -2, 3]);
    const optimizer = spec.create([p]);
    run(p, optimizer, 5);
    const copy = parameter(p.detach());
    const resumed = spec.create([copy]);
    resumed.loadState(optimizer.state());
    run(p, optimizer, 5);
    run(copy, resumed, 5);
    expect(copy.data).toEqual(p.data);
  });
});

describe('optimizers', () => {
  it('find the bottom of a bowl, leave parameters without a gradient alone, and say when there is none', () => {
    const [p, other] = [parameter([3, -4]), parameter([5])];
    const optimizer = adam({ learningRate: 0.1 }).create([p, other]);
    for (let i = 0; i < 300; i++) {
      p.sub(1).square().sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
    }
    for (const value of p.data) expect(value).toBeCloseTo(1, 2);
    expect(other.item()).toBe(5);
    expect(() => optimizer.step()).toThrow('adam.step: no parameter has a gradient; call loss.backward() first');
    expect(() => sgd({ learningRate: 1, nesterov: true })).toThrow('sgd: nesterov needs a momentum > 0');
    expect(() => adam({ beta1: 1 })).toThrow('adam: beta1 must be at least 0 and below 1, got 1');
    expect(() => adam().create([tensor([1])])).toThrow('adam: expected tensors made with parameter(...)');
  });

  it('clip gradients by value and by their joint norm', () => {
    const [a, b] = [parameter([1, 1]), parameter([1])];
    const backward = (): void =>
      a
        .mul(tensor([3, 0]))
        .sum()
        .add(b.mul(-4).sum())
        .backward();
    backward();
    expect(clipGradNorm([a, b], 1).item()).toBeCloseTo(5, 6);
    expect([...(a.grad as Tensor).data, ...(b.grad as Tensor).data].map((x) => Number(x.toFixed(5)))).toEqual([
      0.6, 0, -0.8,
    ]);
    expect(clipGradNorm([a, b], 10).item()).toBeCloseTo(1, 6);
    zeroGrad([a, b]);
    backward();
    clipGradValue([a, b], 2);
    expect([a.grad?.toArray(), b.grad?.toArray()]).toEqual([[2, 0], [-2]]);
  });
});

describe('Dataset', () => {
  const rows = Array.from({ length: 10 }, (_, i) => [i, i * 10]);

  it('gives every row once per pass, in shuffled batches, and copies the data', () => {
    const data = Dataset.from(rows);
    const seen = (r?: Rng): number[][] =>
      [...data.batches({ batchSize: 4, ...(r && { rng: r }) })].map((batch) => [...batch.slice([null, [0, 1]]).data]);
    expect(seen()).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    const shuffled = seen(new Rng(3));
    expect(shuffled.flat()).not.toEqual(rows.map(([x]) => x));
    expect(shuffled.flat().sort((a, b) => a - b)).toEqual(rows.map(([x]) => x));
    expect([...data.batches({ batchSize: 4, dropLast: true })]).toHaveLength(2);
    rows[0][0] = 99;
    expect(data.row(0)[0]).toBe(0);
    rows[0][0] = 0;
  });

  it('splits at random into training and test rows', () => {
    const { train: a, test: b } = trainTestSplit(rows, { rng: new Rng(1), testFraction: 0.3 });
    expect([a.length, b.length]).toEqual([7, 3]);
    const all = [a, b].flatMap((part) => Array.from({ length: part.length }, (_, i) => part.row(i)[0]));
    expect(all.sort((x, y) => x - y)).toEqual(rows.map(([x]) => x));
  });

  it('refuses rows of different widths, by number', () => {
    expect(() => Dataset.from([[1, 2], [3]])).toThrow('Dataset: row 1 has 1 values, expected 2');
    expect(() => Dataset.from([])).toThrow('Dataset: needs at least one row');
    expect(() => [...Dataset.from(rows).batches({ batchSize: 0 })]).toThrow(
      'batches: batchSize must be a whole number ≥ 1, got 0',
    );
  });
});

describe('train', () => {
  it('averages what steps report over rows, epoch by epoch', async () => {
    const data = Dataset.from([[1], [2], [3], [4], [5]]);
    const seen: number[] = [];
    const run = train({
      data,
      step: (batch) => ({ value: batch.mean().item() }),
      epochs: 2,
      batchSize: 2,
      onProgress: ({ rows }) => seen.push(rows),
    });
    const epochs = [];
    for await (const epoch of run) epochs.push(epoch);
    expect(epochs.map(({ epoch, rows, metrics }) => [epoch, rows, metrics.value])).toEqual([
      [1, 5, 3],
      [2, 5, 3],
    ]);
    expect(seen).toEqual([2, 4, 5, 2, 4, 5]);
  });

  it('lets timers through while it works, and ends when it is aborted', async () => {
    const data = Dataset.from([[1], [2]]);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 60);
    const busy = (): { x: number } => {
      const until = performance.now() + 5;
      while (performance.now() < until);
      return { x: 1 };
    };
    let epochs = 0;
    for await (const _ of train({ data, step: busy, epochs: 1000, batchSize: 1, signal: controller.signal })) epochs++;
    expect(epochs).toBeGreaterThan(0);
    expect(epochs).toBeLessThan(100);
  });
});

describe('safetensors', () => {
  const state = { b: tensor([[1, 2, 3]]), a: tensor(new Float64Array([0.1])), scalar: tensor(5) };
  const bytes = encodeSafetensors(state, { note: 'hé' });

  it('reads what it wrote, from any place in a buffer', () => {
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const { tensors, metadata } = decodeSafetensors(shifted.subarray(3));
    expect(metadata).toEqual({ note: 'hé' });
    expect(Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, [x.dtype, x.toArray()]]))).toEqual({
      a: ['f64', [0.1]],
      b: ['f32', [[1, 2, 3]]],
      scalar: ['f32', 5],
    });
  });

  it('has the layout of the format: length, header, numbers', () => {
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(header.b).toEqual({ dtype: 'F32', shape: [1, 3], data_offsets: [8, 20] });
    expect(bytes.length).toBe(8 + length + 24);
  });

  it('refuses what is cut, altered or something else', () => {
    const rewritten = (
      change: (header: Record<string, { shape: number[]; dtype: string; data_offsets: number[] }>) => void,
    ): Uint8Array => {
      const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
      const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
      change(header);
      const json = new TextEncoder().encode(JSON.stringify(header));
      const out = new Uint8Array(8 + json.length + 24);
      new DataView(out.buffer).setBigUint64(0, BigInt(json.length), true);
      out.set(json, 8);
      out.set(bytes.subarray(8 + length), 8 + json.length);
      return out;
    };
    expect(() => decodeSafetensors(bytes.subarray(0, 5))).toThrow('safetensors: the file is too short, got 5 bytes');
    expect(() => decodeSafetensors(new Uint8Array(100).fill(255))).toThrow(
      'the file is truncated or of another format',
    );
    expect(() => decodeSafetensors(bytes.subarray(0, bytes.length - 1))).toThrow('the file is truncated or altered');
    expect(() => decodeSafetensors(rewritten((h) => (h.b.shape = [1e9, 1e9])))).toThrow(
      "tensor 'b' has 12 bytes, but its shape is [1000000000, 1000000000]",
    );
    expect(() => decodeSafetensors(rewritten((h) => (h.b.dtype = 'I64')))).toThrow(
      `tensor 'b' has dtype "I64"; F32 and F64 can be read`,
    );
    expect(() => decodeSafetensors(rewritten((h) => (h.b.data_offsets = [8, 1e12])))).toThrow(
      'claims bytes 8 to 1000000000000 of 24',
    );
    expect(() => decodeSafetensors(rewritten((h) => delete (h as Record<string, unknown>).b))).toThrow(
      "tensor 'scalar' begins at byte 20, not at 8; the file is altered",
    );
  });
});
