import { describeValue, ValueError } from '@latent/tensor';
import { folderStore } from './folder.ts';
import { redisStore } from './redis.ts';
import type { Store } from './store.ts';

/** A store as it is given: a folder's path, a `redis://` URL, or an object with `get` and `putOnce`. */
export type StoreLike = string | Store;

/** The store that is meant, and what closes it again if it was opened here. */
export function storeOf(caller: string, value: unknown): { readonly store: Store; close(): Promise<void> } {
  if (typeof value === 'string' && value !== '') {
    // It would be a folder of that name, here and in no other process.
    const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(value)?.[1];
    if (scheme !== undefined && !/^rediss?$/.test(scheme)) {
      throw new ValueError(
        `${caller}: store must be a folder's path, a redis:// URL or an object with get and putOnce, got ${scheme}://…`,
      );
    }
    if (!/^rediss?:\/\//.test(value)) return { store: folderStore(value), close: async () => {} };
    const store = redisStore(value);
    return { store, close: () => store.close() };
  }
  const given = value as Partial<Store> | null;
  if (typeof given?.get === 'function' && typeof given.putOnce === 'function') {
    return { store: given as Store, close: async () => {} };
  }
  throw new ValueError(
    `${caller}: store must be a folder, a redis:// URL or an object with get and putOnce, got ${describeValue(value)}`,
  );
}
