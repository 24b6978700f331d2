import { UsageError } from '@latent/tensor';
import type { Store } from './store.ts';

/** What is used of a Redis client (`ioredis`, which is yours). */
export interface RedisClient {
  getBuffer(key: string): Promise<Uint8Array | null>;
  set(key: string, value: Uint8Array, mode: 'NX'): Promise<string | null>;
  del(key: string): Promise<unknown>;
  disconnect(): void;
  on(event: 'error', listener: () => void): unknown;
}

/** Strings of Redis have 512 MB at most. */
const LARGEST = 512 * 2 ** 20;

/**
 * A store in Redis or Valkey: strings under `latent:KEY`, 512 MB each at most, written with `SET … NX`. Give a client of `ioredis`, or a
 * URL. The server must not evict keys: `maxmemory-policy noeviction`.
 */
export function redisStore(client: RedisClient | string): Store & { close(): Promise<void> } {
  const given = typeof client === 'string' ? null : client;
  let own: Promise<RedisClient> | null = null;
  const connected = (): Promise<RedisClient> | RedisClient => {
    if (given !== null) return given;
    own ??= connect(client as string);
    return own;
  };
  const name = (key: string): string => `latent:${key}`;
  return {
    async get(key) {
      return (await connected()).getBuffer(name(key));
    },
    async putOnce(key, bytes) {
      if (bytes.length > LARGEST) {
        throw new UsageError(`redisStore: ${key} has ${bytes.length} bytes, and strings of Redis at most ${LARGEST}`);
      }
      return (await (await connected()).set(name(key), Buffer.from(bytes), 'NX')) === 'OK';
    },
    async remove(key) {
      await (await connected()).del(name(key));
    },
    async close() {
      if (own !== null) (await own).disconnect();
      own = null;
    },
  };
}

async function connect(url: string): Promise<RedisClient> {
  const { Redis } = (await import('ioredis').catch(() => {
    throw new UsageError('redisStore: install ioredis beside @latent/scale: npm install ioredis');
  })) as unknown as { Redis: new (url: string, options: object) => RedisClient };
  const client = new Redis(url, { maxRetriesPerRequest: 20 });
  // Without a listener what the next command says anyway would be printed.
  client.on('error', () => {});
  return client;
}
