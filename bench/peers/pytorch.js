// The work on PyTorch's CPU build, in a Python process beside this one; with how many threads is in the name.

import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./pytorch.py', import.meta.url));

/** A Python that can import torch. */
function findPython() {
  for (const python of ['python3', '/usr/bin/python3']) {
    if (spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0) return python;
  }
  throw new Error('no Python with torch (on Debian: apt-get install python3-torch libopenblas0-pthread)');
}

export async function create(threads, { ELEMENTWISE_SHAPE }) {
  const child = spawn(findPython(), [script, threads], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads },
  });
  child.unref();
  child.stdin.unref?.();
  child.stdout.unref?.();
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (request) => {
    if (request !== null) child.stdin.write(`${JSON.stringify(request)}\n`);
    child.stdout.ref?.();
    const { value, done } = await lines.next();
    child.stdout.unref?.();
    if (done) throw new Error('the Python process ended');
    return JSON.parse(value);
  };
  const { version } = await ask(null);
  const prepare = async (name, options) => {
    const { id } = await ask({ prepare: name, options });
    return {
      timed: async (repeats, byProcessor = false) => (await ask({ run: id, repeats, byProcessor })).milliseconds,
    };
  };
  return {
    name: `pytorch ×${threads}`,
    version,
    matmul: (config) => prepare('matmul', config),
    elementwise: (name) => prepare('elementwise', { name, shape: [...ELEMENTWISE_SHAPE] }),
    vaeStep: (config) => prepare('vae', config),
    scoreRow: (config) => prepare('score', config),
    image: ({ work, ...options }) => prepare(work, options),
    sequence: ({ work, ...options }) => prepare(work, options),
    peakMemory: async () => (await ask({ memory: true })).peak,
    close: () => child.kill(),
  };
}
