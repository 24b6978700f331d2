import { expect, it } from 'vitest';
import { compile, Rng, type Tensor } from '../index.ts';

const lengths = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 64, 100, 1000];

/** What is asked of a matrix [n, k] or [m, n, k]: numbers of each of its k columns. */
const asked: readonly [name: string, (x: Tensor) => Tensor][] = [
  ['sum', (x) => x.sum({ axis: -2 })],
  ['mean', (x) => x.mean({ axis: -2 })],
  ['max', (x) => x.max({ axis: -2 })],
  ['of a formula', (x) => x.square().add(1).log().sum({ axis: -2 })],
  [
    'of two',
    (x) =>
      x
        .mul(3)
        .sum({ axis: -2 })
        .add(x.exp().sum({ axis: -2 })),
  ],
];

it.each(asked)('%s: a column alone gives the bits that it gives among others', (_name, ask) => {
  const rng = new Rng(5);
  for (const n of lengths) {
    for (const lead of [[], [3]]) {
      const all = rng.normal([...lead, n, 7]);
      const among = ask(all);
      const recorded = compile(ask);
      for (const c of [0, 3, 6]) {
        const one = all.slice([...lead.map(() => null), null, [c, c + 1]]);
        const want = Array.from({ length: lead[0] ?? 1 }, (_, m) => among.data[7 * m + c]);
        expect([...ask(one).data], `column ${c} of [${[...lead, n, 7]}]`).toEqual(want);
        // Recorded once, replayed after.
        for (let again = 0; again < 2; again++) expect([...recorded(one).data]).toEqual(want);
      }
    }
  }
});
