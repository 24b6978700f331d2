import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** An installed Chromium or Chrome; without one, tests in a browser are skipped. */
export const browserFile = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
  .find((file) => existsSync(file));

const isolated = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
/** What the pages below `/<name>/` are served with. */
export const policies: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  plain: {},
  isolated,
  // Workers of the page's own files only: not those that a library makes of a text.
  'no-workers': { ...isolated, 'Content-Security-Policy': "worker-src 'self'" },
  'no-wasm': { 'Content-Security-Policy': "script-src 'self' 'unsafe-inline'" },
};

/** A browser, and a server of its own for it. */
export interface Stage {
  readonly browser: Browser;
  /** A page's address starts with it and a policy: `<origin>/isolated/`. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Starts a browser and a server of `files` below each policy; '' is the page itself. */
export async function startBrowser(files: Readonly<Record<string, string>>): Promise<Stage> {
  const server = createServer((request, response) => {
    const [, policy = '', file = ''] = (request.url ?? '').split('/');
    const text = files[file];
    const type = file === '' ? 'text/html' : 'text/javascript';
    response.writeHead(text === undefined ? 404 : 200, { 'Content-Type': type, ...policies[policy] });
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath: browserFile as string,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  });
  return {
    browser,
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      await browser.close();
      server.close();
    },
  };
}
