import { UsageError } from '@latent/tensor';
import {
  ATTRIBUTE,
  ELEMENT,
  type OnnxAttribute,
  type OnnxEntry,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from '../proto/schema.ts';

/** The size of an axis: a number, or the number of rows times one, which is known when the model runs. */
export type Dim = number | { readonly rows: number };

/** The number of rows, as a size. */
export const N = { rows: 1 } as const;

/** The sizes of a value's axes. */
export type Dims = readonly Dim[];

/** The element types of values that are made here. */
export type ElementType = keyof typeof ELEMENT;

/** A value of a graph by its name: an input, an initialiser, or what a node makes. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
}

/** The options of a node: whole numbers, lists of them, `float(x)`, texts or lists of texts. */
export type Attributes = Readonly<
  Record<string, number | readonly number[] | { readonly float: number } | string | readonly string[]>
>;

/** A number that a node takes in single precision. */
export function float(value: number): { readonly float: number } {
  return { float: value };
}

/** What the number of rows is called in the file. */
const ROWS = 'N';
/** A graph beyond this does not fit a file of protocol buffers. */
const MOST_BYTES = 2 ** 31 - 1;

const ARRAYS = {
  float: (values: ArrayLike<number>) => (values instanceof Float32Array ? values : Float32Array.from(values)),
  double: (values: ArrayLike<number>) => Float64Array.from(values),
  bool: (values: ArrayLike<number>) => Uint8Array.from(values),
  int32: (values: ArrayLike<number>) => Int32Array.from(values),
  int64: (values: ArrayLike<number>) => BigInt64Array.from(Array.from(values, BigInt)),
  string(): never {
    throw new UsageError('exportOnnx: texts are no numbers; they go in as inputs, and into attributes');
  },
} as const;

/** Beside the operators without a domain: those that know texts, which runtimes have too. */
const MACHINE_LEARNING = { domain: 'ai.onnx.ml', version: 3 } as const;

/** An ONNX graph that grows node by node. */
export class Graph {
  readonly #nodes: OnnxNode[] = [];
  readonly #tensors = new Map<string, OnnxTensor>();
  readonly #constants = new Map<string, Value>();
  readonly #numbers = new Map<string, number>();
  /** What values are transposes of. */
  readonly #transposes = new Map<string, { readonly of: Value; readonly perm: readonly number[] }>();
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  #labels = false;
  #rows: Value | null = null;
  #rowsOf: { readonly value: Value; readonly axis: number } | null = null;
  /** Put in front of the names of nodes: the path of the layer that they are of. */
  path = '';

  /** Declares what goes in. */
  input(name: string, type: ElementType, dims: Dims): Value {
    const axis = dims.findIndex((dim) => typeof dim !== 'number' && dim.rows === 1);
    const value = { name, type };
    if (axis >= 0) this.#rowsOf ??= { value, axis };
    this.#inputs.push(declared(value, dims));
    return value;
  }

  /** Declares what comes out, under a name of its own. */
  output(name: string, value: Value, dims: Dims): void {
    this.#nodes.push({ opType: 'Identity', name, input: [value.name], output: [name] });
    this.#outputs.push(declared({ name, type: value.type }, dims));
  }

  /** Adds a node; the value it makes has the type of the first that goes in, unless told. */
  node(op: string, inputs: readonly (Value | null)[], attributes: Attributes = {}, type?: ElementType): Value {
    return this.nodeOf(op, inputs, attributes, [type ?? (inputs[0] as Value).type])[0] as Value;
  }

  /** Adds a node that makes several values, of these types. An operand that is left out is null. */
  nodeOf(
    op: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes,
    types: readonly ElementType[],
  ): readonly Value[] {
    const name = `${this.path}/${op}_${this.#nodes.length}`;
    const outputs = types.map((type, i) => ({ name: i === 0 ? name : `${name}:${i}`, type }));
    this.#nodes.push({
      opType: op,
      name,
      input: inputs.map((value) => value?.name ?? ''),
      output: outputs.map((output) => output.name),
      attribute: Object.entries(attributes).map(([option, value]) => attributeOf(option, value)),
    });
    return outputs;
  }

  /** The value with its axes in another order. Orders that undo each other leave nothing behind. */
  transpose(value: Value, perm: readonly number[]): Value {
    const before = this.#transposes.get(value.name);
    const source = before?.of ?? value;
    const whole = before === undefined ? perm : perm.map((axis) => before.perm[axis] as number);
    if (whole.every((axis, i) => axis === i)) return source;
    const made = this.node('Transpose', [source], { perm: whole });
    this.#transposes.set(made.name, { of: source, perm: whole });
    return made;
  }

  /** The place of each text among `keys`, `rest` for all others. The operator is of the domain ai.onnx.ml. */
  labels(value: Value, keys: readonly string[], places: readonly number[], rest: number): Value {
    this.#labels = true;
    const name = `${this.path}/LabelEncoder_${this.#nodes.length}`;
    const attributes = { keys_strings: keys, values_int64s: places, default_int64: rest };
    this.#nodes.push({
      opType: 'LabelEncoder',
      domain: MACHINE_LEARNING.domain,
      name,
      input: [value.name],
      output: [name],
      attribute: Object.entries(attributes).map(([option, each]) => attributeOf(option, each)),
    });
    return { name, type: 'int64' };
  }

  /** The value in another type. */
  cast(value: Value, type: ElementType): Value {
    return value.type === type ? value : this.node('Cast', [value], { to: ELEMENT[type] }, type);
  }

  /** Numbers under a name, once. */
  tensor(name: string, type: ElementType, shape: readonly number[], values: ArrayLike<number>): Value {
    if (!this.#tensors.has(name)) {
      const { buffer, byteOffset, byteLength } = ARRAYS[type](values);
      const rawData = new Uint8Array(buffer, byteOffset, byteLength);
      this.#tensors.set(name, { dims: shape, dataType: ELEMENT[type], name, rawData });
    }
    return { name, type };
  }

  /** Numbers without a name; few that are alike are one. */
  constant(type: ElementType, shape: readonly number[], values: ArrayLike<number>): Value {
    const make = (): Value => this.tensor(`/constant_${this.#tensors.size}`, type, shape, values);
    if (values.length > 64) return make();
    const key = [type, ...shape, '', ...Array.from(values, (x) => (Object.is(x, -0) ? '-0' : x))].join();
    const known = this.#constants.get(key) ?? make();
    this.#constants.set(key, known);
    if (values.length === 1) this.#numbers.set(known.name, values[0] as number);
    return known;
  }

  /** The number that a constant of one element is; null for any other value. */
  numberOf({ name }: Value): number | null {
    return this.#numbers.get(name) ?? null;
  }

  /** Whole numbers: axes, sizes, positions. */
  whole(values: readonly number[]): Value {
    return this.constant('int64', [values.length], values);
  }

  /** Sizes of axes as a value, for operators that take a shape. */
  sizes(dims: Dims): Value {
    const fixed = dims.filter((dim) => typeof dim === 'number');
    if (fixed.length === dims.length) return this.whole(fixed);
    const parts = dims.map((dim) => {
      if (typeof dim === 'number') return this.whole([dim]);
      return dim.rows === 1 ? this.#rowCount() : this.node('Mul', [this.#rowCount(), this.whole([dim.rows])]);
    });
    return parts.length === 1 ? (parts[0] as Value) : this.node('Concat', parts, { axis: 0 });
  }

  #rowCount(): Value {
    if (this.#rowsOf === null) throw new UsageError('exportOnnx: none of the inputs has an axis of rows');
    const { value, axis } = this.#rowsOf;
    this.#rows ??= this.node('Shape', [value], { start: axis, end: axis + 1 }, 'int64');
    return this.#rows;
  }

  /** The value under another shape, of which the rows may take part in one axis. */
  reshape(value: Value, dims: Dims): Value {
    const open = dims.filter((dim) => typeof dim !== 'number').length;
    const sizes = open === 1 ? this.whole(dims.map((dim) => (typeof dim === 'number' ? dim : -1))) : this.sizes(dims);
    return this.node('Reshape', [value, sizes]);
  }

  /** The graph as a file's content; nodes and initialisers that no output needs are left out. */
  model(name: string, metadata: Readonly<Record<string, string>>): OnnxModel {
    const used = new Set(this.#outputs.map((output) => output.name as string));
    const node = this.#nodes.toReversed().filter(({ input = [], output = [] }) => {
      const needed = output.some((each) => used.has(each));
      if (needed) for (const each of input) used.add(each);
      return needed;
    });
    const initializer = [...this.#tensors.values()].filter((tensor) => used.has(tensor.name as string));
    for (const { name: own } of [...this.#inputs, ...this.#outputs]) {
      // An initialiser of that name would be the input's default value.
      if (this.#tensors.has(own as string)) {
        throw new UsageError(
          `exportOnnx: the tensor '${own}' has the name of an input or output; give its field another`,
        );
      }
    }
    const bytes = initializer.reduce((total, { rawData }) => total + (rawData?.length ?? 0), 0);
    if (bytes > MOST_BYTES) {
      throw new UsageError(`exportOnnx: the numbers take ${bytes} bytes, but a file holds at most ${MOST_BYTES}`);
    }
    return {
      irVersion: 8,
      producerName: 'latent',
      graph: { node: node.reverse(), name, initializer, input: this.#inputs, output: this.#outputs },
      opsetImport: [{ domain: '', version: 17 }, ...(this.#labels ? [MACHINE_LEARNING] : [])],
      metadataProps: Object.entries(metadata).map(([key, value]): OnnxEntry => ({ key, value })),
    };
  }
}

function attributeOf(name: string, value: Attributes[string]): OnnxAttribute {
  if (typeof value === 'number') return { name, type: ATTRIBUTE.int, i: value };
  if (typeof value === 'string') return { name, type: ATTRIBUTE.string, s: bytesOf(value) };
  if ('float' in value) return { name, type: ATTRIBUTE.float, f: value.float };
  return value.every((each) => typeof each === 'string')
    ? { name, type: ATTRIBUTE.strings, strings: value.map(bytesOf) }
    : { name, type: ATTRIBUTE.ints, ints: value as readonly number[] };
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function declared({ name, type }: Value, dims: Dims): OnnxValue {
  const dim = dims.map((size) =>
    typeof size === 'number' ? { dimValue: size } : { dimParam: size.rows === 1 ? ROWS : `${size.rows}*${ROWS}` },
  );
  return { name, type: { tensorType: { elemType: ELEMENT[type], shape: { dim } } } };
}
