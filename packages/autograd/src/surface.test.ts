// Every public function with bad values for each parameter: what it takes, it says; what it refuses begins with its name.
import { describeValue, LatentError, Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import * as autograd from './index.ts';

const words: readonly unknown[] = [undefined, 5, '5', '', true, null, {}, new Date(), [], Symbol('s'), 5n, () => 1];
const without = (is: (value: unknown) => boolean): unknown[] => words.filter((value) => !is(value));
const x = (): Tensor => tensor([1, 2]);
const w = (): Tensor => autograd.parameter([1, 2]);
const bad = {
  tensor: () => words,
  fn: () => without((value) => typeof value === 'function'),
  options: () => [
    ...without((value) => value === undefined || (typeof value === 'object' && value?.constructor === Object)),
    { nope: 1 },
  ],
  tensors: () => [...without(Array.isArray), [5], [x(), 'x'], new Array(1)],
  parameters: () => [...without((value) => Array.isArray(value) || value === ''), [5], [x()], new Array(1)],
  tree: () => [
    ...without((value) => Array.isArray(value) || value?.constructor === Object),
    [5],
    { a: '5' },
    new Array(1),
  ],
  nest: () => [
    ...without((value) => value === null || Array.isArray(value) || value?.constructor === Object),
    [5],
    { a: '5' },
    new Array(1),
  ],
  generator: () => words,
  data: () => [
    ...without((value) => typeof value === 'number' || Array.isArray(value)),
    ['5'],
    [null],
    [[1], 2],
    new Array(2),
  ],
  positive: () => [...without((value) => typeof value === 'number'), 0, -1, Number.NaN],
} satisfies Record<string, () => readonly unknown[]>;

interface Entry {
  readonly good: readonly (readonly [value: () => unknown, kind: keyof typeof bad | null])[];
  readonly call?: (...args: never[]) => unknown;
  readonly options?: Readonly<Record<string, readonly unknown[]>>;
  readonly says?: string;
}
const t = [x, 'tensor'] as const;
const rng = [() => new Rng(1), 'generator'] as const;
const options = [() => ({}), 'options'] as const;
const square = (v: Tensor): Tensor => v.square().sum();

const table: Record<string, Entry> = {
  parameter: { good: [[() => [1, 2], 'data'], options], options: { dtype: ['float32', 5] } },
  parameterLater: { good: [[() => x, 'fn']], says: 'madeLater' },
  zeroGrad: { good: [[() => [w()], 'parameters']] },
  noGrad: { good: [[() => () => 1, 'fn']] },
  stopGradient: { good: [t] },
  gradients: {
    good: [[() => square(w()), 'tensor'], [() => [w()], 'tensors'], options],
    options: { createGraph: ['yes', 1, null], retainGraph: ['yes'] },
  },
  grad: { good: [[() => square, 'fn']] },
  valueAndGrad: { good: [[() => square, 'fn']], says: 'grad' },
  'grad(f)': { good: [[x, 'tree']], call: (params) => autograd.grad(square as never)(params), says: 'grad' },
  gradCheck: {
    good: [[() => square, 'fn'], [() => [x()], 'tensors'], options],
    options: { epsilon: [0, -1, '1', null], tolerance: [-1, '1'], inputs: [[1], [0.5], 5, ['0']] },
  },
  customGradient: { good: [[() => () => ({ value: x(), gradient: () => [] }), 'fn']] },
  'customGradient(f)': {
    good: [t],
    call: (v) => autograd.customGradient((a) => ({ value: a.mul(2), gradient: (g) => [g] }))(v),
    says: 'customGradient',
  },
  'what customGradient is given': {
    good: [[() => ({ value: x(), gradient: () => [] }), 'options']],
    call: (made) => autograd.customGradient(() => made)(x()),
    says: 'customGradient',
  },
  scan: {
    good: [
      [() => (c: Tensor) => [c, null], 'fn'],
      [x, 'nest'],
      [() => null, 'nest'],
      [() => ({ length: 2 }), 'options'],
    ],
    options: { length: [0, -1, 1.5, '2', null], reverse: ['yes', 1], truncate: [0, 2.5, '1'] },
  },
  sampleNormal: { good: [t, t, rng] },
  sampleLaplace: { good: [t, t, rng] },
  sampleExponential: { good: [t, rng] },
  sampleGumbelSoftmax: { good: [t, [() => 1, 'positive'], rng] },
  'x.backward': {
    good: [options],
    call: (o) => square(w()).backward(o),
    options: { createGraph: ['yes', 1, null], retainGraph: [5] },
    says: 'backward',
  },
};

it('the table holds every public function', () => {
  expect(Object.keys(autograd).filter((name) => !(name in table))).toEqual([]);
});

describe.each(Object.entries(table))('%s', (name, { good, call, says = name, options: named = {} }) => {
  const run = (args: readonly unknown[]): unknown =>
    call === undefined
      ? (autograd as unknown as Record<string, (...a: unknown[]) => unknown>)[name]?.(...args)
      : call(...(args as never[]));

  it('does what its words say, or refuses bad values by its name', () => {
    expect(() => run(good.map(([value]) => value()))).not.toThrow();
    const tries = good.flatMap(([, kind], position) =>
      kind === null ? [] : bad[kind]().map((value) => ({ position, value })),
    );
    const at = good.findIndex(([, kind]) => kind === 'options');
    for (const [option, values] of Object.entries(named)) {
      for (const value of values) tries.push({ position: at, value: { [option]: value } });
    }
    for (const { position, value } of tries) {
      const args = good.map(([make]) => make());
      args[position] = value;
      let thrown: unknown;
      try {
        run(args);
      } catch (error) {
        thrown = error;
      }
      const what = `${name} with parameter ${position} = ${describeValue(value)}`;
      if (!(thrown instanceof LatentError))
        expect.fail(`${what}: ${thrown === undefined ? 'accepted' : String(thrown)}`);
      expect((thrown as Error).message, what).toMatch(new RegExp(`^(${says}|tensor): `));
    }
  });
});
