import { UsageError } from '@latent/tensor';

type FileSystem = typeof import('node:fs');

/** Node's file system, taken at run time so that bundles for browsers do not ask for it. */
function fileSystem(operation: string): FileSystem {
  const builtin = (globalThis as { process?: { getBuiltinModule?(name: string): unknown } }).process?.getBuiltinModule;
  if (builtin === undefined) {
    throw new UsageError(`${operation}: files need Node; in a browser use toBytes() and fromBytes()`);
  }
  return builtin('node:fs') as FileSystem;
}

/** Writes under a temporary name in the same folder and renames: the old file is whole until the new one is. */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const { promises: fs } = fileSystem('save');
  const temporary = `${path}.${Date.now().toString(36)}.tmp`;
  try {
    const file = await fs.open(temporary, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
}

/** Null where there is no such file. */
export async function readFileIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readFileBytes(path);
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return null;
    throw error;
  }
}

export async function readFileBytes(path: string): Promise<Uint8Array> {
  return fileSystem('load').promises.readFile(path);
}
