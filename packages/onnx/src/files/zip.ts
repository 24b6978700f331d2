import { crc32 } from '@latent/nn';
import { UsageError, ValueError } from '@latent/tensor';
import { inShort } from './tensors.ts';

// Zip archives (APPNOTE 6.3.10), as NumPy and PyTorch write them: entries stored as they are or deflated, with the wide sizes of
// zip64. The directory at the end is believed only after each of its claims was checked against the bytes that are there.

/** A file in an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes when unpacked. */
  readonly size: number;
  /** Its bytes where they are stored as they are, else null. */
  stored(): Uint8Array | null;
  /** Its bytes, unpacked. */
  bytes(): Promise<Uint8Array>;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const STORED = 0;
const DEFLATED = 8;
/** A comment behind the end of the directory is at most so long. */
const MOST_COMMENT = 0xffff;
/** Deflate cannot make more of a byte. */
const MOST_RATIO = 1032;

/** The files in an archive, in the order of its directory. */
export function readZip(caller: string, bytes: Uint8Array): ZipEntry[] {
  const fail = (reason: string): never => {
    throw new ValueError(`${caller}: ${reason}; the file is truncated, altered or no zip archive`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const within = (at: number, length: number): number =>
    at >= 0 && at + length <= bytes.length ? at : fail(`it claims bytes ${at} to ${at + length} of ${bytes.length}`);
  const u16 = (at: number): number => view.getUint16(within(at, 2), true);
  const u32 = (at: number): number => view.getUint32(within(at, 4), true);
  const u64 = (at: number): number => {
    const value = view.getBigUint64(within(at, 8), true);
    return value <= BigInt(bytes.length) * BigInt(MOST_RATIO) ? Number(value) : fail(`a size is ${value}`);
  };

  let end = bytes.length - 22;
  const first = Math.max(0, end - MOST_COMMENT);
  while (end >= first && !(view.getUint32(end, true) === END && end + 22 + u16(end + 20) === bytes.length)) end--;
  if (end < first) fail('it has no directory');
  let [count, at] = [u16(end + 10), u32(end + 16)];
  if (end >= 20 && u32(end - 20) === LOCATOR64) {
    const wide = u64(end - 20 + 8);
    if (u32(wide) !== END64) fail('its directory is not where it says');
    [count, at] = [u64(wide + 32), u64(wide + 48)];
  }

  const entries: ZipEntry[] = [];
  const names = new Set<string>();
  const places: [begin: number, end: number][] = [];
  for (let i = 0; i < count; i++) {
    if (u32(at) !== CENTRAL) fail(`entry ${i} of its directory is not one`);
    const [flags, method, crc] = [u16(at + 8), u16(at + 10), u32(at + 16)];
    const [nameLength, extraLength, commentLength] = [u16(at + 28), u16(at + 30), u16(at + 32)];
    const nameAt = within(at + 46, nameLength);
    const name = new TextDecoder().decode(bytes.subarray(nameAt, nameAt + nameLength));
    const extra = within(nameAt + nameLength, extraLength);
    const [size, packed, offset] = wideSizes([u32(at + 24), u32(at + 20), u32(at + 42)], extra, extraLength);
    at = extra + extraLength + commentLength;
    if (flags & 1) throw new ValueError(`${caller}: '${inShort(name)}' is encrypted`);
    if (method !== STORED && method !== DEFLATED) {
      throw new ValueError(
        `${caller}: '${inShort(name)}' is packed by method ${method}; stored and deflated entries can be read`,
      );
    }
    if (names.has(name)) fail(`there are two entries '${inShort(name)}'`);
    names.add(name);
    if (u32(offset) !== LOCAL) fail(`'${inShort(name)}' is not where it says`);
    const begin = offset + 30 + u16(offset + 26) + u16(offset + 28);
    within(begin, packed);
    if (method === STORED ? size !== packed : size > packed * MOST_RATIO)
      fail(`'${inShort(name)}' claims ${size} bytes`);
    places.push([offset, begin + packed]);
    const content = bytes.subarray(begin, begin + packed);
    const checked = (data: Uint8Array): Uint8Array =>
      data.length === size && crc32(data) === crc ? data : fail(`'${inShort(name)}' does not have its checksum`);
    // Tensors may share an entry; it is checked once.
    let whole: Uint8Array | null = null;
    entries.push({
      name,
      size,
      stored() {
        if (method === STORED) whole ??= checked(content);
        return whole;
      },
      bytes: async () => checked(method === STORED ? content : await inflated(caller, content, size)),
    });
  }
  // Entries that share bytes would make much of little.
  places.sort((a, b) => a[0] - b[0]);
  places.forEach(([begin], i) => {
    if (i > 0 && begin < (places[i - 1] as [number, number])[1]) fail('its entries overlap');
  });
  return entries;

  /** Sizes that do not fit 32 bits stand in an extra field, in this order. */
  function wideSizes(
    sizes: readonly [number, number, number],
    extra: number,
    length: number,
  ): readonly [number, number, number] {
    if (!sizes.includes(0xffffffff)) return sizes;
    for (let field = extra; field + 4 <= extra + length; field += 4 + u16(field + 2)) {
      if (u16(field) !== 1) continue;
      let next = field + 4;
      const wide = sizes.map((size) => {
        if (size !== 0xffffffff) return size;
        next += 8;
        return u64(next - 8);
      });
      return wide as unknown as readonly [number, number, number];
    }
    return fail('a wide size is missing');
  }
}

/** Unpacks by the platform; stops as soon as there is more than was claimed. */
async function inflated(caller: string, packed: Uint8Array, size: number): Promise<Uint8Array> {
  const result = new Uint8Array(size);
  let at = 0;
  try {
    for await (const chunk of chunksThrough(new DecompressionStream('deflate-raw'), packed)) {
      if (at + chunk.length > size) throw new ValueError(`${caller}: an entry unpacks to more than its ${size} bytes`);
      result.set(chunk, at);
      at += chunk.length;
    }
  } catch (error) {
    if (error instanceof ValueError || error instanceof UsageError) throw error;
    throw new ValueError(`${caller}: an entry cannot be unpacked; the file is altered`);
  }
  return result.subarray(0, at);
}

/** What a platform's stream makes of bytes, piece by piece. */
async function* chunksThrough(
  stream: CompressionStream | DecompressionStream,
  bytes: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const source = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  const reader = source.pipeThrough(stream as ReadableWritablePair<Uint8Array, Uint8Array<ArrayBuffer>>).getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } finally {
    // Whoever stops early wants no more; an error was told already.
    await reader.cancel().catch(() => {});
  }
}

/** Files as an archive; deflated ones where that is asked for and makes them smaller. Dates are left at 1980-01-01. */
export async function writeZip(
  caller: string,
  files: Readonly<Record<string, Uint8Array>>,
  { compress = false }: { readonly compress?: boolean } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(files)) {
    const path = new TextEncoder().encode(name);
    const packed = compress ? await deflated(content) : content;
    const [method, stored] = packed.length < content.length ? [DEFLATED, packed] : [STORED, content];
    // What both headers say: version, flags (names are UTF-8), method, time and date, checksum, sizes, lengths of name and extra.
    const common = numbers(
      ...[
        [2, 20],
        [2, 0x800],
        [2, method],
        [2, 0],
        [2, 33],
        [4, crc32(content)],
      ],
      ...[
        [4, stored.length],
        [4, content.length],
        [2, path.length],
        [2, 0],
      ],
    );
    parts.push(numbers([4, LOCAL]), common, path, stored);
    directory.push(numbers([4, CENTRAL], [2, 20]), common, numbers([2, 0], [2, 0], [2, 0], [4, 0], [4, at]), path);
    at += 30 + path.length + stored.length;
  }
  const size = directory.reduce((total, part) => total + part.length, 0);
  const count = Object.keys(files).length;
  if (at + size > 0xffffffff || count > 0xffff) {
    throw new UsageError(`${caller}: ${count} files of ${at} bytes do not fit one archive; write several`);
  }
  const end = numbers([4, END], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, at], [2, 0]);
  const archive = new Uint8Array(
    await new Blob([...parts, ...directory, end] as Uint8Array<ArrayBuffer>[]).arrayBuffer(),
  );
  return archive;
}

async function deflated(content: Uint8Array): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of chunksThrough(new CompressionStream('deflate-raw'), content)) chunks.push(chunk);
  return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

/** Little-endian whole numbers of so many bytes. */
function numbers(...fields: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(
    fields.flatMap(([bytes = 0, value = 0]) => Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 255)),
  );
}
