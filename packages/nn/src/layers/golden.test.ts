import { readFileSync } from 'node:fs';
import { parameter } from '@latent/autograd';
import { Rng, sum, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { withinLengths } from '../module/context.ts';
import type { Module } from '../module/module.ts';
import { MultiHeadAttention } from './attention/multi-head-attention.ts';
import { TransformerBlock } from './attention/transformer.ts';
import { Gru } from './recurrent/gru.ts';
import { Lstm } from './recurrent/lstm.ts';
import type { RecurrentLayer } from './recurrent/recurrent-layer.ts';
import { Rnn } from './recurrent/rnn.ts';
import { Embedding } from './sequence/embedding.ts';

// What PyTorch makes of the same weights and inputs: bench/peers/golden_sequences.py.

interface Numbers {
  readonly shape: number[];
  readonly data: number[];
}
type Named = Readonly<Record<string, Numbers>>;
interface Case {
  readonly name: string;
  readonly options: {
    readonly layers?: number;
    readonly bidirectional?: boolean;
    readonly lengths?: boolean;
    readonly activation?: 'tanh' | 'relu';
    readonly heads?: number;
    readonly feedForward?: number;
    readonly causal?: boolean;
    readonly padding?: number;
  };
  readonly state: Named;
  readonly inputs: Named;
  readonly results: Named;
  readonly gradients: Named;
}

const golden = JSON.parse(readFileSync(new URL('./golden.json', import.meta.url), 'utf8')) as {
  readonly lengths: number[];
  readonly cases: readonly Case[];
};

const rng = new Rng(1);
const filled = ({ data, shape }: Numbers): Tensor => tensor(data, { shape });

/** A module for a case, and how it makes results by PyTorch's names. */
function build({ name, options, inputs }: Case): {
  module: Module;
  run: (x: Tensor, ...state: Tensor[]) => Record<string, Tensor>;
} {
  const width = inputs.x!.shape.at(-1)!;
  const context = options.lengths ? { lengths: tensor(golden.lengths) } : {};
  const { layers = 1, bidirectional = false, heads = 1, causal = false } = options;
  const recurrent = (module: RecurrentLayer): ReturnType<typeof build> => ({
    module,
    run: (x, ...first) => {
      const { output, state } = module.run(x, { ...context, state: first });
      return Object.fromEntries([
        ['output', output],
        ...['h_n', 'c_n'].slice(0, state.length).map((key, i) => [key, state[i]!]),
      ]);
    },
  });
  const units = inputs.h?.shape.at(-1) ?? 0;
  switch (name) {
    case 'lstm':
      return recurrent(new Lstm(width, units, { rng, layers, bidirectional }));
    case 'gru':
      return recurrent(new Gru(width, units, { rng, layers, bidirectional }));
    case 'rnn':
      return recurrent(new Rnn(width, units, { rng, layers, bidirectional, activation: options.activation! }));
    case 'embedding': {
      const module = new Embedding(5, 3, { rng, padding: options.padding });
      return { module, run: (x) => ({ output: module.forward(x) }) };
    }
    case 'attention': {
      const module = new MultiHeadAttention(width, heads, { rng, causal });
      return { module, run: (x) => ({ output: module.forward(x, context) }) };
    }
    case 'transformer': {
      const module = new TransformerBlock(width, heads, { rng, feedForward: options.feedForward! });
      // What stands past a row's end does not count.
      const inside = (y: Tensor): Tensor =>
        y.mul(withinLengths(tensor(golden.lengths), y.shape[1]!).reshape([-1, y.shape[1]!, 1]));
      return { module, run: (x) => ({ output: inside(module.forward(x, context)) }) };
    }
    default:
      throw new Error(`golden: no layer ${name}`);
  }
}

function expectClose(got: Tensor, want: Numbers, what: string): void {
  expect(got.shape, what).toEqual(want.shape);
  const data = got.data;
  for (const [i, value] of want.data.entries()) {
    const allowed = 2e-6 * Math.max(1, Math.abs(value));
    if (!(Math.abs(data[i]! - value) <= allowed)) expect(`${what}[${i}]: ${data[i]}`).toBe(`${what}[${i}]: ${value}`);
  }
}

describe.each(golden.cases.map((one): [string, Case] => [`${one.name} ${JSON.stringify(one.options)}`, one]))(
  '%s',
  (_title, one) => {
    it('takes over the weights of PyTorch by name, and gives its numbers and gradients', () => {
      const { module, run } = build(one);
      module.loadStateDict(
        Object.fromEntries(Object.entries(one.state).map(([name, numbers]) => [name, filled(numbers)])),
      );
      expect(Object.keys(module.stateDict()).sort()).toEqual(Object.keys(one.state).sort());
      const given = Object.entries(one.inputs).map(([name, numbers]): [string, Tensor] => [
        name,
        one.gradients[name] === undefined ? filled(numbers) : parameter(filled(numbers)),
      ]);
      const results = run(...(given.map(([, x]) => x) as [Tensor, ...Tensor[]]));
      expect(Object.keys(results).sort()).toEqual(Object.keys(one.results).sort());
      for (const [name, want] of Object.entries(one.results)) expectClose(results[name]!, want, name);
      const losses = Object.values(results).map((x) =>
        sum(
          x.mul(
            tensor(
              Array.from({ length: x.size }, (_, i) => Math.sin(i + 1)),
              { shape: x.shape },
            ),
          ),
        ),
      );
      losses.reduce((a, b) => a.add(b)).backward();
      const held = new Map([...given, ...module.namedParameters()]);
      for (const [name, want] of Object.entries(one.gradients)) {
        expectClose(held.get(name)!.grad!, want, `the gradient to ${name}`);
      }
    });
  },
);
