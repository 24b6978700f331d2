import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LatentError, UsageError } from '@latent/tensor';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { readFileBytes, readFileIfThere, writeFileAtomically } from './file.ts';

const root = mkdtempSync(join(tmpdir(), 'latent-files-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folder = root;
let count = 0;
beforeEach(() => {
  folder = join(root, String(++count));
  mkdirSync(folder);
});

const bytes = (fill: number, size = 1000): Uint8Array => new Uint8Array(size).fill(fill);
/** Whether a file is one of those that were written, whole. */
const wholeFile = (path: string): boolean => {
  const content = readFileSync(path);
  return content.length > 0 && content.every((byte) => byte === content[0]);
};

describe('writing a file', () => {
  it('leaves nothing beside it, and replaces what was there', async () => {
    const path = join(folder, 'model');
    await writeFileAtomically(path, bytes(1));
    await writeFileAtomically(path, bytes(2, 10));
    expect([...readFileSync(path)]).toEqual([...bytes(2, 10)]);
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it('keeps the mode of a file, and of a link writes what it points to', async () => {
    const [path, link] = [join(folder, 'real'), join(folder, 'link')];
    await writeFileAtomically(path, bytes(1));
    chmodSync(path, 0o640);
    symlinkSync('real', link);
    await writeFileAtomically(link, bytes(2));
    expect([lstatSync(link).isSymbolicLink(), statSync(path).mode & 0o777, readFileSync(path)[0]]).toEqual([
      true,
      0o640,
      2,
    ]);
    const outside = join(folder, 'there');
    mkdirSync(outside);
    symlinkSync(join('there', 'far'), join(folder, 'dangling'));
    await writeFileAtomically(join(folder, 'dangling'), bytes(3));
    expect(readdirSync(folder).sort()).toEqual(['dangling', 'link', 'real', 'there']);
    expect(readFileSync(join(outside, 'far'))[0]).toBe(3);
    expect(lstatSync(join(folder, 'dangling')).isSymbolicLink()).toBe(true);
  });

  it('to one path by many at once gives one of them, whole', async () => {
    const path = join(folder, 'model');
    for (let round = 0; round < 100; round++) {
      await Promise.all([1, 2, 3].map((fill) => writeFileAtomically(path, bytes(fill, 5000 * fill))));
      expect(wholeFile(path)).toBe(true);
    }
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it('says why it cannot be, and leaves nothing', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'x');
    const cases: [string, string][] = [
      [join(folder, 'no', 'model'), 'there is no such folder'],
      [join(file, 'model'), 'a part of the path is a file'],
    ];
    for (const [path, reason] of cases) {
      await expect(writeFileAtomically(path, bytes(1))).rejects.toThrow(`save: cannot write ${path}: ${reason}`);
      await expect(writeFileAtomically(path, bytes(1))).rejects.toBeInstanceOf(UsageError);
    }
    await expect(writeFileAtomically(folder, bytes(1))).rejects.toThrow(
      `save: ${folder} is a folder; give the path of a file in it`,
    );
    await expect(writeFileAtomically(join(folder, 'x'.repeat(300)), bytes(1))).rejects.toThrow('the name is too long');
    for (const path of ['', null, undefined, 5, {}, Buffer.from('path')]) {
      await expect(writeFileAtomically(path as string, bytes(1))).rejects.toThrow('save: the path must be text, got');
    }
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('takes a name as long as the file system takes', async () => {
    const path = join(folder, 'n'.repeat(250));
    await writeFileAtomically(path, bytes(7));
    expect([readFileSync(path)[0], readdirSync(folder).length]).toEqual([7, 1]);
  });

  it('removes what killed processes left of this path, and nothing else', async () => {
    const host = hostname().replace(/[^\w]/g, '_');
    const left = `.model.${host}-999999999-1.tmp`;
    const others = [
      `.model.other-999999999-1.tmp`,
      `.model.${host}-${process.ppid}-1.tmp`,
      `.model2.${host}-999999999-1.tmp`,
      '.model.tmp',
      `.model.${host}-x-1.tmp`,
    ];
    for (const name of [left, ...others]) writeFileSync(join(folder, name), '');
    await writeFileAtomically(join(folder, 'model'), bytes(1));
    expect(readdirSync(folder).sort()).toEqual([...others, 'model'].sort());
  });
});

describe('reading a file', () => {
  it('gives its bytes, null or an error where there is none', async () => {
    const path = join(folder, 'model');
    writeFileSync(path, bytes(4, 3));
    expect([...(await readFileBytes(path))]).toEqual([4, 4, 4]);
    expect(await readFileIfThere(join(folder, 'none'))).toBeNull();
    await expect(readFileBytes(join(folder, 'none'))).rejects.toThrow('load: there is no file');
    await expect(readFileBytes(folder)).rejects.toThrow(`load: cannot read ${folder}: it is a folder`);
    for (const path of ['', null, undefined, 5]) {
      await expect(readFileBytes(path as string)).rejects.toThrow('load: the path must be text, got');
      await expect(readFileBytes(path as string)).rejects.toBeInstanceOf(LatentError);
    }
  });
});

describe('processes', () => {
  const module = fileURLToPath(new URL('./file.ts', import.meta.url));
  /** A process that writes files of one byte over and over until it is killed, or so many times. */
  function writer(path: string, fill: number, times: number): ChildProcess {
    const code = `
      import { writeFileAtomically } from ${JSON.stringify(module)};
      for (let i = 0; i < ${times}; i++) await writeFileAtomically(${JSON.stringify(path)}, new Uint8Array(200000).fill(${fill}));
    `;
    const arguments_ = ['--import', 'tsx', '--conditions=source', '--input-type=module', '-e', code];
    const cwd = fileURLToPath(new URL('../../../../', import.meta.url));
    return spawn(process.execPath, arguments_, { stdio: ['ignore', 'ignore', 'pipe'], cwd });
  }
  const ended = (child: ChildProcess): Promise<[number | null, string]> =>
    new Promise((resolve) => {
      let errors = '';
      child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
      child.on('close', (code) => resolve([code, errors]));
    });

  it('that write one path at once leave one of their files, whole', async () => {
    const path = join(folder, 'model');
    const results = await Promise.all([ended(writer(path, 1, 100)), ended(writer(path, 2, 100))]);
    expect(results).toEqual([
      [0, ''],
      [0, ''],
    ]);
    expect([wholeFile(path), readdirSync(folder)]).toEqual([true, ['model']]);
  }, 120_000);

  it('that are killed while they write leave the old file or the new, and what they leave is removed', async () => {
    const path = join(folder, 'model');
    writeFileSync(path, bytes(9, 100));
    for (let round = 0; round < 4; round++) {
      const child = writer(path, round, 1e6);
      const end = ended(child);
      // It must be at it before it is killed, however slow the machine is.
      while (readFileSync(path)[0] !== round) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 3 * round));
      child.kill('SIGKILL');
      await end;
      expect(wholeFile(path)).toBe(true);
    }
    await writeFileAtomically(path, bytes(5));
    expect([readdirSync(folder), existsSync(path)]).toEqual([['model'], true]);
  }, 120_000);
});
