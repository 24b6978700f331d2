import { chain, log, minMax, perColumn, standardise } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { Autoencoder } from '../autoencoder/autoencoder.ts';
import { HierarchicalVae } from '../hierarchical/hierarchical-vae.ts';
import { mixturePrior } from '../latent/mixture-prior.ts';
import { MaskedAutoencoder } from '../masked/masked-autoencoder.ts';
import { planar } from '../posterior/planar.ts';
import { VqVae } from '../quantised/vq-vae.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { categorical } from '../reconstruction/categorical.ts';
import { composite } from '../reconstruction/composite.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import { SparseAutoencoder } from '../sparse/sparse-autoencoder.ts';
import { Classifier } from '../supervised/classifier.ts';
import { Regressor } from '../supervised/regressor.ts';
import { SemiSupervisedVae } from '../supervised/semi-supervised.ts';
import { Vae } from '../variational/vae.ts';

const COLUMNS = 5;
const rng = new Rng(4);
const normal = rng.normal([60, COLUMNS]).toArray() as number[][];
const quick = { epochs: 3, batchSize: 20, learningRate: 5e-3, onWarning: () => {} };

/** Rows of a pool: some within the range of the training rows and some far outside, in some directions. */
const pool = [
  ...normal.slice(0, 12),
  normal[0]!.map((x) => 40 * x),
  normal[1]!.map((x) => -1e6 * x),
  normal[2]!.map(() => 1e20),
];
const holes = pool.map((row, r) => row.map((x, c) => ((r + 2 * c) % 4 === 0 ? Number.NaN : x)));

async function fitted(options: Partial<ConstructorParameters<typeof Vae>[0]>, rows: number[][] = normal): Promise<Vae> {
  const vae = new Vae({
    inputSize: COLUMNS,
    latentSize: 3,
    encoder: [9, 6],
    reconstruction: gaussian(),
    seed: 2,
    ...options,
  });
  await vae.fit(rows, quick);
  return vae;
}
const plain = await fitted({});
const missing = await fitted(
  { missing: true, transform: standardise(), prior: mixturePrior({ components: 2 }) },
  holes,
);
const autoencoder = new Autoencoder({ inputSize: COLUMNS, encoder: [7, 3], tied: false });
await autoencoder.fit(normal, quick);

const labels = normal.map(([x]) => ((x as number) > 0 ? 1 : 0));
const flow = await fitted({ latentSize: 1, posterior: planar(2) });
const narrow = await fitted(
  { inputSize: 1, latentSize: 1, encoder: [1] },
  normal.map((row) => row.slice(0, 1)),
);
const common = { inputSize: COLUMNS, seed: 2, reconstruction: gaussian() };
const hierarchical = new HierarchicalVae({ ...common, encoder: [[5], [3]], latentSizes: [2, 1], warmUp: 0 });
await hierarchical.fit(normal, quick);
const semi = new SemiSupervisedVae({ ...common, encoder: [4], latentSize: 1, classes: 5 });
await semi.fit(
  normal,
  labels.map((label, i) => (i % 2 ? label : null)),
  quick,
);
const quantised = new VqVae({ ...common, encoder: [6], codes: 5, codeSize: 2, places: 2 });
await quantised.fit(normal, quick);
const masked = new MaskedAutoencoder({ ...common, encoder: [6, 3] });
await masked.fit(normal, quick);
const sparse = new SparseAutoencoder({ inputSize: COLUMNS, features: 6, active: 2 });
await sparse.fit(normal, quick);
const encoder = [4];
const classifier = new Classifier({ inputSize: COLUMNS, encoder, classes: 2 });
await classifier.fit(normal, labels, quick);
const regressor = new Regressor({ inputSize: COLUMNS, encoder, outputs: 1 });
await regressor.fit(normal, labels, quick);

/** Everything that is asked of rows: numbers for each row, one row after the other. */
type Asked = (rows: number[][]) => Tensor[];
const asked: [string, number[][], Asked][] = [
  ['elbo', pool, (rows) => Object.values(plain.elbo(rows, { samples: 2, seed: 3 }))],
  ['elboPerRow', pool, (rows) => [plain.elboPerRow(rows)]],
  ['contributions', pool, (rows) => Object.values(plain.contributions(rows, { samples: 3 }))],
  ['reconstructionLogProbability', pool, (rows) => [plain.reconstructionLogProbability(rows, { samples: 2 })]],
  ['logReconstructionProbability', pool, (rows) => [plain.logReconstructionProbability(rows, { samples: 2 })]],
  ['logLikelihood', pool, (rows) => Object.values(plain.logLikelihood(rows, { samples: 9 }))],
  ['reconstructionError', pool, (rows) => [plain.reconstructionError(rows)]],
  ['samplePosterior', pool, (rows) => [plain.samplePosterior(rows, { seed: 1 })]],
  ['encode', pool, (rows) => Object.values(plain.encode(rows))],
  ['reconstruct', pool, (rows) => [plain.reconstruct(rows)]],
  [
    'decode',
    pool.map((row) => row.slice(0, 3).map((x) => Math.max(-9, Math.min(9, x)))),
    (codes) => [plain.decode(codes)],
  ],
  ['elbo with holes, a transform and a mixture', holes, (rows) => Object.values(missing.elbo(rows))],
  ['logLikelihood with holes', holes, (rows) => Object.values(missing.logLikelihood(rows, { samples: 5 }))],
  ['impute', holes, (rows) => missing.impute(rows, { samples: 6 })],
  ['encode of an autoencoder', pool, (rows) => [autoencoder.encode(rows)]],
  // Sums over more draws than two are in an order.
  ['elbo of many draws', pool, (rows) => Object.values(plain.elbo(rows, { samples: 7 }))],
  ['reconstructionLogProbability of many', pool, (rows) => [plain.reconstructionLogProbability(rows, { samples: 5 })]],
  ['logReconstructionProbability of many', pool, (rows) => [plain.logReconstructionProbability(rows, { samples: 6 })]],
  [
    'all of one column and one latent',
    pool,
    (all) => {
      const rows = all.map((row) => row.slice(0, 1));
      const { columns, kl } = narrow.contributions(rows, { samples: 9 });
      const { logLikelihood } = narrow.logLikelihood(rows, { samples: 33 });
      return [...Object.values(narrow.elbo(rows, { samples: 17 })), columns, kl, logLikelihood];
    },
  ],
  [
    'encode and elbo of a flow',
    pool,
    (rows) => [...Object.values(flow.encode(rows)), flow.elbo(rows, { samples: 4 }).elbo],
  ],
  ['elbo of levels', pool, (rows) => Object.values(hierarchical.elbo(rows, { samples: 5 }))],
  ['logLikelihood of levels', pool, (rows) => [hierarchical.logLikelihood(rows, { samples: 5 })]],
  ['elbo of classes', pool, (rows) => [semi.elbo(rows), semi.predictProbability(rows)]],
  ['bound of codes', pool, (rows) => [...Object.values(quantised.codeBound(rows)), quantised.encode(rows)]],
  ['holes filled by a masked autoencoder', holes, (rows) => [masked.impute(rows), masked.encode(rows)]],
  ['sparse codes', pool, (rows) => [sparse.encode(rows), sparse.reconstructionError(rows)]],
  ['predictions', pool, (rows) => [classifier.predictProbability(rows), regressor.predict(rows)]],
  ['reconstructionError of an autoencoder', pool, (rows) => [autoencoder.reconstructionError(rows)]],
];

/** The numbers of one row of results. */
const rowOf = (results: readonly Tensor[], r: number): number[][] =>
  results.map((x) => {
    const width = x.size / (x.shape[0] as number);
    return Array.from(x.data.subarray(r * width, (r + 1) * width));
  });

describe.each(asked)('what %s says of a row', (_name, rows, ask) => {
  const alone = rows.map((row) => rowOf(ask([row]), 0));

  it('has the same bits at any place in a request of any size, beside any other rows, after other calls', () => {
    const order = new Rng(7);
    // All sizes up to past the first few paddings, those around the others, and what takes several blocks.
    const sizes = [
      ...Array.from({ length: 26 }, (_, i) => i + 1),
      31,
      32,
      33,
      47,
      49,
      95,
      97,
      128,
      129,
      191,
      257,
      383,
      385,
      511,
      512,
      513,
      700,
    ];
    for (const size of sizes) {
      const picks = Array.from(order.permutation(size), (i) => i % rows.length);
      const results = ask(picks.map((i) => rows[i]!));
      for (const [place, i] of picks.entries()) {
        // One comparison for each row, so that a failure says which.
        if (JSON.stringify(rowOf(results, place)) !== JSON.stringify(alone[i])) {
          expect(rowOf(results, place), `row ${i} at place ${place} of ${size}`).toEqual(alone[i]);
        }
      }
    }
  });

  it('is finite, however far out the row is', () => {
    for (const [i, numbers] of alone.entries()) {
      for (const values of numbers) expect(values.every(Number.isFinite), `row ${i}: ${values.join()}`).toBe(true);
    }
  });
});

describe('sizes', () => {
  it('of every number of rows from 1 to 700 give the same bits', () => {
    const many = Array.from({ length: 700 }, (_, i) => pool[i % pool.length]!);
    const all = plain.elboPerRow(many).data;
    for (let size = 1; size <= 700; size += 1) {
      const some = plain.elboPerRow(many.slice(0, size)).data;
      expect(some.length).toBe(size);
      expect(
        some.every((value, i) => value === all[i]),
        `${size} rows`,
      ).toBe(true);
    }
  });
});

describe('draws', () => {
  it('are the row’s own: equal rows are scored alike, others by other draws, by the seed', () => {
    const [a, b] = [normal[0]!, normal[1]!];
    const codes = plain.samplePosterior([a, b, a], { seed: 5 }).toArray() as number[][];
    expect(codes[0]).toEqual(codes[2]);
    const { mean, variance } = plain.encode([a, b]);
    const noise = (r: number): number[] =>
      codes[r]!.map((z, j) => (z - mean.data[3 * r + j]!) / Math.sqrt(variance.data[3 * r + j]!));
    for (let j = 0; j < 3; j++) expect(Math.abs(noise(0)[j]! - noise(1)[j]!)).toBeGreaterThan(1e-4);
    expect(plain.samplePosterior([a], { seed: 6 }).data).not.toEqual(plain.samplePosterior([a], { seed: 5 }).data);
    expect(plain.samplePosterior([a], { seed: 2 ** 40 }).data).not.toEqual(
      plain.samplePosterior([a], { seed: 0 }).data,
    );
  });

  it('of many rows are normal, independent of each other and of the row', () => {
    const model = new Vae({ inputSize: 2, latentSize: 2, reconstruction: gaussian() });
    // A posterior that is N(0, I) for every row.
    const state = model.stateDict();
    for (const name of ['mean.weight', 'mean.bias', 'logVariance.weight', 'logVariance.bias'])
      state[name] = state[name]!.mul(0);
    model.loadStateDict(state);
    const n = 20_000;
    const rows = Float32Array.from({ length: 2 * n }, (_, i) => Math.floor(i / 2) / 1000 - 10 + (i % 2));
    const z = model.samplePosterior(rows).data as Float32Array;
    const moment = (f: (r: number) => number): number => {
      let sum = 0;
      for (let r = 1; r < n; r++) sum += f(r);
      return sum / (n - 1);
    };
    const [a, b] = [(r: number) => z[2 * r]!, (r: number) => z[2 * r + 1]!];
    const error = 5 / Math.sqrt(n);
    for (const f of [
      a,
      b,
      (r: number) => a(r) * b(r),
      (r: number) => a(r) * a(r - 1),
      (r: number) => b(r) * a(r - 1),
      (r: number) => a(r) * rows[2 * r]! * 0.1,
    ]) {
      expect(Math.abs(moment(f))).toBeLessThan(error);
    }
    expect(Math.abs(moment((r) => a(r) ** 2) - 1)).toBeLessThan(2 * error);
    expect(Math.abs(moment((r) => a(r) ** 4) - 3)).toBeLessThan(10 * error);
    expect(new Set(z).size).toBeGreaterThan(0.99 * 2 * n);
  });

  it('of several samples go on where fewer end, block by block too', () => {
    const rows = normal.slice(0, 2);
    const steady = plain.elboPerRow(rows, { samples: 3000 }).data;
    const other = plain.elboPerRow(rows, { samples: 3000, seed: 1 }).data;
    for (let r = 0; r < 2; r++) expect(Math.abs(steady[r]! - other[r]!)).toBeLessThan(0.5);
    // Past a block of 1024 the estimates of likelihood go on too, with errors that shrink by the root of the draws.
    const [few, many] = [plain.logLikelihood(rows, { samples: 500 }), plain.logLikelihood(rows, { samples: 4000 })];
    for (let r = 0; r < 2; r++) {
      expect(Math.abs(few.logLikelihood.data[r]! - many.logLikelihood.data[r]!)).toBeLessThan(
        5 * few.standardError.data[r]!,
      );
      expect(many.standardError.data[r]! / few.standardError.data[r]!).toBeLessThan(0.7);
    }
  });
});

describe('densities are of the data as given', () => {
  const positive = normal.map((row) => row.map((x) => Math.exp(0.5 * x)));
  const held = positive.slice(0, 9);
  const transforms = {
    standardise: standardise(),
    'a chain': chain(log({ offset: 0.1 }), standardise()),
    'columns apart': perColumn([
      { columns: [0, 2], transform: chain(log(), minMax({ low: -1, high: 1 })) },
      { columns: [4], transform: standardise() },
    ]),
  };
  it.each(Object.entries(transforms))(
    'under %s: each score is the common scale’s, and log |dy/dx|',
    async (_name, transform) => {
      const model = await fitted({ transform }, positive);
      const spec = model.transform!;
      const parsed = { values: Float64Array.from(held.flat()), count: held.length, width: COLUMNS };
      const common = spec.forward('test', parsed);
      const slopes = spec.logJacobian('test', parsed);
      const shift = held.map((_, r) => slopes.subarray(r * COLUMNS, (r + 1) * COLUMNS).reduce((a, b) => a + b));
      // The same networks on rows that are on the common scale already.
      const bare = new Vae({ inputSize: COLUMNS, latentSize: 3, encoder: [9, 6], reconstruction: gaussian() });
      bare.loadStateDict(model.stateDict());
      const close = (got: Tensor, want: Tensor, sign: number): void => {
        got.data.forEach((value: number, r: number) => {
          expect(value).toBeCloseTo(want.data[r]! + sign * shift[r]!, 4);
        });
      };
      close(model.elbo(held).elbo, bare.elbo(common).elbo, 1);
      close(model.elbo(held).reconstruction, bare.elbo(common).reconstruction, -1);
      close(model.elbo(held).kl, bare.elbo(common).kl, 0);
      close(model.contributions(held).score, bare.contributions(common).score, -1);
      close(model.reconstructionError(held), bare.reconstructionError(common), -1);
      close(model.reconstructionLogProbability(held), bare.reconstructionLogProbability(common), 1);
      close(
        model.logReconstructionProbability(held, { samples: 3 }),
        bare.logReconstructionProbability(common, { samples: 3 }),
        1,
      );
      close(model.logLikelihood(held).logLikelihood, bare.logLikelihood(common).logLikelihood, 1);
      close(model.logLikelihood(held).standardError, bare.logLikelihood(common).standardError, 0);
      const { columns } = model.contributions(held);
      columns.data.forEach((value: number, i: number) => {
        expect(value).toBeCloseTo(bare.contributions(common).columns.data[i]! - slopes[i]!, 4);
      });
      const [ours, theirs] = [await model.diagnose(positive), model.elbo(positive).elbo.mean().item()];
      expect(ours.elbo).toBeCloseTo(theirs, 3);
    },
  );

  it('by change of unit: a column in thousandths has log 1000 nats more', async () => {
    const scaled = positive.map((row) => row.map((x, c) => (c === 1 ? 1000 * x : x)));
    const [a, b] = [
      await fitted({ transform: standardise() }, positive),
      await fitted({ transform: standardise() }, scaled),
    ];
    const [x, y] = [
      a.elbo(held).elbo.data,
      b.elbo(held.map((row) => row.map((v, c) => (c === 1 ? 1000 * v : v)))).elbo.data,
    ];
    for (let r = 0; r < held.length; r++) expect(y[r]!).toBeCloseTo(x[r]! - Math.log(1000), 2);
  });

  it('whose scale is seconds since 1970 tell neighbours apart', async () => {
    const seconds = Array.from({ length: 200 }, (_, i) => [1.7e9 + i, i % 7]);
    const vae = new Vae({
      inputSize: 2,
      latentSize: 1,
      encoder: [8],
      reconstruction: gaussian(),
      transform: standardise(),
    });
    await vae.fit(seconds, { ...quick, epochs: 30 });
    expect(new Set(vae.encode(seconds.slice(0, 50)).mean.data).size).toBe(50);
    for (const [time] of vae.reconstruct(seconds).toArray() as number[][])
      expect(Math.abs(time! - 1.7e9 - 100)).toBeLessThan(200);
  });

  it('does not change plain losses, which are no densities', async () => {
    const vae = await fitted({ reconstruction: squaredError(), transform: standardise() }, positive);
    const { elbo, reconstruction, kl } = vae.elbo(held);
    elbo.data.forEach((value: number, r: number) => {
      expect(value).toBeCloseTo(-reconstruction.data[r]! - kl.data[r]!, 4);
      expect(reconstruction.data[r]).toBeGreaterThanOrEqual(0);
    });
    for (const score of ['logLikelihood', 'reconstructionLogProbability', 'logReconstructionProbability'] as const) {
      expect(() => vae[score](held)).toThrow(`Vae.${score}: squaredError is a plain loss, not a distribution`);
    }
  });
});

describe('impute', () => {
  it('leaves what is there exactly as it is, on whatever scale', async () => {
    const odd = normal.map((row, r) => row.map((x, c) => ((r + c) % 5 === 0 ? null : 1e6 + 0.1 * x)));
    const vae = await fitted({ missing: true, transform: standardise() }, odd as number[][]);
    for (const table of [
      ...vae.impute(odd as number[][]),
      ...vae.impute(odd as number[][], { kind: 'draws', count: 2 }),
    ]) {
      expect(table.dtype).toBe('f64');
      (table.toArray() as number[][]).forEach((row, r) => {
        row.forEach((value, c) => {
          const given = odd[r]![c];
          if (given !== null) expect(value).toBe(given);
          else expect(Math.abs(value - 1e6)).toBeLessThan(10);
        });
      });
    }
  });

  it('gives drawn tables of one category whole categories', async () => {
    const table = Array.from({ length: 60 }, (_, i) => [
      i % 3 === 0 ? 1 : 0,
      i % 3 === 1 ? 1 : 0,
      i % 3 === 2 ? 1 : 0,
      i % 3,
    ]);
    const torn = table.map((row, i) => (i % 4 === 0 ? [Number.NaN, Number.NaN, Number.NaN, row[3]!] : row));
    const vae = new Vae({
      inputSize: 4,
      latentSize: 2,
      encoder: [8],
      missing: true,
      reconstruction: composite([
        [3, categorical()],
        [1, gaussian()],
      ]),
    });
    await vae.fit(torn, { ...quick, epochs: 20 });
    const [filled] = vae.impute(torn, { kind: 'draws' });
    for (const row of filled!.toArray() as number[][]) expect([...row.slice(0, 3)].sort()).toEqual([0, 0, 1]);
    const [means] = vae.impute(torn);
    for (const row of means!.toArray() as number[][]) expect(row[0]! + row[1]! + row[2]!).toBeCloseTo(1, 5);
    // Half a category is none.
    expect(() => vae.elbo([[1, Number.NaN, 0, 1]])).toThrow('columns 0 to 2 are one category');
  });

  it('refuses what cannot be', () => {
    expect(() => plain.impute(holes)).toThrow('Vae.impute: make the model with { missing: true }');
    for (const [options, message] of [
      [{ samples: 0 }, 'Vae.impute: samples must be a whole number ≥ 1, got 0'],
      [{ kind: 'draw' }, "Vae.impute: kind must be one of 'mean', 'draws', got \"draw\"; did you mean 'draws'?"],
      [{ count: 1.5 }, 'Vae.impute: count must be a whole number ≥ 1, got 1.5'],
      [{ counts: 2 }, "Vae.impute: there is no option 'counts'; did you mean 'count'?"],
      [{ seed: -1 }, 'Vae.impute: seed must be a whole number ≥ 0, got -1'],
      [5, 'Vae.impute: options must be an object, got 5'],
    ] as [object, string][]) {
      expect(() => missing.impute(holes, options)).toThrow(message);
    }
  });
});

describe('a bound', () => {
  it('is one also where values are drawn in: below the likelihood of many draws', () => {
    const odd = normal.slice(0, 20).map((row) => row.map((x) => 4 * x));
    const bound = plain.elbo(odd, { samples: 200 }).elbo.data;
    const { logLikelihood, standardError } = plain.logLikelihood(odd, { samples: 4000 });
    bound.forEach((value: number, r: number) => {
      expect(value).toBeLessThan(logLikelihood.data[r]! + 3 * standardError.data[r]! + 0.05);
    });
  });

  it('of rows within the range of the training rows is the plain one', () => {
    const { mean, logVariance } = plain.posterior(tensor(normal));
    const { mean: encoded, variance } = plain.encode(normal);
    expect(encoded.data).toEqual(mean.data);
    expect(variance.data).toEqual(logVariance.exp().data);
    const error = plain.conditionalLogProb(tensor(normal), mean).neg();
    expect(plain.reconstructionError(normal).data).toEqual(error.data);
  });

  it('of bernoulli data is never above 0', () => {
    const vae = new Vae({ inputSize: 4, latentSize: 1, reconstruction: bernoulli() });
    for (const value of vae.elboPerRow([[0, 1, 0.5, 1]]).data) expect(value).toBeLessThan(0);
  });
});
