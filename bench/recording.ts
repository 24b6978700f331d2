// Milliseconds to record, plan and lower a step, against the number of its kernel calls: each row should cost about ten
// times the one above it, and in a loop the same.
import { parameter, scan } from '@latent/autograd';
import { sgd } from '@latent/nn';
import { compile, linear, Rng, type Tensor } from '@latent/tensor';

const COUNTS = [10, 100, 1_000, 10_000];
const WIDTH = 16;
/** Kernel calls of one layer: forward 3, backward 4, updates 2. */
const CALLS_PER_LAYER = 9;

/** A training step of a deep and narrow network. */
function deepNetwork(calls: number): () => (x: Tensor) => Tensor {
  const depth = Math.max(1, Math.round(calls / CALLS_PER_LAYER));
  const rng = new Rng(1);
  const layers = Array.from({ length: depth }, () => ({
    weight: parameter(rng.normal([WIDTH, WIDTH], { std: 0.3 })),
    bias: parameter(rng.normal([WIDTH])),
  }));
  return () => {
    const optimizer = sgd({ learningRate: 1e-3 }).create(layers.flatMap(({ weight, bias }) => [weight, bias]));
    return compile((x) => {
      let h = x;
      for (const { weight, bias } of layers) h = linear(h, weight, bias).tanh();
      const loss = h.square().mean();
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    });
  };
}

/** Elementwise operations one after the other. */
function chain(calls: number): () => (x: Tensor) => Tensor {
  return () =>
    compile((x) => {
      let y = x;
      for (let i = 0; i < calls; i++) y = i % 2 === 0 ? y.tanh() : y.add(x);
      return y;
    });
}

/** The same operations as turns of a loop, and the way back: a loop in the program, whose length costs nothing to record. */
function loop(calls: number): () => (x: Tensor) => Tensor {
  const scale = parameter([0.5]);
  return () =>
    compile((x) => {
      const [y] = scan((h: Tensor) => [h.mul(scale).tanh().add(x), null], x, null, { length: Math.ceil(calls / 3) });
      const loss = y.square().mean();
      loss.backward();
      const { grad } = scale;
      if (scale.node !== null) scale.node.grad = null;
      return grad as Tensor;
    });
}

function time(body: () => void): number {
  const started = performance.now();
  body();
  return performance.now() - started;
}

const ROUNDS = 5;
const x = new Rng(0).normal([8, WIDTH]);
for (const [name, make] of [
  ['training step of a deep network', deepNetwork],
  ['chain of elementwise operations', chain],
  ['loop over elementwise operations, with gradient', loop],
] as const) {
  console.log(`\n${name}\n   calls   record + plan   lower + first replay   replay, ms (best of ${ROUNDS})`);
  for (const calls of COUNTS) {
    const compiled = make(calls);
    const best = [Infinity, Infinity, Infinity];
    for (let round = 0; round < ROUNDS; round++) {
      const run = compiled();
      for (let i = 0; i < best.length; i++) {
        best[i] = Math.min(
          best[i] as number,
          time(() => run(x)),
        );
      }
    }
    const cells = best.map((ms, i) => ms.toFixed(2).padStart([16, 23, 9][i] as number));
    console.log(`${String(calls).padStart(8)}${cells.join('')}`);
  }
}
