import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, TRAINING, type Trained } from './bundle.ts';

/** An installed Chromium or Chrome; without one these tests are skipped. */
const browserFile = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
  .find((file) => existsSync(file));

const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const NO_WASM = { 'Content-Security-Policy': "script-src 'self' 'unsafe-inline'" };

describe.skipIf(browserFile === undefined)('in Chromium', () => {
  let browser: Browser;
  let server: Server;
  let origin: string;

  beforeAll(async () => {
    const page = await bundle(`${TRAINING}\nglobalThis.trainSome = trainSome;`, 'iife');
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
    server = createServer((request, response) => {
      const [, policy, file] = (request.url ?? '').split('/');
      const headers = policy === 'isolated' ? ISOLATED : policy === 'no-wasm' ? NO_WASM : {};
      const type = file === '' ? 'text/html' : 'text/javascript';
      response.writeHead(200, { 'Content-Type': type, ...headers });
      response.end(
        file === 'worker.js' ? worker : file === 'page.js' ? page : '<!doctype html><script src="page.js"></script>',
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({
      executablePath: browserFile as string,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
    });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  async function inPage<T>(policy: string, work: () => T | Promise<T>): Promise<T> {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(`${origin}/${policy}/`);
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
    expect(plain.trained.losses[11]).toBeLessThan(plain.trained.losses[0]);
  }, 60_000);

  it('uses threads in a worker of an isolated page, with the same bits', async () => {
    const { trained } = await inPage('plain', trainInPage);
    const threaded = await inPage('isolated', trainInWorker);
    expect(threaded.threads).toBe(2);
    expect({ ...threaded, threads: 1 }).toEqual(trained);
  }, 60_000);

  it('trains where a policy forbids WebAssembly', async () => {
    const { trained } = await inPage('plain', trainInPage);
    const forbidden = await inPage('no-wasm', trainInPage);
    for (const [i, loss] of forbidden.trained.losses.entries()) expect(loss / trained.losses[i]).toBeCloseTo(1, 4);
  }, 60_000);
});
