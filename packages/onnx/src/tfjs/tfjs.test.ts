import { noGrad } from '@latent/autograd';
import { tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { farthest, goldenJson } from '../../test/golden.ts';
import { mutated } from '../../test/mutations.ts';
import { networkFromTfjs, type TfjsJson, tfjsTensors } from './index.ts';

interface Golden {
  readonly json: {
    modelTopology: { config: { layers: { class_name: string; config: Record<string, unknown> }[] } };
    weightsManifest: unknown[];
  };
  readonly shards: readonly string[];
  readonly x: { readonly shape: number[]; readonly data: number[] };
  readonly y: { readonly shape: number[]; readonly data: number[] };
}

const golden =
  goldenJson<Record<'sequential' | 'functional' | 'branches' | 'images' | 'sequences', Golden>>('tfjs.json');
const shardsOf = ({ shards }: Golden): Uint8Array[] =>
  shards.map((text) => new Uint8Array(Buffer.from(text, 'base64')));
const copy = <T>(value: T): T => structuredClone(value);

/** The sequential model after a change of one of its layers. */
function changed(layer: number, config: Record<string, unknown>, className?: string): TfjsJson {
  const json = copy(golden.sequential.json);
  const own = json.modelTopology.config.layers[layer] as (typeof json.modelTopology.config.layers)[number];
  Object.assign(own.config, config);
  if (className !== undefined) own.class_name = className;
  return json as unknown as TfjsJson;
}

/** The functional model with other outputs. */
function giving(outputs: unknown): TfjsJson {
  const json = copy(golden.functional.json);
  Object.assign(json.modelTopology.config, { output_layers: outputs });
  return json as unknown as TfjsJson;
}
const nameOf = (json: unknown): 'functional' | 'sequential' =>
  JSON.stringify(json).includes('output_layers') ? 'functional' : 'sequential';

describe('models of TensorFlow.js', () => {
  it.each(['sequential', 'functional'] as const)('a %s one gives its outputs', (name) => {
    const { json, x, y } = golden[name];
    const { network, layers, input } = networkFromTfjs(JSON.stringify(json), shardsOf(golden[name]));
    const rows = tensor(x.data, { shape: x.shape });
    expect(
      farthest(
        noGrad(() => network.forward(rows)),
        tensor(y.data, { shape: y.shape }),
      ),
    ).toBeLessThan(1e-6);
    expect(input).toEqual(x.shape.slice(1));
    expect(layers.map((layer) => layer.name)).toEqual(
      name === 'sequential'
        ? ['dense', 'dropout', 'layerNorm', 'dense', 'activation', 'gaussianNoise', 'dense', 'dense', 'softmax']
        : ['flatten', 'dense', 'reshape', 'reshape', 'layerNorm', 'activation', 'flatten', 'dense'],
    );
  });

  it.each(['images', 'sequences'] as const)('one of %s gives its outputs', (name) => {
    const { json, x, y } = golden[name];
    const { network } = networkFromTfjs(JSON.stringify(json), shardsOf(golden[name]));
    const rows = tensor(x.data, { shape: x.shape });
    const own = noGrad(() => network.forward(rows));
    expect(farthest(own, tensor(y.data, { shape: y.shape }))).toBeLessThan(2e-6);
  });

  const layerOf = (name: 'images' | 'sequences', className: string, config: Record<string, unknown>) => () => {
    const json = copy(golden[name].json);
    const layer = json.modelTopology.config.layers.find((each) => each.class_name === className);
    Object.assign(layer?.config as object, config);
    return networkFromTfjs(json as unknown as TfjsJson, shardsOf(golden[name]));
  };

  it.each([
    [
      'channels first',
      layerOf('images', 'Conv2D', { data_format: 'channels_first' }),
      'data_format channels_first; ours has channels_last',
    ],
    ['other padding', layerOf('sequences', 'Conv1D', { padding: 'causal' }), 'padding causal; ours are valid and same'],
    ['other kernels', layerOf('images', 'Conv2D', { kernel_size: [3] }), 'has kernel_size [3]'],
    [
      'kernels of other sizes',
      layerOf('images', 'Conv2D', { kernel_size: [3, 3] }),
      'the description asks for more numbers than the file has',
    ],
    ['sizes that are none', layerOf('images', 'MaxPooling2D', { pool_size: ['a', 2] }), 'has pool_size ["a",2]'],
    [
      'other places between pixels',
      layerOf('images', 'UpSampling2D', { interpolation: 'bilinear' }),
      'interpolation bilinear; ours has nearest',
    ],
    ['sides that are none', layerOf('images', 'ZeroPadding2D', { padding: [1, -1] }), 'has padding [1,-1]'],
    ['another axis', layerOf('images', 'BatchNormalization', { axis: 1 }), 'has axis 1; ours has -1'],
    [
      'an approximate sigmoid',
      layerOf('sequences', 'LSTM', { recurrent_activation: 'hard_sigmoid' }),
      'recurrent_activation hard_sigmoid; ours has sigmoid',
    ],
    ['other gates', layerOf('sequences', 'GRU', { activation: 'relu' }), 'has activation relu; ours has tanh'],
    ['steps backwards', layerOf('sequences', 'LSTM', { go_backwards: true }), 'go_backwards true; ours has false'],
    ['groups', layerOf('images', 'Conv2D', { groups: 2 }), 'has groups 2; ours has 1'],
    [
      'sizes of what comes out',
      layerOf('images', 'Conv2DTranspose', { output_padding: [1, 1] }),
      'has output_padding [1,1]; ours has none',
    ],
    [
      'axes that stay',
      layerOf('sequences', 'GlobalMaxPooling1D', { keepdims: true }),
      'has keepdims true; ours has false',
    ],
    ['masks', layerOf('sequences', 'Embedding', { mask_zero: true }), 'mask_zero true; ours has false'],
    ['no steps', layerOf('sequences', 'RepeatVector', { n: 0 }), 'has n 0'],
  ])('%s are refused', (_what, read, message) => {
    expect(read).toThrow(message);
  });

  it('with their files in any of the forms that programs have them in', () => {
    const shards = shardsOf(golden.sequential);
    const json = golden.sequential.json as unknown as TfjsJson;
    const whole = Uint8Array.from(shards.flatMap((shard) => [...shard]));
    const manifest = copy(golden.sequential.json);
    (manifest.weightsManifest[0] as { paths: string[] }).paths = ['all.bin'];
    const want = tfjsTensors(json, shards);
    const named = { 'group1-shard2of2.bin': shards[1] as Uint8Array, 'group1-shard1of2.bin': shards[0] as Uint8Array };
    for (const got of [
      tfjsTensors(json, named),
      tfjsTensors(manifest as unknown as TfjsJson, whole),
      tfjsTensors(manifest as unknown as TfjsJson, whole.buffer),
    ]) {
      for (const [name, x] of Object.entries(want)) expect(got[name]?.data).toEqual(x.data);
    }
  });

  it('whose weights are quantised', () => {
    const half = { name: 'h', shape: [2], dtype: 'float32', quantization: { dtype: 'float16' } };
    const weights = [
      { name: 'a', shape: [3], dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.5, min: -1 } },
      { name: 'b', shape: [1], dtype: 'float32', quantization: { dtype: 'uint16', scale: 2, min: 0 } },
      half,
      { name: 'i', shape: [], dtype: 'int32' },
      { name: 'j', shape: [2], dtype: 'int32', quantization: { dtype: 'uint8', scale: 0.3, min: -1 } },
    ];
    const bytes = Uint8Array.of(0, 2, 255, 1, 1, 0, 0x3c, 0, 0xc0, 7, 0, 0, 0, 0, 6);
    const got = tfjsTensors({ weightsManifest: [{ paths: ['w'], weights }] }, bytes);
    expect(Object.fromEntries(Object.entries(got).map(([name, x]) => [name, [...x.data]]))).toEqual({
      a: [-1, 0, 126.5],
      b: [514],
      h: [1, -2],
      i: [7],
      j: [-1, 1],
    });
  });

  it.each([
    [
      'a layer that we have not',
      changed(0, {}, 'ConvLSTM2D'),
      "layer 'dense_Dense1' is of the class ConvLSTM2D; ours are",
    ],
    ['a class with a name of every object', changed(0, {}, 'toString'), 'is of the class toString'],
    ['an activation that we have not', changed(0, { activation: 'hard_sigmoid' }), 'has the activation hard_sigmoid'],
    ['another axis', changed(2, { axis: [0] }), 'has axis 0; ours has -1'],
    [
      'rows without a shape',
      changed(0, { batch_input_shape: [null, null] }),
      'the first layer must say the shape of its rows',
    ],
    [
      'other sizes',
      changed(0, { batch_input_shape: [null, 5] }),
      'dense_Dense1 has numbers of [6, 4], but takes rows of [5]',
    ],
    [
      'normalisation along an axis but the last',
      changed(0, { batch_input_shape: [null, 3, 4] }),
      'has axis 1; ours has -1',
    ],
    ['a weight that is missing', changed(3, { use_bias: true }), "layer 'dense_Dense2' must have one bias, got none"],
    ['a name that is missing', changed(0, { name: 5 }), 'layer 0 has no class or no name'],
    ['branches', golden.branches.json, 'takes flatten_Flatten1'],
    [
      'slopes by either name',
      changed(4, { negative_slope: 0.3 }, 'LeakyReLU'),
      'has negative_slope 0.3; ours has 0.01',
    ],
    ['and the usual one', changed(4, {}, 'LeakyReLU'), 'has negative_slope 0.3; ours has 0.01'],
    ['what another layer makes', giving([['input1', 0, 0]]), 'the model gives what input1 makes; only what the last'],
    [
      'what several layers make',
      giving([
        ['input1', 0, 0],
        ['dense', 0, 0],
      ]),
      'gives what input1 and dense makes',
    ],
    ['a graph model', { format: 'graph-model' }, 'a graph model has no layers'],
    ['text that is no JSON', '{', 'model.json is no JSON object'],
    ['nothing', null, 'model.json is no JSON object'],
    ['a model without layers', { modelTopology: { class_name: 'Sequential', config: {} } }, 'model.json has no layers'],
  ])('are refused: %s', (_what, json, reason) => {
    const shards = shardsOf(golden[json === (golden.branches.json as unknown) ? 'branches' : nameOf(json)]);
    expect(() => networkFromTfjs(json as TfjsJson, shards)).toThrow(reason);
  });

  it('are refused where their files are not theirs', () => {
    const { json } = golden.sequential as unknown as { json: TfjsJson };
    const shards = shardsOf(golden.sequential);
    expect(() => networkFromTfjs(json, [shards[0] as Uint8Array])).toThrow(
      "the file 'group1-shard2of2.bin' was not given",
    );
    expect(() => networkFromTfjs(json, [...shards, new Uint8Array()])).toThrow('has 2 binary files, got 3');
    expect(() => networkFromTfjs(json, { a: shards[0] as Uint8Array })).toThrow(
      "the file 'group1-shard1of2.bin' was not given",
    );
    expect(() =>
      networkFromTfjs(
        json,
        shards.map((shard) => shard.slice(8)),
      ),
    ).toThrow('a file is missing or altered');
    expect(() =>
      networkFromTfjs(
        json,
        shards.map((shard) => Uint8Array.of(...shard, 0)),
      ),
    ).toThrow('of another model, or altered');
  });

  it('2,000 damaged ones are refused or read', async () => {
    const texts = (['sequential', 'functional'] as const).map((name) =>
      new TextEncoder().encode(JSON.stringify(golden[name].json)),
    );
    const decoder = new TextDecoder();
    const read = (bytes: Uint8Array): unknown =>
      networkFromTfjs(decoder.decode(bytes), shardsOf(bytes.length % 2 === 0 ? golden.sequential : golden.functional));
    expect(await mutated(texts, read)).toBeGreaterThan(1000);
  });
});
