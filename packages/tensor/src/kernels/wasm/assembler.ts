/**
 * A small WebAssembly assembler: it writes the bytes of modules whose functions take and return i32 and v128, over one
 * imported memory. Instructions keep the spelling of the WebAssembly specification, dots as underscores.
 *
 * Control flow is structured: `block`, `loop`, `if_` and `end`; `br(depth)` counts enclosing blocks from the inside.
 */
export const I32 = 0x7f;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export type ValueType = typeof I32 | typeof F32 | typeof F64 | typeof V128;

/** So many integers. */
export function i32s(count: number): ValueType[] {
  return new Array<ValueType>(count).fill(I32);
}

const EMPTY_BLOCK = 0x40;

/** Instructions without immediates, one byte. */
const PLAIN = {
  i32_eq: 0x46,
  i32_ne: 0x47,
  i32_lt_s: 0x48,
  i32_lt_u: 0x49,
  i32_gt_s: 0x4a,
  i32_le_s: 0x4c,
  i32_ge_s: 0x4e,
  i32_add: 0x6a,
  i32_sub: 0x6b,
  i32_mul: 0x6c,
  i32_div_u: 0x6e,
  i32_and: 0x71,
  i32_or: 0x72,
  i32_shl: 0x74,
  f32_convert_i32_s: 0xb2,
  f32_demote_f64: 0xb6,
  f64_add: 0xa0,
  f64_promote_f32: 0xbb,
  select: 0x1b,
  drop: 0x1a,
  return_: 0x0f,
  unreachable: 0x00,
} as const;

/** SIMD instructions without immediates: the prefix 0xfd and a LEB128 number. */
const SIMD = {
  i32x4_splat: 17,
  i32x4_eq: 55,
  i32x4_lt_s: 57,
  i32x4_lt_u: 58,
  i32x4_gt_s: 59,
  f32x4_eq: 65,
  f32x4_ne: 66,
  f32x4_lt: 67,
  f32x4_gt: 68,
  f32x4_le: 69,
  v128_and: 78,
  v128_andnot: 79,
  v128_or: 80,
  v128_xor: 81,
  v128_bitselect: 82,
  f32x4_demote_f64x2_zero: 94,
  f64x2_promote_low_f32x4: 95,
  f32x4_floor: 104,
  i32x4_neg: 161,
  i32x4_bitmask: 164,
  i32x4_shl: 171,
  i32x4_shr_s: 172,
  i32x4_shr_u: 173,
  i32x4_add: 174,
  i32x4_sub: 177,
  i32x4_max_s: 184,
  f32x4_abs: 224,
  f32x4_neg: 225,
  f32x4_sqrt: 227,
  f32x4_add: 228,
  f32x4_sub: 229,
  f32x4_mul: 230,
  f32x4_div: 231,
  f32x4_min: 232,
  f32x4_max: 233,
  f32x4_pmin: 234,
  f32x4_pmax: 235,
  f64x2_add: 240,
  f64x2_sub: 241,
  f64x2_mul: 242,
  f64x2_div: 243,
  f64x2_min: 244,
  f64x2_max: 245,
  i32x4_trunc_sat_f32x4_s: 248,
  i32x4_trunc_sat_f32x4_u: 249,
  f32x4_convert_i32x4_s: 250,
  /** Relaxed SIMD: a·b + c, fused or not as the machine prefers. */
  f32x4_relaxed_madd: 0x105,
} as const;

/** Loads and stores: bytes of the opcode and the largest alignment (log2). */
const MEMORY = {
  i32_load: [[0x28], 2],
  f32_load: [[0x2a], 2],
  i32_store: [[0x36], 2],
  f32_store: [[0x38], 2],
  atomic_wait32: [[0xfe, 0x01], 2],
  atomic_notify: [[0xfe, 0x00], 2],
  i32_atomic_load: [[0xfe, 0x10], 2],
  i32_atomic_add: [[0xfe, 0x1e], 2],
  v128_load: [[0xfd, 0], 2],
  v128_load32_splat: [[0xfd, 9], 2],
  v128_load32_zero: [[0xfd, 92], 2],
  v128_store: [[0xfd, 11], 2],
} as const;

const MEMORY_LANE = {
  v128_store32_lane: 90,
  v128_store64_lane: 91,
} as const;

const LANE = {
  i32x4_extract_lane: 27,
  f32x4_extract_lane: 31,
  f64x2_extract_lane: 33,
} as const;

type PlainName = keyof typeof PLAIN;
export type SimdName = keyof typeof SIMD;
type MemoryName = keyof typeof MEMORY;
type LaneName = keyof typeof LANE;
type MemoryLaneName = keyof typeof MEMORY_LANE;

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

function text(value: string): number[] {
  const bytes = [...new TextEncoder().encode(value)];
  return [...unsigned(bytes.length), ...bytes];
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  if (items.length === 0) return [];
  const content = [...unsigned(items.length)];
  for (const item of items) for (const byte of item) content.push(byte);
  return [id, ...unsigned(content.length), ...content];
}

/** A local variable of a function under construction. */
export type Local = number;

/** Writes one function's body. Every instruction is a call: `f.get(x); f.op('i32_add')`. */
export class FunctionBuilder {
  readonly index: number;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly #locals: ValueType[] = [];
  readonly #code: number[] = [];
  readonly #prologue: number[] = [];
  readonly #constants = new Map<string, Local>();
  #depth = 0;

  constructor(index: number, parameters: readonly ValueType[], results: readonly ValueType[]) {
    this.index = index;
    this.parameters = parameters;
    this.results = results;
  }

  local(type: ValueType): Local {
    this.#locals.push(type);
    return this.parameters.length + this.#locals.length - 1;
  }
  get(local: Local): this {
    return this.#emit(0x20, ...unsigned(local));
  }
  set(local: Local): this {
    return this.#emit(0x21, ...unsigned(local));
  }
  tee(local: Local): this {
    return this.#emit(0x22, ...unsigned(local));
  }
  i32(value: number): this {
    return this.#emit(0x41, ...signed(value));
  }
  i64(value: number): this {
    return this.#emit(0x42, ...signed(value));
  }
  f32(value: number): this {
    return this.#emit(0x43, ...new Uint8Array(new Float32Array([value]).buffer));
  }
  f64(value: number): this {
    return this.#emit(0x44, ...new Uint8Array(new Float64Array([value]).buffer));
  }
  /** A v128 constant with the same f32 in every lane. */
  f32x4(value: number): this {
    const lane = new Uint8Array(new Float32Array([value]).buffer);
    return this.#emit(0xfd, 12, ...lane, ...lane, ...lane, ...lane);
  }
  /** A v128 constant with these i32 lanes, or one in every lane. */
  i32x4(...lanes: number[]): this {
    const values = lanes.length === 1 ? [lanes[0], lanes[0], lanes[0], lanes[0]] : lanes;
    return this.#emit(0xfd, 12, ...new Uint8Array(new Int32Array(values).buffer));
  }
  /** A v128 constant with the same f64 in both lanes. */
  f64x2(value: number): this {
    const lane = new Uint8Array(new Float64Array([value]).buffer);
    return this.#emit(0xfd, 12, ...lane, ...lane);
  }
  /** A local that holds these i32 lanes from the start of the function; the same lanes are the same local. */
  constant(lanes: readonly number[]): Local {
    const key = lanes.join();
    let local = this.#constants.get(key);
    if (local === undefined) {
      local = this.local(V128);
      this.#constants.set(key, local);
      const bytes = new Uint8Array(new Int32Array(lanes).buffer);
      for (const byte of [0xfd, 12, ...bytes, 0x21, ...unsigned(local)]) this.#prologue.push(byte);
    }
    return local;
  }
  op(name: PlainName): this {
    return this.#emit(PLAIN[name]);
  }
  simd(name: SimdName): this {
    return this.#emit(0xfd, ...unsigned(SIMD[name]));
  }
  /** Takes the address from the stack (and, for a store, the value above it). */
  memory(name: MemoryName, offset = 0): this {
    const [opcode, alignment] = MEMORY[name];
    return this.#emit(...opcode, ...unsigned(alignment), ...unsigned(offset));
  }
  memoryLane(name: MemoryLaneName, lane: number, offset = 0): this {
    return this.#emit(0xfd, ...unsigned(MEMORY_LANE[name]), 2, ...unsigned(offset), lane);
  }
  lane(name: LaneName, lane: number): this {
    return this.#emit(0xfd, ...unsigned(LANE[name]), lane);
  }
  /** Picks four 32-bit lanes: 0–3 of the first vector, 4–7 of the second. */
  shuffle32(a: number, b: number, c: number, d: number): this {
    const bytes = [a, b, c, d].flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]);
    return this.#emit(0xfd, 13, ...bytes);
  }
  call(callee: { readonly index: number }): this {
    return this.#emit(0x10, ...unsigned(callee.index));
  }

  block(body: () => void): this {
    return this.#structured(0x02, body);
  }
  loop(body: () => void): this {
    return this.#structured(0x03, body);
  }
  /** Takes the condition from the stack. */
  if_(then: () => void, otherwise?: () => void): this {
    this.#emit(0x04, EMPTY_BLOCK);
    this.#depth++;
    then();
    if (otherwise) {
      this.#emit(0x05);
      otherwise();
    }
    this.#depth--;
    return this.#emit(0x0b);
  }
  br(depth: number): this {
    return this.#emit(0x0c, ...unsigned(depth));
  }
  brIf(depth: number): this {
    return this.#emit(0x0d, ...unsigned(depth));
  }
  /** `local += bytes`. */
  advance(local: Local, bytes: number): this {
    return this.get(local).i32(bytes).op('i32_add').set(local);
  }

  #structured(opcode: number, body: () => void): this {
    this.#emit(opcode, EMPTY_BLOCK);
    this.#depth++;
    body();
    this.#depth--;
    return this.#emit(0x0b);
  }

  #emit(...bytes: number[]): this {
    for (const byte of bytes) this.#code.push(byte);
    return this;
  }

  /** The function as it stands in the code section. */
  bytes(): number[] {
    if (this.#depth !== 0) throw new Error(`assembler: function ${this.index} has ${this.#depth} open blocks`);
    const locals: number[] = [];
    for (const type of this.#locals) locals.push(1, type);
    const body = [...unsigned(this.#locals.length), ...locals];
    for (const byte of this.#prologue) body.push(byte);
    for (const byte of this.#code) body.push(byte);
    body.push(0x0b);
    return [...unsigned(body.length), ...body];
  }
}

/** Collects functions into a module over the imported memory `env.memory`. */
export class ModuleBuilder {
  readonly #functions: FunctionBuilder[] = [];
  readonly #exports: { name: string; index: number }[] = [];

  /** Adds a function; it is exported when it has a name. Functions may call each other, also ones defined earlier. */
  define(
    parameters: readonly ValueType[],
    results: readonly ValueType[],
    body: (f: FunctionBuilder) => void,
    exportName?: string,
  ): FunctionBuilder {
    const f = this.reserve(parameters, results);
    body(f);
    if (exportName !== undefined) this.export(exportName, f);
    return f;
  }

  /** A function whose body is written later. */
  reserve(parameters: readonly ValueType[], results: readonly ValueType[]): FunctionBuilder {
    const f = new FunctionBuilder(this.#functions.length, parameters, results);
    this.#functions.push(f);
    return f;
  }

  export(name: string, f: FunctionBuilder): void {
    this.#exports.push({ name, index: f.index });
  }

  /** The module's bytes. The import's limits are so wide that every memory fits; a shared memory must be declared as such. */
  bytes(shared = false): Uint8Array<ArrayBuffer> {
    const types = this.#functions.map((f) => [
      0x60,
      ...unsigned(f.parameters.length),
      ...f.parameters,
      ...unsigned(f.results.length),
      ...f.results,
    ]);
    return new Uint8Array([
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      ...section(1, types),
      ...section(2, [
        [...text('env'), ...text('memory'), 0x02, ...(shared ? [0x03, 1, ...unsigned(65536)] : [0x00, 1])],
      ]),
      ...section(
        3,
        this.#functions.map((_, i) => unsigned(i)),
      ),
      ...section(
        7,
        this.#exports.map(({ name, index }) => [...text(name), 0x00, ...unsigned(index)]),
      ),
      ...section(
        10,
        this.#functions.map((f) => f.bytes()),
      ),
    ]);
  }

  /** Compiles for this kind of memory (shared or not). */
  compile(memory: WebAssembly.Memory): WebAssembly.Module {
    return new WebAssembly.Module(this.bytes(!(memory.buffer instanceof ArrayBuffer)));
  }

  /** Compiles and links the module. Modules this small may be compiled synchronously on every thread. */
  instantiate(memory: WebAssembly.Memory): WebAssembly.Exports {
    return new WebAssembly.Instance(this.compile(memory), { env: { memory } }).exports;
  }
}
