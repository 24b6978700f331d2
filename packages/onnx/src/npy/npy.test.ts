import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { goldenFile, goldenJson } from '../../test/golden.ts';
import { mutated } from '../../test/mutations.ts';
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz } from './index.ts';

const golden = goldenJson<{ arrays: Record<string, string>; refused: Record<string, string> }>('npy.json');
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const read = (name: string): Tensor => decodeNpy(bytesOf(golden.arrays[name] as string));
const plain = (text: string, version = 1): Uint8Array =>
  Uint8Array.from([0x93, ...Buffer.from('NUMPY'), version, 0, text.length, 0, ...Buffer.from(text)]);

describe('arrays of NumPy', () => {
  const typed = Object.keys(golden.arrays).filter((name) => /^[<>]/.test(name));

  it('there are twelve types in both orders of bytes and axes, of all three versions', () => {
    expect(typed).toHaveLength(48);
  });

  it.each(typed)('%s', (name) => {
    const ones = name.includes('b1');
    expect(read(name).toArray()).toEqual(
      ones
        ? [
            [0, 1, 0],
            [1, 0, 1],
          ]
        : [
            [0, 1, 2],
            [3, 4, 5],
          ],
    );
    expect(read(name).dtype).toBe(/f8|[iu][48]/.test(name) ? 'f64' : 'f32');
  });

  it('of other shapes and values', () => {
    expect(read('scalar')).toMatchObject({ shape: [] });
    expect(read('scalar').item()).toBe(2.5);
    expect(read('empty').shape).toEqual([0, 3]);
    expect(read('vector').toArray()).toEqual([0, 1, 2]);
    expect(read('cube').toArray()).toEqual(
      tensor(
        Float64Array.from({ length: 24 }, (_, i) => i),
        { shape: [2, 3, 4] },
      ).toArray(),
    );
    const [nan, ...rest] = read('edges').data;
    expect(nan).toBeNaN();
    expect([...rest]).toEqual([Infinity, -Infinity, -0, 65504, 2 ** -24]);
    expect([...read('large').data]).toEqual([2 ** 53, -(2 ** 40)]);
  });

  it.each([
    ['complex', 'complex numbers'],
    ['objects', 'Python objects, which only Python can read'],
    ['text', "its elements are '<U2', text"],
    ['dates', 'dates; save them as numbers'],
    ['records', 'records; save each field as an array'],
    ['long double', "its elements are '<f16'"],
  ])('of %s are refused', (name, reason) => {
    expect(() => decodeNpy(bytesOf(golden.refused[name] as string))).toThrow(reason);
  });

  it.each([
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 'has 0 bytes, but its shape is [2] of F32'],
    ["{'descr': '<f4', 'fortran_order': 0, 'shape': (0,), }", 'its header is'],
    ["{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (0,), }", 'its header is'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 'its header is'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", 'no valid shape'],
    ["{'descr': '<f4', 'fortran_order': False}", 'its header is'],
    ["{'descr': __import__('os'), 'fortran_order': False, 'shape': (0,)}", 'its header is'],
    [`{'descr': '<f4', 'fortran_order': False, 'shape': (${'0,'.repeat(70)}), }`, 'no valid shape'],
  ])('with the header %s are refused', (header, reason) => {
    expect(() => decodeNpy(plain(header))).toThrow(reason);
  });

  it('are refused by version, length and kind', () => {
    expect(() => decodeNpy(plain('{}', 4))).toThrow('npy: it has format version 4, and 1 to 3 can be read');
    expect(() => decodeNpy(new Uint8Array())).toThrow('npy: it does not begin as an array of NumPy');
    expect(() => decodeNpy('x' as never)).toThrow('npy: expected the bytes of a file, got string');
    expect(() => decodeNpy(plain("{'descr': '<f4'").with(8, 255))).toThrow('its header claims 255 bytes');
  });

  it('are written so that they are read, of every type that JavaScript has', () => {
    const arrays = [
      Float32Array.of(1.5, -2),
      Float64Array.of(0.1, 1e300),
      Int8Array.of(-1, 2),
      Uint8Array.of(1, 255),
      Uint8ClampedArray.of(1, 255),
      Int16Array.of(-300, 2),
      Uint16Array.of(60_000, 2),
      Int32Array.of(-70_000, 2),
      Uint32Array.of(4e9, 2),
      BigInt64Array.of(-5n, 2n),
      BigUint64Array.of(5n, 2n),
    ];
    for (const data of arrays) {
      const bytes = encodeNpy({ data, shape: [2, 1] });
      expect((bytes.length - data.byteLength) % 64).toBe(0);
      const back = decodeNpy(bytes);
      expect(back.shape).toEqual([2, 1]);
      expect([...back.data]).toEqual(Array.from(data, Number));
      expect(decodeNpy(encodeNpy(data)).shape).toEqual([2]);
    }
    const x = new Rng(1).normal([3, 4, 2]);
    expect(decodeNpy(encodeNpy(x)).toArray()).toEqual(x.toArray());
    expect(decodeNpy(encodeNpy(tensor(3))).item()).toBe(3);
    expect(() => encodeNpy({ data: Float32Array.of(1), shape: [2] })).toThrow('a shape that it fills');
    expect(() => encodeNpy([1, 2] as never)).toThrow('npy: expected a tensor');
    expect(() => encodeNpy(null as never)).toThrow('npy: expected a tensor');
  });
});

describe('archives of arrays', () => {
  it.each(['stored.npz', 'deflated.npz'])('%s', async (name) => {
    const arrays = await decodeNpz(goldenFile(name));
    expect(Object.keys(arrays)).toEqual(['a', 'b/c', 'n']);
    expect(arrays.a?.toArray()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(arrays['b/c']?.toArray()).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(arrays.n?.item()).toBe(9);
  });

  it.each([false, true])('are written, deflated: %s', async (compress) => {
    const given = {
      w: new Rng(2).normal([40, 30]),
      'ä/b': new Float64Array(5000),
      n: BigInt64Array.of(3n),
      none: tensor([]),
    };
    const bytes = await encodeNpz(given, { compress });
    expect(bytes.length < 42_000).toBe(compress);
    expect(await encodeNpz(given, { compress })).toEqual(bytes);
    const back = await decodeNpz(bytes);
    expect(Object.keys(back)).toEqual(Object.keys(given));
    expect(back.w?.data).toEqual(given.w.data);
    expect(back['ä/b']?.size).toBe(5000);
    expect(back.none?.shape).toEqual([0]);
    expect(await decodeNpz(await encodeNpz({}))).toEqual({});
  });

  it('are refused where they are something else', async () => {
    await expect(decodeNpz(goldenFile('mlp.pt'))).rejects.toThrow("npz: 'mlp/data.pkl' is no array");
    await expect(decodeNpz(new Uint8Array(100))).rejects.toThrow('npz: it has no directory');
    await expect(encodeNpz({}, { compres: true } as never)).rejects.toThrow("did you mean 'compress'?");
    await expect(encodeNpz(null as never)).rejects.toThrow('npz: expected arrays by name, { x }, got null');
    await expect(encodeNpz(5 as never)).rejects.toThrow('npz: expected arrays by name');
    await expect(encodeNpz({ a: [1, 2] as never })).rejects.toThrow('npz: a: expected a tensor');
  });

  it('never give more bytes than they claim: bombs are refused', async () => {
    const bytes = await encodeNpz({ z: new Float64Array(100_000) }, { compress: true });
    const view = new DataView(bytes.buffer);
    const directory = view.getUint32(bytes.length - 6, true);
    view.setUint32(directory + 24, 1000, true);
    await expect(decodeNpz(bytes)).rejects.toThrow('unpacks to more than its 1000 bytes');
    view.setUint32(directory + 24, 0x7fffffff, true);
    await expect(decodeNpz(bytes)).rejects.toThrow('claims 2147483647 bytes');
    // Two entries of the same bytes.
    const [first, second] = [await encodeNpz({ a: new Float64Array(9), b: new Float64Array(9) }), 0];
    const own = new DataView(first.buffer);
    const start = own.getUint32(first.length - 6, true);
    own.setUint32(start + 46 + 5 + 42, second, true);
    await expect(decodeNpz(first)).rejects.toThrow('overlap');
  });
});

it('2,000 damaged arrays are refused or read', async () => {
  const files = Object.values(golden.arrays).map(bytesOf);
  expect(await mutated(files, (bytes) => decodeNpy(bytes).data.length)).toBeGreaterThan(400);
});

it('2,000 damaged archives are refused or read', async () => {
  const files = ['stored.npz', 'deflated.npz'].map(goldenFile);
  expect(await mutated(files, decodeNpz)).toBeGreaterThan(1000);
});
