import { dataset } from '@latent/nn';
import { Rng, type Tensor, tensor, UsageError } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { elbo } from '../objectives/elbo.ts';
import { iwae } from '../objectives/iwae.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { Vae } from '../variational/vae.ts';
import { exemplarPrior } from './exemplar-prior.ts';
import { vampPrior } from './vamp-prior.ts';

const rows = new Rng(1).normal([40, 3]).toArray() as number[][];
const options = { inputSize: 3, latentSize: 2, encoder: [6], reconstruction: gaussian(), seed: 3 };
const run = { epochs: 2, batchSize: 16, onWarning: () => {} };

/** log 1/|of| Σ N(z; μₙ, σ²I) in double precision. */
function mixture(z: number[], means: number[][], logVariance: number, of: readonly number[], divisor: number): number {
  const terms = of.map((n) => {
    const square = z.reduce((sum, value, j) => sum + (value - means[n]![j]!) ** 2, 0);
    return -0.5 * (square * Math.exp(-logVariance) + z.length * (logVariance + Math.log(2 * Math.PI)));
  });
  const largest = Math.max(...terms);
  return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0)) - Math.log(divisor);
}

async function trained(prior = exemplarPrior({ neighbours: 4 })): Promise<Vae> {
  const vae = new Vae({ ...options, prior });
  await vae.fit(rows, run);
  return vae;
}

const logVarianceOf = (vae: Vae): number => (vae.prior as unknown as { logVariance: Tensor }).logVariance.item();
const everyRow = rows.map((_, i) => i);

describe('the exemplar prior', () => {
  it('is the mixture over all training rows', async () => {
    const vae = await trained();
    const means = vae.encode(rows).mean.toArray() as number[][];
    const z = new Rng(2).normal([3, 5, 2]);
    const got = vae.logPrior(z).toArray() as number[][];
    (z.toArray() as number[][][]).forEach((draw, s) => {
      draw.forEach((code, r) => {
        expect(got[s]![r]).toBeCloseTo(mixture(code, means, logVarianceOf(vae), everyRow, 40), 4);
      });
    });
  });

  it('of a step is over the nearest, or over some, and never over the row itself', async () => {
    const vae = await trained();
    vae.beginEpoch(7);
    const means = vae.encode(rows).mean.toArray() as number[][];
    const near = (vae.prior as unknown as { near: Tensor }).near.toArray() as number[][];
    const numbers = [0, 3, 39];
    const z = new Rng(3).normal([3, 2]);
    const got = vae.logPrior(z, { row: tensor(numbers) }).toArray() as number[];
    numbers.forEach((row, i) => {
      const distance = (n: number): number => Math.hypot(...means[n]!.map((x, j) => x - means[row]![j]!));
      const want = everyRow.filter((n) => n !== row).sort((a, b) => distance(a) - distance(b));
      expect([...near[row]!].sort()).toEqual(want.slice(0, 4).sort());
      const code = (z.toArray() as number[][])[i]!;
      expect(got[i]).toBeCloseTo(mixture(code, means, logVarianceOf(vae), near[row]!, 39), 4);
      // A lower bound of the whole without the row.
      expect(got[i]).toBeLessThan(mixture(code, means, logVarianceOf(vae), want, 39));
    });
    // With random exemplars: the mean over many steps is that of all but the row.
    const some = await trained(exemplarPrior({ perStep: 8 }));
    const codes = some.encode(rows).mean.toArray() as number[][];
    const at = tensor([codes[5]!]);
    let total = 0;
    for (let i = 0; i < 400; i++) total += Math.exp(some.logPrior(at, { row: tensor([5]) }).item());
    const without = everyRow.filter((n) => n !== 5);
    expect(total / 400 / Math.exp(mixture(codes[5]!, codes, logVarianceOf(some), without, 39))).toBeCloseTo(1, 1);
  });

  it('follows the encoder, whoever changes it', async () => {
    const vae = await trained();
    const z = new Rng(4).normal([4, 2]);
    vae.logPrior(z);
    const before = vae.elbo(rows).elbo.toArray();
    const state = vae.stateDict();
    const changed = { ...state, 'mean.weight': state['mean.weight']!.mul(2) };
    vae.loadStateDict(changed);
    const fresh = Vae.fromBytes(vae.toBytes());
    expect(vae.elbo(rows).elbo.toArray()).toEqual(fresh.elbo(rows).elbo.toArray());
    expect(vae.elbo(rows).elbo.toArray()).not.toEqual(before);
    vae.loadStateDict(state);
    expect(vae.elbo(rows).elbo.toArray()).toEqual(before);
    expect(vae.sample(3, { seed: 2 }).toArray()).toEqual(Vae.fromBytes(vae.toBytes()).sample(3, { seed: 2 }).toArray());
  });

  it('takes the rows of the last run, also after one that was refused', async () => {
    const vae = await trained();
    const before = vae.elbo(rows).elbo.toArray();
    await expect(vae.fit(rows.slice(0, 9), { ...run, epochs: 0.5 })).rejects.toThrow('epochs');
    expect(vae.elbo(rows).elbo.toArray()).toEqual(before);
    await vae.fit(rows.slice(0, 9), run);
    const means = vae.encode(rows.slice(0, 9)).mean.toArray() as number[][];
    const want = mixture([0.1, 0.2], means, logVarianceOf(vae), everyRow.slice(0, 9), 9);
    expect(vae.logPrior(tensor([[0.1, 0.2]])).item()).toBeCloseTo(want, 4);
    expect(Vae.fromBytes(vae.toBytes()).elbo(rows).elbo.toArray()).toEqual(vae.elbo(rows).elbo.toArray());
  });

  it('trains under every objective, and a run that is resumed ends with the same bits', async () => {
    for (const objective of [elbo({ samples: 2 }), iwae({ samples: 3 })]) {
      const vae = new Vae({ ...options, objective, prior: exemplarPrior({ neighbours: 3 }) });
      await vae.fit(rows, run);
      expect(Number.isFinite(vae.elbo(rows).elbo.mean().item())).toBe(true);
    }
    for (const prior of [() => exemplarPrior({ neighbours: 3 }), () => exemplarPrior({ perStep: 6 })]) {
      const whole = new Vae({ ...options, prior: prior() });
      await whole.fit(rows, { ...run, epochs: 4 });
      let saved: Uint8Array | null = null;
      const to = {
        read: () => Promise.resolve(saved),
        write: (bytes: Uint8Array) => {
          saved = bytes;
          return Promise.resolve();
        },
      };
      const first = new Vae({ ...options, prior: prior() });
      await first.fit(rows, { ...run, epochs: 2, checkpoint: { to } });
      const second = new Vae({ ...options, prior: prior() });
      await second.fit(rows, { ...run, epochs: 4, checkpoint: { to, resume: true } });
      expect(second.elbo(rows).elbo.toArray()).toEqual(whole.elbo(rows).elbo.toArray());
    }
  });

  it('says what it needs', async () => {
    const vae = new Vae({ ...options, prior: exemplarPrior() });
    expect(() => vae.elbo(rows)).toThrow('exemplarPrior takes its exemplars from the rows of the first fit; call fit');
    expect(() => vae.sample(2)).toThrow(UsageError);
    expect(() => new Vae({ ...options, prior: exemplarPrior(), condition: { classes: 2 } })).toThrow(
      'exemplarPrior is a mixture over rows, whatever their condition',
    );
    await expect(vae.fit(dataset({ x: rows }), run)).rejects.toThrow('give rows in memory and not a data set');
    await expect(vae.fit(rows.slice(0, 1), run)).rejects.toThrow('at least two rows');
    const holes = new Vae({ ...options, prior: exemplarPrior(), missing: true });
    await expect(holes.fit([[1, Number.NaN, 2], ...rows], run)).rejects.toThrow('needs whole rows');
    expect(() => exemplarPrior({ neighbours: 0 })).toThrow('exemplarPrior: neighbours must be a whole number ≥ 1');
    // Two rows: one neighbour, whatever was asked for.
    await vae.fit(rows.slice(0, 2), run);
    expect(Number.isFinite(vae.elbo(rows).elbo.sum().item())).toBe(true);
    const config = JSON.parse(vae.metadata().config!) as { prior: { rows: number } };
    expect(config.prior.rows).toBe(2);
  });

  it('makes rows like a row', async () => {
    const vae = await trained();
    const like = vae.moreLike(rows.slice(0, 2), 500, { seed: 1 });
    expect(like.shape).toEqual([2, 500, 3]);
    const around = vae.encode(rows.slice(0, 2)).mean.toArray() as number[][];
    const noise = new Rng(1).normal([2, 500, 2]).toArray() as number[][][];
    const scale = Math.exp(logVarianceOf(vae) / 2);
    const codes = noise.flatMap((draws, r) => draws.map((e) => e.map((x, j) => around[r]![j]! + scale * x)));
    const want = vae.decode(codes).data;
    like.data.forEach((value, i) => {
      expect(value).toBeCloseTo(want[i]!, 4);
    });
    expect(() => vae.moreLike(rows, 0)).toThrow('Vae.moreLike: n must be a whole number ≥ 1');
  });
});

describe('the VampPrior', () => {
  it('starts at rows of the first run, and goes on from where it is in the second', async () => {
    const rowsOf = (vae: Vae): number[][] => (vae.prior as unknown as { rows: Tensor }).rows.toArray() as number[][];
    const make = (): Vae => new Vae({ ...options, prior: vampPrior({ components: 5, start: 'rows' }) });
    const vae = make();
    await vae.fit(rows, { ...run, epochs: 1, learningRate: 1e-6 });
    for (const own of rowsOf(vae)) {
      expect(rows.some((row) => row.every((x, j) => Math.abs(x - own[j]!) < 1e-3))).toBe(true);
    }
    const before = rowsOf(vae);
    await vae.fit(rows, { ...run, epochs: 1, learningRate: 1e-6 });
    for (const [i, x] of rowsOf(vae).flat().entries()) expect(x).toBeCloseTo(before.flat()[i]!, 3);
    await expect(make().fit(dataset({ x: rows }), run)).rejects.toThrow("the prior 'vamp' takes rows of its own");
    expect(
      () =>
        new Vae({
          ...options,
          reconstruction: bernoulli(),
          prior: vampPrior({ components: 2 }),
          condition: { classes: 2 },
        }),
    ).toThrow('vampPrior encodes rows of its own');
    // More components than rows: rows again.
    const many = new Vae({ ...options, prior: vampPrior({ components: 100, start: 'rows' }) });
    await many.fit(rows, { ...run, epochs: 1 });
    expect(Number.isFinite(many.elbo(rows).elbo.sum().item())).toBe(true);
  });
});
