import { gradCheck, parameter, stopGradient } from '@latent/autograd';
import { compile, Rng, sum, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { roleOf } from '../../module/role.ts';
import { adam } from '../../optim/adam.ts';
import { Gru, gru } from './gru.ts';
import { recurrentFromKeras, recurrentToKeras } from './keras.ts';
import { Lstm, lstm } from './lstm.ts';
import { MinGru, minGru } from './min-gru.ts';
import type { RecurrentLayer, RecurrentLayerOptions } from './recurrent-layer.ts';
import { Rnn, rnn } from './rnn.ts';

const rng = (): Rng => new Rng(3);
const context = { weights: rng(), noise: rng(), activation: 'relu' } as const;

const kinds: [string, (options?: Partial<RecurrentLayerOptions>) => RecurrentLayer][] = [
  ['Lstm', (options) => new Lstm(3, 4, { rng: rng(), ...options })],
  ['Gru', (options) => new Gru(3, 4, { rng: rng(), ...options })],
  ['Gru, reset before', (options) => new Gru(3, 4, { rng: rng(), resetAfter: false, ...options })],
  ['Rnn', (options) => new Rnn(3, 4, { rng: rng(), ...options })],
];

describe.each(kinds)('%s', (_name, make) => {
  const x = rng().normal([2, 6, 3]);
  const stacked = { layers: 2, bidirectional: true };

  it('puts out the last states or every step, of both directions side by side', () => {
    expect(make().forward(x).shape).toEqual([2, 4]);
    expect(make({ returnSequences: true }).forward(x).shape).toEqual([2, 6, 4]);
    const layer = make(stacked);
    const { output, state } = layer.run(x);
    expect([layer.forward(x).shape, output.shape, state[0]!.shape]).toEqual([
      [2, 8],
      [2, 6, 8],
      [4, 2, 4],
    ]);
    // Forwards the last step, backwards the first.
    const last = layer.forward(x).toArray() as number[][];
    const steps = output.toArray() as number[][][];
    expect(last).toEqual(steps.map((row) => [...row[5]!.slice(0, 4), ...row[0]!.slice(4)]));
  });

  it('ends where rows end: each as if it were alone and no longer', () => {
    const layer = make(stacked);
    const lengths = [4, 0];
    const all = layer.run(x, { lengths: tensor(lengths) });
    const alone = layer.run(
      x.slice([
        [0, 1],
        [0, 4],
      ]),
    );
    expect(
      all.output.slice([
        [0, 1],
        [0, 4],
      ]).data,
    ).toEqual(alone.output.data);
    expect(
      all.output
        .slice([
          [0, 1],
          [4, 6],
        ])
        .data.every((y) => y === 0),
    ).toBe(true);
    expect(all.state[0]!.slice([null, [0, 1]]).data).toEqual(alone.state[0]!.data);
    expect(all.state.every((state) => state.slice([null, [1, 2]]).data.every((h) => h === 0))).toBe(true);
    expect(layer.forward(x, { lengths: tensor(lengths) }).slice([[0, 1]]).data).toEqual(
      layer.forward(
        x.slice([
          [0, 1],
          [0, 4],
        ]),
      ).data,
    );
  });

  it('goes on from a state: parts of a series are the whole', () => {
    const layer = make({ layers: 2 });
    const whole = layer.run(x);
    const first = layer.run(x.slice([null, [0, 2]]));
    const second = layer.run(x.slice([null, [2, 6]]), { state: first.state });
    expect(second.output.data).toEqual(whole.output.slice([null, [2, 6]]).data);
    expect(second.state.map(({ data }) => data)).toEqual(whole.state.map(({ data }) => data));
  });

  it('takes an input that stays the same once', () => {
    const layer = make({ layers: 2, returnSequences: true, steps: 5 });
    const code = rng().normal([2, 3]);
    const repeated = code.reshape([2, 1, 3]).broadcastTo([2, 5, 3]);
    const [once, often] = [layer.forward(code).data, layer.forward(repeated).data];
    expect(once.length).toBe(2 * 5 * 4);
    for (const [i, value] of once.entries()) expect(Math.abs(value - often[i]!)).toBeLessThan(1e-6);
    // Fewer steps where the batch has fewer.
    expect(layer.forward(code, { steps: 3 }).data).toEqual(layer.forward(code).slice([null, [0, 3]]).data);
  });

  it('drops between layers while training, and not after the last', () => {
    const noise = new Rng(5);
    const layer = make({ layers: 2, dropout: 0.5, noise, returnSequences: true });
    const [a, b] = [layer.forward(x).data, layer.forward(x).data];
    expect(a).not.toEqual(b);
    layer.eval();
    expect(layer.forward(x).data).toEqual(layer.forward(x).data);
    expect(make({ dropout: 0.5 }).forward(x).data).toEqual(make({ dropout: 0.5 }).forward(x).data);
  });

  it('starts from its generator alone, with weights and biases by role', () => {
    expect(make(stacked).stateDict()).toEqual(make(stacked).stateDict());
    for (const [name, value] of make(stacked).namedParameters()) {
      expect([name, roleOf(value)]).toEqual([name, name.startsWith('weight') ? 'weight' : 'bias']);
    }
    const keras = make({ init: 'orthogonal' });
    const { weight_hh_l0: hh, bias_hh_l0: bias } = keras.stateDict();
    const product = hh!.matmul(hh!, { transposeA: true }).toArray() as number[][];
    for (const [i, row] of product.entries()) {
      for (const [j, value] of row.entries()) expect(value).toBeCloseTo(i === j ? 1 : 0, 5);
    }
    expect(bias!.data.every((b) => b === 0)).toBe(true);
  });

  it('says what does not fit', () => {
    const layer = make();
    const name = layer.cell;
    expect(() => layer.forward(rng().normal([2, 6, 5]))).toThrow(`${name}: expected [rows, steps, 3], got [2, 6, 5]`);
    expect(() => layer.forward(rng().normal([2, 3]))).toThrow(`${name}: expected [rows, steps, 3], got [2, 3]`);
    expect(() => layer.run(x, { state: [rng().normal([1, 3, 4])] })).toThrow(`${name}: the state must be`);
    expect(() => make({ layers: 0 })).toThrow('layers must be a whole number ≥ 1, got 0');
  });
});

describe('Lstm', () => {
  it('keeps its state at first: forget gates start at 1 more', () => {
    const bias = (forgetBias?: number): number[] => {
      const layer = new Lstm(2, 3, { rng: rng(), ...(forgetBias !== undefined && { forgetBias }) });
      return Array.from(layer.stateDict().bias_ih_l0!.data);
    };
    const [with1, without] = [bias(), bias(0)];
    expect(with1.map((b, i) => Math.round(1e5 * (b - without[i]!)) / 1e5)).toEqual([
      0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0,
    ]);
  });

  it('trains over parts of a long series, the state an argument and a result of one recorded step', () => {
    const layer = new Lstm(1, 12, { rng: rng() });
    const head = parameter(rng().normal([1, 12], { std: 0.3 }));
    const optimizer = adam({ learningRate: 0.02 }).create([...layer.parameters(), head]);
    let recorded = 0;
    const step = compile((x: Tensor, y: Tensor, h: Tensor, c: Tensor) => {
      recorded++;
      const { output, state } = layer.run(x, { state: [h, c] });
      const error = output.matmul(head, { transposeB: true }).sub(y).square().mean();
      error.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return { error, h: stopGradient(state[0]!), c: stopGradient(state[1]!) };
    });
    // Say what came 3 steps ago, in parts of 5: of the first three steps of each only the state knows.
    const series = new Rng(9).bernoulli([4, 400, 1], { p: 0.5 });
    const delayed = series.slice([null, [0, 393]]).toArray() as number[][][];
    const losses: number[] = [];
    for (let epoch = 0; epoch < 12; epoch++) {
      let [h, c] = [
        tensor(new Float32Array(48), { shape: [1, 4, 12] }),
        tensor(new Float32Array(48), { shape: [1, 4, 12] }),
      ];
      for (let t = 8; t + 5 <= 393; t += 5) {
        const x = series.slice([null, [t, t + 5]]);
        const y = tensor(delayed.map((row) => row.slice(t - 3, t + 2)));
        const result = step(x, y, h, c);
        [h, c] = [result.h, result.c];
        losses.push(result.error.item());
      }
    }
    expect(recorded).toBe(1);
    const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(losses.slice(0, 20))).toBeGreaterThan(0.2);
    expect(Math.min(...Array.from({ length: 12 }, (_, e) => mean(losses.slice(77 * e, 77 * (e + 1)))))).toBeLessThan(
      0.05,
    );
  });
});

describe('Gru with the reset gate before the product', () => {
  it('is the first form of the paper, with its gradients', () => {
    const layer = new Gru(2, 3, { rng: rng(), resetAfter: false });
    const s = layer.stateDict();
    const x = rng().normal([1, 4, 2]);
    const sigmoid = (a: number): number => 1 / (1 + Math.exp(-a));
    let h = [0, 0, 0];
    for (let t = 0; t < 4; t++) {
      const input = (x.toArray() as number[][][])[0]![t]!;
      const of = (name: 'ih' | 'hh', row: number, v: number[]): number =>
        v.reduce(
          (a, value, i) => a + value * s[`weight_${name}_l0`]!.data[row * v.length + i]!,
          s[`bias_${name}_l0`]!.data[row]!,
        );
      const gate = (g: number): number[] =>
        h.map((_, u) => sigmoid(of('ih', 3 * g + u, input) + of('hh', 3 * g + u, h)));
      const [r, z] = [gate(0), gate(1)];
      const reset = h.map((value, u) => value * r[u]!);
      h = h.map((value, u) => {
        const n = Math.tanh(of('ih', 6 + u, input) + of('hh', 6 + u, reset));
        return (1 - z[u]!) * n + z[u]! * value;
      });
    }
    for (const [u, value] of layer.forward(x).data.entries()) expect(value).toBeCloseTo(h[u]!, 5);
    const run = (input: Tensor, weights: Tensor): Tensor => {
      const { output } = (layer as unknown as { step(x: Tensor, w: object, o: object): { output: Tensor } }).step(
        input,
        {
          weightIh: weights.slice([
            [0, 9],
            [0, 2],
          ]),
          weightHh: weights.slice([
            [0, 9],
            [2, 5],
          ]),
          biasIh: weights.slice([null, [5, 6]]).reshape([9]),
          biasHh: weights.slice([null, [6, 7]]).reshape([9]),
        },
        { reverse: true, lengths: input.from([3, 1], [2]) },
      );
      return output;
    };
    expect(gradCheck(run, [rng().normal([2, 3, 2]), rng().normal([9, 7])])).toBeLessThan(1e-6);
  });
});

describe('MinGru', () => {
  const layer = new MinGru(2, 5, { rng: rng(), returnSequences: true });
  const x = rng().normal([3, 7, 2]);

  it('is h′ = (1 − z)⊙h + z⊙(W_h·x + b_h)', () => {
    const z = layer.update.forward(x).sigmoid().data;
    const candidate = layer.candidate.forward(x).data;
    const output = layer.forward(x).data;
    for (let r = 0; r < 3; r++) {
      for (let u = 0; u < 5; u++) {
        let h = 0;
        for (let t = 0; t < 7; t++) {
          const i = (r * 7 + t) * 5 + u;
          h = (1 - z[i]!) * h + z[i]! * candidate[i]!;
          expect(output[i]).toBeCloseTo(h, 5);
        }
      }
    }
  });

  it('ends where rows end, and goes on from a state', () => {
    const lengths = tensor([7, 3, 0]);
    const { output, state } = layer.run(x, { lengths });
    const short = layer.run(
      x.slice([
        [1, 2],
        [0, 3],
      ]),
    );
    expect(state.slice([[1, 2]]).data).toEqual(short.state.data);
    expect(
      output
        .slice([
          [1, 2],
          [3, 7],
        ])
        .data.every((y) => y === 0),
    ).toBe(true);
    expect(state.slice([[2, 3]]).data.every((y) => y === 0)).toBe(true);
    const first = layer.run(x.slice([null, [0, 4]]));
    const second = layer.run(x.slice([null, [4, 7]]), { state: first.state });
    for (const [i, value] of second.state.data.entries()) expect(value).toBeCloseTo(layer.run(x).state.data[i]!, 6);
    expect(new MinGru(2, 5, { rng: rng() }).forward(x, { lengths }).shape).toEqual([3, 5]);
  });
});

describe('in networks', () => {
  const specs = { lstm, gru, rnn, minGru } as const;

  it.each(Object.entries(specs))('%s has shapes before any number exists, and a way back', (name, make) => {
    const spec = make(6);
    expect(spec.outShape([9, 2])).toEqual([6]);
    expect(make(6, { returnSequences: true }).outShape([9, 2])).toEqual([9, 6]);
    expect(() => spec.outShape([4, 4, 1])).toThrow(`${name}: rows must be [steps, features], got [4, 4, 1]`);
    expect(() => spec.outShape([8])).toThrow('give steps for rows that are the input of every step');
    const shapeAfter = (list: readonly { outShape(input: readonly number[]): readonly number[] }[], from: number[]) =>
      list.reduce<readonly number[]>((shape, layer) => layer.outShape(shape), from);
    expect(shapeAfter(spec.mirror([9, 2]), [6])).toEqual([9, 2]);
    // Before a head as wide as the layer itself.
    expect(shapeAfter(spec.head!([9, 2]), [6])).toEqual([9, 6]);
    expect(shapeAfter(make(6, { returnSequences: true }).mirror([9, 2]), [9, 6])).toEqual([9, 2]);
    const [layer] = spec.build([9, 2], context);
    expect(layer!.forward(rng().normal([2, 9, 2])).shape).toEqual([2, 6]);
  });

  it('take a code as the input of every step', () => {
    const spec = lstm(6, { steps: 9, returnSequences: true, bidirectional: true });
    expect(spec.outShape([4])).toEqual([9, 12]);
    expect(spec.build([4], context)[0]!.forward(rng().normal([2, 4])).shape).toEqual([2, 9, 12]);
    expect(() => spec.outShape([9, 4])).toThrow('steps are for rows [features] that are the input of every step');
    expect(spec.config()).toEqual({
      name: 'lstm',
      units: 6,
      layers: 1,
      bidirectional: true,
      dropout: 0,
      returnSequences: true,
      steps: 9,
      init: 'uniform',
      forgetBias: 1,
    });
  });
});

describe('weights of Keras', () => {
  const units = 2;
  /** Each weight is its gate's letter: 100·gate + place. */
  const named = (order: string, rows: number, gates = 'ifgo'): Tensor =>
    tensor(
      Array.from({ length: rows }, (_, r) =>
        [...order].flatMap((gate) => Array.from({ length: units }, (_, u) => 100 * gates.indexOf(gate) + 10 * r + u)),
      ),
    );

  it('of an LSTM are turned, gates in the same order, one bias', () => {
    const keras = { kernel: named('ifgo', 3), recurrentKernel: named('ifgo', 2), bias: named('ifgo', 1).reshape([8]) };
    const state = recurrentFromKeras('lstm', keras);
    expect(state.weight_ih_l0!.toArray()).toEqual(named('ifgo', 3).transpose().toArray());
    expect([state.bias_ih_l0!.toArray(), state.bias_hh_l0!.data.every((b) => b === 0)]).toEqual([
      keras.bias.toArray(),
      true,
    ]);
    const back = recurrentToKeras('lstm', state);
    expect([back.kernel.toArray(), back.recurrentKernel.toArray(), back.bias.toArray()]).toEqual([
      keras.kernel.toArray(),
      keras.recurrentKernel.toArray(),
      keras.bias.toArray(),
    ]);
    const layer = new Lstm(3, 2, { rng: rng() });
    layer.loadStateDict(state);
    expect(() => recurrentFromKeras('gru', keras)).toThrow('the kernel of a gru must be [3, 6], got [3, 8]');
  });

  it('of a GRU come in the order z r h, with one bias or two', () => {
    const [kernel, recurrentKernel] = [named('zrn', 3, 'rzn'), named('zrn', 2, 'rzn')];
    const two = recurrentFromKeras('gru', { kernel, recurrentKernel, bias: named('zrn', 2, 'rzn') }, 'l0_reverse');
    expect(two.weight_ih_l0_reverse!.toArray()).toEqual(named('rzn', 3, 'rzn').transpose().toArray());
    expect(two.bias_ih_l0_reverse!.toArray()).toEqual([0, 1, 100, 101, 200, 201]);
    expect(two.bias_hh_l0_reverse!.toArray()).toEqual([10, 11, 110, 111, 210, 211]);
    const back = recurrentToKeras('gru', two, { suffix: 'l0_reverse' });
    expect([back.kernel.toArray(), back.bias.toArray()]).toEqual([kernel.toArray(), named('zrn', 2, 'rzn').toArray()]);
    const one = recurrentFromKeras('gru', { kernel, recurrentKernel, bias: named('zrn', 1, 'rzn').reshape([6]) });
    expect(recurrentToKeras('gru', one, { resetAfter: false }).bias.toArray()).toEqual([100, 101, 0, 1, 200, 201]);
    expect(recurrentFromKeras('gru', { kernel, recurrentKernel }).bias_ih_l0!.toArray()).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('that do not fit are refused', () => {
    const recurrentKernel = named('ifgo', 2);
    expect(() => recurrentFromKeras('lstm', { kernel: named('ifgo', 3), recurrentKernel, bias: tensor([1]) })).toThrow(
      'the bias of a lstm must be [8], got [1]',
    );
    expect(() => recurrentToKeras('rnn', {})).toThrow('recurrentToKeras: the state has no weight_hh_l0');
  });
});

describe('gradients of whole layers', () => {
  it('come to every parameter', () => {
    for (const [, make] of kinds) {
      const layer = make({ layers: 2, bidirectional: true, returnSequences: true });
      sum(layer.forward(rng().normal([2, 5, 3])).square()).backward();
      for (const [name, p] of layer.namedParameters()) {
        expect([name, p.grad?.data.some((g) => g !== 0)]).toEqual([name, true]);
      }
    }
  });
});
