import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { specifiers } from '../../scripts/packages.ts';
import { browserFile, startBrowser } from '../browser.ts';
import { output } from '../run.ts';
import { here } from './tools.ts';

const { project } = inject('packed');
const bundlers = ['esbuild', 'rollup', 'webpack', 'vite', 'parcel'];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latent-bundlers-'));
  // Some of the program imports the engine and some requires it, as where an old dependency is bundled.
  writeFileSync(join(project, 'required.cjs'), "module.exports = { Tensor: require('@latent/tensor').Tensor };\n");
  writeFileSync(
    join(project, 'app.mjs'),
    `import { Tensor } from '@latent/tensor';
    import { program } from './program.mjs';
    import required from './required.cjs';
    ${specifiers('browser')
      .map((name, i) => `import * as e${i} from '${name}';`)
      .join('\n')}
    const all = [${specifiers('browser').map((_, i) => `e${i}`)}];
    if (required.Tensor !== Tensor) console.log('two copies of the engine');
    if (all.some((entry) => Object.keys(entry).length === 0)) console.log('an entry is empty');
    const say = globalThis.WorkerGlobalScope ? postMessage : console.log;
    // That workers cannot be started shows some time after they were asked for; a short run may be over by then.
    const { warn } = console;
    let warned = !globalThis.location?.pathname.includes('no-workers');
    console.warn = (...words) => {
      warned = true;
      warn(...words);
    };
    const run = async () => {
      const said = await program();
      if (warned) return said;
      await new Promise((go) => setTimeout(go, 10));
      return run();
    };
    run().then((said) => say(said), (error) => say(String(error)));\n`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The folder with the bundle. */
async function bundle(name: string, called = name): Promise<string> {
  const to = join(folder, called);
  mkdirSync(to);
  await output(process.execPath, [join(here, 'bundle.js'), name, join(project, 'app.mjs'), to]);
  // What is written may be a script or a module; Node is told by the name, a page by the tag.
  writeFileSync(join(to, 'app.mjs'), readFileSync(join(to, 'app.js')));
  return to;
}

const onThePage = '<script type="module" src="app.js"></script>';
const inAWorker = `<script>
  const worker = new Worker('app.js', { type: 'module' });
  worker.onmessage = ({ data }) => console.log(data);
  worker.onerror = ({ message }) => console.log(message);
</script>`;

/** The first line that the bundle prints in a browser, after its warnings. */
async function inBrowser(script: string, policy: string, start: string): Promise<string> {
  const warnings: string[] = [];
  const html = `<!doctype html><link rel="icon" href="data:,">${start}`;
  const stage = await startBrowser({ '': html, 'app.js': script });
  try {
    const page = await stage.browser.newPage();
    const said = new Promise<string>((resolve) => {
      page.on('console', (message) => {
        if (message.type() === 'warning') warnings.push(message.text());
        else resolve([...warnings, message.text()].join('\n'));
      });
      page.on('pageerror', (error) => resolve(error.message));
    });
    await page.goto(`${stage.origin}/${policy}/`);
    return await said;
  } finally {
    await stage.close();
  }
}

describe.each(bundlers)('bundled by %s', (name) => {
  let script: string;
  beforeAll(async () => {
    script = join(await bundle(name), 'app.mjs');
  });

  it('runs, with one copy of the engine for import and require', async () => {
    expect(await output(process.execPath, [script])).toBe('ok');
  });

  it.skipIf(browserFile === undefined)('trains on a page in Chromium', async () => {
    expect(await inBrowser(readFileSync(script, 'utf8'), 'plain', onThePage)).toBe('ok');
  });
});

describe.skipIf(browserFile === undefined)('where a policy forbids things', () => {
  let script: string;
  beforeAll(async () => {
    script = readFileSync(join(await bundle('esbuild', 'policies'), 'app.mjs'), 'utf8');
  });

  it('trains on a page without WebAssembly', async () => {
    expect(await inBrowser(script, 'no-wasm', onThePage)).toBe('ok');
  });

  it('trains in a worker', async () => {
    expect(await inBrowser(script, 'isolated', inAWorker)).toBe('ok');
  });

  it('trains in a worker that may start none itself, and says so once', async () => {
    expect(await inBrowser(script, 'no-workers', inAWorker)).toMatch(
      /^threads: workers cannot be started here [^\n]*; steps run on one thread\nok$/,
    );
  });
});
