// Milliseconds from the start of the import to the end of the first training step, in a fresh process, built packages.
import { spawnSync } from 'node:child_process';

const PROGRAM = `
const started = performance.now();
const { Vae, bernoulli } = await import('@latent/vae');
const imported = performance.now();
const vae = new Vae({ inputSize: 784, latentSize: 20, encoder: [400], reconstruction: bernoulli() });
const made = performance.now();
let first = 0;
await vae.fit(new Float32Array(784 * 512).fill(0.5), {
  epochs: 1, onProgress() { first ||= performance.now(); },
});
console.log(JSON.stringify({ imported: imported - started, made: made - imported, step: first - made, total: first - started }));
`;

export interface Startup {
  /** Milliseconds: the import, making a 784-400-20 model, its first training step, and all. */
  readonly imported: number;
  readonly made: number;
  readonly step: number;
  readonly total: number;
}

/** The median of several fresh processes. The packages must be built (\`npm run build\`). */
export function measureStartup(runs = 9): Startup {
  const results = Array.from({ length: runs }, () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`startup: the program failed; run \`npm run build\` first\n${stderr}`);
    return JSON.parse(stdout) as Startup;
  });
  return results.sort((a, b) => a.total - b.total)[Math.floor(runs / 2)] as Startup;
}
