import type { TypedArray } from '@latent/nn';
import { describeValue, formatShape, type Shape, sizeOf, Tensor, ValueError } from '@latent/tensor';
import { fileBytes, fileShape, tensorOfBytes } from '../files/tensors.ts';

const CALLER = 'npy';
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** NumPy's types of one element, by kind and bytes, and what they are called in safetensors. */
const TYPES: Readonly<Record<string, string>> = {
  f2: 'F16',
  f4: 'F32',
  f8: 'F64',
  i1: 'I8',
  i2: 'I16',
  i4: 'I32',
  i8: 'I64',
  u1: 'U8',
  u2: 'U16',
  u4: 'U32',
  u8: 'U64',
  b1: 'BOOL',
};

/** Why other kinds are not read. */
const REASONS: Readonly<Record<string, string>> = {
  c: 'complex numbers',
  O: 'Python objects, which only Python can read',
  U: 'text',
  S: 'text',
  M: 'dates; save them as numbers',
  m: 'time spans; save them as numbers',
  V: 'records; save each field as an array',
};

/** A header that is longer is none. */
const MOST_HEADER = 1 << 16;

/**
 * An array that NumPy saved (`np.save`, format versions 1 to 3), of whole, half, single or double precision numbers or truth
 * values, in either byte order and in C or Fortran order. Integers of 32 bits and more become double precision. Arrays of text, dates,
 * records and Python objects are refused.
 */
export function decodeNpy(file: Uint8Array | ArrayBuffer): Tensor {
  return npyTensor(CALLER, fileBytes(CALLER, file));
}

/** `decodeNpy` for a reader of its own name. */
export function npyTensor(caller: string, bytes: Uint8Array): Tensor {
  const fail = (reason: string): never => {
    throw new ValueError(`${caller}: ${reason}; the file is truncated, altered or of another format`);
  };
  if (!MAGIC.every((byte, i) => bytes[i] === byte) || bytes.length < 12) fail('it does not begin as an array of NumPy');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6] as number;
  if (version < 1 || version > 3) fail(`it has format version ${version}, and 1 to 3 can be read`);
  const [start, length] = version === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (length > MOST_HEADER || start + length > bytes.length) fail(`its header claims ${length} bytes`);
  const header = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(start, start + length));
  const { descr, fortran, sizes } = parsed(header) ?? fail(`its header is ${JSON.stringify(header.slice(0, 80))}`);
  const [, order = '', kind = '', width = ''] = /^([<>=|]?)([a-zA-Z])(\d*)/.exec(descr) ?? [];
  const type = TYPES[kind + width];
  if (type === undefined) {
    const reason = REASONS[kind] ?? 'another type';
    throw new ValueError(
      `${caller}: its elements are '${descr}', ${reason}; ${Object.keys(TYPES).join(', ')} can be read`,
    );
  }
  const shape = fileShape(caller, 'array', sizes);
  const data = bytes.subarray(start + length);
  const flat = tensorOfBytes(caller, 'array', type, shape, order === '>' ? swapped(data, Number(width)) : data);
  return fortran && shape.length > 1 ? flat.reshape(shape.toReversed()).transpose() : flat;
}

/** A header is a Python dictionary of three entries, in any order. */
function parsed(header: string): { descr: string; fortran: boolean; sizes: number[] } | null {
  const body = /^\{(.*)\}\s*$/s.exec(header)?.[1];
  if (body === undefined) return null;
  const found = new Map<string, string>();
  let rest = body.trim();
  while (rest !== '') {
    const entry = /^'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([\d\s,L]*\)|\[.*\])\s*(?:,\s*|$)/s.exec(
      rest,
    );
    if (entry === null || found.has(entry[1] as string)) return null;
    found.set(entry[1] as string, entry[2] as string);
    rest = rest.slice(entry[0].length);
  }
  const [descr, fortran, shape] = ['descr', 'fortran_order', 'shape'].map((key) => found.get(key));
  if (descr === undefined || shape === undefined || !shape.startsWith('(')) return null;
  if (fortran !== 'True' && fortran !== 'False') return null;
  const sizes = shape
    .slice(1, -1)
    .split(',')
    .map((size) => size.replace('L', '').trim())
    .filter((size) => size !== '');
  if (!sizes.every((size) => /^\d+$/.test(size))) return null;
  const name = descr.startsWith("'") ? descr.slice(1, -1) : 'V';
  return { descr: name, fortran: fortran === 'True', sizes: sizes.map(Number) };
}

/** Elements of so many bytes with their bytes in reverse order. */
function swapped(data: Uint8Array, width: number): Uint8Array {
  const result = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const within = i % width;
    result[i] = data[i - within + (width - 1 - within)] ?? 0;
  }
  return result;
}

/** Arrays of numbers and what NumPy calls their elements. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  Float32Array: '<f4',
  Float64Array: '<f8',
  Int8Array: '|i1',
  Uint8Array: '|u1',
  Uint8ClampedArray: '|u1',
  Int16Array: '<i2',
  Uint16Array: '<u2',
  Int32Array: '<i4',
  Uint32Array: '<u4',
  BigInt64Array: '<i8',
  BigUint64Array: '<u8',
};

/** Numbers to be written: a tensor, or an array of one type and its shape, which is its length by default. */
export type NpyInput =
  | Tensor
  | TypedArray
  | BigInt64Array
  | BigUint64Array
  | { readonly data: TypedArray | BigInt64Array | BigUint64Array; readonly shape: Shape };

/** Numbers as a file that `np.load` reads: format version 1, C order, little-endian, of the element type they have. */
export function encodeNpy(array: NpyInput): Uint8Array<ArrayBuffer> {
  return npyBytes(CALLER, array);
}

/** `encodeNpy` for a writer of its own name. */
export function npyBytes(caller: string, array: NpyInput): Uint8Array<ArrayBuffer> {
  const { data, shape } = plain(array);
  const name = Object.prototype.toString.call(data).slice(8, -1);
  const descr = Object.hasOwn(DESCRIPTIONS, name) ? DESCRIPTIONS[name] : undefined;
  if (descr === undefined || data.length !== sizeOf(shape)) {
    const given = descr === undefined ? describeValue(array) : `${data.length} numbers for ${formatShape(shape)}`;
    throw new ValueError(
      `${caller}: expected a tensor, or an array of numbers of one type and a shape that it fills, got ${given}`,
    );
  }
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // The numbers begin at a multiple of 64.
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const bytes = new Uint8Array(10 + header.length + data.byteLength);
  bytes.set(MAGIC);
  bytes.set([1, 0, header.length & 255, header.length >> 8], 6);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return bytes;
}

function plain(array: NpyInput): { data: TypedArray | BigInt64Array | BigUint64Array; shape: Shape } {
  if (array instanceof Tensor) return { data: array.data, shape: array.shape };
  if (ArrayBuffer.isView(array)) return { data: array, shape: [array.length] };
  return { data: array?.data, shape: array?.shape ?? [] };
}
