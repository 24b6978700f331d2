import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { activation } from '../layers/activation.ts';
import { conv2d } from '../layers/convolution/conv-layers.ts';
import { dense } from '../layers/dense.ts';
import { dropout } from '../layers/dropout.ts';
import { noise } from '../layers/gaussian-noise.ts';
import { layerNorm } from '../layers/layer-norm.ts';
import { type LayerSpec, layers } from '../layers/layer-spec.ts';
import { Linear } from '../layers/linear.ts';
import { embedding } from '../layers/sequence/embedding.ts';
import { flatten, reshape } from '../layers/shape.ts';
import { Module } from '../module/module.ts';
import { buildNetwork, mirrored, network, networkCheck, opening, sameNetwork, shapesOf } from './network.ts';

const rng = (): Rng => new Rng(1);
const at = { caller: 'Vae', path: 'encoder' };
const configs = (specs: readonly LayerSpec[]): unknown[] => specs.map((spec) => spec.config());

describe('a network as data', () => {
  it('is a list of layers, in which numbers are dense layers', () => {
    const model = network([16, dense(1, { activation: 'identity' })], { input: [4], rng: rng(), activation: 'tanh' });
    expect(model.forward(tensor([[1, 2, 3, 4]])).shape).toEqual([1, 1]);
    expect(model.summary()).toContain('weight [16, 4], bias [16]');
    expect(model.namedParameters().map(([name]) => name)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect([...model.namedModules()].map(([, { type }]) => type)).toEqual([
      'Sequential',
      'Linear',
      'Activation',
      'Linear',
      'Activation',
    ]);
  });

  it('knows the shapes of rows between layers before any number is made', () => {
    const specs = [reshape([4, 4]), flatten(), dense(8), layerNorm(), activation('tanh'), dropout(0.1), noise(0.1)];
    expect(shapesOf('encoder', specs, [16])).toEqual([[16], [4, 4], [16], [8], [8], [8], [8], [8]]);
    expect(() => shapesOf('encoder', [dense(8), reshape([3])], [4])).toThrow(
      'encoder[1], reshape on rows of [8]: reshape: rows of [8] do not fit [3]',
    );
  });

  it('computes what its parts compute, and flattens rows of a shape on the way in', () => {
    const model = network([dense(3, { activation: 'identity', layerNorm: true, dropout: 0.5 })], {
      input: [2, 2],
      rng: rng(),
    });
    const linear = new Linear(4, 3, { rng: rng() });
    const state = model.stateDict();
    linear.loadStateDict({ weight: state['1.weight']!, bias: state['1.bias']! });
    const x = tensor([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [0, 1],
        [0, -1],
      ],
    ]);
    const rows = linear.forward(x.reshape([2, 4])).toArray() as number[][];
    const normal = rows.map((row) => {
      const mean = row.reduce((a, b) => a + b) / 3;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3;
      return row.map((value) => (value - mean) / Math.sqrt(variance + 1e-5));
    });
    model.eval();
    for (const [i, value] of model.forward(x).data.entries()) expect(value).toBeCloseTo(normal.flat()[i]!, 5);
    model.train();
    expect(model.forward(x).data).not.toEqual(model.forward(x).data);
  });

  it('takes one activation for all, or one for each layer', () => {
    const build = (activations: readonly ['tanh', ...'relu'[]]) =>
      buildNetwork('encoder', [dense(2), dense(2)], [2], { weights: rng(), noise: rng(), activation: activations });
    expect(
      [...build(['tanh', 'relu']).module.namedModules()].map(([, m]) => (m as { name?: string }).name).filter(Boolean),
    ).toEqual(['tanh', 'relu']);
    expect(() => build(['tanh'])).toThrow('encoder: activations must be one name or 2, one for each layer, got 1');
  });

  it('is the same network if its layers are', () => {
    expect(sameNetwork([dense(3)], [dense(3, { bias: true })])).toBe(true);
    expect(sameNetwork([dense(3)], [dense(3, { dropout: 0.1 })])).toBe(false);
    expect(sameNetwork([dense(3)], [dense(3), dense(3)])).toBe(false);
  });
});

describe('a mirror image', () => {
  it('goes back through all layers but the first with a way back, which is the head’s to undo', () => {
    expect(configs(mirrored([dense(8), dense(4, { activation: 'elu' })], [16]))).toEqual(
      configs([dense(8, { activation: 'elu' })]),
    );
    expect(mirrored([dense(8, { dropout: 0.2 }), layerNorm()], [16])).toEqual([]);
    expect(mirrored([], [16])).toEqual([]);
  });

  it('passes by what keeps the shape and has no way back', () => {
    expect(configs(mirrored([layerNorm(), dropout(0.1), dense(8), layerNorm(), dense(4)], [16]))).toEqual(
      configs([dense(8)]),
    );
    expect(mirrored([layerNorm()], [16])).toEqual([]);
    // Indices are no numbers that a way back could make: the head's too, where it comes first.
    expect(configs(mirrored([embedding(5, 3), dense(4), dense(2)], [6]))).toEqual(
      configs([dense(4), dense(18), reshape([6, 3])]),
    );
  });

  it('gives shapes back', () => {
    expect(configs(mirrored([dense(9), reshape([3, 3]), flatten(), dense(6)], [16]))).toEqual(
      configs([dense(9), reshape([3, 3]), reshape([9])]),
    );
    expect(configs(mirrored([dense(6), reshape([2, 3])], [16]))).toEqual(configs([reshape([6])]));
  });

  it('passes by what only gives rows another shape, at the beginning', () => {
    expect(mirrored([reshape([4, 4]), flatten(), dense(6)], [16])).toEqual([]);
    expect(mirrored([reshape([4, 4])], [16])).toEqual([]);
    const back = mirrored([reshape([8, 8, 1]), conv2d(3, { stride: 2 }), dense(5)], [64], { count: 2 });
    expect(shapesOf('decoder', back, [5])).toEqual([[5], [27], [3, 3, 3], [8, 8, 2]]);
  });

  it('opens with layers from a line of numbers to what the encoder makes', () => {
    expect(configs(opening([dense(8), dense(4, { activation: 'elu' })], [16]))).toEqual(
      configs([dense(4, { activation: 'elu' })]),
    );
    expect(configs(opening([dense(8, { dropout: 0.2 }), layerNorm()], [16]))).toEqual(configs([dense(8)]));
    expect(configs(opening([dense(6), reshape([2, 3])], [16]))).toEqual(configs([dense(6), reshape([2, 3])]));
    // What a layer makes of each step by itself is made of a code by one that sees all of it.
    expect(configs(opening([dense(3, { perStep: true })], [4, 2]))).toEqual(configs([dense(12), reshape([4, 3])]));
    expect(opening([], [16])).toEqual([]);
  });
});

describe('a module of one’s own', () => {
  class Half extends Module {
    forward(x: Tensor): Tensor {
      return x.slice([null, [0, 2]]);
    }
  }
  it('stands in a network’s place, its shape found by trying', () => {
    const half = new Half();
    const built = buildNetwork('encoder', half, [4], { weights: rng(), noise: rng(), activation: 'relu' });
    expect([built.module, built.shape]).toEqual([half, [2]]);
    expect(networkCheck()(half, at)).toBe(half);
  });

  it('must keep the rows', () => {
    class Sum extends Module {
      forward(x: Tensor): Tensor {
        return x.sum();
      }
    }
    expect(() => buildNetwork('encoder', new Sum(), [4], { weights: rng(), noise: rng(), activation: 'relu' })).toThrow(
      'encoder: forward must keep the first axis, the rows, and return [rows, …]; of [1, 4] it made []',
    );
    class None extends Module {
      forward(): Tensor {
        return undefined as never;
      }
    }
    expect(() =>
      buildNetwork('encoder', new None() as never, [4], { weights: rng(), noise: rng(), activation: 'relu' }),
    ).toThrow('encoder: forward must return a tensor, got undefined');
  });
});

describe('a layer of one’s own', () => {
  const scaled: (options: { by: number }) => LayerSpec = layers.define('scaled', {
    options: { by: (value) => value as number },
    build: ({ by }) => {
      class Scaled extends Module {
        forward(x: Tensor): Tensor {
          return x.mul(by);
        }
      }
      return { outShape: (input) => input, build: () => [new Scaled()], mirror: () => [scaled({ by: 1 / by })] };
    },
  });

  it('takes part in networks, mirrors and files', () => {
    const model = network([scaled({ by: 3 })], { input: [2], rng: rng() });
    expect(model.forward(tensor([[1, 2]])).toArray()).toEqual([[3, 6]]);
    expect(configs(mirrored([dense(2), scaled({ by: 4 })], [2]))).toEqual(configs([scaled({ by: 0.25 })]));
    const again = networkCheck()([JSON.parse(JSON.stringify(scaled({ by: 3 }).config()))], at) as readonly LayerSpec[];
    expect(again[0]?.config()).toEqual({ name: 'scaled', by: 3 });
    expect(layers.names()).toContain('scaled');
  });
});

describe('what is no network is refused', () => {
  const check = (value: unknown) => () => networkCheck()(value, at);
  it('by the path to the layer', () => {
    for (const [value, message] of [
      ['64', 'Vae: encoder must be a list of layers such as [400, dense(20)], or a module with forward(x), got "64"'],
      [64, 'Vae: encoder must be a list of layers'],
      [null, 'Vae: encoder must be a list of layers'],
      [{}, 'Vae: encoder must be a list of layers'],
      [new Linear(1, 1, { rng: rng() }).weight, 'Vae: encoder must be a list of layers'],
      [[0], 'Vae: encoder[0] must be a whole number ≥ 1, got 0'],
      [[8, 2.5], 'Vae: encoder[1] must be a whole number ≥ 1, got 2.5'],
      [[8, '4'], 'Vae: encoder[1] must be a layer such as dense(64), got "4"'],
      [[8, null], 'Vae: encoder[1] must be a layer such as dense(64), got null'],
      [[8, new Linear(1, 1, { rng: rng() })], 'Vae: encoder[1] must be a layer such as dense(64), got a Linear'],
      [[{ name: 'dens', units: 4 }], "Vae: there is no layer (encoder[0]) 'dens'; did you mean 'dense'?"],
      [[{ name: 'dense', unit: 4 }], "Vae: encoder[0]: there is no field 'unit'; did you mean 'units'?"],
      [[{ name: 'dense', units: Infinity }], 'Vae: encoder[0].units must be a whole number ≥ 1, got Infinity'],
      [new Array(1001).fill(1), 'Vae: encoder must have at most 1000 layers, got 1001'],
      [new Array(3), 'Vae: encoder[0] must be a layer such as dense(64), got undefined'],
    ] as [unknown, string][]) {
      expect(check(value)).toThrow(message);
    }
  });

  it('by `network` itself', () => {
    expect(() => network([4], { input: [], rng: rng() })).toThrow(
      'network: input must be an array of ≥ 1 elements, got an empty array',
    );
    expect(() => network([4], { input: [2] } as never)).toThrow(
      'network: rng must be a generator: new Rng(seed), got undefined',
    );
    expect(() => network([4], { input: [2], rng: rng(), activations: 'tanh' } as never)).toThrow(
      "did you mean 'activation'?",
    );
    expect(() => network('4' as never, { input: [2], rng: rng() })).toThrow('network: layers must be a list of layers');
  });
});
