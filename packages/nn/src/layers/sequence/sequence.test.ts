import { compile, Rng, sum, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { decodesAnySteps, encodesAnySteps, mirrored, network } from '../../network/network.ts';
import { attention, transformer } from '../attention/transformer.ts';
import { dense } from '../dense.ts';
import { dropout } from '../dropout.ts';
import { layerNorm } from '../layer-norm.ts';
import { gru } from '../recurrent/gru.ts';
import { lstm } from '../recurrent/lstm.ts';
import { flatten } from '../shape.ts';
import { Embedding, embedding } from './embedding.ts';
import { meanSteps } from './mean-steps.ts';
import { Positions, positions } from './positions.ts';
import { Repeat, repeat } from './repeat.ts';

const rng = (): Rng => new Rng(4);
const context = { weights: rng(), noise: rng(), activation: 'identity' } as const;

describe('dense', () => {
  it('takes all numbers of a row together, or those of each step by themselves', () => {
    expect(dense(3).outShape([5, 2])).toEqual([3]);
    const perStep = dense(3, { perStep: true });
    expect(perStep.outShape([5, 2])).toEqual([5, 3]);
    const layers = perStep.build([5, 2], context);
    const x = rng().normal([4, 5, 2]);
    const run = (rows: Tensor): Tensor => layers.reduce((value, layer) => layer.forward(value), rows);
    expect(run(x).slice([null, [2, 3]]).data).toEqual(run(x.slice([null, [2, 3]])).data);
    expect(perStep.mirror([5, 2]).map((spec) => spec.config())).toEqual([{ ...perStep.config(), units: 2 }]);
  });
});

describe('Repeat', () => {
  it('gives a code to every step, with where the step is', () => {
    const code = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(new Repeat(3).forward(code).toArray()).toEqual([
      [
        [1, 2],
        [1, 2],
        [1, 2],
      ],
      [
        [3, 4],
        [3, 4],
        [3, 4],
      ],
    ]);
    const placed = new Repeat(4, { positions: 2 }).forward(code).toArray() as number[][][];
    expect(placed[1]!.map((step) => step.slice(0, 2))).toEqual([
      [3, 4],
      [3, 4],
      [3, 4],
      [3, 4],
    ]);
    for (const [t, step] of placed[0]!.entries()) {
      const angle = (Math.PI * (t + 0.5)) / 4;
      expect(step[2]).toBeCloseTo(Math.sin(angle), 6);
      expect(step[3]).toBeCloseTo(Math.cos(angle), 6);
    }
    // Step by step the same where there are fewer steps.
    const fewer = new Repeat(4, { positions: 2 }).forward(code, { steps: 2 });
    expect(fewer.toArray()).toEqual(placed.map((row) => row.slice(0, 2)));
  });

  it('refuses what cannot be', () => {
    expect(() => repeat(4, { positions: 3 })).toThrow('positions must be an even number, sines and cosines, got 3');
    expect(() => repeat(0)).toThrow('repeat: steps must be a whole number ≥ 1, got 0');
    expect(() => repeat(3).outShape([2, 2])).toThrow('repeat: rows must be [features], got [2, 2]');
    expect(() => new Repeat(3).forward(tensor([[1]]), { steps: 4 })).toThrow('rows have up to 3 steps, got 4');
  });
});

describe('meanSteps', () => {
  it('is over the steps that a row has', () => {
    const [layer] = meanSteps().build([3, 1], context);
    const x = tensor([
      [[1], [3], [8]],
      [[2], [9], [10]],
      [[9], [9], [9]],
    ]);
    expect(layer!.forward(x).toArray()).toEqual([[4], [7], [9]]);
    expect(layer!.forward(x, { lengths: tensor([2, 1, 0]) }).toArray()).toEqual([[2], [2], [0]]);
  });
});

describe('Embedding', () => {
  it('is a row of its table for each index; the vector that stands for nothing is 0 and learns nothing', () => {
    const layer = new Embedding(4, 2, { rng: rng(), padding: 0 });
    const x = tensor([
      [1, 0, 3],
      [3, 3, 2],
    ]);
    const y = layer.forward(x);
    const table = layer.weight.toArray() as number[][];
    expect([y.shape, table[0]]).toEqual([
      [2, 3, 2],
      [0, 0],
    ]);
    expect(y.toArray()).toEqual((x.toArray() as number[][]).map((row) => row.map((i) => table[i])));
    sum(y).backward();
    expect(layer.weight.grad!.toArray()).toEqual([
      [0, 0],
      [1, 1],
      [1, 1],
      [3, 3],
    ]);
  });

  it('refuses an index that is none by its row and step, also in a recorded step', () => {
    const layer = new Embedding(4, 2, { rng: rng() });
    const bad = tensor([
      [1, 0],
      [3, 4],
    ]);
    expect(() => layer.forward(bad)).toThrow('embedding: row 1, step 1 must be a whole number from 0 to 3, got 4');
    const recorded = compile((x: Tensor) => layer.forward(x).sum());
    recorded(
      tensor([
        [1, 2],
        [0, 3],
      ]),
    );
    expect(() => recorded(bad)).toThrow('row 1, step 1 must be a whole number from 0 to 3, got 4');
    expect(() =>
      recorded(
        tensor([
          [0.5, 0],
          [0, 0],
        ]),
      ),
    ).toThrow('row 0, step 0 must be a whole number from 0 to 3, got 0.5');
    expect(
      recorded(
        tensor([
          [1, 1],
          [0, 0],
        ]),
      ).item(),
    ).toBeCloseTo(
      layer
        .forward(
          tensor([
            [1, 1],
            [0, 0],
          ]),
        )
        .sum()
        .item(),
      5,
    );
    expect(() => embedding(4, 2, { padding: 4 })).toThrow('embedding: padding must be one of the 4 indices, got 4');
  });
});

describe('Positions', () => {
  it('adds learned vectors or sinusoids', () => {
    const x = tensor(new Float32Array(2 * 3 * 4), { shape: [2, 3, 4] });
    const learned = new Positions(3, 4, { rng: rng() });
    expect(learned.forward(x).slice([[1, 2]]).data).toEqual(learned.weight!.data);
    expect(learned.namedParameters().map(([name]) => name)).toEqual(['weight']);
    const fixed = new Positions(3, 4, { rng: rng(), kind: 'sinusoid' });
    expect(fixed.parameters()).toEqual([]);
    const row = (fixed.forward(x).toArray() as number[][][])[0]![2]!;
    for (const [i, value] of [Math.sin(2), Math.cos(2), Math.sin(0.02), Math.cos(0.02)].entries()) {
      expect(row[i]).toBeCloseTo(value, 6);
    }
    expect(() => learned.forward(tensor(new Float32Array(16), { shape: [1, 4, 4] }))).toThrow(
      'positions: expected [rows, steps, 4] with up to 3 steps, got [1, 4, 4]',
    );
  });
});

describe('attention', () => {
  const build = (spec: ReturnType<typeof attention>) => spec.build([5, 8], context)[0]!;

  it('does not look past the end of a row, and a causal one not ahead', () => {
    const x = rng().normal([2, 5, 8]);
    const changed = tensor(
      x.data.map((value, i) => (i % 40 >= 24 ? value + 1 : value)),
      { shape: x.shape },
    );
    const lengths = tensor([3, 0]);
    for (const spec of [attention(2), transformer(2)]) {
      const layer = build(spec);
      const first = (y: Tensor): unknown => y.slice([null, [0, 3]]).data;
      const [a, b] = [layer.forward(x, { lengths }), layer.forward(changed, { lengths })];
      expect(first(a)).toEqual(first(b));
      expect(first(layer.forward(x))).not.toEqual(first(layer.forward(changed)));
      expect(a.data.every(Number.isFinite)).toBe(true);
    }
    const causal = build(attention(2, { causal: true }));
    expect(causal.forward(x).slice([null, [0, 3]]).data).toEqual(causal.forward(changed).slice([null, [0, 3]]).data);
  });

  it('needs a width that divides into its heads', () => {
    expect(() => attention(3).outShape([5, 8])).toThrow('attention: width 8 does not divide into 3 heads');
    expect(() => transformer(2).outShape([8])).toThrow('transformer: rows must be [steps, width], got [8]');
  });

  it('is the same recorded', () => {
    const layer = build(transformer(4, { dropout: 0.1 })).eval();
    const x = rng().normal([3, 5, 8]);
    const lengths = tensor([5, 2, 0]);
    const recorded = compile((rows: Tensor, ends: Tensor) => layer.forward(rows, { lengths: ends }));
    for (let i = 0; i < 2; i++) expect(recorded(x, lengths).data).toEqual(layer.forward(x, { lengths }).data);
  });
});

describe('networks of sequences', () => {
  it('mirror back to every step of a row', () => {
    const shapeAfter = (list: readonly { outShape(input: readonly number[]): readonly number[] }[], from: number[]) =>
      list.reduce<readonly number[]>((shape, layer) => layer.outShape(shape), from);
    const encoders = [
      [lstm(8)],
      [lstm(8, { bidirectional: true }), dense(3)],
      [lstm(8, { returnSequences: true }), gru(5), dense(3)],
      [dense(6, { perStep: true }), positions(), transformer(2), layerNorm(), meanSteps()],
      [gru(4, { returnSequences: true }), flatten(), dense(3)],
    ];
    for (const encoder of encoders) {
      const back = mirrored(encoder, [7, 2]);
      const shape = shapeAfter(back, [3]);
      // The head goes on from every step, unless the first layer is dense.
      expect([encoder.map((spec) => spec.name), shape.length, shape[0]]).toEqual([
        encoder.map((spec) => spec.name),
        2,
        7,
      ]);
    }
  });

  it('know whether they take any number of steps', () => {
    const encodes: [Parameters<typeof encodesAnySteps>[0], boolean][] = [
      [[lstm(8)], true],
      [[dense(4, { perStep: true }), dropout(0.1), gru(5), dense(3)], true],
      [[dense(6, { perStep: true }), positions(), transformer(2), meanSteps()], true],
      [[dense(4)], false],
      [[lstm(8, { returnSequences: true })], false],
      [[lstm(8, { returnSequences: true }), flatten(), dense(2)], false],
      [[], false],
    ];
    for (const [spec, expected] of encodes) expect(encodesAnySteps(spec, [7, 2])).toBe(expected);
    expect(encodesAnySteps([embedding(9, 4), gru(3)], [7])).toBe(true);
    expect(encodesAnySteps([dense(3)], [7])).toBe(false);
    expect(decodesAnySteps([dense(4), repeat(7), lstm(3, { returnSequences: true })], [2])).toBe(true);
    expect(decodesAnySteps([dense(4), lstm(3, { steps: 7, returnSequences: true }), flatten(), dense(14)], [2])).toBe(
      false,
    );
  });

  it('pass on what goes with the rows', () => {
    const net = network([dense(4, { perStep: true }), lstm(5), dense(2)], { input: [6, 3], rng: rng() });
    const x = rng().normal([2, 6, 3]);
    const lengths = tensor([4, 2]);
    const short = net.forward(
      x.slice([
        [1, 2],
        [0, 2],
      ]),
    );
    expect(net.forward(x, { lengths }).slice([[1, 2]]).data).toEqual(short.data);
  });
});
