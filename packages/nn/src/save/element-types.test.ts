import { describe, expect, it } from 'vitest';
import { decodeSafetensors } from './safetensors.ts';

/** A file with one tensor of these bytes. */
function file(dtype: string, bytes: ArrayBufferView): Uint8Array {
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size =
    { F16: 2, BF16: 2, I8: 1, U8: 1, BOOL: 1, I16: 2, U16: 2, I32: 4, U32: 4, I64: 8, U64: 8, F32: 4, F64: 8 }[dtype] ??
    1;
  const header = { x: { dtype, shape: [data.length / size], data_offsets: [0, data.length] } };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const whole = new Uint8Array(8 + json.length + data.length);
  new DataView(whole.buffer).setBigUint64(0, BigInt(json.length), true);
  whole.set(json, 8);
  whole.set(data, 8 + json.length);
  return whole;
}
const read = (dtype: string, bytes: ArrayBufferView): [string, number[]] => {
  const x = decodeSafetensors(file(dtype, bytes)).tensors.x!;
  return [x.dtype, [...x.data]];
};

describe('element types of other programs', () => {
  // Bit patterns of IEEE 754 binary16 and bfloat16.
  it('half precision: normal, subnormal, the largest, zeros and what is not finite', () => {
    const halves = Uint16Array.of(
      0x3c00,
      0xc000,
      0x3555,
      0x7bff,
      0x0001,
      0x03ff,
      0x0400,
      0x0000,
      0x8000,
      0x7c00,
      0xfc00,
      0x7e00,
    );
    const [dtype, values] = read('F16', halves);
    expect(dtype).toBe('f32');
    expect(values).toEqual([
      1,
      -2,
      0.333251953125,
      65504,
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      0,
      -0,
      Infinity,
      -Infinity,
      Number.NaN,
    ]);
  });

  it('every half is what its bits say', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const [, values] = read('F16', all);
    const exact = (bits: number): number => {
      const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
      if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
      return sign * (exponent === 0 ? fraction / 2 ** 24 : (1024 + fraction) * 2 ** (exponent - 25));
    };
    expect(values.every((value, bits) => Object.is(value, exact(bits)))).toBe(true);
  });

  it('bfloat16 is the upper half of a single', () => {
    expect(read('BF16', Uint16Array.of(0x3f80, 0xc049, 0x7f7f, 0x7f80, 0x0001))).toEqual([
      'f32',
      [1, -3.140625, 3.3895313892515355e38, Infinity, 9.183549615799121e-41],
    ]);
  });

  it('integers and truth values are numbers; of 32 bits and more in double precision', () => {
    expect(read('I8', Int8Array.of(-128, 127))).toEqual(['f32', [-128, 127]]);
    expect(read('U8', Uint8Array.of(0, 255))).toEqual(['f32', [0, 255]]);
    expect(read('BOOL', Uint8Array.of(0, 1))).toEqual(['f32', [0, 1]]);
    expect(read('I16', Int16Array.of(-32768, 32767))).toEqual(['f32', [-32768, 32767]]);
    expect(read('U16', Uint16Array.of(65535))).toEqual(['f32', [65535]]);
    expect(read('I32', Int32Array.of(-(2 ** 31), 2 ** 31 - 1))).toEqual(['f64', [-(2 ** 31), 2 ** 31 - 1]]);
    expect(read('U32', Uint32Array.of(2 ** 32 - 1))).toEqual(['f64', [2 ** 32 - 1]]);
    expect(read('I64', BigInt64Array.of(-(2n ** 53n), 5n))).toEqual(['f64', [-(2 ** 53), 5]]);
    expect(read('U64', BigUint64Array.of(2n ** 53n))).toEqual(['f64', [2 ** 53]]);
  });

  it('whose sizes do not fit their shapes are refused', () => {
    expect(() => decodeSafetensors(file('F16', Uint8Array.of(1, 2, 3)))).toThrow("tensor 'x' has");
    expect(() => decodeSafetensors(file('F8_E4M3', Uint8Array.of(1)))).toThrow(
      `tensor 'x' has dtype "F8_E4M3"; can be read: F32`,
    );
  });

  it('may be empty', () => {
    for (const dtype of ['F16', 'BF16', 'I64', 'BOOL']) expect(read(dtype, new Uint8Array(0))[1]).toEqual([]);
  });
});
