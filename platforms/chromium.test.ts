import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserFile, type Stage, startBrowser } from './browser.ts';
import { bundle, FITTING, TRAINING, type Trained } from './bundle.ts';

describe.skipIf(browserFile === undefined)('in Chromium', () => {
  let stage: Stage;

  beforeAll(async () => {
    const page = await bundle(`${TRAINING}\n${FITTING}\nObject.assign(globalThis, { trainSome, fitSome });`, 'iife');
    const worker = await bundle(
      `${TRAINING}
      import { useThreads } from '@latent/tensor';
      onmessage = async () => {
        useThreads(2);
        trainSome();
        // Workers start while this one turns its event loop.
        for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 10));
        postMessage(trainSome());
      };`,
      'iife',
    );
    const html = '<!doctype html><script src="page.js"></script>';
    stage = await startBrowser({ '': html, 'page.js': page, 'worker.js': worker });
  });
  afterAll(() => stage?.close());

  async function inPage<T>(policy: string, work: () => T | Promise<T>): Promise<T> {
    const page = await stage.browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(`${stage.origin}/${policy}/`);
    const result = await page.evaluate(work);
    await page.close();
    expect(problems).toEqual([]);
    return result;
  }
  const trainInPage = (): { trained: Trained; isolated: boolean } => ({
    trained: (globalThis as unknown as { trainSome(): Trained }).trainSome(),
    isolated: crossOriginIsolated,
  });
  const trainInWorker = (): Promise<Trained> =>
    new Promise((resolve, reject) => {
      const worker = new Worker('worker.js');
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage('go');
    });

  it('trains on the page, isolated or not, with the same bits', async () => {
    const plain = await inPage('plain', trainInPage);
    const isolated = await inPage('isolated', trainInPage);
    expect([plain.isolated, isolated.isolated]).toEqual([false, true]);
    expect(isolated.trained).toEqual(plain.trained);
    expect(plain.trained.threads).toBe(1);
    expect(plain.trained.losses[11]).toBeLessThan(plain.trained.losses[0]!);
  });

  it('uses threads in a worker of an isolated page, with the same bits', async () => {
    const { trained } = await inPage('plain', trainInPage);
    const threaded = await inPage('isolated', trainInWorker);
    expect(threaded.threads).toBe(2);
    expect({ ...threaded, threads: 1 }).toEqual(trained);
  });

  it('fits on the page, in slices, to the bits of fit in Node', async () => {
    const file = `data:text/javascript,${encodeURIComponent(await bundle(FITTING, 'esm'))}`;
    const { fitSome } = (await import(/* @vite-ignore */ file)) as { fitSome(): Promise<unknown> };
    const fitInPage = (): Promise<unknown> => (globalThis as unknown as { fitSome(): Promise<unknown> }).fitSome();
    expect(await inPage('plain', fitInPage)).toEqual(await fitSome());
  });

  it('trains where a policy forbids WebAssembly', async () => {
    const { trained } = await inPage('plain', trainInPage);
    const forbidden = await inPage('no-wasm', trainInPage);
    for (const [i, loss] of forbidden.trained.losses.entries()) expect(loss / trained.losses[i]!).toBeCloseTo(1, 4);
  });
});
