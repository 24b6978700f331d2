/** Element types of files: bytes each, and how many are read as numbers, little-endian. */
export interface ElementType {
  readonly bytes: number;
  /** `count` numbers from `bytes`, which begin at a multiple of eight. In double precision where single would lose digits. */
  read(bytes: Uint8Array<ArrayBuffer>, count: number): Float32Array | Float64Array;
}

function typed(
  bytes: number,
  Numbers: new (buffer: ArrayBuffer, offset: number, length: number) => ArrayLike<number>,
  double = false,
): ElementType {
  return {
    bytes,
    read({ buffer, byteOffset }, count) {
      const numbers = new Numbers(buffer, byteOffset, count);
      if (numbers instanceof Float32Array || numbers instanceof Float64Array) return numbers;
      return double ? Float64Array.from(numbers) : Float32Array.from(numbers);
    },
  };
}

const big = (Numbers: typeof BigInt64Array | typeof BigUint64Array): ElementType => ({
  bytes: 8,
  read: ({ buffer, byteOffset }, count) => Float64Array.from(new Numbers(buffer, byteOffset, count), Number),
});

/** The 16 bits of bfloat16 are the upper half of a single. */
const bfloat16: ElementType = {
  bytes: 2,
  read({ buffer, byteOffset }, count) {
    const halves = new Uint16Array(buffer, byteOffset, count);
    const words = Uint32Array.from(halves, (half) => half << 16);
    return new Float32Array(words.buffer);
  },
};

/** IEEE 754 half precision: sign, five bits of exponent, ten of fraction. */
const float16: ElementType = {
  bytes: 2,
  read({ buffer, byteOffset }, count) {
    return Float32Array.from(new Uint16Array(buffer, byteOffset, count), (half) => {
      const sign = half & 0x8000 ? -1 : 1;
      const exponent = (half >> 10) & 31;
      const fraction = half & 1023;
      if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
      return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    });
  },
};

/** By the names that safetensors gives them. */
export const ELEMENT_TYPES: Readonly<Record<string, ElementType>> = {
  F32: /* @__PURE__ */ typed(4, Float32Array),
  F64: /* @__PURE__ */ typed(8, Float64Array),
  F16: float16,
  BF16: bfloat16,
  I8: /* @__PURE__ */ typed(1, Int8Array),
  U8: /* @__PURE__ */ typed(1, Uint8Array),
  BOOL: /* @__PURE__ */ typed(1, Uint8Array),
  I16: /* @__PURE__ */ typed(2, Int16Array),
  U16: /* @__PURE__ */ typed(2, Uint16Array),
  I32: /* @__PURE__ */ typed(4, Int32Array, true),
  U32: /* @__PURE__ */ typed(4, Uint32Array, true),
  I64: /* @__PURE__ */ big(BigInt64Array),
  U64: /* @__PURE__ */ big(BigUint64Array),
};
