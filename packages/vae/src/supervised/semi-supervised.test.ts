import { dense, standardise } from '@latent/nn';
import { Rng, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { normalLogProb } from '../latent/diagonal-normal.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { SemiSupervisedVae } from './semi-supervised.ts';

const rng = new Rng(1);
const truth = Array.from({ length: 120 }, (_, i) => i % 3);
const centres = [
  [4, 0, 1],
  [-4, 0, 1],
  [0, 6, -5],
];
const rows = (rng.normal([120, 3]).toArray() as number[][]).map((row, i) =>
  row.map((x, j) => x + centres[truth[i]!]![j]!),
);
/** One label of ten. */
const labels = truth.map((label, i) => (i % 10 === 0 ? label : null));
const options = { inputSize: 3, latentSize: 2, encoder: [8], classes: 3, reconstruction: gaussian() };
const run = { epochs: 2, batchSize: 20, onWarning: () => {} };

describe('M2', () => {
  it('adds up what the paper says: labelled and unlabelled bounds, one class after the other', () => {
    const model = new SemiSupervisedVae({ ...options, labelWeight: 3 });
    const x = tensor(rows.slice(0, 4));
    const y = [2, -1, 0, -1];
    const seed = 9;
    const got = model.parts({ x, y: tensor(y) }, new Rng(seed));
    // The same draws: one for each class and row.
    const noise = new Rng(seed).normal([12, 2]).toArray() as number[][];
    const logQ = model.forward(x).logSoftmax().toArray() as number[][];
    const bounds = [0, 1, 2].map((k) => {
      const condition = tensor(rows.slice(0, 4).map(() => [0, 1, 2].map((j) => (j === k ? 1 : 0))));
      const { mean, logVariance } = model.vae.posterior(x, { condition });
      const z = mean.add(
        logVariance
          .mul(0.5)
          .exp()
          .mul(tensor(noise.slice(4 * k, 4 * k + 4))),
      );
      const likelihood = model.vae.conditionalLogProb(x, z, { condition }).toArray() as number[];
      const kl = model.vae.klOf(mean, logVariance, z).toArray() as number[];
      return likelihood.map((value, r) => value - kl[r]! - Math.log(3));
    });
    let total = 0;
    y.forEach((label, r) => {
      if (label >= 0) total += bounds[label]![r]!;
      else for (const k of [0, 1, 2]) total += Math.exp(logQ[r]![k]!) * (bounds[k]![r]! - logQ[r]![k]!);
    });
    expect(got.bound.item()).toBeCloseTo(-total / 4, 4);
    const crossEntropy = -(logQ[0]![2]! + logQ[2]![0]!) / 2;
    expect(got.loss.item()).toBeCloseTo(-total / 4 + 3 * crossEntropy, 4);
    const best = (r: number): number => logQ[r]!.indexOf(Math.max(...logQ[r]!));
    expect(got.accuracy.item()).toBeCloseTo((Number(best(0) === 2) + Number(best(2) === 0)) / 2, 6);
  });

  it('bounds log p(x): exactly so where the codes say nothing', async () => {
    // Of a decoder and encoder that do not look at z, bound(x, y) = log p(x | y) + log p(y), and Σ_y q(bound − log q) ≤ log p(x).
    const model = new SemiSupervisedVae({ ...options, encoder: [], decoder: [], classifier: [4] });
    const state = model.stateDict();
    for (const name of ['vae.mean.weight', 'vae.mean.bias', 'vae.logVariance.weight', 'vae.logVariance.bias']) {
      state[name] = state[name]!.mul(0);
    }
    state['vae.head.weight'] = state['vae.head.weight']!.mul(tensor([[0, 0, 1, 1, 1]]));
    model.loadStateDict(state);
    const some = rows.slice(0, 5);
    const got = model.elbo(some).toArray() as number[];
    const q = model.predictProbability(some).toArray() as number[][];
    some.forEach((row, r) => {
      const terms = [0, 1, 2].map((k) => {
        const [params] = model.vae
          .likelihoodParams(tensor([[0, 0]]), { condition: tensor([[0, 1, 2].map((j) => (j === k ? 1 : 0))]) })
          .toArray() as number[][];
        const logP = model.vae.reconstructionDistribution.logProb(tensor([row]), tensor([params!])).item();
        return logP - Math.log(3);
      });
      const want = terms.reduce((sum, term, k) => sum + q[r]![k]! * (term - Math.log(q[r]![k]!)), 0);
      expect(got[r]).toBeCloseTo(want, 3);
      const logP = Math.log(terms.reduce((sum, term) => sum + Math.exp(term), 0));
      expect(got[r]).toBeLessThanOrEqual(logP + 1e-4);
    });
    expect(normalLogProb(tensor([[0]]), tensor([[0]]), tensor([[0]])).item()).toBeCloseTo(-0.9189, 3);
  });

  it('learns classes from a few labels, and makes rows of each', async () => {
    const model = new SemiSupervisedVae({ ...options, transform: standardise() });
    const history = await model.fit(rows, labels, {
      ...run,
      epochs: 60,
      learningRate: 1e-2,
      validationData: rows,
      validationLabels: truth,
    });
    const right = model.predict(rows).filter((label, i) => label === truth[i]).length;
    expect(right).toBeGreaterThan(114);
    expect(history.epochs.at(-1)?.validation?.accuracy).toBeGreaterThan(0.95);
    for (const [label, centre] of centres.entries()) {
      const mean = model.vae.sample(200, { condition: label }).mean({ axis: 0 }).toArray() as number[];
      for (const [j, want] of centre.entries()) expect(Math.abs(mean[j]! - want)).toBeLessThan(1);
    }
    // A row's score does not depend on what stands beside it.
    const all = model.elbo(rows).toArray() as number[];
    expect(model.elbo([rows[7]!]).item()).toBe(all[7]);
    const copy = SemiSupervisedVae.fromBytes(model.toBytes());
    expect(copy.elbo(rows).toArray()).toEqual(all);
    expect(copy.vae.sample(2, { condition: 1 }).toArray()).toEqual(model.vae.sample(2, { condition: 1 }).toArray());
    expect([...copy.toBytes()]).toEqual([...model.toBytes()]);
  });

  it('goes on from a checkpoint to the same bits', async () => {
    const whole = new SemiSupervisedVae(options);
    await whole.fit(rows, labels, { ...run, epochs: 3 });
    let saved: Uint8Array | null = null;
    const to = {
      read: () => Promise.resolve(saved),
      write: (bytes: Uint8Array) => {
        saved = bytes;
        return Promise.resolve();
      },
    };
    await new SemiSupervisedVae(options).fit(rows, labels, { ...run, epochs: 1, checkpoint: { to } });
    const second = new SemiSupervisedVae(options);
    await second.fit(rows, labels, { ...run, epochs: 3, checkpoint: { to, resume: true } });
    expect([...second.toBytes()]).toEqual([...whole.toBytes()]);
  });

  it('takes rows with holes, and a classifier of its own', async () => {
    const torn = rows.map((row, i) => (i % 4 === 0 ? [Number.NaN, row[1]!, row[2]!] : row));
    const model = new SemiSupervisedVae({ ...options, missing: true, classifier: [dense(5, { activation: 'tanh' })] });
    await model.fit(torn, labels, run);
    expect(model.elbo(torn).data.every((x) => Number.isFinite(x))).toBe(true);
    expect(model.predict(torn)).toHaveLength(120);
  });

  it('refuses what cannot be, in sentences', async () => {
    const model = new SemiSupervisedVae(options);
    const rejected: [Promise<unknown>, string][] = [
      [
        model.fit(
          rows,
          rows.map(() => null),
        ),
        'at least one row must have a label; a Vae learns without any',
      ],
      [model.fit(rows, labels.slice(1)), 'SemiSupervisedVae.fit: there are 120 rows, but 119 labels'],
      [
        model.fit(rows, [3, ...labels.slice(1)]),
        'SemiSupervisedVae.fit: labels[0] must be a whole number ≥ 0 and ≤ 2, got 3',
      ],
      [model.fit(rows, [undefined as never, ...labels.slice(1)]), 'labels[0] must be a whole number'],
      [model.fit(rows, 7 as never), 'labels must be an array of class numbers'],
      [model.fit(rows, labels, { ...run, validationData: rows }), 'validationData and validationLabels go together'],
      [model.fit(rows, labels, { epoch: 2 } as never), "did you mean 'epochs'?"],
    ];
    for (const [promise, message] of rejected) await expect(promise).rejects.toThrow(message);
    const cases: [() => unknown, string][] = [
      [
        () => new SemiSupervisedVae({ ...options, classes: 1 }),
        'SemiSupervisedVae: classes must be a whole number ≥ 2',
      ],
      [
        () => new SemiSupervisedVae({ ...options, labelWeight: -1 }),
        'SemiSupervisedVae: labelWeight must be a number ≥ 0',
      ],
      [() => new SemiSupervisedVae({ ...options, condition: { classes: 3 } } as never), 'condition is not its option'],
      [() => new SemiSupervisedVae({ ...options, latentsize: 3 } as never), "did you mean 'latentSize'?"],
      [() => new SemiSupervisedVae(5 as never), 'SemiSupervisedVae: options must be an object, got 5'],
    ];
    for (const [call, message] of cases) expect(call).toThrow(message);
    const images = new SemiSupervisedVae({
      ...options,
      event: [2, 2, 1],
      inputSize: undefined,
      reconstruction: bernoulli(),
    } as never);
    await images.fit(rng.bernoulli([9, 2, 2, 1]), [0, 1, 2, null, null, null, null, null, Number.NaN], run);
    expect(images.predict(rng.bernoulli([2, 2, 2, 1]))).toHaveLength(2);
  });
});
