import { parameter } from '@latent/autograd';
import { LatentError, Rng, type Tensor, tensor, zeros } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { Activation } from '../layers/activation.ts';
import { Dropout } from '../layers/dropout.ts';
import { Linear } from '../layers/linear.ts';
import { Sequential } from '../layers/sequential.ts';
import { type Layer, Module, scoring } from './module.ts';
import { buffer, layerParameter, parameterOf, roleOf, withoutFirstWeights } from './role.ts';

const rng = (): Rng => new Rng(1);

class Pair extends Module {
  readonly encoder = new Sequential(new Linear(3, 4, { rng: rng() }), new Activation('relu'));
  readonly heads = [new Linear(4, 1, { rng: rng() }), new Linear(4, 2, { rng: rng(), bias: false })];
  readonly scale = parameter([2]);
  readonly mean = buffer([0.5, 0.25]);
  readonly note = tensor([1]);
}

const PARAMETERS = ['scale', 'encoder.0.weight', 'encoder.0.bias', 'heads.0.weight', 'heads.0.bias', 'heads.1.weight'];

describe('names', () => {
  it('of parameters are the paths of fields; buffers are named with them and never trained', () => {
    const model = new Pair();
    expect(model.namedParameters().map(([name]) => name)).toEqual(PARAMETERS);
    expect(model.namedTensors().map(([name]) => name)).toEqual(['scale', 'mean', ...PARAMETERS.slice(1)]);
    expect(model.trainable().map(([name]) => name)).toEqual(PARAMETERS);
    expect(Object.keys(model.stateDict())).toContain('mean');
  });

  it('of what is held in two places is the first: it is counted, named and trained once', () => {
    const shared = new Linear(2, 2, { rng: rng() });
    class Twice extends Module {
      readonly a = shared;
      readonly b = new Sequential(shared, shared);
      readonly weight = shared.weight;
    }
    const model = new Twice();
    expect(model.namedParameters().map(([name]) => name)).toEqual(['weight', 'a.bias']);
    expect(model.parameters()).toHaveLength(2);
    expect(model.summary().split('\n').at(-1)).toMatch(/^total +6$/);
    // A cycle is walked once too.
    (shared as unknown as { owner: Module }).owner = model;
    expect([...model.namedModules()].map(([path]) => path)).toEqual(['', 'a', 'b']);
  });

  it('of generators are found, each once', () => {
    const noise = rng();
    const model = new Sequential(new Dropout(0.5, { rng: noise }), new Dropout(0.1, { rng: noise }));
    expect(model.generators().map(([name]) => name)).toEqual(['0.rng']);
  });

  it('of a module of another copy of the package are refused, not passed by', () => {
    class Foreign extends Module {
      readonly part: unknown = Object.create({ [Symbol.for('latent.module')]: true });
    }
    expect(() => new Foreign().parameters()).toThrow('this one was made by another copy of @latent/nn');
  });
});

describe('state', () => {
  it('is copied out and taken in, exactly or not at all', () => {
    const [a, b] = [new Pair(), new Pair()];
    const state = a.stateDict();
    state.scale = tensor([7]);
    state.mean = tensor([3, 4]);
    b.loadStateDict(state);
    expect([b.scale.item(), a.scale.item(), b.mean.toArray()]).toEqual([7, 2, [3, 4]]);
    const { scale: _gone, ...missing } = state;
    const wrong = { ...missing, mean: tensor([9, 9]), 'encoder.0.bias': tensor([1]), other: tensor([1]) };
    expect(() => b.loadStateDict(wrong)).toThrow(
      'loadStateDict: missing scale [1]; encoder.0.bias must be [4], got [1]; unexpected other',
    );
    expect([b.scale.item(), b.mean.toArray()]).toEqual([7, [3, 4]]);
  });

  it('with numbers that are none is refused as a whole, by name and place', () => {
    const model = new Pair();
    const before = model.stateDict();
    const bad = { ...model.stateDict(), scale: tensor([3]), 'heads.0.bias': tensor([Number.NaN]) };
    expect(() => model.loadStateDict(bad)).toThrow(
      'loadStateDict: numbers must be finite, but element 0 of heads.0.bias is NaN',
    );
    expect(model.scale.item()).toBe(before.scale!.item());
    expect(() => model.loadStateDict({ ...bad, 'heads.0.bias': tensor([-Infinity]) })).toThrow('is -Infinity');
    const large = { ...model.stateDict(), 'heads.0.bias': tensor([-1e300], { dtype: 'f64' }) };
    expect(() => model.loadStateDict(large)).toThrow(
      'element 0 of heads.0.bias is -1e+300, which is too large for single precision',
    );
  });

  it('of others comes in under other names, in single from double precision', () => {
    const model = new Linear(2, 1, { rng: rng() });
    const state = { 'fc.w': tensor([[1, 2]], { dtype: 'f64' }), 'fc.b': tensor([3]), step: tensor([100]) };
    const names: Record<string, string | null> = { 'fc.w': 'weight', 'fc.b': 'bias', step: null };
    model.loadStateDict(state, { rename: (name) => names[name] ?? null });
    expect([model.weight.toArray(), model.bias?.toArray(), model.weight.dtype]).toEqual([[[1, 2]], [3], 'f32']);
  });

  it('is refused where two names become one, or what is named is no tensor', () => {
    const model = new Linear(2, 1, { rng: rng() });
    const state = { a: tensor([[1, 2]]), b: tensor([[3, 4]]), bias: tensor([0]) };
    expect(() => model.loadStateDict(state, { rename: (name) => (name === 'bias' ? name : 'weight') })).toThrow(
      'loadStateDict: a and b are both renamed to weight',
    );
    expect(() => model.loadStateDict({ weight: [[1, 2]], bias: tensor([0]) } as never)).toThrow(
      'loadStateDict: weight must be a tensor, got an array of 1',
    );
    for (const bad of [null, 5, 'state', [tensor([1])]]) {
      expect(() => model.loadStateDict(bad as never)).toThrow(
        /^loadStateDict: the state must be an object of tensors by name/,
      );
    }
    expect(() => model.loadStateDict(state, { rename: () => 5 as never })).toThrow(
      'loadStateDict: rename must give a name or null for a, got 5',
    );
    expect(() => model.loadStateDict(state, { renames: () => 'a' } as never)).toThrow("did you mean 'rename'?");
  });

  it('names at most some of what is wrong', () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`extra.${i}`, tensor([1])]));
    expect(() => new Linear(1, 1, { rng: rng() }).loadStateDict(many)).toThrow(/; and 34 more$/);
  });
});

describe('modes', () => {
  it('are of the whole tree', () => {
    const drop = new Dropout(0.5, { rng: rng() });
    const model = new Sequential(new Sequential(drop));
    expect([model.eval().training, drop.training, model.train().training, drop.training]).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it('are eval in scores, whatever was set, and as they were afterwards, also when a score throws', () => {
    const drop = new Dropout(0.5, { rng: rng() });
    const x = tensor([1, 2]);
    expect(scoring(() => scoring(() => drop.forward(x)) === x && drop.forward(x) === x)).toBe(true);
    expect(() =>
      scoring(() => {
        throw new Error('broken');
      }),
    ).toThrow('broken');
    expect(drop.training).toBe(true);
  });
});

describe('freezing', () => {
  it('leaves parameters out of training; one that a frozen and another module hold is frozen', () => {
    const shared = new Linear(2, 2, { rng: rng() });
    const model = new Sequential(shared, new Sequential(shared), new Linear(2, 1, { rng: rng() }));
    shared.freeze();
    expect(model.trainable().map(([name]) => name)).toEqual(['2.weight', '2.bias']);
    expect(model.parameters()).toHaveLength(4);
    model.freeze();
    expect(model.trainableParameters()).toEqual([]);
    model.unfreeze();
    expect(model.trainableParameters()).toHaveLength(4);
  });
});

describe('roles', () => {
  it('are given, or told by the axes; what is no parameter has none', () => {
    expect(roleOf(parameter([[1]]))).toBe('weight');
    expect(roleOf(parameter([1]))).toBe('bias');
    expect(roleOf(parameterOf('table', [[1, 2]]))).toBe('table');
    expect(roleOf(buffer([1]))).toBe('buffer');
    expect(roleOf(tensor([1]))).toBeNull();
  });

  it('of buffers keep their numbers at one place, changed by assign', () => {
    const model = new Pair();
    model.mean.assign([8, 9]);
    expect(model.stateDict().mean?.toArray()).toEqual([8, 9]);
  });
});

describe('a module that is read from a file', () => {
  const made = (numbers: number, build: () => unknown): unknown => withoutFirstWeights('Model.load', numbers, build);

  it('does not draw first weights, and has room for as many numbers as the file has', () => {
    const generator = rng();
    const layer = made(6, () => new Linear(2, 2, { rng: generator })) as Linear;
    expect([layer.weight.toArray(), generator.state]).toEqual([
      [
        [0, 0],
        [0, 0],
      ],
      rng().state,
    ]);
    expect(() => made(5, () => new Linear(2, 2, { rng: rng() }))).toThrow(
      'Model.load: the description asks for more numbers than the file has, at a bias of [2]; the file is altered',
    );
    for (const shape of [[1e200, 1e200], [Number.MAX_SAFE_INTEGER], [2 ** 30, 2 ** 30]]) {
      expect(() => made(100, () => layerParameter('weight', shape, () => zeros([1])))).toThrow(LatentError);
    }
    // Afterwards first weights are drawn again.
    expect(new Linear(2, 2, { rng: rng() }).weight.abs().sum().item()).toBeGreaterThan(0);
  });
});

describe('summary', () => {
  it('is a table of modules with their tensors, and the total of what is trained', () => {
    const lines = new Pair().summary().split('\n');
    expect(lines[0]).toMatch(/^module +type +parameters +count$/);
    expect(lines).toContainEqual(expect.stringMatching(/^\(this\) +Pair +scale \[1\], mean \[2\] \(kept\) +1$/));
    expect(lines).toContainEqual(expect.stringMatching(/^encoder\.0 +Linear +weight \[4, 3\], bias \[4\] +16$/));
    expect(lines.at(-1)).toMatch(/^total +30$/);
  });

  it('calls a layer by its type, whatever a minifier made of its class', () => {
    const Small = class a extends Linear {};
    expect(new Sequential(new Small(1, 1, { rng: rng() }) as Layer).summary()).toContain('Linear');
  });
});

describe('errors', () => {
  it('name the layer, however deep', () => {
    const model = new Sequential(new Linear(3, 2, { rng: rng() }), new Sequential(new Linear(5, 2, { rng: rng() })));
    expect(() => model.forward(tensor([[1, 2, 3]]))).toThrow('1.0: expected last axis 5, got [1, 2]');
    class Odd extends Module {
      forward(_x: Tensor): Tensor {
        throw new TypeError('not of the library');
      }
    }
    expect(() => new Sequential(new Odd()).forward(tensor([1]))).toThrow(new TypeError('not of the library'));
  });
});
