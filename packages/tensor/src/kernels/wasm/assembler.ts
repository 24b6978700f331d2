/**
 * A small WebAssembly assembler: it writes the bytes of modules whose functions take and return i32 and v128, over one
 * imported memory. Instructions keep the spelling of the WebAssembly specification, dots as underscores.
 *
 * Control flow is structured: `block`, `loop`, `if_` and `end`; `br(depth)` counts enclosing blocks from the inside.
 */
import { Bytes } from './bytes.ts';

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
  i32_ctz: 0x68,
  i32_add: 0x6a,
  i32_sub: 0x6b,
  i32_mul: 0x6c,
  i32_div_u: 0x6e,
  i32_and: 0x71,
  i32_or: 0x72,
  i32_xor: 0x73,
  i32_shl: 0x74,
  f32_ge: 0x60,
  i32_trunc_f32_s: 0xa8,
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
  f32x4_splat: 19,
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
  f64x2_nearest: 148,
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
  /** Relaxed SIMD: by lanes, of masks whose lanes have all bits or none. */
  i32x4_relaxed_laneselect: 0x10b,
} as const;

/** Loads and stores: bytes of the opcode and the largest alignment (log2). */
const MEMORY = {
  i32_load: [[0x28], 2],
  f32_load: [[0x2a], 2],
  i32_store: [[0x36], 2],
  f32_store: [[0x38], 2],
  f64_store: [[0x39], 3],
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

/** A section of a module: so many items, one after the other. */
function section(module: Bytes, id: number, items: readonly Bytes[]): void {
  if (items.length === 0) return;
  const content = new Bytes().unsigned(items.length);
  for (const item of items) content.append(item);
  module.byte(id).sized(content);
}

/** A local variable of a function under construction. */
export type Local = number;

type Tuple<T, N extends number, R extends readonly T[] = []> = R['length'] extends N ? R : Tuple<T, N, [...R, T]>;

const single = new Float32Array(1);
const singleBytes = new Uint8Array(single.buffer);
const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

/** Writes one function's body. Every instruction is a call: `f.get(x); f.op('i32_add')`. */
export class FunctionBuilder {
  readonly index: number;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly #locals: ValueType[] = [];
  readonly #code = new Bytes();
  readonly #prologue = new Bytes();
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
  /** So many at once, to be named one by one: `const [row, column] = f.locals(2)`. */
  locals<N extends number>(count: N, type: ValueType = I32): Tuple<Local, N> {
    return Array.from({ length: count }, () => this.local(type)) as Tuple<Local, N>;
  }
  /** The first so many parameters. */
  arguments<N extends number>(count: N): Tuple<Local, N> {
    return Array.from({ length: count }, (_, i) => i) as Tuple<Local, N>;
  }
  get(local: Local): this {
    this.#code.byte(0x20).unsigned(local);
    return this;
  }
  set(local: Local): this {
    this.#code.byte(0x21).unsigned(local);
    return this;
  }
  tee(local: Local): this {
    this.#code.byte(0x22).unsigned(local);
    return this;
  }
  i32(value: number): this {
    this.#code.byte(0x41).signed(value);
    return this;
  }
  i64(value: number): this {
    this.#code.byte(0x42).signed(value);
    return this;
  }
  f32(value: number): this {
    single[0] = value;
    this.#code.byte(0x43).all(singleBytes);
    return this;
  }
  f64(value: number): this {
    double[0] = value;
    this.#code.byte(0x44).all(doubleBytes);
    return this;
  }
  /** A v128 constant with these i32 lanes, or one in every lane. */
  i32x4(...lanes: number[]): this {
    vector(this.#code, lanes.length === 1 ? [lanes[0]!, lanes[0]!, lanes[0]!, lanes[0]!] : lanes);
    return this;
  }
  /** A local that holds these i32 lanes from the start of the function; the same lanes are the same local. */
  constant(lanes: readonly number[]): Local {
    const key = lanes.join();
    let local = this.#constants.get(key);
    if (local === undefined) {
      local = this.local(V128);
      this.#constants.set(key, local);
      vector(this.#prologue, lanes);
      this.#prologue.byte(0x21).unsigned(local);
    }
    return local;
  }
  op(name: PlainName): this {
    this.#code.byte(PLAIN[name]);
    return this;
  }
  simd(name: SimdName): this {
    this.#code.byte(0xfd).unsigned(SIMD[name]);
    return this;
  }
  /** Takes the address from the stack (and, for a store, the value above it). */
  memory(name: MemoryName, offset = 0): this {
    const [opcode, alignment] = MEMORY[name];
    this.#code.all(opcode).unsigned(alignment).unsigned(offset);
    return this;
  }
  memoryLane(name: MemoryLaneName, lane: number, offset = 0): this {
    this.#code.byte(0xfd).unsigned(MEMORY_LANE[name]).byte(2).unsigned(offset).byte(lane);
    return this;
  }
  lane(name: LaneName, lane: number): this {
    this.#code.byte(0xfd).unsigned(LANE[name]).byte(lane);
    return this;
  }
  /** Picks four 32-bit lanes: 0–3 of the first vector, 4–7 of the second. */
  shuffle32(a: number, b: number, c: number, d: number): this {
    this.#code.byte(0xfd).byte(13);
    for (const lane of [a, b, c, d]) for (let i = 0; i < 4; i++) this.#code.byte(4 * lane + i);
    return this;
  }
  call(callee: { readonly index: number }): this {
    this.#code.byte(0x10).unsigned(callee.index);
    return this;
  }

  block(body: () => void): this {
    return this.#structured(0x02, body);
  }
  loop(body: () => void): this {
    return this.#structured(0x03, body);
  }
  /** Takes the condition from the stack. */
  if_(then: () => void, otherwise?: () => void): this {
    this.#code.byte(0x04).byte(EMPTY_BLOCK);
    this.#depth++;
    then();
    if (otherwise) {
      this.#code.byte(0x05);
      otherwise();
    }
    this.#depth--;
    this.#code.byte(0x0b);
    return this;
  }
  br(depth: number): this {
    this.#code.byte(0x0c).unsigned(depth);
    return this;
  }
  brIf(depth: number): this {
    this.#code.byte(0x0d).unsigned(depth);
    return this;
  }
  /** `local += bytes`. */
  advance(local: Local, bytes: number): this {
    return this.get(local).i32(bytes).op('i32_add').set(local);
  }

  #structured(opcode: number, body: () => void): this {
    this.#code.byte(opcode).byte(EMPTY_BLOCK);
    this.#depth++;
    body();
    this.#depth--;
    this.#code.byte(0x0b);
    return this;
  }

  /** The function as it stands in the code section. */
  bytes(): Bytes {
    if (this.#depth !== 0) throw new Error(`assembler: function ${this.index} has ${this.#depth} open blocks`);
    const body = new Bytes().unsigned(this.#locals.length);
    for (const type of this.#locals) body.byte(1).byte(type);
    body.append(this.#prologue).append(this.#code).byte(0x0b);
    return new Bytes().sized(body);
  }
}

/** A v128 constant. */
function vector(code: Bytes, lanes: readonly number[]): void {
  code
    .byte(0xfd)
    .byte(12)
    .all(new Uint8Array(new Int32Array(lanes).buffer));
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

  export(name: string, f: { readonly index: number }): void {
    this.#exports.push({ name, index: f.index });
  }

  /** What is exported under this name. */
  exported(name: string): { readonly index: number } {
    return this.#exports.find((known) => known.name === name) as { readonly index: number };
  }

  /** The module's bytes. The import's limits are so wide that every memory fits; a shared memory must be declared as such. */
  bytes(shared = false): Uint8Array<ArrayBuffer> {
    const module = new Bytes().all([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    // Functions of one type share it.
    const types: Bytes[] = [];
    const numbers = new Map<string, number>();
    const typeOf = this.#functions.map(({ parameters, results }) => {
      const key = `${parameters.join()}:${results.join()}`;
      let number = numbers.get(key);
      if (number === undefined) {
        number = types.length;
        numbers.set(key, number);
        const type = new Bytes().byte(0x60).unsigned(parameters.length).all(parameters);
        types.push(type.unsigned(results.length).all(results));
      }
      return new Bytes().unsigned(number);
    });
    const memory = new Bytes().text('env').text('memory').byte(0x02);
    section(module, 1, types);
    section(module, 2, [shared ? memory.byte(0x03).byte(1).unsigned(65536) : memory.byte(0x00).byte(1)]);
    section(module, 3, typeOf);
    const named = this.#exports.map(({ name, index }) => new Bytes().text(name).byte(0x00).unsigned(index));
    section(module, 7, named);
    section(
      module,
      10,
      this.#functions.map((f) => f.bytes()),
    );
    return module.take();
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
