import { LatentError, ValueError } from '@latent/tensor';

/**
 * Where runs keep their blobs: weights, states of optimizers, records. Each key is written once and never changes, so any
 * object store will do: S3 with `If-None-Match: *`, for instance. `get` must see what a `putOnce` before it wrote.
 */
export interface Store {
  /** The bytes under this key; null where there are none. */
  get(key: string): Promise<Uint8Array | null>;
  /** Writes where nothing is yet, whole or not at all. False where something is already; it then stays as it is. */
  putOnce(key: string, bytes: Uint8Array): Promise<boolean>;
  /** Removes a blob that a run no longer needs. Without it blobs stay until somebody else removes them. */
  remove?(key: string): Promise<void>;
}

/** A store that cannot be read or written now. The job is tried again; when that does not help, the run stops and can go on later. */
export class StoreError extends LatentError {
  override name = 'StoreError';
}

const KEY = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}(?:\/[A-Za-z0-9][A-Za-z0-9_.-]{0,127}){0,7}$/;

/** Throws unless a key is names joined by slashes, none of which leads anywhere else. */
export function checkKey(key: unknown): string {
  if (typeof key === 'string' && KEY.test(key)) return key;
  throw new ValueError(`store: no such key can be, got ${JSON.stringify(String(key).slice(0, 80))}`);
}

/** Bytes that went through a store. */
export interface Traffic {
  readonly got: number;
  readonly put: number;
}

/** A store with its keys checked, its errors named and its traffic counted. */
export class CheckedStore implements Store {
  readonly #store: Store;
  #got = 0;
  #put = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Bytes since this object was made. */
  get traffic(): Traffic {
    return { got: this.#got, put: this.#put };
  }

  async get(key: string): Promise<Uint8Array | null> {
    const bytes = await named('read', checkKey(key), () => this.#store.get(key));
    if (bytes === null || bytes === undefined) return null;
    if (!(bytes instanceof Uint8Array)) throw new StoreError(`store: get('${key}') must give bytes or null`);
    this.#got += bytes.length;
    return bytes;
  }

  /** The bytes under a key that must be there. */
  async need(key: string): Promise<Uint8Array> {
    const bytes = await this.get(key);
    if (bytes === null) throw new StoreError(`store: there is no ${key}; was the store emptied, or is it another one?`);
    return bytes;
  }

  async putOnce(key: string, bytes: Uint8Array): Promise<boolean> {
    const written: unknown = await named('write', checkKey(key), () => this.#store.putOnce(key, bytes));
    if (typeof written !== 'boolean') {
      throw new StoreError(`store: putOnce('${key}') must say whether it wrote, got ${String(written)}`);
    }
    if (written) this.#put += bytes.length;
    return written;
  }

  /**
   * Writes what two workers may both have made. Where the other was first, its bytes must be these: then the same work was done
   * twice, and else the two compute differently.
   */
  async putSame(key: string, bytes: Uint8Array): Promise<void> {
    if (await this.putOnce(key, bytes)) return;
    const there = await this.need(key);
    if (there.length === bytes.length && there.every((byte, i) => byte === bytes[i])) return;
    throw new ValueError(
      `store: another worker made ${key} with other bytes; its machine computes differently, or its data differ`,
    );
  }

  async remove(key: string): Promise<void> {
    await named('remove', checkKey(key), async () => this.#store.remove?.(key));
  }
}

async function named<T>(what: string, key: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw Object.assign(new StoreError(`store: cannot ${what} ${key}: ${reason}`), { cause: error });
  }
}
