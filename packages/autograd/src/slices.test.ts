import { createHash } from 'node:crypto';
import {
  compile,
  everyStep,
  inSlices,
  madeLater,
  mapInto,
  mapProgram,
  overwrite,
  Rng,
  settled,
  type Tensor,
  tensor,
  useKernels,
  zeros,
} from '@latent/tensor';
import { afterEach, describe, expect, it } from 'vitest';
import { parameter } from './parameter.ts';
import { scan } from './scan.ts';

afterEach(() => useKernels('auto'));

/** Plain JavaScript needs less for as many pieces. */
const SIZES = { wasm: 192, reference: 48 };
const SIZE = SIZES.wasm;
const rowsOf = (size: number): Tensor => new Rng(1).normal([128, size]).mul(0.1);
const rows = rowsOf(SIZE);
const MOVE = mapProgram('move', 3, (weight, gradient, rate) => weight.sub(gradient.mul(rate)));

/** All numbers, in few. */
function digest(tensors: readonly Tensor[]): string {
  const hash = createHash('sha1');
  for (const { data } of tensors) hash.update(new Uint8Array(data.buffer));
  return hash.digest('hex');
}

/** A step whose products and update are long enough for several pieces, with draws, a moving mean in its middle and a rate that changes. */
function model(size = SIZE) {
  const rng = new Rng(7);
  const weights = [0, 1, 2].map(() => parameter(rng.normal([size, size]).mul(0.05)));
  const mean = zeros([size]).persisted(true);
  const rate = zeros([1]).persisted(true);
  const draws = new Rng(3);
  let steps = 0;
  const step = compile((x: Tensor) => {
    let h = x.add(draws.normal(x.shape).mul(0.01));
    overwrite(mean, mean.mul(0.9).add(h.mean({ axis: 0 }).mul(0.1)));
    for (const w of weights) h = h.matmul(w).tanh();
    const loss = h.square().mean();
    loss.backward();
    everyStep(() => rate.assign(1 / ++steps));
    for (const w of weights) {
      mapInto(MOVE, [w], [w.grad as Tensor, rate]);
      if (w.node) w.node.grad = null;
    }
    return { loss };
  });
  const state = (): string => digest([...weights, mean]);
  return { step, weights, mean, draws, state };
}

const soon = (): Promise<void> => Promise.resolve();

describe.each(['wasm', 'reference'] as const)('with %s kernels', (kernels) => {
  const size = SIZES[kernels];
  const rows = rowsOf(size);
  it('a call in slices is the call bit by bit, the first one included', async () => {
    useKernels(kernels);
    const [whole, sliced] = [model(size), model(size)];
    let pauses = 0;
    const pause = (): Promise<void> => {
      pauses++;
      return soon();
    };
    for (let i = 0; i < 3; i++) {
      const expected = whole.step(rows).loss.item();
      const { loss } = await inSlices(sliced.step, pause, rows);
      expect(loss.item()).toBe(expected);
      expect(sliced.state()).toBe(whole.state());
      expect(sliced.draws.state).toEqual(whole.draws.state);
    }
    expect(pauses).toBeGreaterThan(kernels === 'wasm' ? 6 : 30);
  });

  it('whoever looks meanwhile sees what was before the call, or what is after it', async () => {
    useKernels(kernels);
    const looks = (of: ReturnType<typeof model>): (() => string)[] => {
      const product = compile((x: Tensor) => x.matmul(of.weights[2] as Tensor).add(of.mean));
      return [
        of.state,
        () => digest([product(rows)]),
        () => digest([rows.matmul(of.weights[2] as Tensor).add(of.mean)]),
      ];
    };
    const [before, whole] = [model(size), model(size)];
    whole.step(rows);
    for (const [i, was] of looks(before).entries()) {
      const [first, last] = [was(), looks(whole)[i]?.()];
      const seen = new Set<string>();
      let pauses = 1;
      for (let at = 0; at < pauses; at += Math.ceil(pauses / 6)) {
        const own = model(size);
        const look = looks(own)[i] as () => string;
        let count = 0;
        const pause = async (): Promise<void> => {
          if (count++ === at) seen.add(look());
        };
        await inSlices(own.step, pause, rows);
        expect(own.state()).toBe(whole.state());
        pauses = count;
      }
      expect([...seen].sort()).toEqual([first, last].sort());
    }
  });

  it('a loop too long for a slice is made turn by turn, with its draws', async () => {
    useKernels(kernels);
    const inputs = new Rng(2).normal([8, 64, size]);
    const make = () => {
      const weight = parameter(new Rng(4).normal([size, size]).mul(0.05));
      const draws = new Rng(5);
      const step = compile((xs: Tensor) => {
        const turn = (h: Tensor, x: Tensor) => {
          const next = h.matmul(weight).add(x).add(draws.normal(h.shape).mul(0.1)).tanh();
          return [next, next] as const;
        };
        const [carry] = scan(turn, zeros([64, size]), xs);
        carry.square().mean().backward();
        const gradient = (weight.grad as Tensor).mul(1);
        if (weight.node) weight.node.grad = null;
        return { carry: carry.mul(1), gradient };
      });
      return { step, draws };
    };
    const [whole, sliced] = [make(), make()];
    let pauses = 0;
    const pause = (): Promise<void> => {
      pauses++;
      return soon();
    };
    for (let i = 0; i < 2; i++) {
      const expected = digest(Object.values(whole.step(inputs)));
      expect(digest(Object.values(await inSlices(sliced.step, pause, inputs)))).toBe(expected);
      expect(sliced.draws.state).toEqual(whole.draws.state);
    }
    expect(pauses).toBeGreaterThan(4);
  });
});

it('a step that reads what it computes is made at once, loops and draws before that included', async () => {
  const make = () => {
    const draws = new Rng(5);
    const told: string[] = [];
    const step = compile(
      (xs: Tensor) => {
        const [carry] = scan(
          (h: Tensor, x: Tensor) => {
            const next = h.add(x).add(draws.normal(h.shape));
            return [next, next] as const;
          },
          zeros([4]),
          xs,
        );
        const largest = Math.max(...carry.data);
        return carry.div(largest).add(draws.normal([4]));
      },
      { onEager: (reason) => told.push(reason) },
    );
    return { step, told };
  };
  const inputs = new Rng(2).normal([5, 4]);
  const [whole, sliced] = [make(), make()];
  for (let i = 0; i < 3; i++) {
    const expected = whole.step(inputs).toArray();
    expect((await inSlices(sliced.step, soon, inputs)).toArray()).toEqual(expected);
  }
  expect(sliced.told).toEqual(whole.told);
  expect(sliced.told).toHaveLength(1);
});

it('a bad index is the error that it is in a call, and the step goes on being right', async () => {
  const table = parameter(new Rng(1).normal([5, 3]));
  const step = compile((at: Tensor) => table.gather(at));
  for (const _first of [0, 1]) {
    await expect(inSlices(step, soon, tensor([1, 7]))).rejects.toThrow(
      'index 1 must be a whole number from 0 to 4, got 7',
    );
    expect((await inSlices(step, soon, tensor([4, 2]))).shape).toEqual([2, 3]);
  }
});

it('two calls of one function at once, and one between the pieces of another, are each what they are alone', async () => {
  const make = () => {
    const weight = parameter(new Rng(4).normal([SIZE, SIZE]));
    return compile((x: Tensor) => x.matmul(weight).tanh().matmul(weight).tanh().matmul(weight).sum({ axis: 1 }));
  };
  const inputs = [1, 2, 3].map((seed) => new Rng(seed).normal([512, SIZE]));
  const expected = inputs.map((x) => digest([make()(x)]));
  const step = make();
  for (let i = 0; i < 2; i++) {
    let third = '';
    const pause = async (): Promise<void> => {
      third = digest([step(inputs[2] as Tensor)]);
    };
    const made = await Promise.all([inSlices(step, pause, inputs[0]!), inSlices(step, soon, inputs[1]!)]);
    expect([...made.map((x) => digest([x])), third]).toEqual(expected);
  }
});

it('what a half done step uses is written over, or given up, after it', async () => {
  const late = new Rng(9).normal([SIZE, SIZE]);
  for (const change of ['assign', 'dispose'] as const) {
    const [whole, sliced] = [model(), model()];
    whole.step(rows);
    let pauses = 0;
    const pause = async (): Promise<void> => {
      if (++pauses === 5) sliced.weights[0]![change](late);
    };
    await inSlices(sliced.step, pause, rows);
    expect(pauses).toBeGreaterThanOrEqual(5);
    expect(digest(sliced.weights.slice(1))).toBe(digest(whole.weights.slice(1)));
    if (change === 'assign') expect(digest([sliced.weights[0]!])).toBe(digest([late]));
    else expect(() => sliced.step(rows)).toThrow('disposed');
  }
});

it('what is given up between the recording and the first step is missed by it', async () => {
  const { step, weights } = model();
  await expect(inSlices(step, async () => weights[0]!.dispose(), rows)).rejects.toThrow('disposed');
});

it('a pause that fails leaves no step half done', async () => {
  const [whole, sliced] = [model(), model()];
  whole.step(rows);
  const pause = () => Promise.reject(new Error('no time'));
  await inSlices(sliced.step, soon, rows);
  expect(sliced.state()).toBe(whole.state());
  whole.step(rows);
  await expect(inSlices(sliced.step, pause, rows)).rejects.toThrow('no time');
  expect(sliced.state()).toBe(whole.state());
});

describe('numbers that are made later', () => {
  const make = (rng: Rng) => () => rng.uniform([SIZE, SIZE], { low: -0.1, high: 0.1 });

  it('are those of now, in slices and where somebody asks for them before', async () => {
    const expected = digest([make(new Rng(3))()]);
    const rng = new Rng(3);
    const asked = madeLater(make(rng));
    const state = rng.state;
    expect(digest([asked])).toBe(expected);
    const settledOne = madeLater(make(new Rng(3)));
    await settled(soon);
    expect(digest([settledOne])).toBe(expected);
    // Their draws are taken at once.
    const other = new Rng(3);
    make(other)();
    expect(state).toEqual(other.state);
  });

  it('may be written over, given up, computed from others and read while a step is recorded', async () => {
    const first = madeLater(make(new Rng(3)));
    const twice = madeLater(() => first.mul(2));
    first.assign(zeros([SIZE, SIZE]));
    expect(digest([twice])).toBe(digest([make(new Rng(3))().mul(2)]));
    madeLater(make(new Rng(3))).dispose();
    const used = madeLater(make(new Rng(3)));
    const product = compile((x: Tensor) => x.matmul(used));
    expect(digest([product(rows)])).toBe(digest([rows.matmul(make(new Rng(3))())]));
    await settled(soon);
  });
});

it('what is no compiled function, no pause or no function is refused', async () => {
  const step = compile((x: Tensor) => x.add(1));
  await expect(inSlices((() => 1) as never, soon)).rejects.toThrow(
    'inSlices: the function must be one that compile made',
  );
  await expect(inSlices(step, 5 as never, tensor([1]))).rejects.toThrow('inSlices: the pause must be a function');
  await expect(settled(null as never)).rejects.toThrow('settled: the pause must be a function');
});
