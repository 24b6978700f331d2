import type { Store } from './store.ts';

/** A store in this process, for runs with `localEngine()` and for tests. */
export function memoryStore(): Store & { readonly blobs: Map<string, Uint8Array> } {
  const blobs = new Map<string, Uint8Array>();
  return {
    blobs,
    get: async (key) => blobs.get(key)?.slice() ?? null,
    async putOnce(key, bytes) {
      if (blobs.has(key)) return false;
      blobs.set(key, bytes.slice());
      return true;
    },
    async remove(key) {
      blobs.delete(key);
    },
  };
}
