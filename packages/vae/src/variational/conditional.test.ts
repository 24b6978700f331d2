import { gradCheck } from '@latent/autograd';
import { conv2d, dataset, dense, standardise } from '@latent/nn';
import { Rng, tensor, UsageError } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { conditionalPrior } from '../latent/conditional-prior.ts';
import { klBetweenNormals } from '../latent/diagonal-normal.ts';
import { kl } from '../latent/kl.ts';
import { mixturePrior } from '../latent/mixture-prior.ts';
import { elbo } from '../objectives/elbo.ts';
import { iwae } from '../objectives/iwae.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { Vae } from './vae.ts';

const rng = new Rng(1);
const labels = Array.from({ length: 90 }, (_, i) => i % 3);
/** Each class around a place of its own. */
const centres = [
  [4, 0],
  [-4, 0],
  [0, 6],
];
const rows = (rng.normal([90, 2]).toArray() as number[][]).map((row, i) =>
  row.map((x, j) => x + centres[labels[i]!]![j]!),
);
const run = { epochs: 3, batchSize: 16, onWarning: () => {} };
const options = { inputSize: 2, latentSize: 2, encoder: [8], reconstruction: gaussian(), condition: { classes: 3 } };

describe('KL between normals', () => {
  const draws = Array.from({ length: 4 }, () => rng.normal([5, 3]));
  const [m, v, n, w] = draws as [(typeof draws)[0], (typeof draws)[0], (typeof draws)[0], (typeof draws)[0]];

  it('is the closed form, and 0 of equals', () => {
    const want = kl({ name: 'normal', params: [m, v] }, { name: 'normal', params: [n, w] }).toArray() as number[];
    (klBetweenNormals(m, v, n, w).toArray() as number[]).forEach((value, i) => {
      expect(value).toBeCloseTo(want[i]!, 4);
    });
    expect(klBetweenNormals(m, v, m, v).toArray()).toEqual([0, 0, 0, 0, 0]);
  });

  it('has the gradients of central differences', () => {
    const inputs = draws.map((x) => x.cast('f64'));
    expect(gradCheck((a, b, c, d) => klBetweenNormals(a!, b!, c!, d!), inputs)).toBeLessThan(1e-7);
  });
});

describe('a condition', () => {
  it('is learned: rows of a class are made where that class is', async () => {
    for (const prior of [undefined, conditionalPrior({ hidden: [8] })]) {
      const vae = new Vae({ ...options, ...(prior && { prior }) });
      await vae.fit(rows, { ...run, epochs: 60, learningRate: 1e-2, condition: labels });
      for (const [label, centre] of centres.entries()) {
        const mean = vae.sample(200, { condition: label, seed: 1 }).mean({ axis: 0 }).toArray() as number[];
        expect(mean[0]).toBeCloseTo(centre[0]!, -0.3);
        expect(mean[1]).toBeCloseTo(centre[1]!, -0.3);
      }
      // Under the wrong class a row is far less likely.
      const right = vae.logLikelihood(rows, { condition: labels }).logLikelihood.mean().item();
      const wrong = vae
        .logLikelihood(rows, { condition: labels.map((k) => (k + 1) % 3) })
        .logLikelihood.mean()
        .item();
      expect(right - wrong).toBeGreaterThan(3);
    }
  });

  it('belongs to its row, wherever the row stands and however it is given', async () => {
    const vae = new Vae({ ...options, prior: conditionalPrior(), transform: standardise() });
    await vae.fit(rows, { ...run, condition: labels, validationData: rows, validationCondition: labels });
    const all = vae.elbo(rows, { condition: labels, samples: 2 }).elbo.toArray() as number[];
    for (const i of [0, 17, 89]) {
      expect(vae.elbo([rows[i]!], { condition: labels[i]!, samples: 2 }).elbo.toArray()).toEqual([all[i]]);
    }
    const same = vae.encode(rows, { condition: 2 }).mean.toArray();
    expect(vae.encode(rows, { condition: labels.map(() => 2) }).mean.toArray()).toEqual(same);
    expect(vae.encode(rows, { condition: tensor([2]) }).mean.toArray()).toEqual(same);
    const columns = new Vae({ ...options, condition: { columns: 3 } });
    columns.loadStateDict(new Vae({ ...options }).stateDict());
    const oneHot = labels.map((k) => [0, 1, 2].map((j) => (j === k ? 1 : 0)));
    expect(columns.encode(rows, { condition: oneHot }).mean.toArray()).toEqual(
      new Vae(options).encode(rows, { condition: labels }).mean.toArray(),
    );
    expect(columns.reconstruct(rows, { condition: [1, 0, 0] }).toArray()).toEqual(
      columns.reconstruct(rows, { condition: [[1, 0, 0]] }).toArray(),
    );
    // Draws of a code see the condition of their row.
    const given = { condition: tensor(oneHot) };
    const z = rng.normal([4, 90, 2]);
    const together = vae.likelihoodParams(z, given);
    expect(
      together
        .slice([[2, 3]])
        .reshape([90, 4])
        .toArray(),
    ).toEqual(vae.likelihoodParams(z.slice([[2, 3]]).reshape([90, 2]), given).toArray());
    expect(vae.interpolate(rows[0]!, rows[1]!, 3, { condition: 1 }).shape).toEqual([3, 2]);
    expect(vae.traverse(rows[0]!, 0, [0, 1], { condition: 1 }).shape).toEqual([2, 2]);
    expect(vae.moreLike(rows.slice(0, 3), 4, { condition: [0, 1, 2] }).shape).toEqual([3, 4, 2]);
    expect(vae.generateRandomGivenZ([[0, 0]], { condition: 1 }).shape).toEqual([1, 2]);
    expect((await vae.diagnose(rows, { condition: labels })).latentSize).toBe(2);
  });

  it('is kept in the file, works under every objective, and comes with data sets', async () => {
    for (const objective of [elbo({ samples: 2, beta: 0.5 }), iwae({ samples: 3, estimator: 'dreg' })]) {
      const vae = new Vae({ ...options, objective, prior: conditionalPrior({ hidden: [4] }) });
      await vae.fit(dataset({ x: rows, condition: labels.map((k) => [0, 1, 2].map((j) => (j === k ? 1 : 0))) }), run);
      const again = new Vae({ ...options, objective, prior: conditionalPrior({ hidden: [4] }) });
      await again.fit(rows, { ...run, condition: labels });
      expect([...again.toBytes()]).toEqual([...vae.toBytes()]);
      const copy = Vae.fromBytes(vae.toBytes());
      expect(copy.elbo(rows, { condition: labels }).elbo.toArray()).toEqual(
        vae.elbo(rows, { condition: labels }).elbo.toArray(),
      );
    }
  });

  it('becomes channels of images, with holes too', async () => {
    const vae = new Vae({
      event: [4, 4, 1],
      latentSize: 2,
      encoder: [conv2d(3, { kernel: 3, stride: 2, padding: 'same' }), dense(5)],
      reconstruction: bernoulli(),
      condition: { classes: 3 },
      missing: true,
    });
    const images = rng.bernoulli([30, 4, 4, 1]);
    const torn = images.toArray() as number[][][][];
    torn[0]![1]![2]![0] = Number.NaN;
    const condition = labels.slice(0, 30);
    await vae.fit(torn as never, { ...run, condition });
    expect(vae.reconstruct(torn as never, { condition }).shape).toEqual([30, 4, 4, 1]);
    const [filled] = vae.impute(torn as never, { condition, samples: 5 });
    expect(filled?.data.every((x) => Number.isFinite(x))).toBe(true);
    expect(vae.sample(2, { condition: [0, 1], output: 'draw' }).shape).toEqual([2, 4, 4, 1]);
  });

  it('is asked for, and refused, in sentences', async () => {
    const vae = new Vae(options);
    const plain = new Vae({ inputSize: 2, latentSize: 2, reconstruction: gaussian() });
    const cases: [() => unknown, string][] = [
      [() => vae.encode(rows), 'Vae.encode: this model needs the condition of each row, class numbers below 3'],
      [() => vae.sample(2), 'Vae.sample: this model needs the condition of each row'],
      [() => vae.sample(2, { condition: [0, 1, 2] }), 'Vae.sample: there are 2 rows, but 3 conditions'],
      [() => vae.sample(2, { condition: 3 }), 'Vae.sample: condition[0] must be a whole number ≥ 0 and ≤ 2, got 3'],
      [() => vae.sample(2, { condition: [0, 0.5] }), 'condition[1] must be a whole number'],
      [() => vae.sample(2, { condition: 'two' as never }), 'condition must be class numbers'],
      [() => vae.sample(2, { condition: [] }), 'condition needs at least one class number'],
      [() => plain.encode(rows, { condition: labels }), 'Vae.encode: this model has no condition'],
      [() => vae.loss(tensor(rows), new Rng(1)), 'Vae: this model needs the condition of each row'],
      [() => vae.traverse(rows[0]!, 0, [1], { condition: [0, 1] }), 'there are 1 rows, but 2 conditions'],
      [() => new Vae({ ...options, condition: { classes: 1 } }), 'Vae: condition.classes must be a whole number ≥ 2'],
      [
        () => new Vae({ ...options, condition: 3 as never }),
        'Vae: condition must be an object such as { classes: 10 }',
      ],
      [() => new Vae({ ...options, condition: { class: 3 } as never }), "did you mean 'classes'?"],
      [
        () => new Vae({ inputSize: 2, latentSize: 2, reconstruction: gaussian(), prior: conditionalPrior() }),
        'conditionalPrior() is for models with a condition',
      ],
    ];
    for (const [call, message] of cases) expect(call).toThrow(message);
    const rejected: [Promise<unknown>, string][] = [
      [vae.fit(rows, run), 'Vae.fit: this model needs the condition of each row, class numbers below 3: { condition }'],
      [vae.fit(rows, { ...run, condition: labels.slice(1) }), 'Vae.fit: there are 90 rows, but 89 conditions'],
      [vae.fit(rows, { ...run, condition: labels, validationData: rows }), '{ validationCondition }'],
      [vae.fit(dataset({ x: rows }), run), 'a data set brings its conditions itself, as condition of [3]'],
      [plain.fit(rows, { ...run, condition: labels }), 'this model has no condition'],
    ];
    for (const [promise, message] of rejected) {
      await expect(promise).rejects.toThrow(message);
      await expect(promise).rejects.toBeInstanceOf(Error);
    }
    await expect(vae.fit(rows, run)).rejects.toBeInstanceOf(UsageError);
    // A mixture does not see the condition; the rest of the model does.
    const mixed = new Vae({ ...options, prior: mixturePrior({ components: 2 }) });
    await mixed.fit(rows, { ...run, condition: labels });
    expect(mixed.sample(2, { condition: 1 }).shape).toEqual([2, 2]);
  });
});
