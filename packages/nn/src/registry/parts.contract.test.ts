import { parameter } from '@latent/autograd';
import { describeValue, LatentError, Rng, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import * as everything from '../index.ts';
import {
  activationNames,
  batchNorm,
  constantSchedule,
  conv2d,
  defineOptimizer,
  defineTransform,
  type Kind,
  layers,
  log,
  minMax,
  optimizers,
  type Part,
  type PartConfig,
  parseRows,
  plateauSchedule,
  rateCheck,
  schedules,
  standardise,
  type Tokenizer,
  tokenizers,
  transforms,
} from '../index.ts';
import { gaps, type PartEntry, takes, VALUES } from './samples.ts';

const ADAM: PartEntry = {
  samples: [
    {},
    { learningRate: 0.1, beta1: 0.8, beta2: 0.95, epsilon: 1e-4, weightDecay: 0.1 },
    { learningRate: constantSchedule({ rate: 0.2 }) },
  ],
  takes: { learningRate: 'positive', beta1: 'share', beta2: 'share', epsilon: 'positive', weightDecay: 'positive' },
};
const DECAYING: PartEntry = {
  samples: [{}, { learningRate: 0.1, rho: 0.5, epsilon: 1e-3, weightDecay: 0.1 }],
  takes: { learningRate: 'positive', rho: 'share', epsilon: 'positive', weightDecay: 'positive' },
};

const RECURRENT = {
  samples: [
    { units: 3 },
    {
      units: 2,
      layers: 2,
      bidirectional: true,
      dropout: 0.5,
      returnSequences: true,
      steps: 3,
      init: 'orthogonal',
    },
  ],
  takes: {
    units: 'count',
    layers: 'count',
    bidirectional: 'flag',
    dropout: 'share',
    returnSequences: 'flag',
    steps: 'count',
    init: 'choice',
  },
} as const;

const NORM = batchNorm();
const CONVOLUTION = {
  kernel: [2, 3],
  stride: 2,
  padding: 1,
  dilation: 1,
  bias: false,
  norm: NORM,
  activation: 'tanh',
  dropout: 0.5,
};
const ONE_AXIS = { ...CONVOLUTION, kernel: 2 };
const CONVOLUTION_TAKES = {
  kernel: 'choice',
  stride: 'choice',
  padding: 'choice',
  dilation: 'choice',
  bias: 'flag',
  norm: 'choice',
  activation: 'choice',
  dropout: 'share',
} as const;
const CONVOLUTION_LAYER: PartEntry['takes'] = {
  ...CONVOLUTION_TAKES,
  features: 'count',
  groups: 'count',
  paddingMode: 'choice',
};
const TRANSPOSED_LAYER: PartEntry['takes'] = {
  ...CONVOLUTION_TAKES,
  features: 'count',
  groups: 'count',
  outputPadding: 'choice',
};
const DEPTHWISE_LAYER: PartEntry['takes'] = { ...CONVOLUTION_TAKES, multiplier: 'count', paddingMode: 'choice' };
const POOLING = { size: 3, stride: 2, padding: 1, ceil: true };
const POOLING_TAKES = { size: 'choice', stride: 'choice', padding: 'choice', ceil: 'flag' } as const;
const FACTOR: PartEntry = { samples: [{ factor: 2 }, { factor: 1 }], takes: { factor: 'count' } };

/** Rows that layers are tried on: of four numbers, of steps of two, of indices, images of four channels. */
const PLAIN = tensor([[0.3, -1, 2, 0.1]]);
const ROWS = [
  {
    of: [
      ...['conv2d', 'convTranspose2d', 'depthwiseConv2d', 'separableConv2d', 'maxPool', 'avgPool', 'globalAvgPool'],
      ...['upsample', 'pixelShuffle', 'pixelUnshuffle', 'pad', 'crop', 'residual', 'squeezeExcitation'],
      ...['batchNorm', 'groupNorm', 'dropout2d'],
    ],
    rows: new Rng(7).normal([1, 4, 4, 4]),
  },
  { of: ['conv1d', 'convTranspose1d'], rows: new Rng(7).normal([1, 5, 4]) },
  {
    of: ['lstm', 'gru', 'rnn', 'minGru', 'meanSteps', 'positions', 'attention', 'transformer'],
    rows: PLAIN.reshape([1, 2, 2]),
  },
  { of: ['embedding'], rows: tensor([[0, 2, 1]]) },
];

/** A kind, how each of its parts is tried, and what a part does, as plain data. */
interface Contract {
  readonly kind: Kind<Part>;
  readonly table: Readonly<Record<string, PartEntry>>;
  behaviour(part: never): unknown;
  /** Parts of the tests' own. */
  readonly own?: readonly string[];
}

const by = { by: 'choice' } as const;
const contracts: Record<string, Contract> = {
  layers: {
    kind: layers as unknown as Kind<Part>,
    table: {
      dense: {
        samples: [
          { units: 3 },
          { units: 2, activation: 'tanh', bias: false, layerNorm: true, dropout: 0.5, perStep: true },
        ],
        takes: {
          units: 'count',
          activation: 'choice',
          bias: 'flag',
          layerNorm: 'flag',
          dropout: 'share',
          perStep: 'flag',
        },
      },
      activation: { samples: activationNames.map((of) => ({ of })), takes: { of: 'choice' } },
      dropout: { samples: [{ rate: 0.3 }, { rate: 0 }], takes: { rate: 'share' } },
      softmax: { samples: [{}], takes: {} },
      alphaDropout: { samples: [{ rate: 0.3 }], takes: { rate: 'share' } },
      gaussianNoise: { samples: [{ std: 0.3 }], takes: { std: 'positive' } },
      layerNorm: { samples: [{}, { epsilon: 0.1 }], takes: { epsilon: 'positive' } },
      reshape: { samples: [{ shape: [2, 2] }, { shape: [4, 1] }], takes: { shape: 'choice' } },
      flatten: { samples: [{}], takes: {} },
      lstm: {
        samples: [{ units: 3 }, { ...RECURRENT.samples[1], forgetBias: 0.5 }],
        takes: { ...RECURRENT.takes, forgetBias: 'real' },
      },
      gru: {
        samples: [{ units: 3 }, { ...RECURRENT.samples[1], resetAfter: false }],
        takes: { ...RECURRENT.takes, resetAfter: 'flag' },
      },
      rnn: {
        samples: [{ units: 3 }, { ...RECURRENT.samples[1], activation: 'relu' }],
        takes: { ...RECURRENT.takes, activation: 'choice' },
      },
      minGru: {
        samples: [{ units: 3 }, { units: 2, returnSequences: true }],
        takes: { units: 'count', returnSequences: 'flag' },
      },
      repeat: { samples: [{ steps: 3 }, { steps: 5, positions: 4 }], takes: { steps: 'count', positions: 'whole' } },
      meanSteps: { samples: [{}], takes: {} },
      embedding: {
        samples: [
          { size: 3, width: 2 },
          { size: 4, width: 3, padding: 1 },
        ],
        takes: { size: 'count', width: 'count', padding: 'whole' },
      },
      positions: { samples: [{}, { kind: 'sinusoid' }], takes: { kind: 'choice' } },
      attention: {
        samples: [{ heads: 2 }, { heads: 1, dropout: 0.5, causal: true }],
        takes: { heads: 'count', dropout: 'share', causal: 'flag' },
      },
      transformer: {
        samples: [{ heads: 2 }, { heads: 1, dropout: 0.5, causal: true, feedForward: 3 }],
        takes: { heads: 'count', dropout: 'share', causal: 'flag', feedForward: 'count' },
      },
      conv1d: {
        samples: [{ features: 3 }, { features: 6, ...ONE_AXIS, groups: 2, paddingMode: 'reflect' }],
        takes: CONVOLUTION_LAYER,
      },
      conv2d: {
        samples: [
          { features: 3, padding: 'same' },
          { features: 6, ...CONVOLUTION, groups: 2, paddingMode: 'circular' },
        ],
        takes: CONVOLUTION_LAYER,
      },
      convTranspose1d: {
        samples: [{ features: 3 }, { features: 6, ...ONE_AXIS, groups: 2, outputPadding: 1 }],
        takes: TRANSPOSED_LAYER,
      },
      convTranspose2d: {
        samples: [
          { features: 3, stride: 2, padding: 'same' },
          { features: 6, ...CONVOLUTION, groups: 2, outputPadding: [0, 1] },
        ],
        takes: TRANSPOSED_LAYER,
      },
      depthwiseConv2d: {
        samples: [{}, { ...CONVOLUTION, multiplier: 2, paddingMode: 'replicate' }],
        takes: DEPTHWISE_LAYER,
      },
      separableConv2d: {
        samples: [{ features: 3 }, { features: 2, ...CONVOLUTION, multiplier: 2, paddingMode: 'replicate' }],
        takes: { ...DEPTHWISE_LAYER, features: 'count' },
      },
      maxPool: {
        samples: [{ size: 2 }, { ...POOLING, dilation: 1 }],
        takes: { ...POOLING_TAKES, dilation: 'choice' },
      },
      avgPool: {
        samples: [{ size: [2, 1] }, { ...POOLING, countPadding: true }],
        takes: { ...POOLING_TAKES, countPadding: 'flag' },
      },
      globalAvgPool: { samples: [{}], takes: {} },
      upsample: {
        samples: [{}, { factor: [2, 3] }, { size: 3, mode: 'bilinear' }],
        takes: { factor: 'choice', size: 'choice', mode: 'choice' },
      },
      pixelShuffle: FACTOR,
      pixelUnshuffle: FACTOR,
      pad: {
        samples: [
          { sides: 1, value: 2 },
          {
            sides: [
              [1, 0],
              [0, 2],
            ],
            mode: 'reflect',
          },
        ],
        takes: { sides: 'whole', value: 'real', mode: 'choice' },
      },
      crop: { samples: [{ sides: 1 }], takes: { sides: 'whole' } },
      batchNorm: {
        samples: [{}, { epsilon: 0.1, momentum: null }],
        takes: { epsilon: 'positive', momentum: 'nullable' },
      },
      groupNorm: {
        samples: [{ groups: 2 }, { groups: 1, epsilon: 0.1 }],
        takes: { groups: 'count', epsilon: 'positive' },
      },
      rmsNorm: { samples: [{}, { epsilon: 0.1 }], takes: { epsilon: 'positive' } },
      scaleNorm: { samples: [{}, { epsilon: 0.1 }], takes: { epsilon: 'positive' } },
      dropout2d: { samples: [{ rate: 0.3 }, { rate: 0 }], takes: { rate: 'share' } },
      residual: {
        samples: [
          { body: [conv2d(4, { padding: 'same' }), NORM], activation: 'relu' },
          { body: [conv2d(3, { stride: 2 })], shortcut: [conv2d(3, { stride: 2 })] },
        ],
        takes: { body: 'list', shortcut: 'list', activation: 'choice' },
      },
      squeezeExcitation: { samples: [{}, { reduction: 2 }], takes: { reduction: 'count' } },
    },
    behaviour(spec: NonNullable<ReturnType<typeof layers.definition>> extends { make(): infer L } ? L : never) {
      const { rows } = ROWS.find(({ of }) => of.includes(spec.name) && !('steps' in spec.config())) ?? { rows: PLAIN };
      const input = rows.shape.slice(1);
      const built = spec.build(input, { weights: new Rng(1), noise: new Rng(2), activation: 'elu' });
      const run = (): unknown => built.reduce((x, layer) => layer.forward(x), rows).toArray();
      const noisy = run();
      for (const layer of built) layer.eval();
      const ways = [spec.mirror(input), spec.head?.(input) ?? [], spec.head?.(input, 2) ?? []];
      const mirrors = ways.map((way) => way.map((layer) => layer.config()));
      return [spec.outShape(input), spec.anySteps, built.map((layer) => layer.type), noisy, run(), mirrors];
    },
  },
  optimizers: {
    kind: optimizers as unknown as Kind<Part>,
    own: ['signSgd'],
    table: {
      sgd: {
        samples: [
          { learningRate: 0.1 },
          { learningRate: constantSchedule({ rate: 1 }), momentum: 0.5, nesterov: true, weightDecay: 0.1 },
        ],
        takes: { learningRate: 'positive', momentum: 'share', nesterov: 'flag', weightDecay: 'positive' },
      },
      adam: ADAM,
      adamW: ADAM,
      amsGrad: ADAM,
      nadam: ADAM,
      adaMax: ADAM,
      adaBelief: ADAM,
      lion: {
        samples: [{}, { learningRate: 0.1, beta1: 0.8, beta2: 0.95, weightDecay: 0.1 }],
        takes: { learningRate: 'positive', beta1: 'share', beta2: 'share', weightDecay: 'positive' },
      },
      adagrad: {
        samples: [{}, { learningRate: 0.1, epsilon: 1e-3, weightDecay: 0.1 }],
        takes: { learningRate: 'positive', epsilon: 'positive', weightDecay: 'positive' },
      },
      rmsProp: DECAYING,
      adadelta: DECAYING,
    },
    behaviour(spec: ReturnType<typeof optimizers.resolve>) {
      const p = parameter([1, -0.5]);
      const optimizer = spec.create([p]);
      return [0.5, -1, 2].map((g) => {
        p.mul(g).sum().backward();
        optimizer.step();
        optimizer.zeroGrad();
        return [...p.data, optimizer.learningRate];
      });
    },
  },
  schedules: {
    kind: schedules as unknown as Kind<Part>,
    table: {
      constant: { samples: [{ rate: 0.5 }, { rate: 0, by: 'epoch' }], takes: { ...by, rate: 'positive' } },
      exponential: {
        samples: [{ rate: 1, gamma: 0.9, by: 'step' }],
        takes: { ...by, rate: 'positive', gamma: 'positive' },
      },
      step: {
        samples: [{ rate: 1, gamma: 0.9, every: 3, by: 'step' }],
        takes: { ...by, rate: 'positive', gamma: 'positive', every: 'positive' },
      },
      map: { samples: [{ rates: { 0: 1, 4: 0.5 }, by: 'epoch' }], takes: { ...by, rates: 'choice' } },
      inverse: {
        samples: [
          { rate: 1, gamma: 0.5, power: 2, by: 'step' },
          { rate: 1, gamma: 1 },
        ],
        takes: { ...by, rate: 'positive', gamma: 'positive', power: 'positive' },
      },
      polynomial: {
        samples: [
          { rate: 1, steps: 5, end: 0.1, power: 2, by: 'step' },
          { rate: 1, steps: 5 },
        ],
        takes: { ...by, rate: 'positive', steps: 'positive', end: 'positive', power: 'positive' },
      },
      cosine: {
        samples: [
          { rate: 1, steps: 5, end: 0.1, by: 'epoch' },
          { rate: 1, steps: 5 },
        ],
        takes: { ...by, rate: 'positive', steps: 'positive', end: 'positive' },
      },
      oneCycle: {
        samples: [
          { rate: 1, steps: 9, rise: 0.4, by: 'step' },
          { rate: 1, steps: 9 },
        ],
        takes: { ...by, rate: 'positive', steps: 'positive', rise: 'share' },
      },
      warmUp: {
        samples: [
          { steps: 3, after: constantSchedule({ rate: 1 }) },
          { steps: 2, after: plateauSchedule({ rate: 1, patience: 0 }) },
        ],
        takes: { steps: 'positive', after: 'choice' },
      },
      plateau: {
        samples: [{ rate: 1, patience: 0, factor: 0.5, minDelta: 0.1, minRate: 0.2 }, { rate: 1 }],
        takes: { rate: 'positive', patience: 'whole', factor: 'share', minDelta: 'positive', minRate: 'positive' },
      },
    },
    behaviour(schedule: ReturnType<typeof plateauSchedule>) {
      const own = (schedule.fresh?.() ?? schedule) as typeof schedule;
      return Array.from({ length: 12 }, (_, i) => {
        own.observe?.(3 - Math.min(i, 4));
        return [own.by, own.at(i)];
      });
    },
  },
  tokenizers: {
    kind: tokenizers as unknown as Kind<Part>,
    table: {
      characters: { samples: [{ alphabet: 'ab c' }], takes: { alphabet: 'letters' } },
      bytes: { samples: [{}], takes: {} },
      words: { samples: [{ vocabulary: ['a', 'b'] }], takes: { vocabulary: 'choice' } },
    },
    behaviour: (tokenizer: Tokenizer) => [tokenizer.size, tokenizer.encode('a b'), tokenizer.decode([2, 1, 0, 1])],
  },
  transforms: {
    kind: transforms as unknown as Kind<Part>,
    own: ['cubeRoot'],
    table: {
      standardise: { samples: [{}], takes: {} },
      minMax: { samples: [{}, { low: -1, high: 3 }], takes: { low: 'real', high: 'real' } },
      robust: { samples: [{}], takes: {} },
      quantile: { samples: [{}, { knots: 4 }], takes: { knots: 'count' } },
      asinh: { samples: [{}, { scale: 2 }], takes: { scale: 'positive' } },
      log: { samples: [{}, { offset: 2 }], takes: { offset: 'real' } },
      chain: { samples: [{ steps: [log(), standardise()] }], takes: { steps: 'choice' } },
      perColumn: {
        samples: [{ groups: [{ columns: [1], transform: minMax() }] }, { groups: [] }],
        takes: { groups: 'list' },
      },
    },
    behaviour(spec: ReturnType<typeof standardise>) {
      const rows = [
        [1, 2],
        [3, 5],
        [9, 4],
      ];
      const fitted = spec.fit(rows);
      const parsed = parseRows('test', rows, [2]);
      return [fitted.config(), [...fitted.forward('test', parsed)], [...fitted.logJacobian('test', parsed)]];
    },
  },
};

const at = { caller: 'file', path: 'part' };
const through = (kind: Kind<Part>, part: Part): Part => kind.resolve(JSON.parse(JSON.stringify(part.config())), at);

describe.each(Object.entries(contracts))('%s', (_name, { kind, table, behaviour, own = [] }) => {
  const made = (name: string, options: object): Part =>
    (kind.definition(name) as { make(options: object): Part }).make(options);

  it('have samples, all of them and all of their options', () => {
    expect(gaps(kind, table, own)).toEqual([]);
  });

  it('say which function of the package makes them, for bundles that left it out', () => {
    const functions = new Map<string, unknown>(Object.entries(everything));
    for (const name of Object.keys(table)) {
      if (own.includes(name)) continue;
      const [, exported = ''] = /^\{ (\w+) \} from '@latent\/nn'$/.exec(kind.source(name)) ?? [];
      expect(typeof functions.get(exported), `${name}: ${kind.source(name)}`).toBe('function');
    }
  });

  it.each(Object.keys(table))('%s is the same through a file', (name) => {
    for (const options of table[name]!.samples) {
      const part = made(name, options);
      const copy = through(kind, part);
      expect([copy.name, copy.config()]).toEqual([name, part.config()]);
      expect(behaviour(copy as never)).toEqual(behaviour(part as never));
    }
  });

  it.each(Object.keys(table))('%s refuses options that it does not have, with the nearest name', (name) => {
    const { samples, takes: kinds } = table[name]!;
    const config = JSON.parse(JSON.stringify(made(name, samples[0]!).config())) as PartConfig;
    expect(() => kind.resolve({ ...config, frobnicate: 1 }, at)).toThrow("file: part: there is no field 'frobnicate'");
    expect(() => made(name, { ...samples[0], frobnicate: 1 })).toThrow("there is no option 'frobnicate'");
    for (const option of Object.keys(kinds)) {
      const typo = `${option.slice(0, -1)}${option.at(-1)?.toUpperCase()}x`;
      expect(() => kind.resolve({ ...config, [typo]: 1 }, at)).toThrow(
        `there is no field '${typo}'; did you mean '${option}'?`,
      );
    }
  });

  it.each(Object.keys(table))('%s refuses values of another kind, by path and value', (name) => {
    const { samples, takes: kinds } = table[name]!;
    for (const [option, optionKind] of Object.entries(kinds)) {
      const sample = samples.find((candidate) => Object.hasOwn(candidate, option))!;
      for (const value of VALUES) {
        const attempt = (): unknown => kind.resolve({ ...made(name, sample).config(), [option]: value }, at);
        if (takes(optionKind, value)) {
          // The kind is right; beside the other options it may be out of place.
          try {
            attempt();
          } catch (error) {
            expect(error).toBeInstanceOf(LatentError);
          }
          continue;
        }
        let message = 'accepted';
        try {
          attempt();
        } catch (error) {
          expect(error).toBeInstanceOf(LatentError);
          ({ message } = error as Error);
        }
        const where = `${option} as ${describeValue(value)}`;
        expect(message, where).toMatch(/^file: /);
        expect(message, where).toContain(`part.${option}`);
        const inside = Array.isArray(value) ? value.map(describeValue) : [];
        const said = [describeValue(value), ...inside, "'nothing of the kind'", '"name"', 'undefined'];
        expect(
          said.some((words) => message.includes(words)),
          `${where}: ${message}`,
        ).toBe(true);
      }
    }
  });

  it('take no room for what is refused, nor for sizes that cannot be', () => {
    const before = process.memoryUsage().arrayBuffers;
    for (const [name, { samples, takes: kinds }] of Object.entries(table)) {
      for (const option of Object.keys(kinds)) {
        for (const huge of [Number.MAX_SAFE_INTEGER, 1e308, 2 ** 31]) {
          try {
            kind.resolve({ ...made(name, samples[0]!).config(), [option]: huge }, at);
          } catch (error) {
            expect(error).toBeInstanceOf(LatentError);
          }
        }
      }
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24);
  });
});

describe('parts of one’s own', () => {
  it('an optimizer, by its rule', async () => {
    const { mapProgram } = await import('@latent/tensor');
    const signSgd = defineOptimizer('signSgd', {}, rateCheck, () => ({
      slots: 0,
      program: mapProgram('signSgd', 3, (p, g, rate) => p.sub(rate.mul(g.sign()))),
      scalars: (_t, learningRate) => [learningRate],
    }));
    const spec = signSgd({ learningRate: 0.5 });
    const copy = optimizers.resolve(JSON.parse(JSON.stringify(spec.config())), at);
    const p = parameter([1, 1]);
    const optimizer = copy.create([p]);
    p.mul(tensor([3, -2]))
      .sum()
      .backward();
    optimizer.step();
    expect(p.toArray()).toEqual([0.5, 1.5]);
    expect(() => signSgd({})).toThrow('signSgd: learningRate must be a number ≥ 0, got undefined');
  });

  it('a transform, by its method', () => {
    const cubeRoot = defineTransform('cubeRoot', {}, () => ({
      fit: () => ({ add: () => {}, again: () => false, numbers: () => [] }),
      map: () => ({ forward: Math.cbrt, inverse: (y) => y ** 3, logSlope: (x) => -Math.log(3 * Math.cbrt(x) ** 2) }),
      valid: (numbers) => numbers.length === 0,
    }));
    const spec = transforms.resolve(JSON.parse(JSON.stringify(cubeRoot().config())), at);
    expect([...spec.fit([[8]]).inverse(Float32Array.of(2))]).toEqual([8]);
  });
});
