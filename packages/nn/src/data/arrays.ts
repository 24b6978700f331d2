/** Any array of numbers of one kind. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** Typed arrays of numbers, also those of another realm (a page's frame, a test environment). */
export function isTyped(value: unknown): value is TypedArray {
  if (!ArrayBuffer.isView(value)) return false;
  const tag = (value as unknown as { readonly [Symbol.toStringTag]?: string })[Symbol.toStringTag];
  return tag !== undefined && /^(Float(32|64)|U?[iI]nt(8|16|32)|Uint8Clamped)Array$/.test(tag);
}

/** Arrays, typed or not. */
export function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || isTyped(value);
}
