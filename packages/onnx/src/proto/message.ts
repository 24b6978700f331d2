/**
 * Protocol buffers, as far as ONNX needs them: messages are tables of fields, and one table serves the writer and the
 * reader. https://protobuf.dev/programming-guides/encoding
 */

/** How the value of a field is written: whole numbers, numbers in single or double precision, text, bytes, or a message. */
export type FieldType = 'int' | 'float' | 'double' | 'text' | 'bytes' | Fields;

/** A field: its number, its type, and whether there may be many of it. */
export type Field = readonly [number: number, type: FieldType, many?: 'many'];

/** The fields of some message by name. */
export type Fields = { readonly [name: string]: Field };

/** The fields of a message by name. */
export type MessageTable<T extends object> = { readonly [K in keyof T]-?: Field };

/** The four ways in which values stand in a file that are still in use. */
export const VARINT = 0;
export const FIXED64 = 1;
export const DELIMITED = 2;
export const FIXED32 = 5;

/** How values of a type stand in a file. */
export function wireOf(type: FieldType): number {
  return type === 'int' ? VARINT : type === 'float' ? FIXED32 : type === 'double' ? FIXED64 : DELIMITED;
}
