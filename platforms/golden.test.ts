import { useThreads } from '@latent/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserFile, type Stage, startBrowser } from './browser.ts';
import { bundle } from './bundle.ts';
import table from './golden.json' with { type: 'json' };
import { goldenWeights } from './golden.ts';

// Weights after twenty steps, bit by bit. What changes them changes what every user's seed gives: it is written down with its
// reason, and the table made anew.

describe('golden weights', () => {
  afterAll(() => {
    useThreads('auto');
  });

  it.each([1, 2])('in this process, on %i threads', async (threads) => {
    useThreads(threads);
    // Workers start while this one turns its event loop.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await goldenWeights()).toEqual(table);
  });
});

describe.skipIf(browserFile === undefined)('golden weights in Chromium', () => {
  let stage: Stage;
  beforeAll(async () => {
    const script = `
      import { goldenWeights } from './golden.ts';
      globalThis.goldenWeights = goldenWeights;
      // In a worker there is no page that could be kept waiting.
      if (typeof document === 'undefined') onmessage = async () => postMessage(await goldenWeights());`;
    const page = '<!doctype html><script src="page.js"></script>';
    stage = await startBrowser({ '': page, 'page.js': await bundle(script, 'iife') });
  });
  afterAll(() => stage?.close());

  it('on the page', async () => {
    const page = await stage.browser.newPage();
    await page.goto(`${stage.origin}/plain/`);
    const found = await page.evaluate(() =>
      (globalThis as unknown as { goldenWeights(): Promise<unknown> }).goldenWeights(),
    );
    await page.close();
    expect(found).toEqual(table);
  });

  it('in a worker, while the page goes on', async () => {
    const page = await stage.browser.newPage();
    await page.goto(`${stage.origin}/isolated/`);
    const [found, turns] = await page.evaluate(
      () =>
        new Promise<[unknown, number]>((resolve, reject) => {
          let turns = 0;
          const ticking = setInterval(() => turns++, 4);
          const worker = new Worker('page.js');
          worker.onmessage = ({ data }) => {
            clearInterval(ticking);
            resolve([data, turns]);
          };
          worker.onerror = (event) => reject(new Error(event.message));
          worker.postMessage('go');
        }),
    );
    await page.close();
    expect(found).toEqual(table);
    expect(turns).toBeGreaterThan(1);
  });
});
