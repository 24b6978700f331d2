import { type Fields, type FieldType, type MessageTable, wireOf } from './message.ts';

/** The bytes of a message. Fields that are undefined are left out; others are written in the order of the table. */
export function encodeMessage<T extends object>(table: MessageTable<T>, message: T): Uint8Array<ArrayBuffer> {
  const parts = partsOf(table, message);
  const bytes = new Uint8Array(lengthOf(parts));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((total, part) => total + part.length, 0);
}

/** The message in pieces, so that large numbers are copied once. */
function partsOf(table: Fields, message: object): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const [name, [number, type, many]] of Object.entries(table)) {
    const value = (message as Record<string, unknown>)[name];
    if (value === undefined) continue;
    for (const each of many ? (value as readonly unknown[]) : [value]) {
      parts.push(varint(number * 8 + wireOf(type)));
      // One by one: a graph of a wide table has more parts than a call has room for arguments.
      for (const part of valueParts(type, each)) parts.push(part);
    }
  }
  return parts;
}

function valueParts(type: FieldType, value: unknown): Uint8Array[] {
  if (type === 'int') return [varint(value as number)];
  if (type === 'float') return [new Uint8Array(Float32Array.of(value as number).buffer)];
  if (type === 'double') return [new Uint8Array(Float64Array.of(value as number).buffer)];
  const content =
    type === 'text'
      ? [new TextEncoder().encode(value as string)]
      : type === 'bytes'
        ? [value as Uint8Array]
        : partsOf(type, value as object);
  return [varint(lengthOf(content)), ...content];
}

/** Seven bits at a time, the lowest first; negative numbers as 64 bits in two's complement. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}
