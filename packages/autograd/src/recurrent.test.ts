import {
  compile,
  type RecurrentCell,
  type RecurrentOptions,
  Rng,
  recurrent,
  sum,
  type Tensor,
  tensor,
  useThreads,
} from '@latent/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import { grad, noGrad } from './index.ts';

afterAll(() => useThreads(1));

const GATES = { lstm: 4, gru: 3, rnnTanh: 1, rnnRelu: 1 } as const;
const cells = Object.keys(GATES) as RecurrentCell[];

/** x, W_ih, W_hh, b_ih, b_hh and first states. */
function inputs(cell: RecurrentCell, [rows, steps, features, units]: readonly number[], seed = 1): Tensor[] {
  const rng = new Rng(seed);
  const gates = GATES[cell] * units!;
  const spread = { low: -0.5, high: 0.5 };
  return [
    rng.normal([rows!, steps!, features!]),
    rng.uniform([gates, features!], spread),
    rng.uniform([gates, units!], spread),
    rng.uniform([gates], spread),
    rng.uniform([gates], spread),
    ...Array.from({ length: cell === 'lstm' ? 2 : 1 }, () => rng.uniform([rows!, units!], spread)),
  ];
}

function run(cell: RecurrentCell, all: readonly Tensor[], options: RecurrentOptions = {}): Tensor[] {
  const [x, weightIh, weightHh, biasIh, biasHh, ...state] = all as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const { output, state: last } = recurrent(cell, x, { weightIh, weightHh, biasIh, biasHh }, { state, ...options });
  return [output, ...last];
}

/** One number that depends on every result, and its gradients to all inputs. */
function lossAndGradients(cell: RecurrentCell, all: readonly Tensor[], options: RecurrentOptions = {}): Tensor[] {
  const loss = (p: Tensor[]): Tensor =>
    run(cell, p, options)
      .map((part, i) => sum(part.square()).mul(i + 1))
      .reduce((a, b) => a.add(b));
  return [noGrad(() => loss([...all])), ...grad(loss)([...all])];
}

const bits = (tensors: readonly Tensor[]): unknown[] => tensors.map(({ data }) => data);

/** Row r of tensors [rows, …]. */
function row(x: Tensor, r: number): Tensor {
  return x.slice([[r, r + 1]]);
}

describe.each(cells)('%s', (cell) => {
  const sizes = [53, 9, 6, 19];
  const [rows, steps] = [53, 9];
  const lengths = tensor(Array.from({ length: rows }, (_, r) => (r * 5) % (steps + 1)));

  it('gives a row the same bits alone and among others, whatever their lengths', () => {
    const all = inputs(cell, sizes);
    const whole = run(cell, all, { lengths });
    for (const r of [0, 5, 23, 24, 40, 52]) {
      const own = all.map((x, i) => (i === 0 || i >= 5 ? row(x, r) : x));
      expect(bits(run(cell, own, { lengths: row(lengths, r) }))).toEqual(bits(whole.map((x) => row(x, r))));
    }
  });

  it('gives what fewer steps give where a row is shorter, with zeros after', () => {
    const all = inputs(cell, [3, 7, 4, 10]);
    for (const reverse of [false, true]) {
      const short = run(cell, [all[0]!.slice([null, [0, 4]]), ...all.slice(1)], { reverse });
      const padded = run(cell, all, { reverse, lengths: tensor([4, 4, 4]) });
      expect(bits([padded[0]!.slice([null, [0, 4]]), ...padded.slice(1)])).toEqual(bits(short));
      expect(padded[0]!.slice([null, [4, 7]]).data.every((y) => Object.is(y, 0))).toBe(true);
    }
  });

  it('keeps the state of a row without steps, and gives no gradient to its input, NaN or not', () => {
    const all = inputs(cell, [2, 3, 2, 5]);
    const poisoned = all[0]!.data.map((x, i) => (i >= 6 ? Number.NaN : x));
    const x = tensor(poisoned, { shape: [2, 3, 2] });
    const results = run(cell, [x, ...all.slice(1)], { lengths: tensor([3, 0]) });
    for (const [j, state] of results.slice(1).entries()) expect(row(state, 1).data).toEqual(row(all[5 + j]!, 1).data);
    const [, dx, ...rest] = lossAndGradients(cell, [x, ...all.slice(1)], { lengths: tensor([3, 0]) });
    expect(row(dx!, 1).data.every((g) => Object.is(g, 0))).toBe(true);
    expect(rest.every(({ data }) => data.every(Number.isFinite))).toBe(true);
  });

  it('does without what is kept for gradients what it does with it', () => {
    const all = inputs(cell, sizes);
    const kept = grad((p: Tensor[]) => {
      const results = run(cell, p, { lengths });
      expect(bits(noGrad(() => run(cell, p, { lengths })))).toEqual(bits(results));
      return sum(results[0]!);
    })(all);
    expect(kept[0]!.shape).toEqual(all[0]!.shape);
  });

  it('goes on from a state where another run ended', () => {
    const all = inputs(cell, [4, 8, 3, 6]);
    const whole = run(cell, all);
    const first = run(cell, [all[0]!.slice([null, [0, 5]]), ...all.slice(1)]);
    const second = run(cell, [all[0]!.slice([null, [5, 8]]), ...all.slice(1, 5), ...first.slice(1)]);
    expect(bits(second.slice(1))).toEqual(bits(whole.slice(1)));
  });

  it('multiplies an input that stays the same once, to the same numbers and gradients', () => {
    const all = inputs(cell, [27, 1, 6, 11]);
    const constant = all[0]!.reshape([27, 6]);
    const repeated = all[0]!.broadcastTo([27, 5, 6]);
    const once = lossAndGradients(cell, [constant, ...all.slice(1)], { steps: 5 });
    const often = lossAndGradients(cell, [repeated, ...all.slice(1)]);
    often[1] = often[1]!.sum({ axis: 1 });
    for (const [i, x] of once.entries()) {
      const most = Math.max(...often[i]!.data.map(Math.abs));
      expect(Math.max(...x.sub(often[i]!).abs().data)).toBeLessThanOrEqual(1e-5 * Math.max(1, most));
    }
  });

  it('has the same bits recorded, and with two threads', async () => {
    const all = inputs(cell, sizes);
    const eager = lossAndGradients(cell, all, { lengths, reverse: true });
    for (const threads of [1, 2]) {
      useThreads(threads);
      const recorded = compile((...p: Tensor[]) =>
        lossAndGradients(cell, p.slice(1), { lengths: p[0]!, reverse: true }),
      );
      for (let i = 0; i < 3; i++) expect(bits(recorded(lengths, ...all))).toEqual(bits(eager));
    }
    useThreads(1);
  });
});

describe('recurrent', () => {
  const all = inputs('lstm', [2, 3, 4, 5]);
  const [x, weightIh, weightHh, biasIh, biasHh] = all as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const state = all.slice(5);
  const weights = { weightIh, weightHh, biasIh, biasHh };

  it('begins with zeros', () => {
    const zero = state.map((s) => s.mul(0));
    const [a, b] = [recurrent('lstm', x, weights), recurrent('lstm', x, weights, { state: zero })];
    expect(a.output.data).toEqual(b.output.data);
  });

  it('refuses what does not go together, and says what', () => {
    const bad: [() => unknown, string][] = [
      [
        () => recurrent('lsmt' as 'lstm', x, weights),
        'recurrent: the cell must be one of lstm, gru, rnnTanh, rnnRelu, got lsmt',
      ],
      [() => recurrent('lstm', x.reshape([6, 4]), weights), 'recurrent: x must be [rows, steps, features], got [6, 4]'],
      [
        () => recurrent('lstm', x, weights, { steps: 3 }),
        'recurrent: x must be [rows, features] with steps given, got [2, 3, 4]',
      ],
      [() => recurrent('gru', x, weights), 'recurrent: weightHh of a gru must be [3·units, units], got [20, 5]'],
      [
        () => recurrent('lstm', x.slice([null, null, [0, 3]]), weights),
        'recurrent: weightIh for inputs of 3 numbers must be [20, 3], got [20, 4]',
      ],
      [() => recurrent('lstm', x, { ...weights, biasHh: state[0]! }), 'recurrent: biasHh must be [20], got [2, 5]'],
      [() => recurrent('lstm', x, weights, { state: state.slice(0, 1) }), 'recurrent: lstm has 2 states, got 1'],
      [
        () => recurrent('lstm', x, weights, { state: [state[0]!, x] }),
        'recurrent: a state must be [2, 5], got [2, 3, 4]',
      ],
      [() => recurrent('lstm', x, weights, { lengths: tensor([1, 2, 3]) }), 'recurrent: lengths must be [2], got [3]'],
      [
        () => recurrent('lstm', x.reshape([2, 12]).slice([null, [0, 4]]), weights, { steps: 1.5 }),
        'recurrent: steps must be a whole number ≥ 0, got 1.5',
      ],
    ];
    for (const [call, message] of bad) expect(call).toThrow(message);
  });
});
