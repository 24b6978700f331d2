import { parameter } from '@latent/autograd';
import { compile, step, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { cosineSchedule, exponentialSchedule, plateauSchedule } from '../schedule/schedule.ts';
import { adadelta, adagrad, rmsProp } from './adagrad.ts';
import { adaBelief, adaMax, adam, adamW, amsGrad, nadam } from './adam.ts';
import { lion } from './lion.ts';
import type { OptimizerSpec } from './optimizer.ts';
import { nesterov, sgd } from './sgd.ts';

const gradients = [
  [0.3, -2],
  [-0.2, 1],
  [0.5, 0],
  [1.5, -0.7],
  [0.01, 3],
];
const START = [1, -0.5];

/** One parameter's path by plain numbers. */
function path(rule: (t: number, p: number, g: number, state: number[]) => number): number[][] {
  const states = [
    [0, 0],
    [0, 0],
  ];
  let p = START;
  return gradients.map((g, i) => {
    p = p.map((value, j) => rule(i + 1, value, g[j]!, states[j]!));
    return p;
  });
}

// By PyTorch 1.13.1 in float64 (torch.optim), with the options that the specs below name; nadam and adaBelief, which it
// lacks in this form, by the formulas of Dozat 2016 and Zhuang et al. 2020.
const table: [OptimizerSpec, number[][]][] = [
  [
    sgd({ learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 }),
    [
      [0.969, -0.2995],
      [0.960131, -0.2187505],
      [0.901188769, -0.145857199],
      [0.697239572, -0.010107372],
      [0.511988056, -0.18792242],
    ],
  ],
  [
    nesterov({ learningRate: 0.1 }),
    [
      [0.943, -0.12],
      [0.9567, -0.148],
      [0.85603, -0.0832],
      [0.525427, 0.10812],
      [0.3609843, -0.352692],
    ],
  ],
  [
    adam({ learningRate: 0.1, weightDecay: 0.01 }),
    [
      [0.900000003, -0.4],
      [0.882009129, -0.373115638],
      [0.821955541, -0.352227415],
      [0.749435156, -0.318462098],
      [0.687557653, -0.343863075],
    ],
  ],
  [
    adamW({ learningRate: 0.1 }),
    [
      [0.899000003, -0.399500001],
      [0.883648951, -0.372466797],
      [0.824405147, -0.3515064],
      [0.751664636, -0.317679189],
      [0.689792057, -0.34298391],
    ],
  ],
  [
    amsGrad({ learningRate: 0.1, beta2: 0.9 }),
    [
      [0.900000003, -0.400000001],
      [0.885400821, -0.372939597],
      [0.828313849, -0.352547169],
      [0.76085396, -0.31865535],
      [0.704907834, -0.343340383],
    ],
  ],
  [
    adaMax({ learningRate: 0.1 }),
    [
      [0.900000003, -0.400000001],
      [0.887707009, -0.378926295],
      [0.846157194, -0.365615554],
      [0.807256351, -0.34595792],
      [0.777662482, -0.360502131],
    ],
  ],
  [
    rmsProp({ learningRate: 0.1 }),
    [
      [3.33e-7, 0.49999995],
      [0.556630518, 0.050986715],
      [-0.256824952, 0.050986715],
      [-1.182815938, 0.353586444],
      [-1.189020191, -0.439803866],
    ],
  ],
  [
    adagrad({ learningRate: 0.1 }),
    [
      [0.9, -0.4],
      [0.95547002, -0.44472136],
      [0.874359309, -0.44472136],
      [0.781865347, -0.414846088],
      [0.781248732, -0.493657128],
    ],
  ],
  [
    adadelta(),
    [
      [0.996837898, -0.496837726],
      [0.999409018, -0.498922867],
      [0.995185453, -0.498922867],
      [0.989133295, -0.497323357],
      [0.989076263, -0.501377899],
    ],
  ],
  [
    nadam({ learningRate: 0.1 }),
    path((t, p, g, s) => {
      s[0] = 0.9 * s[0]! + 0.1 * g;
      s[1] = 0.999 * s[1]! + 0.001 * g * g;
      const ahead = (0.9 * s[0]) / (1 - 0.9 ** (t + 1)) + (0.1 * g) / (1 - 0.9 ** t);
      return p - (0.1 * ahead) / (Math.sqrt(s[1] / (1 - 0.999 ** t)) + 1e-8);
    }),
  ],
  [
    adaBelief({ learningRate: 0.1, epsilon: 1e-8 }),
    path((t, p, g, s) => {
      s[0] = 0.9 * s[0]! + 0.1 * g;
      s[1] = 0.999 * s[1]! + 0.001 * (g - s[0]) ** 2 + 1e-8;
      return p - (0.1 * (s[0] / (1 - 0.9 ** t))) / (Math.sqrt(s[1] / (1 - 0.999 ** t)) + 1e-8);
    }),
  ],
];

describe.each(table)('$name', (spec, want) => {
  it.each(['f64', 'f32'] as const)('takes the published steps in %s', (dtype) => {
    const p = parameter(START, { dtype });
    const optimizer = spec.create([p]);
    gradients.forEach((g, i) => {
      p.mul(tensor(g, { dtype })).sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
      for (const [j, value] of p.data.entries()) {
        expect(Math.abs(value - want[i]![j]!)).toBeLessThan(dtype === 'f64' ? 2e-9 : 2e-5);
      }
    });
  });

  it('goes on from its state to the same bits, in recorded steps', () => {
    const run = (resumeAt: number): Float32Array => {
      let p = parameter(START);
      let optimizer = spec.create([p]);
      for (let i = 0; i < 6; i++) {
        if (i === resumeAt) {
          const state = optimizer.state();
          p = parameter(p.detach());
          optimizer = spec.create([p]);
          optimizer.loadState(state);
        }
        const [q, o] = [p, optimizer];
        const train = compile((g: ReturnType<typeof tensor>) => {
          q.mul(g).sum().backward();
          o.step();
          o.zeroGrad();
        });
        train(tensor(gradients[i % 5]!));
      }
      return p.data as Float32Array;
    };
    expect(run(3)).toEqual(run(-1));
  });

  it('says what it is as plain data', () => {
    expect(JSON.parse(JSON.stringify(spec.config()))).toEqual(spec.config());
    expect(spec.config().name).toBe(spec.name);
  });
});

describe('a learning rate by schedule', () => {
  it('is followed by step, also in a replayed step', () => {
    const p = parameter([0]);
    const optimizer = sgd({ learningRate: exponentialSchedule({ rate: 1, gamma: 0.5 }) }).create([p]);
    const train = compile((g: ReturnType<typeof tensor>) => {
      p.mul(g).sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
    });
    const places = [0, 1, 2, 3].map(() => {
      train(tensor([1]));
      return p.item();
    });
    expect(places).toEqual([-1, -1.5, -1.75, -1.875]);
  });

  it('is followed by epoch', () => {
    const p = parameter([0]);
    const optimizer = sgd({ learningRate: cosineSchedule({ rate: 1, steps: 2, by: 'epoch' }) }).create([p]);
    const rates = [0, 0, 1, 2].map((epoch) => {
      optimizer.epoch = epoch;
      p.sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
      return optimizer.learningRate;
    });
    expect(rates).toEqual([1, 1, 0.5, 0]);
  });

  it('falls on a plateau', () => {
    const schedule = plateauSchedule({ rate: 1, factor: 0.5, patience: 1 });
    const rates = [5, 4, 4, 4, 3.9, 4, 4].map((loss) => {
      schedule.observe(loss);
      return schedule.at(0);
    });
    expect(rates).toEqual([1, 1, 1, 0.5, 0.5, 0.5, 0.25]);
  });
});

/** The first values of one parameter that starts at 1 with gradients 0.5, −1 and 2, by the update rule in numbers. */
function sequence(rule: (t: number, p: number, g: number, state: [number, number]) => number): number[] {
  const state: [number, number] = [0, 0];
  let p = 1;
  return [0.5, -1, 2].map((g, i) => {
    p = rule(i + 1, p, g, state);
    return p;
  });
}

const momentum =
  (ahead: boolean, decay: number) =>
  (_t: number, p: number, g0: number, state: [number, number]): number => {
    const g = g0 + decay * p;
    state[0] = 0.9 * state[0] + g;
    return p - 0.1 * (ahead ? g + 0.9 * state[0] : state[0]);
  };
const adaptive =
  (decay: number, decoupled: boolean) =>
  (t: number, p: number, g0: number, state: [number, number]): number => {
    const g = decoupled ? g0 : g0 + decay * p;
    state[0] = 0.9 * state[0] + 0.1 * g;
    state[1] = 0.99 * state[1] + 0.01 * g * g;
    const shrunk = decoupled ? p * (1 - 0.1 * decay) : p;
    return shrunk - (0.1 * (state[0] / (1 - 0.9 ** t))) / (Math.sqrt(state[1] / (1 - 0.99 ** t)) + 1e-8);
  };
/** Chen et al. 2023, algorithm 2. */
const signed =
  (decay: number) =>
  (_t: number, p: number, g: number, state: [number, number]): number => {
    const step = Math.sign(0.9 * state[0] + 0.1 * g) + decay * p;
    state[0] = 0.99 * state[0] + 0.01 * g;
    return p - 0.1 * step;
  };
const betas = { learningRate: 0.1, beta2: 0.99 };
const formulas: [string, OptimizerSpec, number[]][] = [
  ['sgd', sgd({ learningRate: 0.1 }), sequence((_t, p, g) => p - 0.1 * g)],
  ['sgd with momentum', sgd({ learningRate: 0.1, momentum: 0.9 }), sequence(momentum(false, 0))],
  [
    'sgd with Nesterov momentum and decay',
    sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.2 }),
    sequence(momentum(true, 0.2)),
  ],
  ['adam', adam(betas), sequence(adaptive(0, false))],
  ['adam with L2', adam({ ...betas, weightDecay: 0.3 }), sequence(adaptive(0.3, false))],
  ['adamW', adamW({ ...betas, weightDecay: 0.3 }), sequence(adaptive(0.3, true))],
  ['lion', lion({ learningRate: 0.1 }), sequence(signed(0))],
  ['lion with decay', lion({ learningRate: 0.1, weightDecay: 0.3 }), sequence(signed(0.3))],
];

describe.each(formulas)('%s', (_name, spec, want) => {
  it.each(['f32', 'f64'] as const)('takes the steps of its formula in %s', (dtype) => {
    const p = parameter(new Float64Array(7).fill(1), { dtype });
    const optimizer = spec.create([p]);
    [0.5, -1, 2].forEach((g, i) => {
      p.mul(g).sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
      for (const value of p.data) expect(Math.abs(value - want[i]!)).toBeLessThan(dtype === 'f64' ? 1e-12 : 3e-6);
    });
  });

  it('goes on from a saved state', () => {
    const run = (p: Tensor, optimizer: ReturnType<OptimizerSpec['create']>, count: number): void => {
      for (let i = 0; i < count; i++) {
        step(() => {
          p.square().sum().backward();
          optimizer.step();
          optimizer.zeroGrad();
        });
      }
    };
    const p = parameter([1, -2, 3]);
    const optimizer = spec.create([p]);
    run(p, optimizer, 5);
    const copy = parameter(p.detach());
    const resumed = spec.create([copy]);
    resumed.loadState(optimizer.state());
    run(p, optimizer, 5);
    run(copy, resumed, 5);
    expect(copy.data).toEqual(p.data);
  });
});

describe('optimizers', () => {
  it('find the bottom of a bowl, leave parameters without a gradient alone, and say when there is none', () => {
    const [p, other] = [parameter([3, -4]), parameter([5])];
    const optimizer = adam({ learningRate: 0.1 }).create([p, other]);
    for (let i = 0; i < 300; i++) {
      p.sub(1).square().sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
    }
    for (const value of p.data) expect(value).toBeCloseTo(1, 2);
    expect(other.item()).toBe(5);
    expect(() => optimizer.step()).toThrow('adam.step: no parameter has a gradient; call loss.backward() first');
  });

  it('refuse what cannot be', () => {
    expect(() => sgd({ learningRate: 1, nesterov: true })).toThrow('sgd: nesterov needs a momentum > 0');
    expect(() => adam({ beta1: 1 })).toThrow('adam: beta1 must be a number ≥ 0 and < 1, got 1');
    expect(() => adam({ learningrate: 1 } as never)).toThrow("did you mean 'learningRate'?");
    expect(() => sgd({} as never)).toThrow('sgd: learningRate must be a number ≥ 0, got undefined');
    expect(() => adam().create([tensor([1])])).toThrow('adam: expected tensors made with parameter(...)');
    expect(() => adam().create([])).toThrow('adam: needs at least one parameter, got none');
    const p = parameter([1]);
    expect(() => adam().create([p, p])).toThrow('adam: a parameter is given twice, and would be updated twice a step');
  });

  it('update parameters of both precisions in one step', () => {
    const [single, double] = [parameter([1, 2]), parameter([1, 2], { dtype: 'f64' })];
    const optimizer = adam({ learningRate: 0.1 }).create([single, double]);
    for (let i = 0; i < 3; i++) {
      single.square().sum().backward();
      double.square().sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
    }
    expect(double.data[0]).not.toBe(1);
    for (const [i, value] of double.data.entries()) expect(single.data[i]!).toBeCloseTo(value, 5);
  });

  it('do not take the state of another optimizer or of other parameters', () => {
    const state = adam()
      .create([parameter([1, 2])])
      .state();
    const other = (make: OptimizerSpec, size: number) => () =>
      make.create([parameter(new Float32Array(size))]).loadState(state);
    expect(other(sgd({ learningRate: 1 }), 2)).toThrow(
      'loadState: sgd keeps 1 numbers for each of 2 elements of parameter 0, got sizes 2,2',
    );
    expect(other(adam(), 3)).toThrow(
      'loadState: adam keeps 2 numbers for each of 3 elements of parameter 0, got sizes 2,2',
    );
    expect(() =>
      adam()
        .create([parameter([1]), parameter([1])])
        .loadState(state),
    ).toThrow('loadState: adam has 2 parameters, got the state of 1');
  });
});
