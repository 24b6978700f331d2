// `npm run bench:without-wasm`: what a training step costs where WebAssembly may not be used, beside one where it may.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { browserFile, startBrowser } from './browser.ts';
import { bundle } from './bundle.ts';
import { output } from './run.ts';

const PROGRAM = `
import { adam } from '@latent/nn';
import { compile, Rng, useThreads } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';

const models = [
  { name: '30-16-8-2, batch 32', widths: [30, 16, 8, 2], batch: 32 },
  { name: '784-400-20, batch 128', widths: [784, 400, 20], batch: 128 },
];

/** Milliseconds of the fastest of some training steps, for each model. */
export function measure() {
  useThreads(1);
  return models.map(({ name, widths, batch }) => {
    const rng = new Rng(3);
    const [inputSize, ...hidden] = widths;
    const latentSize = hidden.pop();
    const vae = new Vae({ inputSize, latentSize, encoder: hidden, reconstruction: bernoulli(), seed: 1 });
    const optimizer = adam({ learningRate: 1e-3 }).create(vae.parameters());
    const x = rng.bernoulli([batch, inputSize], { p: 0.4 });
    const step = compile((rows) => {
      const { loss } = vae.loss(rows, rng);
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    });
    step(x).item();
    let fastest = Infinity;
    const end = performance.now() + 3000;
    // A page's clock is coarse, so short steps are timed by the dozen.
    for (let steps = 1; fastest === Infinity || performance.now() < end; ) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) step(x).item();
      const time = performance.now() - start;
      if (time < 5) steps *= 2;
      else fastest = Math.min(fastest, time / steps);
    }
    return { name, milliseconds: fastest };
  });
}
`;

interface Measured {
  readonly name: string;
  readonly milliseconds: number;
}

const where: { name: string; measured: Measured[]; base: Measured[] }[] = [];

const folder = mkdtempSync(join(tmpdir(), 'latent-without-wasm-'));
try {
  const file = join(folder, 'measure.mjs');
  writeFileSync(file, await bundle(`${PROGRAM}\nconsole.log(JSON.stringify(measure()));`, 'esm'));
  const inNode = async (...flags: string[]): Promise<Measured[]> =>
    JSON.parse(await output(process.execPath, [...flags, file])) as Measured[];
  const base = await inNode();
  where.push({ name: `Node ${process.versions.node}`, measured: base, base });
  where.push({ name: 'Node --jitless', measured: await inNode('--jitless'), base });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

if (browserFile === undefined) console.log('no Chromium here: pages are left out');
else {
  const script = await bundle(`${PROGRAM}\nglobalThis.measure = measure;`, 'iife');
  const stage = await startBrowser({ '': '<!doctype html><script src="app.js"></script>', 'app.js': script });
  const onPage = async (policy: string): Promise<Measured[]> => {
    const page = await stage.browser.newPage();
    await page.goto(`${stage.origin}/${policy}/`);
    const measured = await page.evaluate(() => (globalThis as unknown as { measure(): Measured[] }).measure());
    await page.close();
    return measured;
  };
  const base = await onPage('plain');
  where.push({ name: `Chromium ${stage.browser.version()}`, measured: base, base });
  where.push({ name: "Chromium, no 'wasm-unsafe-eval'", measured: await onPage('no-wasm'), base });
  await stage.close();
}

for (const { name, measured, base } of where) {
  for (const [i, { name: model, milliseconds }] of measured.entries()) {
    const times = Math.round(milliseconds / (base[i]?.milliseconds ?? Number.NaN));
    const shown = milliseconds.toFixed(milliseconds < 1 ? 4 : 1);
    console.log(`${name.padEnd(34)}${model.padEnd(24)}${shown.padStart(9)} ms${times === 1 ? '' : `, ${times} times`}`);
  }
}
