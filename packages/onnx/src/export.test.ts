import { customGradient, noGrad, parameter } from '@latent/autograd';
import { dense, type Layer, LayerNorm, Linear, Module, network, standardise } from '@latent/nn';
import {
  add,
  apply,
  elementwise,
  linearRecurrence,
  type Op,
  opTable,
  Rng,
  recurrent,
  type Tensor,
  tensor,
} from '@latent/tensor';
import { Autoencoder, bernoulli, boundScore, gaussian, type Score, squaredError, Vae, VaeCore } from '@latent/vae';
import { describe, expect, it } from 'vitest';
import { difference } from '../test/cases.ts';
import { run } from '../test/interpreter.ts';
import { networkCase, shaken } from '../test/layer-cases.ts';
import { given, wanted } from '../test/vae-cases.ts';
import { Graph, N } from './graph/graph.ts';
import { exportOnnx, layerRules, modelRules, onnxModel, opRules, transformRules } from './index.ts';

const rng = new Rng(1);
const vae = (): Vae => new Vae({ inputSize: 4, latentSize: 2, encoder: [3], reconstruction: bernoulli() });

/** A layer of the user's. */
class Own extends Module implements Layer {
  readonly inner = new Linear(3, 3, { rng: new Rng(2) });
  readonly work: (x: Tensor) => Tensor;

  constructor(work: (x: Tensor) => Tensor) {
    super();
    this.work = work;
  }

  override get type(): string {
    return 'Own';
  }

  forward(x: Tensor): Tensor {
    return this.work(this.inner.forward(x));
  }
}

const operators = (model: ReturnType<typeof onnxModel>): string[] =>
  (model.graph?.node ?? []).map(({ opType }) => opType as string);

describe('a file', () => {
  it('is of opset 17, with the rows open and the weights under their names', () => {
    const { irVersion, opsetImport, graph, metadataProps } = onnxModel(vae(), { graph: 'encoder' });
    expect({ irVersion, opsetImport }).toEqual({ irVersion: 8, opsetImport: [{ domain: '', version: 17 }] });
    expect(graph?.input).toEqual([
      { name: 'x', type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'N' }, { dimValue: 4 }] } } } },
    ]);
    const names = graph?.initializer?.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['encoder.0.weight', 'mean.bias', 'logVariance.weight']));
    expect(names).not.toContain('head.weight');
    expect(metadataProps).toContainEqual({ key: 'graph', value: 'encoder' });
  });

  it('has one operator for what is one, and the layers in the names of nodes', () => {
    const module = network([dense(4, { activation: 'selu', layerNorm: true }), 2], { input: [3], rng });
    const model = onnxModel(module, { input: [3] });
    expect(operators(model)).toEqual(['Gemm', 'LayerNormalization', 'Selu', 'Gemm', 'Relu', 'Identity']);
    expect(model.graph?.node?.map(({ name }) => name)).toContain('1/LayerNormalization_1');
  });

  it('is the same bytes each time, and leaves the model as it was', () => {
    const model = vae();
    const before = model.encode([[0, 1, 1, 0]]).mean.data;
    const bytes = exportOnnx(model, { graph: 'elbo' });
    expect(exportOnnx(model, { graph: 'elbo' })).toEqual(bytes);
    expect(model.encode([[0, 1, 1, 0]]).mean.data).toEqual(before);
    expect(model.parameters().every((x) => x.node?.isParameter)).toBe(true);
    expect(Object.hasOwn(model.mean, 'forward')).toBe(false);
  });

  it('takes any number of rows, none too', () => {
    const module = shaken(network([4, 2], { input: [3], rng }));
    for (const rows of [0, 1, 2, 9]) {
      const { model, inputs, expected } = networkCase('rows', module, new Rng(rows).normal([rows, 3]));
      expect(difference(expected, run(model, inputs))).toBeNull();
    }
  });

  it('may not have two things of one name', () => {
    class Named extends Own {
      readonly x = parameter(tensor([1, 2, 3]));
      readonly y = parameter(tensor([4, 5, 6]));
    }
    const named = new Named((rows) => rows.mul(named.x));
    expect(() => onnxModel(named, { input: [3] })).toThrow("the tensor 'x' has the name of an input or output");
  });

  it('sees layers whose forward is a field, and leaves them theirs', () => {
    class Field extends Module {
      readonly inner = new LayerNorm(3);
      readonly forward = (x: Tensor): Tensor => this.inner.forward(x).exp();
    }
    const field = new Field();
    const { forward } = field;
    const names = onnxModel(field, { input: [3] }).graph?.node?.map(({ name }) => name);
    expect(names).toEqual(['inner/LayerNormalization_0', '/Exp_1', 'y']);
    expect(field.forward).toBe(forward);
  });

  it('holds at most 2 GiB', () => {
    const graph = new Graph();
    // One array under many names: nothing of it is ever touched.
    const values = new Float32Array(2 ** 25);
    const many = (count: number) => {
      const tensors = Array.from({ length: count }, (_, i) => graph.tensor(`t${i}`, 'float', [values.length], values));
      graph.output(`y${count}`, graph.node('Sum', [graph.input(`x${count}`, 'float', [N, 1]), ...tensors]), [N, 1]);
      return () => graph.model('large', {});
    };
    expect(many(15)).not.toThrow();
    expect(many(16)).toThrow('exportOnnx: the numbers take 2147483648 bytes, but a file holds at most 2147483647');
  });

  it('is in eval mode whatever the model is in', () => {
    const module = network([dense(3, { dropout: 0.9 })], { input: [3], rng });
    expect(operators(onnxModel(module.train() as Layer, { input: [3] }))).toEqual(['Gemm', 'Relu', 'Identity']);
  });
});

describe('parts of the user', () => {
  it('need no rule where they are written with tensor ops', () => {
    const scaled = elementwise('scaled', (x) => x.mul(3).add(x.exp()), [null]);
    const kernel = parameter(tensor([1, 2, 3]));
    class Deep extends Own {
      readonly kernel = kernel;
    }
    const module = new Deep((x) =>
      apply(scaled, [add(kernel, x)], undefined)
        .softmax()
        .mul(x.sum({ axis: 1, keepDims: true })),
    );
    const { model, inputs, expected } = networkCase('own', module, new Rng(4).normal([4, 3]));
    expect(difference(expected, run(model, inputs))).toBeNull();
    expect(model.graph?.initializer?.map(({ name }) => name)).toContain('kernel');
  });

  it('may bring rules: an op, a layer, a transform, a model', async () => {
    const op: Op<undefined> = { ...(elementwise('ownOp', (x) => x.abs(), [null]) as Op<undefined>) };
    delete (op as { program?: unknown }).program;
    const module = new Own((x) => apply(op, [x], undefined));
    expect(() => onnxModel(module, { input: [3] })).toThrow("exportOnnx: the op 'ownOp' has no rule for ONNX");
    opRules.define('ownOp', (graph, inputs) => graph.node('Abs', inputs));
    expect(operators(onnxModel(module, { input: [3] }))).toEqual(['Gemm', 'Abs', 'Identity']);
    expect(() => opRules.define('ownOp', () => null)).toThrow("onnx: there is a rule for the op 'ownOp' already");

    class Whole extends Own {
      override get type(): string {
        return 'Whole';
      }
    }
    layerRules.define('Whole', (graph, layer, inputs, { tensor: own }) =>
      graph.node('MatMul', [...inputs, own((layer as Whole).inner.weight)]),
    );
    const whole = new Whole((x) => tensor(x.data, { shape: x.shape }));
    expect(operators(onnxModel(whole, { input: [3] }))).toEqual(['MatMul', 'Identity']);

    class Special extends VaeCore {
      static override readonly modelName = 'special';
    }
    const special = new Special({ inputSize: 2, latentSize: 1, reconstruction: gaussian() });
    expect(() => onnxModel(special)).toThrow("models of the class 'special' have no graphs");
    modelRules.define('special', {
      codes: {
        options: {},
        build: (graph) => ({ y: graph.trace([graph.x], (x) => ({ y: special.forward(x as Tensor) })).y }),
      },
    });
    expect(operators(onnxModel(special))).toEqual(['Gemm', 'Identity']);
    expect(transformRules.names()).toContain('standardise');
  });

  it('may be scores as values', () => {
    const own: Score<'most'> = {
      name: 'most',
      density: false,
      outputs: { most: {} },
      compute: (model, { near }) => ({ most: model.posterior(near).mean.max({ axis: 1 }) }),
    };
    const model = shaken(vae());
    const x = rng.bernoulli([3, 4]);
    const file = onnxModel(model, { graph: own });
    const most = model.encode(x).mean.max({ axis: 1 });
    expect(difference({ most: wanted(most) }, run(file, { x: given(x) }))).toBeNull();
  });

  it('are not taken for the engine’s because they have an op’s name', () => {
    const softmax = elementwise('softmax', (x) => x.mul(2), [null]);
    const { model, inputs, expected } = networkCase(
      'own',
      new Own((x) => apply(softmax, [x], undefined)),
      new Rng(2).normal([2, 3]),
    );
    expect(difference(expected, run(model, inputs))).toBeNull();
  });
});

describe('what no graph can say is refused, with its path', () => {
  const refused = (work: (x: Tensor) => Tensor): (() => unknown) => {
    const module = network([3], { input: [3], rng });
    (module as unknown as { layers: unknown[] }).layers = [new Own(work)];
    return () => onnxModel(module, { input: [3] });
  };

  it.each([
    ['numbers that are read', (x: Tensor) => x.add(x.data[0] as number), "0: 'add' depends on the rows"],
    ['a tensor taken off the graph', (x: Tensor) => x.mul(x.detach()), "0: 'mul' depends on the rows"],
    ['draws', (x: Tensor) => x.add(rng.normal(x.shape)), "0: 'add' depends on the rows"],
    [
      'the mean of the batch',
      (x: Tensor) => x.sub(x.mean({ axis: 0, keepDims: true })),
      "0: 'mul' depends on the rows",
    ],
    [
      'a part of the batch',
      (x: Tensor) =>
        x
          .slice([[0, 2]])
          .sum({ axis: 0, keepDims: true })
          .add(x.slice([[1, x.shape[0] as number]])),
      'depends on the rows',
    ],
    ['steps that change', (x: Tensor) => (x.shape[0] === 5 ? x.exp() : x.sin()), "0: 'exp' depends on the rows"],
    [
      'more steps for more rows',
      (x: Tensor) => Array.from({ length: x.shape[0] as number }).reduce<Tensor>((y) => y.tanh(), x),
      'depends on the rows',
    ],
    [
      'a gradient of its own',
      customGradient((x) => ({ value: x.mul(2), gradient: (g) => [g] })),
      "0: the op 'customGradient' has no rule",
    ],
    [
      'steps that are the rows',
      (x: Tensor) => {
        const all = x.reshape([1, x.shape[0] as number, 3]);
        return linearRecurrence(all, all).reshape(x.shape);
      },
      "0: the op 'linearRecurrence' has no rule for ONNX with these parameters",
    ],
    [
      'a state that goes over the rows',
      (x: Tensor) => {
        const weights = {
          weightIh: x.full([2, 3], 1),
          weightHh: x.full([2, 2], 1),
          biasIh: x.full([2], 0),
          biasHh: x.full([2], 0),
        };
        return recurrent('rnnTanh', x.reshape([1, x.shape[0] as number, 3]), weights).output;
      },
      "0: the op 'rnnTanh' has no rule for ONNX with these parameters",
    ],
    [
      'windows whose places are beside the image',
      (x: Tensor) => {
        const image = x.reshape([-1, 1, 3, 1]);
        const windows = {
          input: [1, 3],
          output: [1, 3],
          kernel: [1, 2],
          stride: [1, 1],
          dilation: [1, 2],
          padding: [0, 2],
        };
        return apply(opTable.maxPick as Op<typeof windows>, [image, image], windows);
      },
      "0: the op 'maxPick' has no rule for ONNX with these parameters",
    ],
    ['a foreign parameter', (x: Tensor) => add(foreign, x), 'tensors that the module holds'],
  ])('%s', (_what, work, message) => {
    expect(refused((x) => work(x).mul(1.5))).toThrow(message);
  });

  it('a layer whose rule sees no tensor', () => {
    class Odd extends LayerNorm {
      override forward(): Tensor {
        return undefined as unknown as Tensor;
      }
    }
    expect(() => onnxModel(new Odd(3), { input: [3] })).toThrow('a rule for LayerNorm needs it to return one tensor');
  });

  it('leaves the model as it was', () => {
    const module = new Own((x) => x.add(x.data[0] as number));
    expect(() => onnxModel(module, { input: [3] })).toThrow();
    expect(Object.hasOwn(module, 'forward')).toBe(false);
    expect(module.inner.weight.node?.isParameter).toBe(true);
    expect(noGrad(() => module.inner.forward(tensor([[1, 2, 3]]))).shape).toEqual([1, 3]);
  });
});

const foreign = parameter(tensor([1, 2, 3]));

describe('wrong calls', () => {
  it.each([
    [() => onnxModel(vae()), 'graph must say which part: encoder, decoder'],
    [() => onnxModel(vae(), { graph: 'encodr' }), "there is no graph 'encodr'; did you mean 'encoder'?"],
    [() => onnxModel(vae(), { graph: 'toString' }), "there is no graph 'toString'"],
    [() => onnxModel(vae(), { graph: 'encoder', noise: 'input' }), "exportOnnx: encoder: there is no option 'noise'"],
    [() => onnxModel(vae(), { graph: 'elbo', samples: 3 }), 'the mean of a code is one, got 3 samples'],
    [() => onnxModel(vae(), { graph: 'elbo', noise: 'mode' as never }), "noise must be one of 'mean', 'input'"],
    [() => onnxModel(vae(), { graph: 'detector' }), 'threshold must be a number, got undefined'],
    [() => onnxModel(vae(), { graph: 'elbo', rows: 'float16' as never }), "rows must be one of 'float32', 'float64'"],
    [() => onnxModel(vae(), null as never), 'graph must say which part'],
    [() => onnxModel({} as never), 'expected a model, or a module with forward(x), got an object'],
    [() => onnxModel(network([2], { input: [3], rng }), {} as never), 'input must be an array, got undefined'],
    [() => onnxModel(network([2], { input: [3], rng }), { input: [4] }), '0: expected last axis 3, got [5, 4]'],
    [
      () =>
        onnxModel(new Vae({ inputSize: 2, latentSize: 1, reconstruction: gaussian(), transform: standardise() }), {
          graph: 'elbo',
        }),
      "standardise() learns the columns' scales from the first fit",
    ],
    [
      () =>
        onnxModel(new Vae({ inputSize: 2, latentSize: 1, reconstruction: squaredError() }), { graph: 'logLikelihood' }),
      'logLikelihood: squaredError is a plain loss',
    ],
    [
      () => onnxModel(new Autoencoder({ inputSize: 2, encoder: [1] }), { graph: boundScore }),
      'scores are of a Vae, got Autoencoder',
    ],
  ])('call %#', (call, message) => {
    expect(call).toThrow(message);
  });
});
