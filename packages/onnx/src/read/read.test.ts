import { noGrad } from '@latent/autograd';
import { activationNames, dense, type Layer, network, softmax } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';
import { beforeAll, describe, expect, it } from 'vitest';
import { farthest, goldenFile, results } from '../../test/golden.ts';
import { LAYERS, shaken } from '../../test/layer-cases.ts';
import { mutated } from '../../test/mutations.ts';
import { exportOnnx, onnxModel } from '../index.ts';
import { MODEL, type OnnxModel, type OnnxNode, type OnnxTensor } from '../proto/schema.ts';
import { encodeMessage } from '../proto/write.ts';
import { decodeOnnx, networkFromOnnx, onnxTensors } from './index.ts';

let golden: Record<string, Tensor>;
beforeAll(async () => {
  golden = await results();
});
const rng = (): Rng => new Rng(0);
const run = (layer: Layer, x: Tensor): Tensor => noGrad(() => layer.eval().forward(x));
const bytesOf = (model: OnnxModel): Uint8Array => encodeMessage(MODEL, model);

describe('ONNX files of PyTorch', () => {
  it.each(['mlp', 'deep', 'no-bias', 'flat'])('%s is a network of ours, with its outputs', (name) => {
    const { network: found, layers } = networkFromOnnx(goldenFile(`${name}.onnx`));
    const x = golden[name === 'flat' ? 'cube' : 'x'] as Tensor;
    expect(farthest(run(found, x), golden[name] as Tensor)).toBeLessThan(1e-6);
    if (name === 'deep') {
      expect(layers.slice(0, -1).map((layer) => layer.config().activation)).toEqual(
        expect.arrayContaining([...activationNames]),
      );
    }
  });

  it('give their weights by name', () => {
    const mlp = network([dense(8), dense(3)], { input: [5], rng: rng() });
    const rename = (name: string): string | null => (name.startsWith('2.') ? null : name.replace('3.', '2.'));
    mlp.loadStateDict(onnxTensors(goldenFile('mlp.onnx')), { rename });
    expect(mlp.stateDict()['2.weight']?.shape).toEqual([3, 8]);
  });
});

describe('files of our own', () => {
  it('come back as the typed data they were', () => {
    const vae = new Vae({ inputSize: 3, latentSize: 1, reconstruction: bernoulli() });
    const model = onnxModel(vae, { graph: 'elbo', noise: 'input', samples: 2 });
    expect(encodeMessage(MODEL, decodeOnnx(bytesOf(model)))).toEqual(bytesOf(model));
    expect(decodeOnnx(bytesOf(model)).graph?.node?.length).toBe(model.graph?.node?.length);
  });

  it('give a model its weights back', () => {
    const options = { inputSize: 3, latentSize: 2, encoder: [4], reconstruction: bernoulli() };
    const [a, b] = [shaken(new Vae({ ...options, seed: 1 })), new Vae({ ...options, seed: 2 })];
    const tensors = onnxTensors(exportOnnx(a, { graph: 'elbo' }));
    b.loadStateDict(tensors, { rename: (name) => (name.startsWith('/') ? null : name) });
    expect(b.encode([[1, 0, 1]]).mean.data).toEqual(a.encode([[1, 0, 1]]).mean.data);
  });

  /** Layers that graphs are read as; a graph with any other is refused, never read as something else. */
  const READ = [
    ...['dense', 'activation', 'softmax', 'layerNorm', 'reshape', 'flatten'],
    ...['dropout', 'alphaDropout', 'gaussianNoise', 'dropout2d'],
  ];

  it.each(Object.entries(LAYERS))('%s is a network again, or refused', (name, { specs, input }) => {
    const ours = shaken(network(specs, { input, rng: rng(), activation: 'gelu' }));
    const file = exportOnnx(ours, { input });
    if (!READ.includes(name)) {
      expect(() => networkFromOnnx(file)).toThrow('the graph is no chain of layers that we have');
      return;
    }
    const { network: found } = networkFromOnnx(file);
    const x = new Rng(1).normal([4, ...input]);
    expect(farthest(run(found, x), run(ours, x))).toBeLessThan(name === 'activation' ? 2e-6 : 1e-6);
  });

  it('of every activation are told by what they compute', () => {
    for (const activation of activationNames) {
      const ours = shaken(network([dense(3, { activation })], { input: [2], rng: rng() }));
      const { layers } = networkFromOnnx(exportOnnx(ours, { input: [2] }));
      expect(layers.map((layer) => layer.config())).toEqual([dense(3, { activation }).config()]);
    }
    const ends = network([2, softmax()], { input: [2], rng: rng() });
    expect(networkFromOnnx(exportOnnx(ends, { input: [2] })).layers.at(-1)?.name).toBe('softmax');
  });
});

describe('tensors', () => {
  const given = (each: OnnxTensor): Tensor => {
    const file = bytesOf({ graph: { initializer: [{ name: 'w', ...each }] } });
    return onnxTensors(file).w as Tensor;
  };

  it.each([
    [1, { floatData: [1.5, -2] }, [1.5, -2]],
    [11, { doubleData: [1e300, 0.1] }, [1e300, 0.1]],
    [6, { int32Data: [7, -8] }, [7, -8]],
    [7, { int64Data: [2 ** 53, -3] }, [2 ** 53, -3]],
    [13, { uint64Data: [9, 1] }, [9, 1]],
    [12, { uint64Data: [4e9, 1] }, [4e9, 1]],
    [9, { int32Data: [1, 0] }, [1, 0]],
    [3, { int32Data: [-1, 0] }, [-1, 0]],
    [10, { int32Data: [0x3c00, 0xc000] }, [1, -2]],
    [16, { int32Data: [0x3f80, 0xc000] }, [1, -2]],
    [2, { rawData: Uint8Array.of(7, 248) }, [7, 248]],
    [5, { rawData: Uint8Array.of(1, 0, 255, 255) }, [1, -1]],
  ])('of type %i, as bytes or lists', (dataType, data, want) => {
    expect([...given({ dataType, dims: [2], ...data }).data]).toEqual(want);
  });

  it.each([
    [{ dataType: 8, dims: [1] }, 'element type 8'],
    [{ dataType: 1, dims: [3], floatData: [1] }, 'has 1 numbers, but its shape takes 3'],
    [{ dataType: 1, dims: [3], rawData: new Uint8Array(4) }, 'has 4 bytes, but its shape is [3] of F32'],
    [{ dataType: 1, dims: [-1], floatData: [] }, 'no valid shape'],
    [{ dataType: 1, dims: [2 ** 52, 2 ** 52], floatData: [] }, 'no valid shape'],
    [{ dataType: 1, dims: [1], dataLocation: 1 }, 'in a file beside this one'],
  ])('that cannot be are refused: %j', (each, reason) => {
    expect(() => given(each)).toThrow(reason);
  });

  it('have all names that share them, as PyTorch writes weights that are equal', () => {
    const gemm = (x: string, bias: string, y: string): OnnxNode => ({
      opType: 'Gemm',
      input: [x, 'w', bias],
      output: [y],
    });
    const size = { dim: [{ dimParam: 'N' }, { dimValue: 2 }] };
    const shared = bytesOf({
      graph: {
        node: [{ opType: 'Identity', input: ['b'], output: ['c'] }, gemm('x', 'b', 'h'), gemm('h', 'c', 'y')],
        initializer: [
          { name: 'w', dataType: 1, dims: [2, 2], floatData: [1, 2, 3, 4] },
          { name: 'b', dataType: 1, dims: [2], floatData: [5, 6] },
        ],
        input: [{ name: 'x', type: { tensorType: { elemType: 1, shape: size } } }],
        output: [{ name: 'y' }],
      },
    });
    const tensors = onnxTensors(shared);
    expect(Object.keys(tensors)).toEqual(['w', 'b', 'c']);
    expect([...(tensors.c as Tensor).data]).toEqual([5, 6]);
    expect(run(networkFromOnnx(shared).network, tensor([[1, 0]])).toArray()).toEqual([[35, 50]]);
  });

  it('are not read where they are left out', () => {
    const single = network([dense(1, { bias: false })], { input: [1], rng: rng() });
    const initializer = [
      { name: 'text', dataType: 8, dims: [1] },
      { name: '0.weight', dataType: 1, dims: [1, 1], floatData: [3] },
    ];
    const tensors = onnxTensors(bytesOf({ graph: { initializer } }));
    single.loadStateDict(tensors, { rename: (name) => (name === 'text' ? null : name) });
    expect(single.stateDict()['0.weight']?.toArray()).toEqual([[3]]);
  });

  it('have names of their own', () => {
    const twice = bytesOf({ graph: { initializer: [{ name: 'w' }, { name: 'w' }] } });
    expect(() => onnxTensors(twice)).toThrow("there are two initialisers 'w'");
    const odd = onnxTensors(
      bytesOf({ graph: { initializer: [{ name: '__proto__', dataType: 1, dims: [], floatData: [3] }] } }),
    );
    expect(Object.keys(odd)).toEqual(['__proto__']);
  });
});

describe('graphs that are no networks are refused', () => {
  const w = (name: string, ...dims: number[]): OnnxTensor => ({
    name,
    dataType: 1,
    dims,
    floatData: new Array<number>(dims.reduce((a, b) => a * b, 1)).fill(0.5),
  });
  const node = (opType: string, input: string[], output: string, more: Partial<OnnxNode> = {}): OnnxNode => ({
    opType,
    input,
    output: [output],
    ...more,
  });
  const file = (nodes: OnnxNode[], initializer: OnnxTensor[] = [], sizes = [0, 3], inputs = ['x']): Uint8Array =>
    bytesOf({
      graph: {
        node: nodes,
        initializer,
        input: inputs.map((name) => ({
          name,
          type: { tensorType: { elemType: 1, shape: { dim: sizes.map((dimValue) => ({ dimValue })) } } },
        })),
        output: [{ name: 'y' }],
      },
    });

  it.each([
    [
      'a skip',
      file([node('Gemm', ['x', 'w'], 'h'), node('Add', ['h', 'x'], 'y')], [w('w', 3, 3)]),
      'at node Gemm the graph is no chain',
    ],
    [
      'an operator that we have not',
      file([node('Conv', ['x', 'w'], 'y')], [w('w', 3, 3, 1, 1)]),
      'at node Conv the graph is no chain',
    ],
    ['an operator with a name of every object', file([node('toString', ['x'], 'y')]), 'at node toString'],
    ['one of another domain', file([node('Relu', ['x'], 'y', { domain: 'own' })]), 'at node Relu'],
    ['an activation that we have not', file([node('Softsign', ['x'], 'y', { name: 's' })]), "at node Softsign 's'"],
    [
      'a slope that we have not',
      file([node('LeakyRelu', ['x'], 'y', { attribute: [{ name: 'alpha', type: 1, f: 0.2 }] })]),
      'at node LeakyRelu',
    ],
    [
      'two inputs',
      file([node('Add', ['x', 'z'], 'y')], [], [0, 3], ['x', 'z']),
      'one input and one output, got 2 and 1',
    ],
    ['no sizes', file([node('Relu', ['x'], 'y')], [], [0, 0]), 'does not say the shape of its rows'],
    [
      'sizes that do not fit',
      file([node('Gemm', ['x', 'w'], 'y')], [w('w', 4, 2)]),
      'has numbers of [2, 4], but takes rows of [3]',
    ],
    ['an output that nothing makes', file([node('Relu', ['x'], 'z')]), "nothing makes the output 'y'"],
    [
      'softmax over the rows',
      file([node('Softmax', ['x'], 'y', { attribute: [{ name: 'axis', type: 2, i: 0 }] })]),
      'at node Softmax',
    ],
    ['no graph', bytesOf({}), 'the file has no graph'],
    ['no file', new Uint8Array(), 'the file has no graph'],
  ])('%s', (_what, bytes, reason) => {
    expect(() => networkFromOnnx(bytes)).toThrow(reason);
  });

  const attributed = (name: string, i: number): Partial<OnnxNode> => ({ attribute: [{ name, type: 2, i }] });

  it.each([
    ['whole', 7],
    ['half', 10],
  ])('numbers made %s on their way', (_what, to) => {
    const nodes = [node('Cast', ['x'], 'h', attributed('to', to)), node('Cast', ['h'], 'y', attributed('to', 1))];
    expect(() => networkFromOnnx(file(nodes))).toThrow('at node Cast');
    expect(networkFromOnnx(file([node('Cast', ['x'], 'y', attributed('to', 1))])).layers).toEqual([]);
  });

  it('a softmax over all axes, which was the default before version 13', () => {
    const graph = decodeOnnx(file([node('Softmax', ['x'], 'y')], [], [0, 2, 3])).graph ?? {};
    const of = (version: number): Uint8Array => bytesOf({ graph, opsetImport: [{ domain: '', version }] });
    expect(() => networkFromOnnx(of(12))).toThrow('at node Softmax');
    expect(networkFromOnnx(of(13)).layers.map(({ name }) => name)).toEqual(['softmax']);
  });

  it('a bias of rows', () => {
    const nodes = [node('Gemm', ['x', 'w', 'b'], 'y')];
    expect(() => networkFromOnnx(file(nodes, [w('w', 3, 3), w('b', 3, 1)]))).toThrow('at node Gemm');
  });

  it('but rows whose shape is told', () => {
    const open = file(
      [node('MatMul', ['x', 'w'], 'h'), node('Add', ['b', 'h'], 'r'), node('Relu', ['r'], 'y')],
      [w('w', 3, 2), w('b', 2)],
      [0, 0],
    );
    const { network: found, layers } = networkFromOnnx(open, { input: [3] });
    expect(layers.map((layer) => layer.config())).toEqual([dense(2, { activation: 'relu' }).config()]);
    expect(run(found, tensor([[1, 2, 3]])).toArray()).toEqual([[3.5, 3.5]]);
    expect(() => networkFromOnnx(open, { inpt: [3] } as never)).toThrow("did you mean 'input'?");
  });
});

describe('damaged files', () => {
  it('2,000 of them are refused or read', async () => {
    const files = ['mlp.onnx', 'deep.onnx', 'no-bias.onnx', 'flat.onnx'].map(goldenFile);
    const refused = await mutated(files, (bytes) => networkFromOnnx(bytes));
    expect(refused).toBeGreaterThan(1000);
  });

  it('so are 2,000 of ours, read for their tensors', async () => {
    const vae = new Vae({ inputSize: 3, latentSize: 1, reconstruction: bernoulli() });
    const read = (bytes: Uint8Array): void => {
      for (const x of Object.values(onnxTensors(bytes))) expect(x.size).toBeLessThan(1e4);
    };
    expect(await mutated([exportOnnx(vae, { graph: 'elbo' })], read)).toBeGreaterThan(200);
  });
});
