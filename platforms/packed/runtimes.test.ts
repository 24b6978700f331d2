import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { program, promised } from '../../docs/snippets.ts';
import { root, specifiers } from '../../scripts/packages.ts';
import { entriesProgram } from '../entries.ts';
import table from '../golden.json' with { type: 'json' };
import { output, run } from '../run.ts';
import { runtimes } from './tools.ts';

const { project, twoVersions } = inject('packed');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latent-runtimes-'));
  writeFileSync(
    join(project, 'main.mjs'),
    "import { program } from './program.mjs';\nconsole.log(await program(process.argv[2]));\n",
  );
  writeFileSync(
    join(project, 'main.cjs'),
    "const { program } = require('./program.cjs');\nprogram(process.argv[2]).then((said) => console.log(said));\n",
  );
  writeFileSync(
    join(project, 'golden-weights.mjs'),
    "import { goldenWeights } from './golden.mjs';\nconsole.log(JSON.stringify(await goldenWeights()));\n",
  );
  writeFileSync(join(project, 'entries.mjs'), entriesProgram(specifiers()));
  writeFileSync(
    join(twoVersions, 'two.mjs'),
    `import { ones } from '@latent/tensor';
    import * as other from 'elsewhere';
    if (other.ones === ones) throw new Error('there is only one copy');
    try {
      console.log('a number: ' + ones([1000]).add(other.full([1000], 2)).data[999]);
    } catch (error) {
      console.log('refused: ' + error.message);
    }\n`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(runtimes)('$name', ({ name, file, args }) => {
  it('imports and requires every entry, and gets the same things by both', async () => {
    expect(await output(file, [...args, join(project, 'entries.mjs')])).toBe('ok');
  });

  it.each(['main.mjs', 'main.cjs'])('trains, scores, saves and loads: %s', async (main) => {
    const model = join(folder, `${name}-${main}.safetensors`);
    const ran = await run(file, [...args, join(project, main), model], { cwd: project });
    expect(ran).toEqual({ status: 0, stdout: 'ok\n', stderr: '' });
  });

  it('trains to the golden weights, bit by bit', async () => {
    expect(JSON.parse(await output(file, [...args, join(project, 'golden-weights.mjs')], { cwd: project }))).toEqual(
      table,
    );
  });

  it('refuses tensors of another copy of the engine', async () => {
    expect(await output(file, [...args, join(twoVersions, 'two.mjs')])).toMatch(/^refused: .*\bcop(?:y|ies)\b/);
  });
});

// From 22.18 on Node takes types off itself.
const typed = runtimes.filter(({ name }) => !name.startsWith('Node 20'));
it.each(typed)('$name runs the first program of the README as it stands', async ({ name, file, args }) => {
  const page = readFileSync(join(root, 'README.md'), 'utf8');
  const first = join(project, `first-${name.replace(' ', '-')}.mts`);
  writeFileSync(first, program(page));
  expect((await output(file, [...args, first])).split('\n')).toEqual(promised(page));
});

describe.each(runtimes.filter(({ node }) => node))('$name with a flag', ({ name, file }) => {
  // What Node itself says of its flags is on stderr too, so that is only shown.
  it.each([
    ['trains on one thread where the permission model forbids workers', [permissionFlag(name), '--allow-fs-read=*']],
    ['trains without WebAssembly: --jitless', ['--jitless']],
  ])('%s', async (_, flags) => {
    const { status, stdout, stderr } = await run(file, [...flags, 'main.mjs'], { cwd: project });
    expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: 'ok\n' });
  });
});

function permissionFlag(name: string): string {
  return name.startsWith('Node 20') ? '--experimental-permission' : '--permission';
}
