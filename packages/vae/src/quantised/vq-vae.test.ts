import { conv2d, dense, standardise } from '@latent/nn';
import { Rng, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { CodePrior } from './code-prior.ts';
import { Codebook } from './codebook.ts';
import { VqVae } from './vq-vae.ts';

const rng = new Rng(1);
const run = { epochs: 2, batchSize: 16, onWarning: () => {} };
const small = { inputSize: 4, encoder: [6], codes: 8, codeSize: 3, places: 2, reconstruction: gaussian() };
const prior = { width: 8, layers: 1, heads: 2, dropout: 0 };
/** Four kinds of rows, with little noise. */
const kinds = [
  [3, 3, -3, 0],
  [-3, 3, 3, 0],
  [3, -3, 3, 1],
  [-3, -3, -3, 2],
];
const rows = (rng.normal([160, 4], { std: 0.1 }).toArray() as number[][]).map((row, i) =>
  row.map((x, j) => x + kinds[i % 4]![j]!),
);

describe('the codebook', () => {
  const book = (codes: number, decay = 0.9): Codebook =>
    new Codebook({ codes, codeSize: 2, decay, deadBelow: 0.01, rng: new Rng(3) });

  it('finds the nearest, passes gradients straight through, and stays as it is in eval mode', () => {
    const codebook = book(5).eval() as Codebook;
    codebook.codes.assign(new Rng(4).normal([5, 2]));
    const z = new Rng(5).normal([20, 2]);
    const { indices, codes, commitment } = codebook.forward(z);
    const table = codebook.codes.toArray() as number[][];
    (z.toArray() as number[][]).forEach((vector, i) => {
      const far = table.map((code) => (code[0]! - vector[0]!) ** 2 + (code[1]! - vector[1]!) ** 2);
      expect(indices.data[i]).toBe(far.indexOf(Math.min(...far)));
      expect(commitment.data[i]).toBeCloseTo(Math.min(...far), 4);
      table[indices.data[i]!]!.forEach((value, j) => {
        expect(codes.data[2 * i + j]).toBeCloseTo(value, 5);
      });
    });
    expect(codebook.counts.toArray()).toEqual([0, 0, 0, 0, 0]);
  });

  it('follows by moving averages: counts, sums, and their quotient', () => {
    const codebook = book(3);
    codebook.train();
    const first = new Rng(6).normal([30, 2]);
    codebook.forward(first); // all codes were dead, and start at vectors
    for (const code of codebook.codes.toArray() as number[][]) expect(code.every(Number.isFinite)).toBe(true);
    const [counts, sums] = [codebook.counts.data.slice(), codebook.sums.data.slice()];
    const z = new Rng(7).normal([30, 2]);
    const { indices } = codebook.forward(z);
    const own = [0, 1, 2].map((k) => [...indices.data.keys()].filter((i) => indices.data[i] === k));
    own.forEach((members, k) => {
      expect(codebook.counts.data[k]).toBeCloseTo(0.9 * counts[k]! + 0.1 * members.length, 4);
      for (const j of [0, 1]) {
        const sum = members.reduce((total, i) => total + (z.data[2 * i + j] as number), 0);
        const want = 0.9 * sums[2 * k + j]! + 0.1 * sum;
        expect(codebook.sums.data[2 * k + j]).toBeCloseTo(want, 4);
        expect(codebook.codes.data[2 * k + j]).toBeCloseTo(want / codebook.counts.data[k]!, 3);
      }
    });
  });

  it('starts dead codes anew at vectors of the batch, and finds clusters', () => {
    const codebook = book(4, 0.5);
    codebook.train();
    const centres = [
      [5, 5],
      [-5, 5],
      [5, -5],
      [-5, -5],
    ];
    for (let t = 0; t < 60; t++) {
      const noise = new Rng(t).normal([40, 2], { std: 0.1 }).toArray() as number[][];
      codebook.forward(tensor(noise.map((v, i) => v.map((x, j) => x + centres[i % 4]![j]!))));
    }
    const found = (codebook.codes.toArray() as number[][]).map(([a, b]) => `${Math.sign(a!)},${Math.sign(b!)}`);
    expect(new Set(found).size).toBe(4);
  });
});

describe('the prior over codes', () => {
  it('is a distribution over all rows of codes, each place given those before', () => {
    const model = new CodePrior(3, 4, { ...prior, width: 8 }, new Rng(1)).eval() as CodePrior;
    const all = Array.from({ length: 81 }, (_, n) => [0, 1, 2, 3].map((t) => Math.floor(n / 3 ** t) % 3));
    const total = (model.logProb(tensor(all)).toArray() as number[]).reduce((sum, value) => sum + Math.exp(value), 0);
    expect(total).toBeCloseTo(1, 4);
    // What comes later does not matter to what comes first.
    const [a, b] = [model.forward(tensor([[1, 2, 0, 0]])), model.forward(tensor([[1, 2, 2, 1]]))];
    expect(
      a
        .slice([
          [0, 1],
          [0, 3],
        ])
        .toArray(),
    ).toEqual(
      b
        .slice([
          [0, 1],
          [0, 3],
        ])
        .toArray(),
    );
    // Draws have these frequencies.
    const p = Math.exp(model.logProb(tensor([[0, 0, 0, 0]])).item());
    const draws = model.sample(4000, new Rng(2), 1).toArray() as number[][];
    const share = draws.filter((row) => row.every((code) => code === 0)).length / 4000;
    expect(Math.abs(share - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / 4000));
  });
});

describe('a VQ-VAE', () => {
  it('gives each kind of row its codes, restores it, and makes new ones', async () => {
    const model = new VqVae({ ...small, prior, transform: standardise() });
    await model.fit(rows, { ...run, epochs: 60, learningRate: 1e-2 });
    const codes = (model.encode(rows).toArray() as number[][]).map(String);
    expect(new Set(codes.slice(0, 4)).size).toBe(4);
    const restored = model.reconstruct(rows).cast('f32').sub(tensor(rows)).square().mean().item();
    expect(restored).toBeLessThan(0.2);
    expect(model.decode(model.encode(rows)).toArray()).toEqual(model.reconstruct(rows).toArray());
    const uniform = model.codeBound(rows);
    expect(uniform.codes.toArray()).toEqual(new Array(160).fill(Math.fround(2 * Math.log(8))));
    expect(() => model.sample(3)).toThrow('VqVae.sample: new rows need codes that go together');
    await model.fitPrior(rows, { epochs: 60, learningRate: 1e-2, validationData: rows });
    const learned = model.codeBound(rows);
    // Four kinds, equally likely: log 4 nats, a little more where a kind has several codes.
    expect(learned.codes.mean().item()).toBeLessThan(uniform.codes.mean().item());
    expect(learned.codes.mean().item()).toBeGreaterThan(Math.log(4) - 0.05);
    learned.bound.data.forEach((value, i) => {
      expect(value).toBeCloseTo(learned.reconstruction.data[i]! + learned.codes.data[i]!, 4);
    });
    for (const made of model.sample(40, { seed: 3 }).toArray() as number[][]) {
      const near = Math.min(...kinds.map((kind) => Math.hypot(...kind.map((x, j) => x - made[j]!))));
      expect(near).toBeLessThan(2.5);
    }
    const copy = VqVae.fromBytes(model.toBytes());
    expect(copy.sample(5).toArray()).toEqual(model.sample(5).toArray());
    expect(copy.codeBound(rows).bound.toArray()).toEqual(learned.bound.toArray());
    expect([...copy.toBytes()]).toEqual([...model.toBytes()]);
    // A codebook that learned more is another.
    await model.fit(rows, run);
    expect(() => model.sample(3)).toThrow('call fitPrior');
  });

  it('has a code at each place of an image', async () => {
    const images = rng.bernoulli([40, 8, 8, 1]);
    const model = new VqVae({
      event: [8, 8, 1],
      encoder: [
        conv2d(4, { kernel: 3, stride: 2, padding: 'same' }),
        conv2d(6, { kernel: 3, stride: 2, padding: 'same' }),
      ],
      codes: 6,
      codeSize: 3,
      prior,
      reconstruction: bernoulli(),
    });
    await model.fit(images, { ...run, validationData: images });
    expect(model.places).toEqual([2, 2]);
    expect(model.encode(images).shape).toEqual([40, 2, 2]);
    expect(model.reconstruct(images).shape).toEqual([40, 8, 8, 1]);
    await model.fitPrior(images, run);
    expect(model.sample(3).shape).toEqual([3, 8, 8, 1]);
    expect(model.reconstructionError(images).shape).toEqual([40]);
  });

  it('goes on from a checkpoint to the same bits', async () => {
    const whole = new VqVae({ ...small, prior });
    await whole.fit(rows, { ...run, epochs: 3 });
    let saved: Uint8Array | null = null;
    const to = {
      read: () => Promise.resolve(saved),
      write: (bytes: Uint8Array) => {
        saved = bytes;
        return Promise.resolve();
      },
    };
    await new VqVae({ ...small, prior }).fit(rows, { ...run, epochs: 1, checkpoint: { to } });
    const second = new VqVae({ ...small, prior });
    await second.fit(rows, { ...run, epochs: 3, checkpoint: { to, resume: true } });
    expect([...second.toBytes()]).toEqual([...whole.toBytes()]);
  });

  it('refuses what cannot be, in sentences', async () => {
    const model = new VqVae({ ...small, prior });
    const cases: [() => unknown, string][] = [
      [() => model.encode(rows), 'VqVae.encode: the codebook is made of rows; call fit before'],
      [() => model.decode([[0, 8]]), 'VqVae.decode: row 0, place 1 must be a whole number ≥ 0 and ≤ 7, got 8'],
      [() => new VqVae({ ...small, codes: 1 }), 'VqVae: codes must be a whole number ≥ 2'],
      [
        () => new VqVae({ ...small, prior: { width: 10, heads: 4 } }),
        'VqVae: prior.width 10 does not divide into 4 heads',
      ],
      [() => new VqVae({ ...small, code: 3 } as never), "there is no option 'code'; did you mean 'codes'?"],
      [
        () =>
          new VqVae({ event: [4, 4, 1], encoder: [conv2d(2, { kernel: 3 })], places: 3, reconstruction: bernoulli() }),
        'the encoder makes places, each with a code; leave places out',
      ],
    ];
    for (const [call, message] of cases) expect(call).toThrow(message);
    await expect(model.fitPrior(rows, run)).rejects.toThrow('call fit before');
    const plain = new VqVae({ inputSize: 4, encoder: [dense(3)], codes: 4, prior });
    await plain.fit(rows, run);
    expect(() => plain.codeBound(rows)).toThrow('VqVae.codeBound: squaredError is a plain loss, not a distribution');
  });
});
