import { UsageError } from '@latent/tensor';
import { CONNECT_SECONDS, isRefusal, placeOf, refusedText, silentText } from '../server/server.ts';
import { type Store, StoreError } from './store.ts';

/** What is used of a Redis client (`ioredis`, which is yours). */
export interface RedisClient {
  getBuffer(key: string): Promise<Uint8Array | null>;
  set(key: string, value: Uint8Array, mode: 'NX'): Promise<string | null>;
  del(key: string): Promise<unknown>;
  disconnect(): void;
  on(event: 'error', listener: () => void): unknown;
}

interface OwnClient extends RedisClient {
  on(event: 'error' | 'ready', listener: (error?: unknown) => void): unknown;
}

/** Tries to connect again before a command fails: a bit more than a minute. */
const RETRIES = 20;
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
    own ??= connect(client as string).catch((error: unknown) => {
      own = null;
      throw error;
    });
    return own;
  };
  /** Asks the client; of one that is ours, what its driver gives up with is said in our words. */
  const ask = async <T>(what: (client: RedisClient) => Promise<T>): Promise<T> => {
    const asked = await connected();
    try {
      return await what(asked);
    } catch (error) {
      if (given !== null || (error as Error).name !== 'MaxRetriesPerRequestError') throw error;
      throw new StoreError(`store: the server at ${placeOf(client as string)} has been gone for more than a minute`);
    }
  };
  const name = (key: string): string => `latent:${key}`;
  return {
    async get(key) {
      return ask((asked) => asked.getBuffer(name(key)));
    },
    async putOnce(key, bytes) {
      if (bytes.length > LARGEST) {
        throw new UsageError(`redisStore: ${key} has ${bytes.length} bytes, and strings of Redis at most ${LARGEST}`);
      }
      return (await ask((asked) => asked.set(name(key), Buffer.from(bytes), 'NX'))) === 'OK';
    },
    async remove(key) {
      await ask((asked) => asked.del(name(key)));
    },
    async close() {
      const opened = await own?.catch(() => null);
      opened?.disconnect();
      own = null;
    },
  };
}

/** A client that answers: a server that is not there is told here, in our words, and one that goes away later by its commands. */
async function connect(url: string): Promise<RedisClient> {
  const { Redis } = (await import('ioredis').catch(() => {
    throw new UsageError('redisStore: install ioredis beside @latent/scale: npm install ioredis');
  })) as unknown as { Redis: new (url: string, options: object) => OwnClient };
  const client = new Redis(url, { maxRetriesPerRequest: RETRIES });
  let last: unknown = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wrong = await new Promise<string>((resolve) => {
    // It stays: without a listener what the next command says anyway would be printed.
    client.on('error', (error) => {
      last = error;
      if (isRefusal(error)) resolve(refusedText(url, error));
    });
    client.on('ready', () => resolve(''));
    timer = setTimeout(() => resolve(silentText(url, CONNECT_SECONDS, last)), 1000 * CONNECT_SECONDS);
  });
  clearTimeout(timer);
  if (wrong === '') return client;
  client.disconnect();
  throw new StoreError(`store: ${wrong}`);
}
