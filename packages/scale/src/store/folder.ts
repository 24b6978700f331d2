import { constants } from 'node:fs';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Store, StoreError } from './store.ts';

let written = 0;

/**
 * A store in a folder, which all workers must see under the same or different paths: a disk, NFS, a mounted volume. A blob is
 * written under a temporary name and linked to its own, so it is there whole or not at all, and the first writer wins.
 */
export function folderStore(path: string): Store {
  const root = resolve(path);
  return {
    async get(key) {
      try {
        // No link is followed at the end: a blob is a file that was written here.
        return await readFile(join(root, key), { flag: constants.O_RDONLY | constants.O_NOFOLLOW } as never);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return null;
        throw error;
      }
    },
    async putOnce(key, bytes) {
      const target = join(root, key);
      const folder = dirname(target);
      await mkdir(folder, { recursive: true });
      const temporary = join(folder, `.${hostname().replace(/\W/g, '_')}-${process.pid}-${++written}.tmp`);
      try {
        const file = await open(temporary, 'wx');
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await link(temporary, target);
        return true;
      } catch (error) {
        const code = codeOf(error);
        if (code === 'EEXIST') return false;
        if (code === 'EPERM' || code === 'ENOTSUP') {
          throw new StoreError(`store: the file system of ${root} has no hard links, which write-once files need`);
        }
        throw error;
      } finally {
        await rm(temporary, { force: true }).catch(() => {});
      }
    },
    async remove(key) {
      await rm(join(root, key), { force: true });
    },
  };
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}
