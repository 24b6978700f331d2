import { ValueError } from '@latent/tensor';
import { DELIMITED, FIXED32, FIXED64, type Field, type Fields, type MessageTable, VARINT, wireOf } from './message.ts';

/** What `encodeMessage`, or another program, wrote. Fields that the table does not know are passed by. */
export function decodeMessage<T extends object>(caller: string, table: MessageTable<T>, bytes: Uint8Array): T {
  return readMessage(new Cursor(caller, bytes, 0, bytes.length), table) as T;
}

/** Where in the bytes the reader is, and where it must not go. Every length is checked before it is believed. */
class Cursor {
  readonly caller: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly end: number;
  at: number;

  constructor(caller: string, bytes: Uint8Array, at: number, end: number) {
    this.caller = caller;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.end = end;
  }

  /** The next `count` bytes, as their place. */
  take(count: number): number {
    const from = this.at;
    if (!(count <= this.end - from)) {
      throw new ValueError(
        `${this.caller}: byte ${from} claims ${count} more, but there are ${this.end - from}; the file is truncated, altered or of another format`,
      );
    }
    this.at = from + count;
    return from;
  }

  /** Seven bits at a time, the lowest first, of at most 64; of whole numbers past 2⁵³ the nearest that there is. */
  varint(): number {
    let [low, high] = [0, 0];
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.take(1)] as number;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63 || bits < 2) high |= bits << (shift - 32);
      else break;
      if (byte < 128) return (high | 0) * 2 ** 32 + (low >>> 0);
    }
    throw new ValueError(
      `${this.caller}: the number at byte ${this.at} is longer than 64 bits; the file is altered or of another format`,
    );
  }

  /** A length: never negative. */
  length(): number {
    const length = this.varint();
    return length < 0 ? this.take(Infinity) : length;
  }

  /** The part that is told first how long it is. */
  part(): Cursor {
    const length = this.length();
    const from = this.take(length);
    return new Cursor(this.caller, this.bytes, from, from + length);
  }
}

function readMessage(cursor: Cursor, table: Fields): object {
  const fields = new Map(Object.entries(table).map((entry) => [entry[1][0], entry]));
  const message: Record<string, unknown> = {};
  while (cursor.at < cursor.end) {
    const tag = cursor.varint();
    const [wire, number] = [tag & 7, Math.floor(tag / 8)];
    const [name, [, type, many]] = fields.get(number) ?? ['', [0, 'bytes']];
    if (name === '') {
      skip(cursor, wire);
      continue;
    }
    // Lists of numbers may stand in one piece.
    const packed = many !== undefined && wire === DELIMITED && wireOf(type) !== DELIMITED;
    if (!packed && wire !== wireOf(type)) {
      throw new ValueError(
        `${cursor.caller}: ${name} at byte ${cursor.at} is written in another way; the file is altered or of another format`,
      );
    }
    if (packed) {
      const list = cursor.part();
      const values = listOf(message, name);
      while (list.at < list.end) values.push(readValue(list, type));
    } else if (many) listOf(message, name).push(readValue(cursor, type));
    else message[name] = readValue(cursor, type);
  }
  return message;
}

function listOf(message: Record<string, unknown>, name: string): unknown[] {
  message[name] ??= [];
  return message[name] as unknown[];
}

function readValue(cursor: Cursor, type: Field[1]): unknown {
  if (type === 'int') return cursor.varint();
  if (type === 'float') return cursor.view.getFloat32(cursor.take(4), true);
  if (type === 'double') return cursor.view.getFloat64(cursor.take(8), true);
  const part = cursor.part();
  if (type !== 'text' && type !== 'bytes') return readMessage(part, type);
  const content = cursor.bytes.subarray(part.at, part.end);
  if (type === 'bytes') return content;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw new ValueError(`${cursor.caller}: the text at byte ${part.at} is not UTF-8; the file is altered`);
  }
}

function skip(cursor: Cursor, wire: number): void {
  if (wire === VARINT) cursor.varint();
  else if (wire === FIXED64) cursor.take(8);
  else if (wire === DELIMITED) cursor.part();
  else if (wire === FIXED32) cursor.take(4);
  else {
    throw new ValueError(`${cursor.caller}: byte ${cursor.at} is no field; the file is altered or of another format`);
  }
}
