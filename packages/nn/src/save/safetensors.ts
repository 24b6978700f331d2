import { formatShape, sizeOf, type Tensor, tensor, ValueError } from '@latent/tensor';
import { crc32 } from './checksum.ts';

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
  /** Without the checksum. */
  readonly metadata: Readonly<Record<string, string>>;
}

interface Entry {
  readonly name: string;
  readonly dtype: 'F32' | 'F64';
  readonly shape: readonly number[];
  /** Its bytes, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

type Header = Record<string, unknown> & { __metadata__?: Readonly<Record<string, string>> };

const MAX_HEADER = 100 << 20;
const CHECKSUM = 'checksum';
/** Marks a checksum even where damage changed its key. */
const PREFIX = 'crc32:';

function fail(reason: string): never {
  throw new ValueError(`safetensors: ${reason}`);
}

/** CRC-32 of the header as compact JSON, without its checksum, and then of the numbers. */
function checksumOf(header: Header, parts: readonly Uint8Array[]): string {
  const sum = parts.reduce((crc, part) => crc32(part, crc), crc32(new TextEncoder().encode(JSON.stringify(header))));
  return PREFIX + sum.toString(16).padStart(8, '0');
}

/** The tensors and texts as one file. Names that the format has taken are refused: see the errors. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  for (const [key, value] of Object.entries(metadata)) {
    if (key === CHECKSUM || key === '__proto__' || typeof value !== 'string' || value.startsWith(PREFIX)) {
      fail(`metadata '${key}' must be text and not a checksum, got ${value}`);
    }
  }
  const header: Header = { __metadata__: metadata };
  const parts: Uint8Array[] = [];
  let offset = 0;
  // Wider elements first, so that all are aligned.
  const entries = Object.entries(tensors).sort(([, a], [, b]) =>
    a.dtype === b.dtype ? 0 : a.dtype === 'f64' ? -1 : 1,
  );
  for (const [name, x] of entries) {
    if (name === '__metadata__' || name === '__proto__') fail(`no tensor can be named '${name}'`);
    const { buffer, byteOffset, byteLength } = x.data;
    header[name] = {
      dtype: x.dtype === 'f32' ? 'F32' : 'F64',
      shape: x.shape,
      data_offsets: [offset, offset + byteLength],
    };
    offset += byteLength;
    parts.push(new Uint8Array(buffer, byteOffset, byteLength));
  }
  header.__metadata__ = { ...metadata, [CHECKSUM]: checksumOf(header, parts) };
  const json = new TextEncoder().encode(JSON.stringify(header));
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
 * What `encodeSafetensors`, or another program, wrote; F32 and F64 only. A file that is cut, altered or of another format
 * is refused with the reason; so is one whose tensors overlap or leave bytes unused, as the format demands.
 */
export function decodeSafetensors(file: Uint8Array | ArrayBuffer): SafetensorsFile {
  const bytes = file instanceof ArrayBuffer ? new Uint8Array(file) : file;
  if (bytes.length < 8) fail(`the file is too short, got ${bytes.length} bytes`);
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (headerLength > MAX_HEADER || Number(headerLength) + 8 > bytes.length) {
    fail(`the header claims ${headerLength} bytes of ${bytes.length - 8}; the file is truncated or of another format`);
  }
  const start = 8 + Number(headerLength);
  const header = parseHeader(bytes.subarray(8, start));
  const data = bytes.subarray(start);
  const { __metadata__: texts = {}, ...rest } = header;
  if (!isObject(texts) || Object.values(texts).some((text) => typeof text !== 'string'))
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

  const { [CHECKSUM]: _, ...metadata } = texts;
  for (const [key, text] of Object.entries(texts)) {
    if (key !== CHECKSUM && !text.startsWith(PREFIX)) continue;
    const actual = checksumOf({ ...header, __metadata__: metadata }, [data]);
    if (key !== CHECKSUM || text !== actual) {
      fail(`the ${key} is ${text}, but the content has ${actual}; the file is altered (if on purpose, leave it out)`);
    }
  }
  const tensors = entries.map(({ name, dtype, shape, begin, end }) => {
    // A copy, aligned; `slice` of a Buffer would be none.
    const { buffer } = new Uint8Array(data.subarray(begin, end));
    return [name, tensor(dtype === 'F32' ? new Float32Array(buffer) : new Float64Array(buffer), { shape })] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/** One tensor of the header, after checking that what it says is possible within `data` bytes. */
function checkEntry(name: string, entry: unknown, data: number): Entry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (dtype !== 'F32' && dtype !== 'F64')
    fail(`tensor '${name}' has dtype ${JSON.stringify(dtype)}; F32 and F64 can be read`);
  if (!areCounts(shape) || !areCounts(offsets) || offsets.length !== 2) {
    fail(`tensor '${name}' has no valid shape and offsets`);
  }
  const [begin, end] = offsets;
  if (end < begin || end > data) {
    fail(`tensor '${name}' claims bytes ${begin} to ${end} of ${data}; the file is truncated or altered`);
  }
  if (end - begin !== sizeOf(shape) * (dtype === 'F32' ? 4 : 8)) {
    fail(`tensor '${name}' has ${end - begin} bytes, but its shape is ${formatShape(shape)}`);
  }
  return { name, dtype, shape, begin, end };
}

function areCounts(x: unknown): x is number[] {
  return Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function isObject(x: unknown): x is object {
  return typeof x === 'object' && x !== null && !Array.isArray(x);
}

function parseHeader(bytes: Uint8Array): Header {
  let header: unknown;
  let surplus = -1; // JSON.parse also visits the whole, under the key ''
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    header = JSON.parse(text, function (this: unknown, key, value) {
      if (!Array.isArray(this)) surplus += key === '__proto__' ? NaN : 1;
      return value;
    });
    // JSON.parse keeps the last of equal keys: count those in the text, which are the strings before a colon.
    for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) if (colon) surplus--;
  } catch {
    fail('the header is not JSON; the file is altered or of another format');
  }
  if (!isObject(header)) fail('the header is not an object');
  if (surplus !== 0) fail('the header repeats a key or has a key __proto__');
  return header as Header;
}
