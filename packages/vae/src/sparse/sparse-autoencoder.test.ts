import { standardise } from '@latent/nn';
import { Rng, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { SparseAutoencoder } from './sparse-autoencoder.ts';
import { topEntries } from './top-entries.ts';

const run = { epochs: 2, batchSize: 50, onWarning: () => {} };

/** Rows that are sums of 2 of 12 directions in 8 dimensions, and which. */
function mixtures(count: number): { rows: number[][]; parts: number[][]; directions: number[][] } {
  const rng = new Rng(5);
  const directions = (rng.normal([12, 8]).toArray() as number[][]).map((a) => {
    const length = Math.hypot(...a);
    return a.map((value) => value / length);
  });
  const parts = Array.from({ length: count }, () => [...rng.permutation(12)].slice(0, 2));
  const amounts = rng.uniform([count, 2], { low: 1, high: 2 }).toArray() as number[][];
  const rows = parts.map((own, r) =>
    directions[0]!.map((_, j) => own.reduce((sum, part, i) => sum + amounts[r]![i]! * directions[part]![j]!, 0.5)),
  );
  return { rows, parts, directions };
}

describe('the largest entries', () => {
  it('are those that sorting finds, with equals at the edge, at any scale', () => {
    for (const [scale, n, k] of [
      [1, 40, 5],
      [1e-20, 40, 1],
      [1e20, 17, 16],
      [1, 6, 6],
      [1, 6, 9],
    ] as const) {
      const x = new Rng(n).normal([20, n]).mul(scale);
      const mask = topEntries(x, k).toArray() as number[][];
      (x.toArray() as number[][]).forEach((row, r) => {
        const edge = [...row].sort((a, b) => b - a)[Math.min(k, n) - 1]!;
        expect(mask[r]).toEqual(row.map((value) => Number(value >= edge)));
      });
    }
    expect(topEntries(tensor([[1, 1, 0, -1]]), 1).toArray()).toEqual([[1, 1, 0, 0]]);
    expect(topEntries(tensor([[-3, -2, -5]]), 1).toArray()).toEqual([[0, 1, 0]]);
    expect(topEntries(tensor([[0, 0, 0]]), 2).toArray()).toEqual([[1, 1, 1]]);
  });
});

describe('a sparse autoencoder', () => {
  it('finds the directions that rows are sums of', async () => {
    const { rows, parts, directions } = mixtures(2000);
    const model = new SparseAutoencoder({ inputSize: 8, features: 24, active: 2, deadAfter: 500, seed: 2 });
    await model.fit(rows, { epochs: 60, batchSize: 100, learningRate: 1e-2, validationData: rows.slice(0, 100) });
    const { unexplained, active, density } = model.featureUse(rows);
    expect(unexplained).toBeLessThan(0.15);
    expect(active).toBeLessThanOrEqual(2);
    expect(density.reduce((sum, share) => sum + share, 0)).toBeCloseTo(active, 3);
    const found = model.directions().toArray() as number[][];
    for (const a of found) expect(Math.hypot(...a)).toBeCloseTo(1, 4);
    // Most true directions have a feature along them.
    const along = directions.map((a) => Math.max(...found.map((b) => b.reduce((sum, x, j) => sum + x * a[j]!, 0))));
    expect(along.filter((cosine) => cosine > 0.9).length).toBeGreaterThanOrEqual(9);
    const own = model.active(rows.slice(0, 3));
    expect(own).toHaveLength(3);
    for (const { indices, values } of own) {
      expect(indices.length).toBeLessThanOrEqual(2);
      expect([...values]).toEqual([...values].sort((a, b) => b - a));
    }
    expect(parts).toHaveLength(2000);
    const codes = model.encode(rows.slice(0, 5));
    expect(model.decode(codes).toArray()).toEqual(model.reconstruct(rows.slice(0, 5)).toArray());
    const error = model.reconstructionError(rows.slice(0, 5)).toArray() as number[];
    const restored = model.reconstruct(rows.slice(0, 5)).toArray() as number[][];
    error.forEach((value, r) => {
      expect(value).toBeCloseTo(
        restored[r]!.reduce((sum, x, j) => sum + (x - rows[r]![j]!) ** 2, 0),
        3,
      );
    });
  });

  it('adds up to the loss that its words say, dead features included', () => {
    const model = new SparseAutoencoder({ inputSize: 3, features: 5, active: 1, deadAfter: 10, deadWeight: 0.5 });
    const x = new Rng(1).normal([4, 3]);
    model.silent.assign([0, 20, 0, 0, 30]);
    const { loss, unexplained, dead } = model.train() && model.parts({ x });
    expect(dead.item()).toBeCloseTo(0.4, 6);
    const rows = x.toArray() as number[][];
    const [We, A] = [model.encoder.toArray(), model.directions().toArray()] as [number[][], number[][]];
    const dot = (a: number[], b: number[]): number => a.reduce((sum, value, j) => sum + value * b[j]!, 0);
    const pre = rows.map((row) => We.map((w) => dot(w, row)));
    const mean = [0, 1, 2].map((j) => rows.reduce((sum, row) => sum + row[j]! / 4, 0));
    let [error, spread, missed, rest] = [0, 0, 0, 0];
    rows.forEach((row, r) => {
      const best = pre[r]!.indexOf(Math.max(...pre[r]!));
      const h = Math.max(0, pre[r]![best]!);
      const left = row.map((value, j) => value - h * A[best]![j]!);
      const revived = [1, 4].map((i) => Math.max(0, pre[r]![i]!));
      const over = left.map((value, j) => value - revived[0]! * A[1]![j]! - revived[1]! * A[4]![j]!);
      error += dot(left, left);
      rest += dot(left, left);
      missed += dot(over, over);
      spread += row.reduce((sum, value, j) => sum + (value - mean[j]!) ** 2, 0);
    });
    expect(unexplained.item()).toBeCloseTo(error / spread, 4);
    expect(loss.item()).toBeCloseTo(error / spread + (0.5 * missed) / rest, 4);
    const used = [0, 1, 2, 3, 4].map((i) => pre.some((row) => row[i] === Math.max(...row) && row[i]! > 0));
    expect(model.silent.toArray()).toEqual([0, 20, 0, 0, 30].map((old, i) => (used[i] ? 0 : old + 4)));
  });

  it('is kept in its file, under a transform, and goes on from a checkpoint', async () => {
    const { rows } = mixtures(200);
    const options = { inputSize: 8, features: 16, active: 3, transform: standardise() };
    const model = new SparseAutoencoder(options);
    await model.fit(rows, { ...run, epochs: 3 });
    const copy = SparseAutoencoder.fromBytes(model.toBytes());
    expect(copy.encode(rows).toArray()).toEqual(model.encode(rows).toArray());
    expect([...copy.toBytes()]).toEqual([...model.toBytes()]);
    let saved: Uint8Array | null = null;
    const to = {
      read: () => Promise.resolve(saved),
      write: (bytes: Uint8Array) => {
        saved = bytes;
        return Promise.resolve();
      },
    };
    await new SparseAutoencoder(options).fit(rows, { ...run, epochs: 1, checkpoint: { to } });
    const second = new SparseAutoencoder(options);
    await second.fit(rows, { ...run, epochs: 3, checkpoint: { to, resume: true } });
    expect([...second.toBytes()]).toEqual([...model.toBytes()]);
  });

  it('refuses what cannot be', async () => {
    const cases: [() => unknown, string][] = [
      [
        () => new SparseAutoencoder({ inputSize: 3, features: 4, active: 5 }),
        'active must be a whole number ≥ 1 and ≤ 4',
      ],
      [
        () => new SparseAutoencoder({ inputSize: 3 } as never),
        'SparseAutoencoder: features must be a whole number ≥ 2',
      ],
      [() => new SparseAutoencoder({ inputSize: 3, features: 4, actives: 1 } as never), "did you mean 'active'?"],
    ];
    for (const [call, message] of cases) expect(call).toThrow(message);
    const model = new SparseAutoencoder({ inputSize: 3, features: 4, active: 1 });
    expect(() => model.encode([[1, 2]])).toThrow('SparseAutoencoder.encode: row 0 has 2 values, expected 3 values');
    // Rows that are all alike have no variance, and nothing is divided by it.
    await model.fit(
      [
        [1, 1, 1],
        [1, 1, 1],
      ],
      run,
    );
    expect(Number.isFinite(model.featureUse([[1, 1, 1]]).unexplained)).toBe(true);
  });
});
