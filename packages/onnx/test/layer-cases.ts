import { noGrad } from '@latent/autograd';
import {
  activation,
  activationNames,
  alphaDropout,
  dense,
  dropout,
  flatten,
  type Layer,
  type LayerSpec,
  layerNorm,
  network,
  noise,
  reshape,
  scoring,
  softmax,
} from '@latent/nn';
import { overwrite, Rng, type Shape } from '@latent/tensor';
import { onnxModel } from '../src/index.ts';
import { ACTIVATION, type Case } from './cases.ts';

/** A network with every layer that is registered, by the layer's name. A layer without a row here fails the tests. */
export const LAYERS: Readonly<
  Record<string, { readonly specs: readonly (number | LayerSpec)[]; readonly input: Shape }>
> = {
  dense: {
    specs: [dense(4, { activation: 'tanh' }), dense(3, { bias: false, layerNorm: true, dropout: 0.5 }), 2],
    input: [5],
  },
  activation: { specs: activationNames.map(activation), input: [4] },
  dropout: { specs: [dropout(0.5)], input: [3] },
  alphaDropout: { specs: [alphaDropout(0.5)], input: [3] },
  gaussianNoise: { specs: [noise(2)], input: [3] },
  layerNorm: { specs: [layerNorm({ epsilon: 1e-3 }), layerNorm()], input: [2, 6] },
  reshape: { specs: [reshape([3, 2]), layerNorm(), reshape([6])], input: [6] },
  flatten: { specs: [flatten(), dense(2)], input: [2, 3, 2] },
  softmax: { specs: [3, softmax()], input: [4] },
};

/** Gives every parameter numbers of its own: first values such as ones and zeros hide mistakes. */
export function shaken<M extends Layer>(module: M, seed = 1, std = 0.5): M {
  const rng = new Rng(seed);
  for (const [, x] of module.namedTensors()) overwrite(x, x.add(rng.normal(x.shape, { std })));
  return module;
}

/** A network as a graph, and what it makes of rows. */
export function networkCase(name: string, module: Layer, input: Shape, rows: number, scale = 1): Case {
  const x = new Rng(rows).normal([rows, ...input], { std: scale });
  const y = noGrad(() => scoring(() => module.forward(x)));
  return {
    name,
    model: onnxModel(module, { input }),
    inputs: { x: { type: 'float', dims: x.shape, data: Array.from(x.data) } },
    expected: { y: { dims: y.shape, data: Array.from(y.data), ...ACTIVATION } },
  };
}

/** Every registered layer, and every activation by itself at small and large values, for no row, one and several. */
export function layerCases(): Case[] {
  const layers = Object.entries(LAYERS).flatMap(([name, { specs, input }]) =>
    [0, 1, 4].map((rows) => {
      const module = shaken(network(specs, { input, rng: new Rng(3), activation: 'elu' }));
      return networkCase(`${name}, ${rows} rows`, module, input, rows);
    }),
  );
  const activations = activationNames.flatMap((name) =>
    [1e-3, 1, 20].map((scale) =>
      networkCase(
        `${name} of values up to ${scale}`,
        network([activation(name)], { input: [16], rng: new Rng(0) }),
        [16],
        8,
        scale,
      ),
    ),
  );
  return [...layers, ...activations];
}
