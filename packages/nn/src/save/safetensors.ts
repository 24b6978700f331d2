import {
  type DType,
  describeValue,
  formatShape,
  isPlainObject,
  sizeOf,
  Tensor,
  tensor,
  ValueError,
} from '@latent/tensor';
import { crc32 } from './checksum.ts';
import { ELEMENT_TYPES, type ElementType } from './element-types.ts';
import { hasDoubtfulKeys } from './json.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

/**
 * The safetensors format: eight bytes with the header's length, a JSON header that gives each tensor's dtype, shape and
 * place, and the numbers, little-endian. Python's `safetensors` opens these files. A header is only believed after its
 * every claim was checked against the bytes that are there, and nothing is allocated before.
 *
 * Files written here have a checksum in their metadata, which covers the header and the numbers. A file without one is
 * read too.
 */
export interface SafetensorsFile {
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** The same where they lie in the file, which they share, without a copy: to be read, and for other files. */
  readonly values: Readonly<Record<string, TensorValues>>;
  /** What was written as bytes, by name. */
  readonly bytes: Readonly<Record<string, Uint8Array>>;
  /** Without the checksum. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor's numbers before they are made one, or after. */
export interface TensorValues {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Its bytes, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

type Header = Record<string, unknown> & { __metadata__?: Readonly<Record<string, string>> };

/** A header says some hundred bytes about each tensor; what is longer is no header, or would take seconds to read. */
const MAX_HEADER = 8 << 20;
/** Bytes of the widest element. */
const WIDEST = 8;
const CHECKSUM = 'checksum';
/** Marks a checksum even where damage changed its key. */
const PREFIX = 'crc32:';

function fail(reason: string): never {
  throw new ValueError(`safetensors: ${reason}`);
}

/** CRC-32 of the header as compact JSON, without its checksum, and then of the numbers. */
function checksumOf(header: Header, parts: readonly Uint8Array[]): string {
  const sum = parts.reduce((crc, part) => crc32(part, crc), crc32(encodeUtf8(JSON.stringify(header))));
  return PREFIX + sum.toString(16).padStart(8, '0');
}

/** The tensors (or their values, or plain bytes) and texts as one file. Names that the format has taken are refused: see the errors. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, Tensor | TensorValues | Uint8Array>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  if (!isPlainObject(tensors)) fail(`the tensors must be an object by name, got ${describeValue(tensors)}`);
  if (!isPlainObject(metadata)) fail(`the metadata must be an object of texts, got ${describeValue(metadata)}`);
  for (const [key, value] of Object.entries(metadata)) {
    if (key === CHECKSUM || key === '__proto__' || typeof value !== 'string' || value.startsWith(PREFIX)) {
      fail(`metadata '${key}' must be text and not a checksum, got ${describeValue(value)}`);
    }
  }
  const header: Header = { __metadata__: metadata };
  const parts: Uint8Array[] = [];
  let offset = 0;
  const entries = Object.entries(tensors).map(([name, x]) => {
    if (isBytes(x)) return { name, dtype: 'U8', shape: [x.length], data: x };
    if (!(x instanceof Tensor || areValues(x))) fail(`'${name}' must be a tensor or bytes, got ${describeValue(x)}`);
    return { name, dtype: x.dtype === 'f32' ? 'F32' : 'F64', shape: x.shape, data: x.data };
  });
  // Wider elements first, so that all are aligned.
  entries.sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  for (const { name, dtype, shape, data } of entries) {
    if (name === '__metadata__' || name === '__proto__') fail(`no tensor can be named '${name}'`);
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  header.__metadata__ = { ...metadata, [CHECKSUM]: checksumOf(header, parts) };
  const json = encodeUtf8(JSON.stringify(header));
  if (json.length > MAX_HEADER) {
    fail(`the header would have ${json.length} bytes, more than the ${MAX_HEADER} that are read again`);
  }
  const headerBytes = Math.ceil(json.length / 8) * 8; // padded with spaces, so that the numbers are aligned
  const bytes = new Uint8Array(8 + headerBytes + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, 8, 8 + headerBytes);
  bytes.set(json, 8);
  let position = 8 + headerBytes;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

/**
 * What `encodeSafetensors`, or another program, wrote, of any of the format's element types; integers of 32 bits and more
 * are read in double precision. A file that is cut, altered or of another format is refused with the reason; so is one whose
 * tensors overlap or leave bytes unused, as the format demands.
 */
export function decodeSafetensors(file: Uint8Array | ArrayBuffer): SafetensorsFile {
  const bytes = fileBytes(file);
  if (bytes.length < 8) fail(`the file is too short, got ${bytes.length} bytes`);
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (headerLength > MAX_HEADER || Number(headerLength) + 8 > bytes.length) {
    fail(`the header claims ${headerLength} bytes of ${bytes.length - 8}; the file is truncated or of another format`);
  }
  const start = 8 + Number(headerLength);
  const header = parseHeader(bytes.subarray(8, start));
  const data = bytes.subarray(start);
  const { __metadata__: texts = {}, ...rest } = header;
  if (!isPlainObject(texts) || Object.values(texts).some((text) => typeof text !== 'string'))
    fail('the metadata is not text');

  const entries = Object.entries(rest).map(([name, entry]) => checkEntry(name, entry, data.length));
  // By place: each must begin where the one before ended, so none overlap and no byte is left out.
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) fail(`tensor '${name}' begins at byte ${begin}, not at ${covered}; the file is altered`);
    covered = end;
  }
  if (covered !== data.length) fail(`the tensors cover ${covered} of ${data.length} bytes; the file is altered`);

  const { [CHECKSUM]: _, ...metadata } = texts as Record<string, string>;
  for (const [key, text] of Object.entries(texts as Record<string, string>)) {
    if (key !== CHECKSUM && !text.startsWith(PREFIX)) continue;
    const actual = checksumOf({ ...header, __metadata__: metadata }, [data]);
    if (key !== CHECKSUM || text !== actual) {
      fail(`the ${key} is ${text}, but the content has ${actual}; the file is altered (if on purpose, leave it out)`);
    }
  }
  // Read when asked for: a file may hold more than its reader wants.
  const tensors = {};
  const values = {};
  const contents: Record<string, Uint8Array> = {};
  for (const { name, dtype, shape, begin, end } of entries) {
    const numbers = (): Float32Array | Float64Array => {
      const own = data.subarray(begin, end);
      // `slice` of a Buffer would be no copy.
      const aligned = own.byteOffset % WIDEST === 0 ? own : new Uint8Array(own);
      return (ELEMENT_TYPES[dtype] as ElementType).read(aligned as Uint8Array<ArrayBuffer>, sizeOf(shape));
    };
    Object.defineProperty(tensors, name, { get: once(() => tensor(numbers(), { shape })), enumerable: true });
    const get = once((): TensorValues => {
      const own = numbers();
      return { dtype: own instanceof Float32Array ? 'f32' : 'f64', shape, data: own };
    });
    Object.defineProperty(values, name, { get, enumerable: true });
    if (dtype === 'U8') contents[name] = data.subarray(begin, end);
  }
  return { tensors, values, bytes: contents, metadata };
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function areValues(x: unknown): x is TensorValues {
  const { dtype, shape, data } = (x ?? {}) as Partial<TensorValues>;
  const typed = dtype === 'f32' ? data instanceof Float32Array : dtype === 'f64' && data instanceof Float64Array;
  return typed && areCounts(shape) && sizeOf(shape) === data?.length;
}

/** Bytes of this realm or another. */
function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === '[object Uint8Array]';
}

function fileBytes(file: unknown): Uint8Array {
  if (file instanceof Uint8Array) return file;
  // Buffers and views of another realm too.
  const tag = Object.prototype.toString.call(file);
  if (tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]')
    return new Uint8Array(file as ArrayBuffer);
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer as ArrayBuffer, file.byteOffset, file.byteLength);
  return fail(`expected the bytes of a file, got ${typeof file}; read it first, or use load(path)`);
}

/** One tensor of the header, after checking that what it says is possible within `data` bytes. */
function checkEntry(name: string, entry: unknown, data: number): Entry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(ELEMENT_TYPES, dtype)) {
    fail(`tensor '${name}' has dtype ${JSON.stringify(dtype)}; can be read: ${Object.keys(ELEMENT_TYPES).join(', ')}`);
  }
  if (!areCounts(shape) || !areCounts(offsets) || offsets.length !== 2) {
    fail(`tensor '${name}' has no valid shape and offsets`);
  }
  const [begin, end] = offsets as [number, number];
  if (end < begin || end > data) {
    fail(`tensor '${name}' claims bytes ${begin} to ${end} of ${data}; the file is truncated or altered`);
  }
  if (end - begin !== sizeOf(shape) * (ELEMENT_TYPES[dtype]?.bytes ?? 0)) {
    fail(`tensor '${name}' has ${end - begin} bytes, but its shape is ${formatShape(shape)} of ${dtype}`);
  }
  return { name, dtype, shape, begin, end };
}

function areCounts(x: unknown): x is number[] {
  return Array.isArray(x) && x.length <= 64 && x.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function parseHeader(bytes: Uint8Array): Header {
  const text = decodeUtf8(bytes) ?? '';
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    fail('the header is not JSON; the file is altered or of another format');
  }
  if (!isPlainObject(header)) fail('the header is not an object');
  if (hasDoubtfulKeys(text)) fail('the header repeats a key or has a key __proto__');
  return header as Header;
}
