import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { MODEL } from '../../packages/onnx/src/proto/schema.ts';
import { encodeMessage } from '../../packages/onnx/src/proto/write.ts';
import { allCases } from '../../packages/onnx/test/all-cases.ts';

/** A Python that has the package onnx; without one the test is skipped. */
const python = ['python3', '/usr/bin/python3'].find(
  (file) => spawnSync(file, ['-c', 'import onnx'], { stdio: 'ignore' }).status === 0,
);

it.skipIf(python === undefined)('the reference checker finds nothing wrong, types and shapes inferred', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latent-checker-'));
  try {
    let count = 0;
    for (const [group, cases] of Object.entries(allCases)) {
      for (const { model } of await cases()) {
        writeFileSync(join(folder, `${group}-${count++}.onnx`), encodeMessage(MODEL, model));
      }
    }
    const script = fileURLToPath(new URL('./checker.py', import.meta.url));
    const { status, stdout, stderr } = spawnSync(python as string, [script, folder], { encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
