// Every public function with bad values for each parameter, by the parameter's kind: it does what its words say, or throws
// a sentence that begins with its name.
import { describe, expect, it, vi } from 'vitest';
import * as latent from './index.ts';
import { LatentError, Rng, type Tensor, tensor, zeros } from './index.ts';
import { Storage } from './memory/storage.ts';

const matrix = (): Tensor =>
  tensor([
    [1, 2],
    [3, 4],
  ]);
const foreign = (): unknown => {
  const x = tensor([1, 2]);
  // As an instance of another copy's classes looks.
  return { shape: x.shape, dtype: x.dtype, size: x.size, storage: { pointer: 64, heap: null }, toArray: () => [1, 2] };
};
const disposed = (): Tensor => {
  const x = tensor([1, 2]);
  x.dispose();
  return x;
};

const words: readonly unknown[] = ['5', '', 'x', true, null, {}, new Date(), [], Symbol('s'), 5n, () => 1];
const not = (...accepted: readonly string[]): unknown[] => words.filter((value) => !accepted.includes(typeof value));

/** Bad values by the kind of parameter; functions make theirs anew for each test. */
const bad: Record<
  | 'tensor'
  | 'operand'
  | 'tensors'
  | 'shape'
  | 'layout'
  | 'axis'
  | 'axes'
  | 'options'
  | 'number'
  | 'count'
  | 'seed'
  | 'dtype'
  | 'flag'
  | 'fn'
  | 'indices'
  | 'window'
  | 'data',
  () => unknown[]
> = {
  tensor: () => [undefined, 5, ...words, [1, 2], new Float32Array(2), foreign()],
  operand: () => [undefined, ...words, [1, 2], foreign()],
  tensors: () => [undefined, 5, ...not('object'), null, {}, [], [5], [matrix(), 'x'], [foreign()], new Array(2)],
  shape: () => [
    undefined,
    5,
    ...not('object'),
    null,
    {},
    [1.5],
    [-1],
    ['2'],
    [Number.NaN],
    new Array(2),
    [2 ** 40, 2 ** 40],
    [Infinity],
  ],
  /** A shape of which one size may be −1. */
  layout: () => bad.shape().filter((value) => !(Array.isArray(value) && value[0] === -1)),
  axis: () => [1.5, 99, Number.NaN, Infinity, ...words],
  axes: () => [1.5, 99, Number.NaN, ...not('object'), null, {}, ['0'], [0, 0], new Array(2)],
  options: () => [5, ...not('object', 'function'), null, [], () => 1, { nope: 1 }, { dtyp: 'f32' }],
  number: () => [undefined, ...words, [5]],
  count: () => [undefined, -1, 1.5, Number.NaN, Infinity, ...words],
  seed: () => [undefined, -1, 1.5, Number.NaN, 2 ** 60, ...words],
  dtype: () => [undefined, 5, 'float32', 'F32', ...words],
  flag: () => [undefined, 5, ...words.filter((value) => typeof value !== 'boolean')],
  fn: () => [undefined, 5, ...words.filter((value) => typeof value !== 'function')],
  indices: () => [
    undefined,
    5,
    ...not('object'),
    null,
    {},
    new Date(),
    ['0'],
    [0.5],
    [9],
    [null],
    new Array(2),
    new Float64Array([7]),
  ],
  window: () => [undefined, 0, -1, 1.5, Number.NaN, Infinity, ...words, [1, 2, 3], new Array(2)],
  data: () => [
    undefined,
    ...words.filter((value) => !Array.isArray(value)),
    ['5'],
    [''],
    [true],
    [null],
    [undefined],
    [[1], 2],
    [[1, 2], [3]],
    new Array(3),
    [[5], [new Date()]],
    ['123'],
    new DataView(new ArrayBuffer(8)),
    new BigInt64Array(2),
  ],
};
type Kind = keyof typeof bad;

interface Entry {
  /** A call that is right, parameter by parameter: what it is given, and of which kind it is. */
  readonly good: readonly (readonly [value: () => unknown, kind: Kind | null, optional?: 'optional'])[];
  /** Bad values of options, beside unknown names. */
  readonly options?: Readonly<Record<string, readonly unknown[]>>;
  readonly call?: (...args: never[]) => unknown;
  /** What the error begins with; the function's name otherwise. */
  readonly says?: string;
}

const t = [matrix, 'tensor'] as const;
const o = [matrix, 'operand'] as const;
const options = [() => ({}), 'options'] as const;
const fixed = (value: unknown) => [() => value, null] as const;
const unary: Entry = { good: [t] };
const binary: Entry = { good: [o, o] };
const reduction: Entry = { good: [t, options], options: { axis: bad.axes(), keepDims: ['no', 1, null] } };
const drawing = (more: Entry['options'] = {}): Omit<Entry, 'call'> => ({
  good: [[() => [2, 3], 'shape'], options],
  options: { dtype: ['float32', 5, null], ...more },
});
const creation: Entry = { good: [[() => [2], 'shape'], options], options: { dtype: ['float32', 32, null, true] } };
const rng = (name: string, entry: Omit<Entry, 'call'>): Entry => ({
  ...entry,
  call: (...args: never[]) => (new Rng(1) as unknown as Record<string, (...a: never[]) => unknown>)[name]?.(...args),
});

/** [n, …sizes, channels], weights and windows over so many axes. */
const image = (axes: number) => [() => zeros([2, ...[5, 6].slice(0, axes), 2]), 'tensor'] as const;
const weight = (axes: number) => [() => zeros([2, 2, ...[3, 2].slice(0, axes)]), 'tensor'] as const;
const bias = [() => null, null] as const;
const size = [() => 2, 'window'] as const;
const windows = (axes: number): NonNullable<Entry['options']> => ({
  stride: [0, -1, '2', 1.5, null, new Array(axes + 1).fill(1), new Array(axes)],
  padding: ['full', -1, '1', null, {}, new Array(axes + 1).fill(1), [[1, -1], 1].slice(0, axes)],
  dilation: [0, '2', null, new Array(axes + 1).fill(1)],
});
const convolution: NonNullable<Entry['options']> = { groups: [0, 3, '1', null, 1.5] };
const pooling = (axes: number): NonNullable<Entry['options']> => {
  const { stride, padding } = windows(axes) as Record<string, readonly unknown[]>;
  return { stride: stride!, padding: padding!, ceil: ['yes', 1, null], countPadding: ['yes', 1, null], dilation: [1] };
};

const table: Record<string, Entry> = {
  tensor: {
    good: [[() => [1, 2], 'data'], options],
    options: { dtype: ['float32', 5, null], shape: [5, [3], ['2'], null] },
  },
  full: { good: [[() => [2], 'shape'], [() => 1, 'number'], options], options: { dtype: ['x'] } },
  zeros: creation,
  persistentZeros: creation,
  ones: creation,
  arange: { good: [[() => 3, 'number']] },
  linspace: { good: [[() => 0, 'number'], [() => 1, 'number'], [() => 3, 'count'], options] },
  eye: { good: [[() => 2, 'count'], options] },
  overwrite: { good: [[() => matrix().persisted(true), 'tensor'], t] },
  mapInto: {
    good: [
      fixed(latent.mapProgram('second', 2, (_a, b) => b)),
      [() => [matrix().persisted(true)], 'tensors'],
      [() => [matrix()], 'tensors'],
    ],
  },
  fillRows: { good: [t, fixed(new Float32Array(8)), [() => [0, 1], null]] },
  useKernels: { good: [fixed('auto'), options], options: { deterministic: ['yes', 1, null] } },
  everyStep: { good: [[() => () => {}, 'fn']] },
  recordedValue: { good: [[() => () => 1, 'fn']] },
  checkTensor: { good: [fixed('f'), t], says: 'f' },
  drawRows: { good: [fixed('normal'), [() => zeros([3, 2]), 'tensor'], [() => 2, 'count'], [() => 2, 'count']] },
  compile: {
    good: [[() => (x: Tensor) => x, 'fn'], options],
    options: { reuse: ['yes', 1, null], onEager: [5, 'x', null] },
  },
  profile: { good: [[() => () => matrix().add(1), 'fn']] },
  madeLater: { good: [[() => () => matrix().add(1), 'fn']] },
  step: { good: [[() => () => matrix().add(1), 'fn']] },
  useThreads: { good: [[() => 1, 'count']] },

  ...Object.fromEntries(
    [
      'abs',
      'neg',
      'sign',
      'exp',
      'log',
      'log1p',
      'expm1',
      'sqrt',
      'rsqrt',
      'square',
      'reciprocal',
      'sin',
      'cos',
      'erf',
      'tanh',
      'sigmoid',
      'softplus',
      'logSigmoid',
      'relu',
      'selu',
      'gelu',
      'silu',
      'mish',
      'hardSigmoid',
      'hardTanh',
    ].map((name) => [name, unary]),
  ),
  ...Object.fromEntries(
    [
      'add',
      'sub',
      'mul',
      'div',
      'maximum',
      'minimum',
      'pow',
      'equal',
      'notEqual',
      'less',
      'lessEqual',
      'greater',
      'greaterEqual',
    ].map((name) => [name, binary]),
  ),
  where: { good: [o, o, o] },
  clamp: { good: [o, o, o] },
  leakyRelu: { good: [o, [() => 0.1, null]] },
  elu: { good: [o, [() => 1, null]] },

  sum: reduction,
  mean: reduction,
  max: reduction,
  min: reduction,
  prod: reduction,
  logSumExp: reduction,
  variance: { ...reduction, options: { ...reduction.options, correction: ['1', true, null] } },
  argMax: {
    good: [t, options],
    options: { axis: bad.axis().filter((value) => !Array.isArray(value)), keepDims: ['no'] },
  },
  softmax: { good: [t, [() => -1, 'axis']] },
  logSoftmax: { good: [t, [() => -1, 'axis']] },
  cumulativeSum: { good: [t, options], options: { axis: [1.5, '0', 9], reverse: ['yes', 1] } },
  gather: { good: [t, [() => [0, 1], 'indices'], [() => 0, 'axis']] },
  scatterAdd: { good: [t, [() => [0, 1], 'indices'], t] },
  oneHot: {
    good: [
      [() => tensor([0, 1]), 'tensor'],
      [() => 2, 'count'],
    ],
  },
  matmul: { good: [t, t, options], options: { transposeA: ['yes', 1, null], transposeB: ['yes', 1] } },
  linear: { good: [t, t, [() => tensor([1, 2]), null]] },
  reshape: { good: [t, [() => [4], 'layout']] },
  transpose: { good: [t, [() => [1, 0], null]] },
  broadcastTo: { good: [t, [() => [3, 2, 2], 'shape']] },
  slice: { good: [t, [() => [[0, 1]], null]] },
  split: { good: [t, [() => 2, 'count'], [() => 0, 'axis']] },
  concat: {
    good: [
      [() => [matrix(), matrix()], 'tensors'],
      [() => 0, 'axis'],
    ],
  },
  stack: {
    good: [
      [() => [matrix(), matrix()], 'tensors'],
      [() => 0, 'axis'],
    ],
  },
  pad: {
    good: [
      t,
      [
        () => [
          [0, 1],
          [1, 0],
        ],
        null,
      ],
      [() => 0, 'number', 'optional'],
    ],
  },
  flip: { good: [t, [() => 0, 'axes']] },
  expandDims: { good: [t, [() => 0, 'axis']] },
  squeeze: {
    good: [
      [() => zeros([1, 2]), 'tensor'],
      [() => 0, 'axes'],
    ],
  },

  conv1d: { good: [image(1), weight(1), bias, options], options: { ...convolution, ...windows(1) } },
  conv2d: { good: [image(2), weight(2), bias, options], options: { ...convolution, ...windows(2) } },
  convTranspose1d: {
    good: [image(1), weight(1), bias, options],
    options: { ...convolution, ...windows(1), outputPadding: [-1, '1', 1, [0, 0]] },
  },
  convTranspose2d: {
    good: [image(2), weight(2), bias, options],
    options: { ...convolution, ...windows(2), outputPadding: [-1, '1', 1, [0]] },
  },
  maxPool1d: { good: [image(1), size, options], options: { ...windows(1), ceil: ['yes', 1, null] } },
  maxPool2d: { good: [image(2), size, options], options: { ...windows(2), ceil: ['yes', 1, null] } },
  avgPool1d: { good: [image(1), size, options], options: pooling(1) },
  avgPool2d: { good: [image(2), size, options], options: pooling(2) },
  globalAvgPool: { good: [image(2)] },
  interpolate: { good: [image(2), size, options], options: { mode: ['cubic', 5, null] } },
  pixelShuffle: { good: [[() => zeros([1, 2, 2, 4]), 'tensor'], size] },
  pixelUnshuffle: { good: [[() => zeros([1, 2, 2, 4]), 'tensor'], size] },

  recurrent: {
    good: [
      fixed('lstm'),
      [() => zeros([2, 3, 2]), 'tensor'],
      fixed({ weightIh: zeros([4, 2]), weightHh: zeros([4, 1]), biasIh: zeros([4]), biasHh: zeros([4]) }),
      options,
    ],
    options: {
      state: [5, null, [1], [zeros([2, 1])], [zeros([2, 1]), zeros([1, 2])]],
      lengths: [[1, 2], 5, null, zeros([3])],
      reverse: ['yes', 1, null],
      steps: [-1, 1.5, '3', null],
    },
  },
  linearRecurrence: {
    good: [[() => zeros([2, 3, 2]), 'tensor'], [() => zeros([2, 3, 2]), 'tensor'], options],
    options: { initial: [5, null, [0], zeros([2, 3])] },
  },

  'debug.checkFinite': {
    good: [[() => false, 'flag']],
    call: (on) => latent.debug.checkFinite(on),
    says: 'checkFinite',
  },
  'new Rng': { good: [[() => 1, 'seed']], call: (seed) => new Rng(seed), says: 'Rng' },
  'Rng.fromState': { good: [[() => new Rng(1).state, 'options']], call: (state) => Rng.fromState(state), says: 'Rng' },
  'rng.split': { ...rng('split', { good: [[() => 2, 'count', 'optional']] }), says: 'Rng.split' },
  'rng.uniform': {
    ...rng('uniform', drawing({ low: ['0', true, Number.NaN, null], high: ['1', Infinity] })),
    says: 'uniform',
  },
  'rng.normal': { ...rng('normal', drawing({ mean: ['0', Number.NaN], std: [-1, '1', null] })), says: 'normal' },
  'rng.bernoulli': {
    ...rng('bernoulli', drawing({ p: [-0.1, 1.1, '0.5', Number.NaN, true, [0.5]] })),
    says: 'bernoulli',
  },
  'rng.exponential': { ...rng('exponential', drawing()), says: 'exponential' },
  'rng.gumbel': { ...rng('gumbel', drawing()), says: 'gumbel' },
  'rng.permutation': { ...rng('permutation', { good: [[() => 3, 'count']] }), says: 'permutation' },
  'x.cast': { good: [[() => 'f64', 'dtype']], call: (dtype) => matrix().cast(dtype), says: 'cast' },
  'x.assign': { good: [[() => [1, 2, 3, 4], 'data']], call: (data) => matrix().assign(data), says: 'assign' },
};

/** Building blocks of formulas, types' classes, checks, and what has no parameters. */
const others = [
  'input',
  'elementwiseOps',
  'reduceOps',
  'linalgOps',
  'layoutOps',
  'indexingOps',
  'opTable',
  'applyJoint',
  'isRecorded',
  'checkWhole',
  'padModes',
  'paddingCheck',
  'perAxis',
  'transposedWindowsOf',
  'windowsOf',
  'apply',
  'constant',
  'debug',
  'derivedRules',
  'elementwise',
  'logGamma',
  'runLoop',
  'LoopDraws',
  'useWideSimd',
  'mapProgram',
  'rowSum',
  'select',
  'threadCount',
  'LatentError',
  'LifetimeError',
  'MemoryError',
  'Rng',
  'ShapeError',
  'Tensor',
  'ThreadError',
  'UsageError',
  'ValueError',
  'anything',
  'callable',
  'checkNames',
  // Promises: see slices.test.ts of autograd.
  'inSlices',
  'settled',
  'checkOptions',
  'describeValue',
  'shortText',
  'either',
  'fields',
  'flag',
  'instance',
  'isPlainObject',
  'list',
  'nearestName',
  'nullable',
  'oneOf',
  'opTable',
  'optional',
  'real',
  'refuse',
  'refuseSurplus',
  'refuseUnknown',
  'text',
  'whole',
  'broadcastShapes',
  'formatShape',
  'normalizeAxis',
  'sameShape',
  'sizeOf',
];

it('the table holds every public function', () => {
  const exported = Object.keys(latent).filter((name) => !others.includes(name));
  expect(exported.filter((name) => !(name in table))).toEqual([]);
  expect(others.filter((name) => !(name in latent))).toEqual([]);
});

function expectRefusal(name: string, call: () => unknown, says: string, what: string): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof LatentError))
    expect.fail(`${name} with ${what}: ${thrown === undefined ? 'accepted' : String(thrown)}`);
  if (!(thrown as Error).message.startsWith(`${says}: `))
    expect.fail(`${name} with ${what} says "${(thrown as Error).message}"`);
}

describe.each(Object.entries(table))('%s', (name, { good, call, says = name, options: named = {} }) => {
  const run = (args: readonly unknown[]): unknown =>
    call === undefined
      ? (latent as unknown as Record<string, (...a: unknown[]) => unknown>)[name]?.(...args)
      : call(...(args as never[]));
  const args = (): unknown[] => good.map(([value]) => value());

  it('does what its words say, or refuses bad values by its name', () => {
    expect(() => run(args())).not.toThrow();
    for (const [position, [, kind, optional]] of good.entries()) {
      if (kind === null) continue;
      for (const value of bad[kind]()) {
        if (value === undefined && optional) continue;
        const given = args();
        given[position] = value;
        const shown = `parameter ${position} = ${latent.describeValue(value)}`;
        expectRefusal(name, () => run(given), says, shown);
      }
    }
    const at = good.findIndex(([, kind]) => kind === 'options');
    for (const [option, values] of Object.entries(named)) {
      for (const value of values) {
        const given = args();
        given[at] = { [option]: value };
        expectRefusal(name, () => run(given), says, `${option}: ${latent.describeValue(value)}`);
      }
    }
    latent.useThreads('auto');
  });
});

describe('data', () => {
  it('may be typed arrays of any kind, flat or as rows', () => {
    const kinds = [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
    ];
    for (const Kind of kinds) {
      const made = tensor(new Kind([1, 2, 3]));
      expect([made.toArray(), made.dtype]).toEqual([[1, 2, 3], Kind === Float64Array ? 'f64' : 'f32']);
      expect(tensor([new Kind([1, 2]), new Kind([3, 4])]).toArray()).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(tensor(new Kind([1, 2, 3, 4]), { shape: [2, 2] }).shape).toEqual([2, 2]);
      expect(
        matrix()
          .gather(new Kind([1, 0]))
          .toArray(),
      ).toEqual([
        [3, 4],
        [1, 2],
      ]);
    }
    const from = zeros([3]);
    from.assign(new Uint8Array([1, 2, 3]));
    expect(from.toArray()).toEqual([1, 2, 3]);
  });

  it('may come from another realm, as in a frame or in Jest', async () => {
    const { runInNewContext } = await import('node:vm');
    const other = (source: string): never => runInNewContext(source) as never;
    expect(tensor(other('new Float32Array([1, 2])')).toArray()).toEqual([1, 2]);
    expect(tensor(other('new Float64Array([0.1])')).dtype).toBe('f64');
    expect(tensor(other('[[1, 2], [3, 4]]')).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(tensor(other('[new Uint8Array([1, 2])]')).toArray()).toEqual([[1, 2]]);
    expect(matrix().sum(other('({ axis: 0 })')).toArray()).toEqual([4, 6]);
    expect(matrix().reshape(other('[4]')).shape).toEqual([4]);
    expect(() => tensor(other('["5"]'))).toThrow('tensor: expected a number at [0], got "5"');
  });

  it('that is bad is named with its place and what it was', () => {
    expect(() =>
      tensor([
        [1, 2],
        [3, '5' as never],
      ]),
    ).toThrow('tensor: expected a number at [1][1], got "5"');
    expect(() => tensor([[1], [undefined as never]])).toThrow('tensor: expected a number at [1][0], got undefined');
    expect(() => tensor([1, [5] as never])).toThrow('tensor: expected a number at [1], got an array of 1');
    expect(() => tensor([1, new Date() as never])).toThrow('tensor: expected a number at [1], got a Date');
    expect(() => matrix().assign([1, 2, '3' as never, 4])).toThrow('assign: expected a number at [2], got "3"');
    expect(() => matrix().sum({ axes: 1 } as never)).toThrow(
      "sum: there is no option 'axes'; did you mean 'axis'? (known: axis, keepDims)",
    );
    expect(() => zeros([2], { dtype: 'float32' as never })).toThrow(
      `zeros: dtype must be 'f32' or 'f64', got "float32"`,
    );
  });
});

describe('a tensor that was disposed', () => {
  it('is refused by every function of tensors', () => {
    for (const [name, { good, call }] of Object.entries(table)) {
      const at = good.findIndex(([, kind]) => kind === 'tensor' || kind === 'operand');
      if (at < 0 || call !== undefined || ['checkTensor', 'fillRows', 'overwrite'].includes(name)) continue;
      const given = good.map(([value]) => value());
      const x = (given[at] as Tensor).clone();
      x.dispose();
      given[at] = x;
      expect(() => (latent as unknown as Record<string, (...a: unknown[]) => unknown>)[name]?.(...given), name).toThrow(
        'the tensor was disposed',
      );
    }
  });
});

describe('a tensor of another copy of the package', () => {
  it('is refused with the remedy, wherever it is given', () => {
    const message =
      /is of another copy of @latent\/tensor, whose numbers are in another memory; install one version for all .* or pass the numbers: tensor\(x\.toArray\(\)\)/;
    const x = matrix();
    const other = foreign() as Tensor;
    for (const call of [
      () => x.add(other),
      () => latent.add(other, x),
      () => x.matmul(other),
      () => latent.concat([x, other]),
      () =>
        latent.apply(
          latent.elementwise('mine', (a, b) => a.add(b as never), [null, null]),
          [x, other],
          undefined,
        ),
      () => latent.compile((a: Tensor) => a)(other),
      () => tensor(other as never),
      () => x.assign(other),
      () => latent.linear(x, other),
      () => new Rng(1).bernoulli([2], { p: other }),
    ]) {
      expect(call).toThrow(message);
    }
    // Told by the class of their storage, whose numbers are in this memory only.
    expect(x.storage).toBeInstanceOf(Storage);
  });
});

describe('a tensor', () => {
  it('is readable in a console and in JSON', async () => {
    const { inspect } = await import('node:util');
    expect(
      inspect(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toBe('Tensor [2, 2] f32\n[[1, 2],\n [3, 4]]');
    expect(inspect({ x: tensor(5) })).toContain('Tensor [] f32');
    expect(JSON.stringify({ x: tensor([[1, 2]]), y: tensor(3), z: tensor([Number.NaN]) })).toBe(
      '{"x":[[1,2]],"y":3,"z":[null]}',
    );
    expect(inspect(disposed())).toBe('Tensor [2] f32 (given up)');
  });

  it('logs as its numbers', () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    console.log(String(tensor([1, 2])));
    expect(log).toHaveBeenCalledWith('Tensor [2] f32\n[1, 2]');
    log.mockRestore();
  });
});

describe('uniform draws with bounds', () => {
  it('stay below the upper one, which rounding would reach', () => {
    for (const [low, high] of [
      [1, 2],
      [-1, 0],
      [0.1, 0.3],
      [100, 101],
      [-2, -1],
      [5, 5],
      [0, 1e-3],
    ] as const) {
      for (const dtype of ['f32', 'f64'] as const) {
        const draws = new Rng(11).uniform([400_000], { low, high, dtype }).data;
        let [least, most] = [Infinity, -Infinity];
        for (const x of draws) [least, most] = [Math.min(least, x), Math.max(most, x)];
        const rounded = dtype === 'f32' ? Math.fround(low) : low;
        expect(least).toBeGreaterThanOrEqual(Math.min(low, rounded));
        if (low < high) expect(most).toBeLessThan(high);
        else expect(most).toBe(high);
      }
    }
  });
});
