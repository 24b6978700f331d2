import { describeValue, UsageError } from '@latent/tensor';
import { crc32 } from './checksum.ts';
import { encodeUtf8 } from './utf8.ts';

/** What is used of Node's modules, without their types, which users of the package may not have. */
interface FileHandle {
  writeFile(bytes: Uint8Array): Promise<void>;
  chmod(mode: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}
interface FileSystem {
  open(path: string, flags: string, mode?: number): Promise<FileHandle>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { force: boolean }): Promise<void>;
  readFile(path: string): Promise<Uint8Array>;
  readdir(path: string): Promise<string[]>;
  readlink(path: string): Promise<string>;
  stat(path: string): Promise<{ readonly mode: number; isDirectory(): boolean }>;
}
interface Process {
  readonly pid: number;
  kill(pid: number, signal: 0): unknown;
  getBuiltinModule?(name: string): unknown;
}

/** Node's modules, taken at run time so that bundles for browsers do not ask for them. */
function builtin<T>(operation: string, name: string): T {
  const { process } = globalThis as { process?: Process };
  if (process?.getBuiltinModule === undefined) {
    throw new UsageError(`${operation}: files need Node; in a browser use toBytes() and fromBytes()`);
  }
  return process.getBuiltinModule(name) as T;
}

function fileSystem(operation: string): FileSystem {
  return builtin<{ promises: FileSystem }>(operation, 'node:fs').promises;
}

let written = 0;

/**
 * Writes under a temporary name in the same folder and renames: the old file is whole until the new one is, whoever else
 * writes it. Of a link, what it points to is written; an existing file keeps its mode. Temporary files that killed processes
 * of this machine left are removed.
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  if (typeof path !== 'string' || path === '')
    throw new UsageError(`save: the path must be text, got ${describeValue(path)}`);
  if (!ArrayBuffer.isView(bytes)) throw new UsageError(`save: expected bytes, got ${describeValue(bytes)}`);
  const fs = fileSystem('save');
  const { dirname, basename, join, resolve } = builtin<typeof import('node:path')>('save', 'node:path');
  const { pid } = (globalThis as unknown as { process: Process }).process;
  const host = builtin<{ hostname(): string }>('save', 'node:os').hostname().replace(/[^\w]/g, '_');
  const target = await behindLinks(path, fs, (link, to) => resolve(dirname(link), to));
  const before = await fs.stat(target).catch(() => null);
  if (before?.isDirectory()) throw new UsageError(`save: ${path} is a folder; give the path of a file in it`);
  const folder = dirname(target);
  const prefix = `.${shortName(basename(target))}.${host}-`;
  const temporary = join(folder, `${prefix}${pid}-${++written}.tmp`);
  try {
    // Exclusive: a name that is taken is an error, never somebody else's file.
    const file = await fs.open(temporary, 'wx', before === null ? undefined : before.mode);
    try {
      await file.writeFile(bytes);
      if (before !== null) await file.chmod(before.mode & 0o7777);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, target);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw withPath('save: cannot write', path, error);
  }
  await syncFolder(fs, folder);
  await removeAbandoned(fs, folder, prefix, join);
}

/** Links that lead to each other end here. */
const MOST_LINKS = 40;

/** What a link points to, whether it is there or not; the path itself where it is no link. */
async function behindLinks(
  path: string,
  fs: FileSystem,
  follow: (link: string, to: string) => string,
): Promise<string> {
  let target = path;
  for (let i = 0; i < MOST_LINKS; i++) {
    const to = await fs.readlink(target).catch(() => null);
    if (to === null) return target;
    target = follow(target, to);
  }
  throw new UsageError(`save: cannot write ${path}: it is a link that leads to itself`);
}

/** Names have 255 bytes at most, and the temporary one is longer. */
const LONGEST = 150;

function shortName(name: string): string {
  const bytes = encodeUtf8(name);
  return bytes.length <= LONGEST ? name : `${crc32(bytes).toString(16)}-${bytes.length}`;
}

/** So that the new name survives a power failure; where folders cannot be opened there is nothing to do. */
async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  try {
    const handle = await fs.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {}
}

/** Temporary files of this path whose process is gone. */
async function removeAbandoned(
  fs: FileSystem,
  folder: string,
  prefix: string,
  join: (folder: string, name: string) => string,
): Promise<void> {
  const { process } = globalThis as unknown as { process: Process };
  for (const name of await fs.readdir(folder).catch(() => [] as string[])) {
    const pid = name.startsWith(prefix) ? /^(\d+)-\d+\.tmp$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid === undefined || Number(pid) === process.pid) continue;
    try {
      process.kill(Number(pid), 0);
    } catch (error) {
      if ((error as { code?: string }).code === 'ESRCH')
        await fs.rm(join(folder, name), { force: true }).catch(() => {});
    }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is a file',
  ENAMETOOLONG: 'the name is too long',
  ERR_ACCESS_DENIED: "Node's permission model forbids it",
};

function withPath(what: string, path: string, error: unknown): Error {
  const reason = REASONS[(error as { code?: string }).code ?? ''];
  if (reason === undefined) return error instanceof Error ? error : new Error(String(error));
  return Object.assign(new UsageError(`${what} ${path}: ${reason}`), { cause: error });
}

function checkPath(path: unknown): void {
  if (typeof path !== 'string' || path === '') {
    throw new UsageError(`load: the path must be text, got ${describeValue(path)}`);
  }
}

/** Null where there is no such file. */
export async function readFileIfThere(path: string): Promise<Uint8Array | null> {
  checkPath(path);
  try {
    return await fileSystem('load').readFile(path);
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return null;
    throw withPath('load: cannot read', path, error);
  }
}

/** The bytes of a file; throws a `UsageError` that names the path where there is none. Node, Deno and Bun alone. */
export async function readFileBytes(path: string): Promise<Uint8Array> {
  const bytes = await readFileIfThere(path);
  if (bytes === null) throw new UsageError(`load: there is no file ${path}`);
  return bytes;
}
