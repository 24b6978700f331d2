import { formatShape, sizeOf, type Tensor, tensor, ValueError } from '@latent/tensor';
import { crc32 } from './crc32.ts';

/**
 * The safetensors format: eight bytes with the header's length, a JSON header that gives each tensor's dtype, shape and
 * place, and the numbers, little-endian. Python's `safetensors` opens these files. A header is only believed after its
 * every claim was checked against the bytes that are there.
 */
export interface SafetensorsFile {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const MAX_HEADER = 100 << 20;
/** The metadata entry with the CRC-32 of the numbers; files of others have none. */
const CHECKSUM = 'crc32';
const WIDTH = { F32: 4, F64: 8 } as const;

export function encodeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  // Wider elements first, so that all are aligned.
  const entries = Object.entries(tensors).sort(([, a], [, b]) =>
    a.dtype === b.dtype ? 0 : a.dtype === 'f64' ? -1 : 1,
  );
  for (const [name, x] of entries) {
    const values = x.data;
    header[name] = {
      dtype: x.dtype === 'f32' ? 'F32' : 'F64',
      shape: x.shape,
      data_offsets: [offset, offset + values.byteLength],
    };
    offset += values.byteLength;
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  const data = new Uint8Array(offset);
  let position = 0;
  for (const part of parts) {
    data.set(part, position);
    position += part.length;
  }
  header.__metadata__ = { ...metadata, [CHECKSUM]: crc32(data) };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8; // padded with spaces, so that the numbers are aligned
  const bytes = new Uint8Array(8 + headerBytes + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, 8, 8 + headerBytes);
  bytes.set(json, 8);
  bytes.set(data, 8 + headerBytes);
  return bytes;
}

export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  const fail = (reason: string): never => {
    throw new ValueError(`safetensors: ${reason}`);
  };
  if (bytes.length < 8) fail(`the file is too short, got ${bytes.length} bytes`);
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (headerLength > MAX_HEADER || Number(headerLength) + 8 > bytes.length) {
    fail(`the header claims ${headerLength} bytes of ${bytes.length - 8}; the file is truncated or of another format`);
  }
  const start = 8 + Number(headerLength);
  const header = parseHeader(bytes.subarray(8, start), fail);
  const data = bytes.length - start;
  const { __metadata__: metadata = {}, ...entries } = header;
  if (
    typeof metadata !== 'object' ||
    metadata === null ||
    !Object.values(metadata).every((v) => typeof v === 'string')
  ) {
    fail('the metadata is not an object of strings');
  }
  const { [CHECKSUM]: checksum, ...rest } = metadata as Record<string, string>;
  const tensors: Record<string, Tensor> = {};
  let covered = 0;
  for (const [name, entry] of Object.entries(entries)) {
    const {
      dtype,
      shape,
      data_offsets: offsets,
    } = (entry ?? {}) as { dtype: keyof typeof WIDTH; shape: number[]; data_offsets: [number, number] };
    if (!Object.hasOwn(WIDTH, dtype)) fail(`tensor '${name}' has dtype ${String(dtype)}; F32 and F64 can be read`);
    const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
    if (
      !Array.isArray(shape) ||
      !shape.every(isCount) ||
      !Array.isArray(offsets) ||
      offsets.length !== 2 ||
      !offsets.every(isCount)
    ) {
      fail(`tensor '${name}' has no valid shape and offsets`);
    }
    const [begin, end] = offsets;
    if (end < begin || end > data)
      fail(`tensor '${name}' claims bytes ${begin} to ${end} of ${data}; the file is truncated or altered`);
    if (end - begin !== sizeOf(shape) * WIDTH[dtype])
      fail(`tensor '${name}' has ${end - begin} bytes, but its shape is ${formatShape(shape)}`);
    const copy = new Uint8Array(bytes.subarray(start + begin, start + end)).buffer; // a copy, aligned
    tensors[name] = tensor(dtype === 'F32' ? new Float32Array(copy) : new Float64Array(copy), { shape });
    covered += end - begin;
  }
  if (covered !== data) fail(`the tensors cover ${covered} of ${data} bytes; the file is altered`);
  if (checksum !== undefined && checksum !== crc32(bytes.subarray(start))) {
    fail('the numbers do not match their checksum; the file is altered');
  }
  return { tensors, metadata: rest };
}

function parseHeader(bytes: Uint8Array, fail: (reason: string) => never): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    fail('the header is not JSON; the file is altered or of another format');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) fail('the header is not an object');
  return header as Record<string, unknown>;
}
