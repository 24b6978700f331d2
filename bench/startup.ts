// Fresh processes of the built packages: milliseconds to the first training step, and to the first row scored by a saved model.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODEL = '{ inputSize: 784, latentSize: 20, encoder: [400], reconstruction: bernoulli() }';

const TRAIN = `
const started = performance.now();
const { Vae, bernoulli } = await import('@latent/vae');
const imported = performance.now();
const vae = new Vae(${MODEL});
const made = performance.now();
let first = 0;
await vae.fit(new Float32Array(784 * 512).fill(0.5), {
  epochs: 1, onProgress() { first ||= performance.now(); },
});
console.log(JSON.stringify({ imported: imported - started, made: made - imported, step: first - made, total: first - started }));
`;

const SAVE = `
const { Vae, bernoulli } = await import('@latent/vae');
await new Vae(${MODEL}).save(process.argv[1]);
`;

// `performance.now()` counts from the start of the process, Node's own start included.
const SCORE = `
const started = performance.now();
const { Vae } = await import('@latent/vae');
const imported = performance.now();
const vae = await Vae.load(process.argv[1]);
const loaded = performance.now();
const [score] = vae.elboPerRow(new Float32Array(784).fill(0.5)).toArray();
const total = performance.now();
if (!Number.isFinite(score)) throw new Error('no score');
console.log(JSON.stringify({ node: started, imported: imported - started, loaded: loaded - imported, scored: total - loaded, total }));
`;

export interface Startup {
  /** Milliseconds: the import, making a 784-400-20 model, its first training step, and all. */
  readonly imported: number;
  readonly made: number;
  readonly step: number;
  readonly total: number;
}

/** To the first row that a saved 784-400-20 scores. */
export interface FirstScore {
  /** Milliseconds: until the program begins, the import, reading the file, the score, and all from the start of the process. */
  readonly node: number;
  readonly imported: number;
  readonly loaded: number;
  readonly scored: number;
  readonly total: number;
}

/** What a fresh process prints. The packages must be built (`npm run build`). */
function fresh(program: string, ...args: readonly string[]): string {
  const options = ['--input-type=module', '--eval', program, ...args];
  const { stdout, stderr, status } = spawnSync(process.execPath, options, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`startup: the program failed; run \`npm run build\` first\n${stderr}`);
  return stdout;
}

/** The median of several fresh processes, by the whole time. */
function median<T extends { readonly total: number }>(runs: number, program: string, ...args: readonly string[]): T {
  const results = Array.from({ length: runs }, () => JSON.parse(fresh(program, ...args)) as T);
  return results.sort((a, b) => a.total - b.total)[Math.floor(runs / 2)] as T;
}

/** From the import to the end of the first training step. */
export function measureStartup(runs = 9): Startup {
  return median<Startup>(runs, TRAIN);
}

/** From the start of the process to the score of one row by a saved model. */
export function measureFirstScore(runs = 9): FirstScore {
  const folder = mkdtempSync(join(tmpdir(), 'latent-'));
  const file = join(folder, 'model.safetensors');
  try {
    fresh(SAVE, file);
    return median<FirstScore>(runs, SCORE, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(`Node ${process.version}`);
  console.log('first training step, milliseconds', measureStartup());
  console.log('first row scored by a saved model, milliseconds', measureFirstScore());
}
