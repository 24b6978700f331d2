import { noGrad } from '@latent/autograd';
import { Activation, activationNames, dense, type Layer, layerNorm, layers, network, softmax } from '@latent/nn';
import { Rng, type Tensor } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';
import { beforeAll, describe, expect, it } from 'vitest';
import { farthest, goldenFile, results } from '../../test/golden.ts';
import { LAYERS, shaken } from '../../test/layer-cases.ts';
import { mutated } from '../../test/mutations.ts';
import { writeZip } from '../files/zip.ts';
import { decodeTorch, loadTorch, torchStateDict } from './index.ts';

let golden: Record<string, Tensor>;
beforeAll(async () => {
  golden = await results();
});
const x = (): Tensor => golden.x as Tensor;
const run = (layer: Layer, rows: Tensor): Tensor => noGrad(() => layer.eval().forward(rows));
const rng = (): Rng => new Rng(0);

describe('models of PyTorch', () => {
  it.each(activationNames)('the activation %s is the one there', (name) => {
    expect(farthest(run(new Activation(name), x().mul(3)), golden[`activation ${name}`] as Tensor)).toBeLessThan(1e-6);
  });

  it('a network with its weights gives its outputs', () => {
    const mlp = network([dense(8, { activation: 'relu' }), layerNorm(), dense(3, { activation: 'tanh' })], {
      input: [5],
      rng: rng(),
    });
    loadTorch(mlp, decodeTorch(goldenFile('mlp.pt')));
    expect(farthest(run(mlp, x()), golden.mlp as Tensor)).toBeLessThan(1e-6);
  });

  it('so does one of many layers', () => {
    const specs = activationNames.toSorted((a, b) => order(a) - order(b)).map((activation) => dense(5, { activation }));
    const deep = network([...specs, dense(4, { activation: 'identity' }), softmax()], { input: [5], rng: rng() });
    loadTorch(deep, decodeTorch(goldenFile('deep.pt')));
    expect(farthest(run(deep, x()), golden.deep as Tensor)).toBeLessThan(1e-6);
  });

  it('a VAE does, under other names', () => {
    const vae = new Vae({ inputSize: 5, latentSize: 2, encoder: [6], reconstruction: bernoulli() });
    const names: Record<string, string> = {
      fc1: 'encoder.0',
      fc21: 'mean',
      fc22: 'logVariance',
      fc3: 'decoder.0',
      fc4: 'head',
    };
    const rename = (name: string): string => name.replace(/^\w+/, (layer) => names[layer] ?? layer);
    loadTorch(vae, decodeTorch(goldenFile('vae.pt')), { rename });
    const codes = noGrad(() => vae.posterior(x()));
    expect(farthest(codes.mean, golden['vae mean'] as Tensor)).toBeLessThan(1e-6);
    expect(farthest(codes.logVariance, golden['vae logvar'] as Tensor)).toBeLessThan(1e-6);
    expect(farthest(vae.reconstruct(x().clamp(0, 1)), vae.reconstruct(x().clamp(0, 1)))).toBe(0);
    expect(farthest(vae.decode(codes.mean), golden['vae restored'] as Tensor)).toBeLessThan(1e-6);
  });

  const order = (name: string): number => Object.keys(golden).indexOf(`activation ${name}`);
});

describe('files of PyTorch', () => {
  it('hold tensors of every type and layout, by their paths', () => {
    const tensors = decodeTorch(goldenFile('checkpoint.pt'));
    for (const [group, names] of [
      ['model', ['transposed', 'column', 'corner', 'scalar', 'empty', 'parameter']],
      ['types', ['half', 'bfloat', 'double', 'long', 'int', 'short', 'char', 'byte', 'bool']],
    ] as const) {
      for (const name of names) {
        const own = tensors[`${group}.${name}`] as Tensor;
        expect(farthest(own, golden[`checkpoint ${name}`] as Tensor)).toBe(0);
      }
    }
    expect(tensors['list.1.0']?.toArray()).toEqual([0, 1, 2, 3]);
    expect(Object.keys(tensors)).not.toContain('epoch');
    expect(Object.keys(decodeTorch(goldenFile('tensor.pt')))).toEqual(['tensor']);
  });

  it.each([
    ['old.pt', 'the format of PyTorch before 1.6'],
    ['module.pt', 'the file names torch.nn.modules.linear.Linear, and only tensors are read'],
    ['numpy.pt', 'the file names numpy.core.multiarray.scalar'],
    ['stored.npz', 'the archive has no data.pkl'],
    ['mlp.onnx', 'it has no directory'],
  ])('%s is refused', (name, reason) => {
    expect(() => decodeTorch(goldenFile(name))).toThrow(reason);
  });

  /** An archive with this pickle and one storage of four numbers. */
  const archive = (pickle: string): Promise<Uint8Array> =>
    writeZip('test', {
      'a/data.pkl': Uint8Array.from(pickle, (letter) => letter.charCodeAt(0)),
      'a/data/0': new Uint8Array(16),
    });
  const storage = '(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ';
  const tensorOf = (inputs: string): string => `\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(${storage}${inputs}tR.`;

  it.each([
    ['runs nothing', '\x80\x02cos\nsystem\n(X\x04\0\0\0echotR.', 'the file names os.system, and only tensors are read'],
    ['nor what a stack names', '\x80\x04\x8c\x08builtins\x8c\x04eval\x93.', 'the file names builtins.eval'],
    ['nor what inherits', '\x80\x02ctorch\n__class__\n.', 'the file names torch.__class__'],
    ['no object is made by itself', '\x80\x02ccollections\nOrderedDict\n)\x81.', 'the opcode 129'],
    ['no old instances', '\x80\x02(iposix\nsystem\n.', 'the opcode 105'],
    ['no calls of data', '\x80\x02]K\x01\x85R.', 'it calls what makes no tensor'],
    ['no calls of what is no function', '\x80\x02ctorch\nFloatStorage\n)R.', 'it calls what makes no tensor'],
    ['no attributes of others', '\x80\x02]}b.', 'gives attributes to what is no dictionary'],
    ['tensors lie within their numbers', tensorOf('K\x02K\x03\x85K\x01\x85\x89N'), 'lies outside of its 4 numbers'],
    ['those that repeat none', tensorOf('K\0J\xff\xff\xff\x7f\x85K\0\x85\x89N'), 'takes 4 numbers several times'],
    [
      'numbers have their signs',
      tensorOf('K\0K\x02\x85K\x01\x85\x89N}X\x03\0\0\0neg\x88s'),
      'save it after resolve_neg()',
    ],
    [
      'and are of one part',
      '\x80\x02ctorch\nComplexFloatStorage\n.',
      'tensors of torch.ComplexFloatStorage; dense ones can be read, of F',
    ],
    ['and have no place before them', tensorOf('J\xff\xff\xff\xffK\x01\x85K\x01\x85\x89N'), 'lies outside'],
    ['and as many steps as sizes', tensorOf('K\0K\x02\x85)\x89N'), 'lies outside'],
    ['and sizes that are numbers', tensorOf('K\0X\x01\0\0\0a\x85K\x01\x85\x89N'), 'no valid shape'],
    [
      'and are dense',
      '\x80\x02ctorch._utils\n_rebuild_sparse_tensor\n.',
      'tensors of torch._utils._rebuild_sparse_tensor; dense',
    ],
    [
      'storages are there',
      '\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x009X\x03\0\0\0cpuK\x04tQ.',
      "there is no storage '9'",
    ],
    [
      'and as long as they say',
      '\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x05tQ.',
      '16 bytes for 5 numbers',
    ],
    ['an end in the middle', '\x80\x02(X', 'ends within its opcode'],
    ['an empty stack', '\x80\x02.', 'leaves something behind'],
    ['a mark alone', '\x80\x02(.', 'takes what is not there'],
    ['lists within themselves', '\x80\x02]q\0h\0a.', 'it holds more values, or deeper ones'],
    [
      'lists of lists of lists',
      `\x80\x02]q\x00${`0](${'h\x00'.repeat(10)}eq\x00`.repeat(20)}.`,
      'it holds more values',
    ],
  ])('%s', async (_what, pickle, reason) => {
    const bytes = await archive(pickle);
    expect(() => decodeTorch(bytes)).toThrow(reason);
  });

  it('2,000 damaged ones are refused or read', async () => {
    const files = ['mlp.pt', 'checkpoint.pt', 'tensor.pt'].map(goldenFile);
    const read = (bytes: Uint8Array): void => {
      for (const each of Object.values(decodeTorch(bytes))) expect(each.size).toBeLessThan(1e5);
    };
    expect(await mutated(files, read)).toBeGreaterThan(1000);
  });
});

const RECURRENT = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'];
/** The tensors of PyTorch's layers, by our types; recurrent ones have one of each for every layer and direction, `…_l0_reverse`. */
const THERE: Readonly<Record<string, readonly string[]>> = {
  Linear: ['weight', 'bias'],
  LayerNorm: ['weight', 'bias'],
  RmsNorm: ['weight'],
  ScaleNorm: ['weight'],
  GroupNorm: ['weight', 'bias'],
  BatchNorm: ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'],
  Conv1d: ['weight', 'bias'],
  Conv2d: ['weight', 'bias'],
  ConvTranspose1d: ['weight', 'bias'],
  ConvTranspose2d: ['weight', 'bias'],
  Lstm: RECURRENT,
  Gru: RECURRENT,
  Rnn: RECURRENT,
  MultiHeadAttention: ['in_proj_weight', 'in_proj_bias'],
  Embedding: ['weight'],
  Positions: ['weight'],
};

describe('names and layouts of PyTorch', () => {
  it('are known of every layer with numbers', () => {
    const unknown = layers.names().flatMap((name) => {
      const { specs, input } = LAYERS[name] as (typeof LAYERS)[string];
      const built = network(specs, { input, rng: rng() });
      return [...built.namedModules()].flatMap(([path, module]) => {
        const own = Object.keys(module).filter((field) =>
          built.namedTensors().some(([each]) => each === `${path}.${field}`),
        );
        const known = (field: string): boolean =>
          THERE[module.type]?.includes(field.replace(/_l\d+(_reverse)?$/, '')) === true;
        return own.filter((field) => !known(field)).map((field) => `${module.type}.${field}`);
      });
    });
    expect(unknown).toEqual([]);
  });

  it('go out and come back', () => {
    for (const { specs, input } of Object.values(LAYERS)) {
      const [a, b] = [shaken(network(specs, { input, rng: rng() }), 1), network(specs, { input, rng: rng() })];
      loadTorch(b, torchStateDict(a));
      for (const [name, tensor] of a.namedTensors()) {
        expect(b.namedTensors().find(([own]) => own === name)?.[1].data).toEqual(tensor.data);
      }
    }
  });

  it('are all there, or nothing changes', () => {
    const mlp = network([dense(8), layerNorm(), 3], { input: [5], rng: rng() });
    const before = mlp.stateDict();
    const state = decodeTorch(goldenFile('mlp.pt'));
    expect(() => loadTorch(network([7], { input: [5], rng: rng() }), state)).toThrow(
      '0.weight must be [7, 5], got [8, 5]',
    );
    expect(() => loadTorch(mlp, state, { rename: (name) => (name === '3.bias' ? null : name) })).toThrow(
      'missing 3.bias [3]',
    );
    expect(() => loadTorch(mlp, state, { rename: (name) => (name === '3.bias' ? '2.bias' : name) })).toThrow(
      '2.bias and 3.bias are both renamed to 2.bias',
    );
    expect(() => loadTorch(mlp, { ...torchStateDict(mlp), more: state['3.bias'] as Tensor })).toThrow(
      'unexpected more',
    );
    for (const [name, tensor] of mlp.namedTensors()) expect(tensor.data).toEqual(before[name]?.data);
  });
});
