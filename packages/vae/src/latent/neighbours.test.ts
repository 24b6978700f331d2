import { Rng, tensor } from '@latent/tensor';
import { expect, it } from 'vitest';
import { nearestNeighbours, neighbourVotes } from './neighbours.ts';

it('finds the nearest as a search through all does', () => {
  for (const [n, m, width, k] of [
    [1, 1, 1, 1],
    [7, 3, 2, 7],
    [300, 600, 5, 10],
  ] as const) {
    const [reference, queries] = [new Rng(n).normal([n, width]), new Rng(m + 1).normal([m, width])];
    const [known, asked] = [reference.toArray() as number[][], queries.toArray() as number[][]];
    const { indices, distances } = nearestNeighbours(reference, queries, { k });
    for (let q = 0; q < m; q += 37) {
      const far = (i: number): number => Math.hypot(...known[i]!.map((x, j) => x - asked[q]![j]!));
      const want = known.map((_, i) => i).sort((a, b) => far(a) - far(b));
      expect([...indices.subarray(q * k, (q + 1) * k)]).toEqual(want.slice(0, k));
      for (let i = 0; i < k; i++) expect(distances[q * k + i]).toBeCloseTo(far(want[i]!), 5);
    }
  }
});

it('leaves itself out, breaks ties by number, and votes', () => {
  const codes = [[0], [0], [0], [5], [6]];
  const { indices, distances, k } = nearestNeighbours(codes, codes, { k: 2, leaveOneOut: true });
  expect([...indices]).toEqual([1, 2, 0, 2, 0, 1, 4, 0, 3, 0]);
  expect([...distances]).toEqual([0, 0, 0, 0, 0, 0, 1, 5, 1, 6]);
  expect(neighbourVotes({ indices, distances, k }, [7, 7, 8, 9, 9])).toEqual([7, 7, 7, 9, 9]);
});

it('refuses what cannot be', () => {
  const two = tensor([[0], [1]]);
  const cases: [() => unknown, string][] = [
    [() => nearestNeighbours(two, two, { k: 3 }), 'nearestNeighbours: k must be a whole number ≥ 1 and ≤ 2, got 3'],
    [() => nearestNeighbours(two, two, { k: 2, leaveOneOut: true }), '≤ 1, got 2'],
    [() => nearestNeighbours(two, [[1, 2]], { k: 1 }), 'reference has codes of 1 numbers, but queries of 2'],
    [() => nearestNeighbours(two, [[Number.NaN]], { k: 1 }), 'queries has NaN at row 0, column 0'],
    [() => nearestNeighbours(tensor([1, 2]), two, { k: 1 }), 'reference must be codes [n, numbers], got [2]'],
    [() => nearestNeighbours(two, [[1]], { k: 1, leaveOneOut: true }), 'with leaveOneOut queries are the reference'],
    [
      () => neighbourVotes(nearestNeighbours(two, two, { k: 1 }), [1]),
      'neighbourVotes: there are 1 labels, but a neighbour is number 1',
    ],
  ];
  for (const [call, message] of cases) expect(call).toThrow(message);
});
