import { decodeSafetensors, encodeSafetensors } from '@latent/nn';
import { tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { goldenFile, goldenJson } from '../../test/golden.ts';
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz } from '../npy/index.ts';
import { convert, fileFormat, readTensors } from './index.ts';

const tfjs = goldenJson<{ sequential: { json: unknown; shards: string[] } }>('tfjs.json').sequential;
const json = new TextEncoder().encode(` ${JSON.stringify(tfjs.json)}`);
const shards = tfjs.shards.map((text) => new Uint8Array(Buffer.from(text, 'base64')));
const safetensors = encodeSafetensors({ w: tensor([1, 2]) });

describe('files of tensors', () => {
  it.each([
    ['safetensors', safetensors],
    ['npy', encodeNpy(tensor([1]))],
    ['npz', goldenFile('stored.npz')],
    ['torch', goldenFile('mlp.pt')],
    ['torch', goldenFile('old.pt')],
    ['onnx', goldenFile('mlp.onnx')],
    ['tfjs', json],
  ])('are known by how they begin: %s', (format, bytes) => {
    expect(fileFormat(bytes)).toBe(format);
  });

  it.each([
    [safetensors, ['w']],
    [encodeNpy(tensor([1])), ['array']],
    [goldenFile('deflated.npz'), ['a', 'b/c', 'n']],
    [goldenFile('mlp.pt'), ['0.weight', '0.bias', '2.weight', '2.bias', '3.weight', '3.bias']],
    [goldenFile('flat.onnx'), ['1.weight', '1.bias']],
  ])('are read %#', async (bytes, names) => {
    expect(Object.keys(await readTensors(bytes))).toEqual(names);
  });

  it('become files of other formats', async () => {
    const want = await readTensors(goldenFile('mlp.pt'));
    const asSafetensors = decodeSafetensors(await convert(goldenFile('mlp.pt'), { to: 'safetensors' })).tensors;
    const asNpz = await decodeNpz(await convert(goldenFile('mlp.pt'), { to: 'npz', compress: true }));
    for (const [name, x] of Object.entries(want)) {
      expect(asSafetensors[name]?.data).toEqual(x.data);
      expect(asNpz[name]?.data).toEqual(x.data);
    }
    expect(await convert(await encodeNpz({}), { to: 'npz' })).toEqual(await encodeNpz({}));
    const one = (name: string): string | null => (name === '0.bias' ? 'b' : null);
    const asNpy = decodeNpy(await convert(goldenFile('mlp.pt'), { to: 'npy', rename: one }));
    expect(asNpy.data).toEqual(want['0.bias']?.data);
    const ofTfjs = await decodeNpz(await convert(json, { to: 'npz', shards }));
    expect(Object.keys(ofTfjs)).toContain('dense_Dense1/kernel');
  });

  it('are refused', async () => {
    expect(() => fileFormat(Uint8Array.of(1, 2, 3))).toThrow(
      'none of the formats safetensors, npy, torch, npz, tfjs, onnx',
    );
    await expect(readTensors(json)).rejects.toThrow('give them as shards');
    await expect(convert(goldenFile('mlp.pt'), { to: 'npy' })).rejects.toThrow('an .npy file holds one array, got 6');
    await expect(convert(goldenFile('mlp.pt'), { to: 'npz', rename: () => 'a' })).rejects.toThrow(
      "two tensors would be named 'a'",
    );
    await expect(convert(safetensors, { to: 'pt' as never })).rejects.toThrow(
      "to must be one of 'safetensors', 'npz', 'npy'",
    );
    await expect(convert(safetensors, { too: 'npz' } as never)).rejects.toThrow("did you mean 'to'?");
    await expect(convert('w' as never, { to: 'npz' })).rejects.toThrow('expected the bytes of a file');
  });
});
