// What a page feels in Chromium: frames while a dropped table is learned from in a worker, and the longest tasks of its own thread while `fit`
// runs on it: npx tsx --conditions=source bench/page.ts
import { readFileSync } from 'node:fs';
import { startBrowser } from '../platforms/browser.ts';
import { bundle } from '../platforms/bundle.ts';
import { dropped, tablePageFiles } from '../platforms/table-page.ts';

const FIT = `
import { Rng } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';

globalThis.fitHere = async (inputSize, encoder, latentSize, batchSize) => {
  const rows = new Rng(1).bernoulli([4 * batchSize, inputSize], { p: 0.2 });
  const tasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) tasks.push(duration);
  }).observe({ type: 'longtask' });
  const turn = () => new Promise((resolve) => setTimeout(resolve, 60));
  await turn();
  const made = performance.now();
  const vae = new Vae({ inputSize, latentSize, encoder, reconstruction: bernoulli() });
  const making = performance.now() - made;
  await turn();
  tasks.length = 0;
  const started = performance.now();
  await vae.fit(rows, { epochs: 3, batchSize, onWarning: () => {} });
  const seconds = (performance.now() - started) / 1000;
  await turn();
  return { making, seconds, tasks };
};
`;

const stage = await startBrowser({
  ...(await tablePageFiles()),
  'fit.js': await bundle(FIT, 'iife'),
});
const text = readFileSync(new URL('data/titanic/titanic.csv', import.meta.url), 'utf8');
const { frames, longTasks } = await dropped(stage, text, { seed: 3 });
console.log(
  `a dropped table of ${text.trim().split('\n').length - 1} rows, in a worker: ${frames.length} frames, the longest ${Math.max(...frames).toFixed(0)} ms, ${longTasks.length} tasks of more than 50 ms on the page`,
);
console.log('\nfit on the page, longest tasks in ms (those above 50)');
for (const [input, encoder, latent, batch, policy] of [
  [30, [16, 8], 2, 32, 'plain'],
  [200, [256, 64], 16, 128, 'plain'],
  [784, [400], 20, 128, 'plain'],
  [784, [1024, 512], 32, 128, 'plain'],
  [2048, [2048, 1024], 64, 128, 'plain'],
  [30, [16, 8], 2, 32, 'no-wasm'],
  [784, [400], 20, 128, 'no-wasm'],
] as const) {
  const page = await stage.browser.newPage();
  await page.goto(`${stage.origin}/${policy}/`);
  await page.addScriptTag({ url: 'fit.js' });
  const { making, seconds, tasks } = await page.evaluate(
    ([...sizes]) => (globalThis as unknown as { fitHere(...sizes: unknown[]): Promise<Felt> }).fitHere(...sizes),
    [input, [...encoder], latent, batch],
  );
  await page.close();
  const longest = tasks.toSorted((a, b) => b - a).slice(0, 5);
  console.log(
    `${[input, ...encoder, latent].join('-')}, batch ${batch}${policy === 'no-wasm' ? ', without WebAssembly' : ''}: made in ${making.toFixed(0)} ms, 12 steps in ${seconds.toFixed(2)} s; ${longest.map((ms) => ms.toFixed(0)).join(', ') || 'none'}`,
  );
}
await stage.close();

interface Felt {
  readonly making: number;
  readonly seconds: number;
  readonly tasks: readonly number[];
}
