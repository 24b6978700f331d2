// A million rows of twenty columns from a generator: memory, scoring speed on one core, and the same scores as in memory.
import { TableModel } from '@latent/tables';
import { quick, type Row } from './data.ts';

const ROWS = quick ? 100_000 : 1_000_000;

/** Row i, made from its number alone: 12 numbers that hang together, 8 categories. */
function row(i: number): Row {
  let state = (i + 1) * 2_654_435_761;
  const next = (): number => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    state = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    state ^= state >>> 15;
    return (state >>> 0) / 2 ** 32;
  };
  const factor = next() + next() + next() - 1.5;
  const result: Row = {};
  for (let c = 0; c < 12; c++) result[`x${c}`] = Math.round(1000 * (factor * (c % 3) + next())) / 1000;
  for (let c = 0; c < 8; c++)
    result[`k${c}`] = ['a', 'b', 'c', 'd'][
      Math.floor(3.999 * Math.min(1, Math.max(0, next() * 0.7 + factor * 0.2 + 0.1)))
    ] as string;
  return result;
}

async function* source(): AsyncGenerator<Row> {
  for (let i = 0; i < ROWS; i++) yield row(i);
}

/** MB, at most so far: what the system saw, so that no moment is missed. */
const most = (): number => process.resourceUsage().maxRSS / 1024;

const before = most();
const began = performance.now();
const model = await TableModel.fit<Row>(source, { seed: 1, draws: 1, hidden: [32], latentSize: 4, epochs: 3 });
console.log(`fitted to ${ROWS} streamed rows in ${((performance.now() - began) / 1000).toFixed(1)} s`);

let [count, sum] = [0, 0];
for await (const { scores } of model.scoreStream(source)) {
  count += scores.length;
  for (const score of scores) sum += score;
}
// Of which the loader of TypeScript has half of what was there before: bundled, the program begins with some 65 MB.
console.log(
  `scored ${count} streamed rows, mean ${(sum / count).toFixed(3)}; peak ${most().toFixed(0)} MB (wanted < 300), ${before.toFixed(0)} MB before the first row`,
);

const block = Array.from({ length: 50_000 }, (_, i) => row(i));
model.score(block);
let best = Infinity;
for (let round = 0; round < 5; round++) {
  const start = performance.now();
  model.score(block);
  best = Math.min(best, (performance.now() - start) / 1000);
}
console.log(`scoring ${Math.round(block.length / best).toLocaleString('en-US')} rows/s (wanted ≥ 200,000)`);
if (ROWS <= 200_000) {
  const held = await TableModel.fit<Row>(
    Array.from({ length: ROWS }, (_, i) => row(i)),
    { seed: 1, draws: 1, hidden: [32], latentSize: 4, epochs: 3 },
  );
  const [a, b] = [model.score(block), held.score(block)];
  console.log(`the same scores as in memory: ${a.every((score, i) => score === b[i])}`);
}
