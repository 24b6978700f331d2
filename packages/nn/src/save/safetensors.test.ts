import { LatentError, tensor } from '@latent/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32, portableCrc32 } from './checksum.ts';
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from './safetensors.ts';

const text = new TextEncoder();
const state = {
  'layer.weight': tensor([[1, 2, 3]]),
  7: tensor(new Float64Array([0.1])),
  empty: tensor([]),
  b: tensor(5),
};
const bytes = encodeSafetensors(state, { note: 'hé "quoted": \\', config: '{"size":[1,2]}' });

const contents = ({ tensors, metadata }: SafetensorsFile): unknown => [
  metadata,
  Object.keys(tensors)
    .sort()
    .map((name) => [name, tensors[name]!.dtype, tensors[name]!.shape, [...tensors[name]!.data]]),
];
const original = contents(decodeSafetensors(bytes));

/** A file of another program: this header, and then zeros. */
function foreign(header: string | object, dataLength: number, claim?: bigint): Uint8Array {
  const json = text.encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + dataLength);
  new DataView(file.buffer).setBigUint64(0, claim ?? BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]): object => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

/** Decodes to what was written, or fails with an error of the format: nothing else. */
function refusedOrSame(damaged: Uint8Array): void {
  let decoded: unknown;
  try {
    decoded = contents(decodeSafetensors(damaged));
  } catch (error) {
    expect(error).toBeInstanceOf(LatentError);
    expect((error as Error).message).toMatch(/^safetensors: /);
    return;
  }
  expect(decoded).toEqual(original);
}

describe('damage', () => {
  it('of any one bit is found, unless it changes nothing', () => {
    let harmless = 0;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      try {
        decodeSafetensors(damaged);
        harmless++;
      } catch {}
      refusedOrSame(damaged);
    }
    expect(harmless).toBeLessThan(20);
  });

  it('of several bytes, a lost end, a lost piece or bytes too many are found', () => {
    const edits = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 6 });
    const cut = fc.oneof({ weight: 2, arbitrary: fc.constant(bytes.length) }, fc.nat(bytes.length));
    const extra = fc.uint8Array({ maxLength: 9 });
    fc.assert(
      fc.property(edits, cut, cut, extra, (changes, end, from, tail) => {
        const damaged = bytes.slice();
        for (const [at, value] of changes) damaged[at] = value;
        refusedOrSame(Uint8Array.from([...damaged.slice(0, end), ...tail, ...damaged.slice(from)]));
      }),
      { numRuns: 2000 },
    );
  });

  it('that leaves nothing of a file is refused too', () => {
    const header = fc.json({ maxDepth: 4 }).map((json) => foreign(json, 4));
    const entry = fc.record({ dtype: fc.constant('F32'), shape: fc.jsonValue(), data_offsets: fc.jsonValue() });
    const almost = fc.dictionary(fc.string(), fc.oneof(entry, fc.jsonValue())).map((entries) => foreign(entries, 4));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), header, almost), (file) => {
        expect(() => decodeSafetensors(file)).toThrow(/^safetensors: /);
      }),
      { numRuns: 500 },
    );
  });

  it('to the numbers, the shapes, the names and the texts is told from damage to the rest', () => {
    const [json, data] = [headerOf(bytes), bytes.slice(-24)];
    const rewritten = (from: string, to: string): Uint8Array => {
      const file = foreign(json.replace(from, to), data.length);
      file.set(data, file.length - data.length);
      return file;
    };
    expect(contents(decodeSafetensors(rewritten('', '  ')))).toEqual(original);
    const altered =
      /^safetensors: the checksum is crc32:[0-9a-f]{8}, but the content has crc32:[0-9a-f]{8}; the file is/;
    expect(() => decodeSafetensors(rewritten('[1,3]', '[3,1]'))).toThrow(altered);
    expect(() => decodeSafetensors(rewritten('layer.weight', 'layer.height'))).toThrow(altered);
    expect(() => decodeSafetensors(rewritten('quoted', 'quotes'))).toThrow(altered);
    expect(() => decodeSafetensors(rewritten('"checksum"', '"checksun"'))).toThrow('the checksun is crc32:');
    expect(() => decodeSafetensors(rewritten('crc32:', 'crc33:'))).toThrow('the checksum is crc33:');
    data[3]! ^= 1;
    expect(() => decodeSafetensors(rewritten('', ''))).toThrow(altered);
    // Without a checksum it cannot be known.
    expect(() => decodeSafetensors(rewritten(/,"checksum":"[^"]*"/.exec(json)?.[0] ?? '', ''))).not.toThrow();
  });
});

function headerOf(file: Uint8Array): string {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  return new TextDecoder().decode(file.subarray(8, 8 + length)).trimEnd();
}

describe('a header of another program', () => {
  it('is read without a checksum, with tensors in any order and none', () => {
    const { tensors, metadata } = decodeSafetensors(foreign({ z: f32(4, 12), a: f32(0, 4, []), e: f32(4, 4) }, 12));
    expect([tensors.z?.shape, tensors.a?.shape, tensors.e?.shape, metadata]).toEqual([[2], [], [0], {}]);
    expect(decodeSafetensors(foreign({}, 0)).tensors).toEqual({});
    expect(Object.keys(decodeSafetensors(foreign({ constructor: f32(0, 4) }, 4)).tensors)).toEqual(['constructor']);
  });

  it('is read from a Buffer that is part of a larger one', () => {
    const pool = Buffer.concat([Buffer.alloc(5), bytes, Buffer.alloc(5)]);
    expect(contents(decodeSafetensors(pool.subarray(5, 5 + bytes.length)))).toEqual(original);
  });

  const huge = 2 ** 40;
  const cases: [string, Uint8Array, string][] = [
    ['a length beyond the file', foreign({}, 0, 1n << 63n), 'the header claims 9223372036854775808 bytes of 2;'],
    ['a length just beyond', foreign({}, 0, 3n), 'the header claims 3 bytes of 2;'],
    [
      'numbers that are not there',
      foreign({ a: f32(0, 4 * huge) }, 4),
      "tensor 'a' claims bytes 0 to 4398046511104 of 4",
    ],
    ['a shape that is not there', foreign({ a: f32(0, 4, [huge]) }, 4), "tensor 'a' has 4 bytes, but its shape is"],
    ['a shape whose size overflows', foreign({ a: f32(0, 0, [huge, huge, huge]) }, 0), "tensor 'a' has 0 bytes"],
    [
      'infinitely many values times none',
      foreign({ a: f32(0, 0, [...Array(40).fill(huge), 0]) }, 0),
      "tensor 'a' has 0",
    ],
    ['a negative size', foreign({ a: f32(0, 4, [-1, -1]) }, 4), "tensor 'a' has no valid shape and offsets"],
    ['a broken size', foreign({ a: f32(0, 4, [0.5, 2]) }, 4), "tensor 'a' has no valid shape and offsets"],
    ['an offset before the file', foreign({ a: f32(-4, 0, [1]) }, 4), "tensor 'a' has no valid shape and offsets"],
    ['offsets the wrong way', foreign({ a: f32(4, 0, [1]) }, 4), "tensor 'a' claims bytes 4 to 0 of 4"],
    ['tensors that overlap', foreign({ a: f32(0, 8), b: f32(4, 12) }, 16), "tensor 'b' begins at byte 4, not at 8"],
    ['a tensor twice over', foreign({ a: f32(0, 4), b: f32(0, 4) }, 8), "tensor 'b' begins at byte 0, not at 4"],
    ['a gap', foreign({ a: f32(0, 4), b: f32(8, 12) }, 12), "tensor 'b' begins at byte 8, not at 4"],
    ['bytes too many', foreign({ a: f32(0, 4) }, 5), 'the tensors cover 4 of 5 bytes'],
    ['no entry', foreign({ a: null }, 0), "tensor 'a' has dtype undefined; can be read: F32, F64, F16"],
    ['a dtype in a list', foreign({ a: { ...f32(0, 4), dtype: ['F32'] } }, 4), 'tensor \'a\' has dtype ["F32"];'],
    [
      'a dtype that is an object',
      foreign({ a: { dtype: { toString: 1 } } }, 4),
      'tensor \'a\' has dtype {"toString":1};',
    ],
    ['a name twice', foreign('{"a":0,"a":0}', 0), 'the header repeats a key or has a key __proto__'],
    ['a name twice, once escaped', foreign('{"a":0, "\\u0061" :0}', 0), 'the header repeats a key'],
    ['a key twice, inside', foreign('{"__metadata__":{"x":"\\":","x":""}}', 0), 'the header repeats a key'],
    [
      '__proto__',
      foreign('{"__proto__":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}', 0),
      'the header repeats a key or has a key __proto__',
    ],
    [
      '__proto__ inside',
      foreign('{"__metadata__":{"__proto__":"x"}}', 0),
      'the header repeats a key or has a key __proto__',
    ],
    ['metadata that is not text', foreign({ __metadata__: { a: 1 } }, 0), 'the metadata is not text'],
    ['metadata that is a list', foreign({ __metadata__: ['a'] }, 0), 'the metadata is not text'],
    ['metadata that is null', foreign({ __metadata__: null }, 0), 'the metadata is not text'],
    ['a list', foreign('[]', 0), 'the header is not an object'],
    ['very deep lists', foreign('['.repeat(1e5) + ']'.repeat(1e5), 0), 'the header is not'],
    ['bytes that are not UTF-8', foreign('{"a":"', 1, 7n), 'the header is not JSON'],
  ];
  it.each(cases)('is refused for %s', (_name, file, message) => {
    expect(() => decodeSafetensors(file)).toThrow(`safetensors: ${message}`);
  });
});

describe('writing', () => {
  it('refuses names that the format has taken', () => {
    const x = tensor([1]);
    expect(() => encodeSafetensors({ __metadata__: x })).toThrow("safetensors: no tensor can be named '__metadata__'");
    expect(() => encodeSafetensors(Object.fromEntries([['__proto__', x]]))).toThrow("be named '__proto__'");
    expect(() => encodeSafetensors({}, { checksum: 'x' })).toThrow(
      "safetensors: metadata 'checksum' must be text and not",
    );
    expect(() => encodeSafetensors({}, { a: 'crc32:0' })).toThrow("metadata 'a' must be text and not a checksum");
    expect(() => encodeSafetensors({}, { a: 1 } as never)).toThrow(
      "metadata 'a' must be text and not a checksum, got 1",
    );
  });

  it('has the checksum of zip files, in parts or at once', () => {
    expect(crc32(text.encode('123456789'))).toBe(0xcbf43926);
    expect(crc32(text.encode('6789'), crc32(text.encode('12345')))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0))).toBe(0);
    expect(crc32(new Uint8Array(0), 0xcbf43926)).toBe(0xcbf43926);
    const shared = new Uint8Array(new SharedArrayBuffer(9));
    shared.set(text.encode('123456789'));
    expect(crc32(shared)).toBe(0xcbf43926);
    // Of every length, and from every place in a buffer, what one byte after the other comes to.
    const many = Uint8Array.from({ length: 64 }, (_, i) => (i * 2654435761) >>> 13);
    for (let start = 0; start < 9; start++) {
      for (let end = start; end <= many.length; end++) {
        const bytewise = Array.from(many.subarray(start, end)).reduce(
          (crc, byte) => portableCrc32(Uint8Array.of(byte), crc),
          0,
        );
        expect(portableCrc32(many.subarray(start, end), 0)).toBe(bytewise);
        expect(crc32(many.subarray(start, end))).toBe(bytewise);
      }
    }
    const checksum = /crc32:[0-9a-f]{8}/.exec(headerOf(bytes))?.[0];
    const plain = text.encode(headerOf(bytes).replace(`,"checksum":"${checksum}"`, ''));
    expect(`crc32:${crc32(bytes.slice(-24), crc32(plain)).toString(16).padStart(8, '0')}`).toBe(checksum);
  });
});

describe('the format', () => {
  const state = { b: tensor([[1, 2, 3]]), a: tensor(new Float64Array([0.1])), scalar: tensor(5) };
  const bytes = encodeSafetensors(state, { note: 'hé' });

  it('is read as it was written, from any place in a buffer', () => {
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const { tensors, metadata } = decodeSafetensors(shifted.subarray(3));
    expect(metadata).toEqual({ note: 'hé' });
    expect(Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, [x.dtype, x.toArray()]]))).toEqual({
      a: ['f64', [0.1]],
      b: ['f32', [[1, 2, 3]]],
      scalar: ['f32', 5],
    });
  });

  it.each([0, 3])('has its values where they lie, %i bytes into a buffer, and they make the same file', (start) => {
    const shifted = new Uint8Array(bytes.length + start);
    shifted.set(bytes, start);
    const { values, metadata } = decodeSafetensors(shifted.subarray(start));
    expect(values.b).toEqual({ dtype: 'f32', shape: [1, 3], data: Float32Array.of(1, 2, 3) });
    expect(values.a?.data).toEqual(Float64Array.of(0.1));
    expect(values.a?.data.buffer === shifted.buffer).toBe(start === 0);
    expect(encodeSafetensors(values, metadata)).toEqual(bytes);
    const wrong = { dtype: 'f32', shape: [2], data: Float32Array.of(1) };
    expect(() => encodeSafetensors({ wrong } as never)).toThrow("'wrong' must be a tensor or bytes");
  });

  it('has its layout: length, header, numbers', () => {
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(header.b).toEqual({ dtype: 'F32', shape: [1, 3], data_offsets: [8, 20] });
    expect(bytes.length).toBe(8 + length + 24);
  });

  it('keeps bytes as they are, apart from tensors', () => {
    const made = encodeSafetensors({ a: tensor([1]), log: Uint8Array.from([1, 2, 255]) });
    const { tensors, bytes: contents } = decodeSafetensors(made);
    expect([[...contents.log!], Object.keys(contents)]).toEqual([[1, 2, 255], ['log']]);
    expect(tensors.log?.toArray()).toEqual([1, 2, 255]);
  });

  it('is refused where it is cut, altered or something else', () => {
    const rewritten = (
      change: (header: Record<string, { shape: number[]; dtype: string; data_offsets: number[] }>) => void,
    ): Uint8Array => {
      const header = JSON.parse(headerOf(bytes));
      change(header);
      const file = foreign(header, 24);
      file.set(bytes.subarray(bytes.length - 24), file.length - 24);
      return file;
    };
    expect(() => decodeSafetensors(bytes.subarray(0, 5))).toThrow('safetensors: the file is too short, got 5 bytes');
    expect(() => decodeSafetensors(new Uint8Array(100).fill(255))).toThrow(
      'the file is truncated or of another format',
    );
    expect(() => decodeSafetensors(bytes.subarray(0, bytes.length - 1))).toThrow('the file is truncated or altered');
    expect(() => decodeSafetensors(rewritten((h) => (h.b!.shape = [1e9, 1e9])))).toThrow(
      "tensor 'b' has 12 bytes, but its shape is [1000000000, 1000000000]",
    );
    expect(() => decodeSafetensors(rewritten((h) => (h.b!.dtype = 'I128')))).toThrow(
      `tensor 'b' has dtype "I128"; can be read: F32, F64, F16, BF16, I8, U8, BOOL, I16, U16, I32, U32, I64, U64`,
    );
    expect(() => decodeSafetensors(rewritten((h) => (h.b!.data_offsets = [8, 1e12])))).toThrow(
      'claims bytes 8 to 1000000000000 of 24',
    );
    expect(() => decodeSafetensors(rewritten((h) => delete (h as Record<string, unknown>).b))).toThrow(
      "tensor 'scalar' begins at byte 20, not at 8; the file is altered",
    );
    for (const what of [null, undefined, 5, 'file', {}, [1, 2]]) {
      expect(() => decodeSafetensors(what as never)).toThrow('safetensors: expected the bytes of a file, got');
    }
  });
});
