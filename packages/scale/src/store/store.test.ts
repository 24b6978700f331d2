import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSafetensors } from '@latent/nn';
import { tensor, text } from '@latent/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisServer, redisFile } from '../../test/redis.ts';
import { decodeJson, decodeTensors, encodeJson, encodeTensors } from './blob.ts';
import { folderStore } from './folder.ts';
import { memoryStore } from './memory.ts';
import { redisStore } from './redis.ts';
import { CheckedStore, checkKey, type Store, StoreError } from './store.ts';
import { storeOf } from './store-of.ts';

const bytes = Uint8Array.of(1, 2, 3);
let folder: string;
let redis: RedisServer | null = null;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latent-store-'));
  if (redisFile !== undefined) redis = await new RedisServer().start();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await redis?.stop();
});

const stores: readonly [name: string, there: boolean, make: () => Store & { close?(): Promise<void> }][] = [
  ['in memory', true, memoryStore],
  ['a folder', true, () => folderStore(join(folder, 'store'))],
  ['Redis (skipped where there is no redis-server)', redisFile !== undefined, () => redisStore(redis?.url as string)],
];

for (const [name, there, make] of stores) {
  describe.skipIf(!there)(`a store: ${name}`, () => {
    let store: Store & { close?(): Promise<void> };
    beforeAll(() => {
      store = make();
    });
    afterAll(() => store.close?.());

    it('writes once: of many at the same time one, and the bytes are those', async () => {
      expect(await store.get('run/weights/0')).toBeNull();
      const writers = Array.from({ length: 8 }, (_, i) => store.putOnce('run/weights/0', Uint8Array.of(i, i, i)));
      const wrote = await Promise.all(writers);
      expect(wrote.filter(Boolean)).toHaveLength(1);
      const there = await store.get('run/weights/0');
      expect([...(there as Uint8Array)]).toEqual(new Array(3).fill(wrote.indexOf(true)));
      expect(await store.putOnce('run/weights/0', bytes)).toBe(false);
    });

    it('holds no bytes and many bytes, and removes', async () => {
      await store.putOnce('a', new Uint8Array());
      expect((await store.get('a'))?.length).toBe(0);
      const many = Uint8Array.from({ length: 1 << 20 }, (_, i) => i);
      await store.putOnce('b/c', many);
      expect(Buffer.compare((await store.get('b/c')) as Uint8Array, many)).toBe(0);
      await store.remove?.('b/c');
      await store.remove?.('b/c');
      expect(await store.get('b/c')).toBeNull();
    });
  });
}

describe('a folder', () => {
  it('keeps no temporary files, and follows no link out of it', async () => {
    const store = folderStore(join(folder, 'links'));
    await store.putOnce('run/x', bytes);
    expect(readdirSync(join(folder, 'links', 'run'))).toEqual(['x']);
    writeFileSync(join(folder, 'secret'), 'secret');
    symlinkSync(join(folder, 'secret'), join(folder, 'links', 'run', 'y'));
    await expect(store.get('run/y')).rejects.toThrow();
    expect(await store.putOnce('run/y', bytes)).toBe(false);
  });

  it('that cannot be written says why', async () => {
    writeFileSync(join(folder, 'file'), '');
    const store = new CheckedStore(folderStore(join(folder, 'file')));
    await expect(store.putOnce('run/x', bytes)).rejects.toThrow(/store: cannot write run\/x: .*(EEXIST|ENOTDIR)/);
  });
});

describe('keys', () => {
  it.each([
    '',
    '/a',
    'a/',
    '../a',
    'a/../b',
    'a/.hidden',
    'a\\b',
    'a b',
    'a\0b',
    'a//b',
    `${'a/'.repeat(9)}a`,
    'x'.repeat(200),
  ])('%j is refused', async (key) => {
    expect(() => checkKey(key)).toThrow('store: no such key can be');
    const store = new CheckedStore(folderStore(join(folder, 'keys')));
    await expect(store.putOnce(key, bytes)).rejects.toThrow('no such key');
    await expect(store.get(key)).rejects.toThrow('no such key');
    expect(existsSync(join(folder, 'keys'))).toBe(false);
  });
});

describe('a store of the caller', () => {
  const checked = (store: object): CheckedStore => new CheckedStore(store as Store);

  it('is counted', async () => {
    const store = checked(memoryStore());
    await store.putOnce('a', bytes);
    await store.putOnce('a', bytes);
    await store.get('a');
    await store.get('b');
    expect(store.traffic).toEqual({ got: 3, put: 3 });
  });

  it('that does not keep to it is told', async () => {
    await expect(checked({ get: async () => 'x' }).get('a')).rejects.toThrow("get('a') must give bytes or null");
    await expect(checked({ putOnce: async () => {} }).putOnce('a', bytes)).rejects.toThrow('must say whether it wrote');
    const broken = checked({ get: () => Promise.reject(new Error('timeout')) });
    await expect(broken.get('a')).rejects.toThrow(StoreError);
    await expect(broken.get('a')).rejects.toThrow('store: cannot read a: timeout');
    await expect(checked(memoryStore()).need('a')).rejects.toThrow('there is no a; was the store emptied');
  });

  it('that has other bytes for the same work is told', async () => {
    const store = checked(memoryStore());
    await store.putSame('a', bytes);
    await store.putSame('a', bytes);
    await expect(store.putSame('a', Uint8Array.of(1, 2, 4))).rejects.toThrow('another worker made a with other bytes');
  });

  it('is told from a folder and a URL', async () => {
    for (const value of [undefined, null, '', 7, {}, { get() {} }]) {
      expect(() => storeOf('f', value)).toThrow('f: store must be a folder, a redis:// URL or an object');
    }
    await storeOf('f', 'redis://127.0.0.1:1').close();
  });
});

describe('blobs', () => {
  const good = encodeTensors('weights', { w: tensor([1, 2]) }, { note: 'x' });

  it('are what they say', () => {
    expect(decodeTensors('weights', 'k', good).tensors.w?.toArray()).toEqual([1, 2]);
    expect(() => decodeTensors('shard', 'k', good)).toThrow(
      'store: k cannot be used: it is a blob of weights, expected shard',
    );
    expect(() => decodeTensors('weights', 'k', encodeSafetensors({}))).toThrow('it is a blob of no kind');
    expect(decodeJson('order', 'k', encodeJson('order', 'x'), text())).toBe('x');
    expect(() => decodeJson('order', 'k', encodeJson('order', 1), text())).toThrow(
      'store: k: the blob must be text, got 1',
    );
    const broken = encodeSafetensors({ json: Uint8Array.of(123) }, { latentBlob: 'order' });
    expect(() => decodeJson('order', 'k', broken, text())).toThrow('holds no JSON');
  });

  it('of which a byte is changed or the end is cut are refused, every one', () => {
    let refused = 0;
    for (let i = 0; i < good.length; i++) {
      const altered = good.slice();
      altered[i] = (altered[i] as number) ^ 16;
      expect(() => decodeTensors('weights', 'k', altered)).toThrow('store: k cannot be used');
      expect(() => decodeTensors('weights', 'k', good.slice(0, i))).toThrow('store: k cannot be used');
      refused++;
    }
    expect(refused).toBe(good.length);
  });
});
