const POLYNOMIAL = 0xedb88320;

let table: Int32Array | undefined;

/** CRC-32 as in zip and PNG, of `bytes` after what gave `start`: Python's `zlib.crc32(bytes, start)`. */
export function crc32(bytes: Uint8Array, start = 0): number {
  table ??= Int32Array.from({ length: 256 }, (_, value) => {
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 && POLYNOMIAL);
    return value;
  });
  let crc = ~start;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 255] as number);
  return ~crc >>> 0;
}
