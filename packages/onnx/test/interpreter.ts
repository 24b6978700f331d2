// What the operators of exported graphs mean, in plain loops and double precision, from the ONNX specification of opset 17.
// It stands in for a runtime where none is installed, and shares nothing with the code that writes the graphs.
import type { OnnxAttribute, OnnxModel, OnnxTensor } from '../src/proto/schema.ts';
import { imageOperators } from './interpreter-images.ts';
import { sequenceOperators } from './interpreter-sequences.ts';

/** Numbers of any type. */
export interface Numbers {
  readonly dims: readonly number[];
  readonly data: readonly number[];
  /** In place of the numbers, where values are texts. */
  readonly texts?: readonly string[];
}

export type Options = Readonly<Record<string, OnnxAttribute>>;
type Operator = (inputs: readonly Numbers[], options: Options) => Numbers;
/** Of one result or several; what is left out of the inputs is undefined there. */
export type Operation = (inputs: readonly (Numbers | undefined)[], options: Options) => Numbers | readonly Numbers[];

const sizeOf = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
const strides = (dims: readonly number[]): number[] => dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));

/** The result whose element at an index is `at(index)`. */
function filled(dims: readonly number[], at: (index: number[]) => number): Numbers {
  const steps = strides(dims);
  const data = Array.from({ length: sizeOf(dims) }, (_, flat) =>
    at(dims.map((size, axis) => Math.floor(flat / (steps[axis] as number)) % size)),
  );
  return { dims, data };
}

/** The element at an index, axes of size 1 and missing ones in front repeated. */
function element({ dims, data }: Numbers, index: readonly number[]): number {
  const steps = strides(dims);
  const lead = index.length - dims.length;
  let flat = 0;
  dims.forEach((size, axis) => {
    if (size !== 1) flat += (index[axis + lead] as number) * (steps[axis] as number);
  });
  return data[flat] as number;
}

function common(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((dims) => dims.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((dims) => dims[axis - rank + dims.length] ?? 1).filter((size) => size !== 1);
    if (new Set(sizes).size > 1) throw new Error(`shapes do not broadcast: ${JSON.stringify(shapes)}`);
    return sizes[0] ?? 1;
  });
}

const each =
  (f: (...values: number[]) => number): Operator =>
  (inputs) => {
    const dims = common(inputs.map((x) => x.dims));
    // Of each operand, how far an element along each axis is; 0 where it is repeated.
    const steps = inputs.map((x) => {
      const own = strides(x.dims);
      return dims.map((_, axis) =>
        (x.dims[axis - dims.length + x.dims.length] ?? 1) === 1
          ? 0
          : (own[axis - dims.length + x.dims.length] as number),
      );
    });
    const flat = strides(dims);
    const values = new Array<number>(inputs.length);
    const data = Array.from({ length: sizeOf(dims) }, (_, i) => {
      inputs.forEach((x, k) => {
        let at = 0;
        const own = steps[k] as number[];
        for (let axis = 0; axis < dims.length; axis++)
          at += (Math.floor(i / (flat[axis] as number)) % (dims[axis] as number)) * (own[axis] as number);
        values[k] = x.data[at] as number;
      });
      return f(...values);
    });
    return { dims, data };
  };

const withAlpha =
  (usual: number, f: (x: number, alpha: number) => number): Operator =>
  ([x], { alpha }) =>
    each((value) => f(value, alpha?.f ?? usual))([x as Numbers], {});

/** Over axes given as an option or as the second input; of each group in order. */
const reduced =
  (f: (values: readonly number[]) => number): Operator =>
  ([x, second], { axes, axis, keepdims }) => {
    const { dims } = x as Numbers;
    const given = axes?.ints ?? second?.data ?? (axis === undefined ? [...dims.keys()] : [axis.i as number]);
    const over = given.map((each) => (each < 0 ? each + dims.length : each));
    if (over.some((each) => each < 0 || each >= dims.length)) throw new Error(`no axis ${over} in ${dims}`);
    const inner = over.map((each) => dims[each] as number);
    const kept = filled(
      dims.map((size, each) => (over.includes(each) ? 1 : size)),
      (index) => {
        const group = filled(inner, (own) =>
          element(
            x as Numbers,
            index.map((at, each) => (over.includes(each) ? (own[over.indexOf(each)] as number) : at)),
          ),
        );
        return f(group.data);
      },
    );
    return keepdims?.i === 0 ? { dims: dims.filter((_, each) => !over.includes(each)), data: kept.data } : kept;
  };

const logSum = (values: readonly number[]): number => {
  const most = Math.max(...values);
  if (!Number.isFinite(most)) return most;
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
};

/** Over the last axis, with what it makes of each group in the group's place. */
const alongLast =
  (f: (values: readonly number[]) => readonly number[]): Operator =>
  ([x], { axis }) => {
    const { dims, data } = x as Numbers;
    if (axis !== undefined && axis.i !== -1) throw new Error('only the last axis');
    const width = dims.at(-1) as number;
    const rows = Array.from({ length: data.length / width }, (_, r) => f(data.slice(r * width, (r + 1) * width)));
    return { dims, data: rows.flat() };
  };

const matmul: Operator = ([a, b]) => {
  const [left, right] = [a as Numbers, b as Numbers];
  const lead = common([left.dims.slice(0, -2), right.dims.slice(0, -2)]);
  const [m, k] = left.dims.slice(-2) as [number, number];
  const [inner, n] = right.dims.slice(-2) as [number, number];
  if (k !== inner) throw new Error(`inner sizes ${k} and ${inner}`);
  const first = (x: Numbers, batch: readonly number[], rows: number, columns: number): number => {
    const steps = strides(x.dims.slice(0, -2)).map((step, axis) => (x.dims[axis] === 1 ? 0 : step * rows * columns));
    return steps.reduce((sum, step, axis) => sum + step * (batch[axis + lead.length - steps.length] as number), 0);
  };
  return filled([...lead, m, n], (index) => {
    const [row, column] = index.slice(-2) as [number, number];
    const batch = index.slice(0, -2);
    const [a0, b0] = [first(left, batch, m, k) + row * k, first(right, batch, k, n) + column];
    let sum = 0;
    for (let i = 0; i < k; i++) sum += (left.data[a0 + i] as number) * (right.data[b0 + i * n] as number);
    return sum;
  });
};

const transpose: Operator = ([x], { perm }) => {
  const order = perm?.ints as readonly number[];
  const { dims } = x as Numbers;
  return filled(
    order.map((axis) => dims[axis] as number),
    (index) =>
      element(
        x as Numbers,
        dims.map((_, axis) => index[order.indexOf(axis)] as number),
      ),
  );
};

// The error function by its series; of large numbers by the continued fraction.
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 5.9) return Math.sign(x);
  let [term, sum] = [a, a];
  for (let n = 1; n < 200; n++) {
    term *= (2 * a * a) / (2 * n + 1);
    sum += term;
  }
  return (Math.sign(x) * 2 * Math.exp(-a * a) * sum) / Math.sqrt(Math.PI);
}

const OPERATORS: Readonly<Record<string, Operator>> = {
  Identity: ([x]) => x as Numbers,
  Add: each((a, b) => a + b),
  Sub: each((a, b) => a - b),
  Mul: each((a, b) => a * b),
  Div: each((a, b) => a / b),
  Min: each((a, b) => Math.min(a, b)),
  Max: each((a, b) => Math.max(a, b)),
  Pow: each((a, b) => a ** b),
  Neg: each((x) => -x),
  Abs: each(Math.abs),
  Sqrt: each(Math.sqrt),
  Floor: each(Math.floor),
  Sign: each(Math.sign),
  Exp: each(Math.exp),
  Log: each(Math.log),
  Tanh: each(Math.tanh),
  Sin: each(Math.sin),
  Cos: each(Math.cos),
  Erf: each(erf),
  And: each((a, b) => Number(a !== 0 && b !== 0)),
  Not: each((x) => Number(x === 0)),
  IsNaN: each((x) => Number(Number.isNaN(x))),
  Round: each((x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x))),
  Less: each((a, b) => Number(a < b)),
  LessOrEqual: each((a, b) => Number(a <= b)),
  Equal: each((a, b) => Number(a === b)),
  Greater: each((a, b) => Number(a > b)),
  Where: each((condition, yes, no) => (condition !== 0 ? yes : no)),
  Cast: ([x], { to }) => {
    const casts: Readonly<Record<number, (value: number) => number>> = {
      1: Math.fround,
      9: (value) => Number(value !== 0),
    };
    const cast = casts[to?.i as number];
    return cast === undefined ? (x as Numbers) : each(cast)([x as Numbers], {});
  },
  Relu: each((x) => (x < 0 ? 0 : x)),
  Sigmoid: each((x) => 1 / (1 + Math.exp(-x))),
  Softplus: each((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  Selu: each((x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x))),
  Elu: withAlpha(1, (x, alpha) => (x < 0 ? alpha * Math.expm1(x) : x)),
  LeakyRelu: withAlpha(0.01, (x, alpha) => (x < 0 ? alpha * x : x)),
  HardSigmoid: ([x], { alpha, beta }) =>
    each((value) => Math.max(0, Math.min(1, (alpha?.f ?? 0.2) * value + (beta?.f ?? 0.5))))([x as Numbers], {}),
  Softmax: alongLast((values) => values.map((value) => Math.exp(value - logSum(values)))),
  LogSoftmax: alongLast((values) => values.map((value) => value - logSum(values))),
  LayerNormalization: ([x, scale, bias], { axis, epsilon }) => {
    const plain = alongLast((values) => {
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      return values.map((value) => (value - mean) / Math.sqrt(variance + (epsilon?.f ?? 1e-5)));
    })([x as Numbers], axis === undefined ? {} : { axis });
    return each((value, a, b) => value * a + b)([plain, scale as Numbers, bias as Numbers], {});
  },
  Gemm: ([a, b, c], { transB, transA, alpha, beta }) => {
    if (transA?.i || alpha || beta) throw new Error('Gemm: not written here');
    const right = transB?.i ? transpose([b as Numbers], { perm: { ints: [1, 0] } }) : (b as Numbers);
    const product = matmul([a as Numbers, right], {});
    return c === undefined ? product : each((x, y) => x + y)([product, c], {});
  },
  MatMul: matmul,
  Transpose: transpose,
  ReduceSum: reduced((values) => values.reduce((a, b) => a + b, 0)),
  ReduceMean: reduced((values) => values.reduce((a, b) => a + b, 0) / values.length),
  ReduceMax: reduced((values) => Math.max(...values)),
  ReduceMin: reduced((values) => Math.min(...values)),
  ReduceLogSumExp: reduced(logSum),
  ArgMax: reduced((values) => values.indexOf(Math.max(...values))),
  CumSum: ([x, axis], { reverse, exclusive }) => {
    const { dims } = x as Numbers;
    const along = ((axis?.data[0] as number) + dims.length) % dims.length;
    const count = dims[along] as number;
    return filled(dims, (index) => {
      const at = index[along] as number;
      const [from, to] = reverse?.i ? [at + (exclusive?.i ?? 0), count] : [0, at + 1 - (exclusive?.i ?? 0)];
      let sum = 0;
      for (let i = from; i < to; i++) sum += element(x as Numbers, index.with(along, i));
      return sum;
    });
  },
  Shape: ([x], { start, end }) => {
    const sizes = (x as Numbers).dims.slice(start?.i ?? 0, end?.i);
    return { dims: [sizes.length], data: sizes };
  },
  Unsqueeze: ([x, axes]) => {
    const { dims, data } = x as Numbers;
    const [axis = 0, ...more] = axes?.data ?? [];
    if (more.length > 0 || axis < 0) throw new Error('Unsqueeze: not written here');
    return { dims: [...dims.slice(0, axis), 1, ...dims.slice(axis)], data };
  },
  Reshape: ([x, sizes]) => {
    const { data } = x as Numbers;
    const given = (sizes as Numbers).data;
    const rest = given.filter((size) => size !== -1).reduce((a, b) => a * b, 1);
    const dims = given.map((size) => (size === -1 ? data.length / rest : size));
    if (sizeOf(dims) !== data.length) throw new Error(`${data.length} numbers do not fit ${dims}`);
    return { dims, data };
  },
  Expand: ([x, sizes]) =>
    filled(common([(x as Numbers).dims, (sizes as Numbers).data]), (index) => element(x as Numbers, index)),
  Concat: (inputs, { axis }) => {
    const along = axis?.i as number;
    const { dims } = inputs[0] as Numbers;
    const lengths = inputs.map((x) => x.dims[along] as number);
    return filled(
      dims.map((size, each) => (each === along ? lengths.reduce((a, b) => a + b, 0) : size)),
      (index) => {
        let [at, which] = [index[along] as number, 0];
        while (at >= (lengths[which] as number)) at -= lengths[which++] as number;
        return element(inputs[which] as Numbers, index.with(along, at));
      },
    );
  },
  Slice: ([x, starts, ends, axes, steps]) => {
    const { dims } = x as Numbers;
    const [first, by, sizes] = [dims.map(() => 0), dims.map(() => 1), [...dims]];
    (axes?.data ?? [...dims.keys()]).forEach((axis, i) => {
      const size = dims[axis] as number;
      const step = (steps?.data[i] ?? 1) as number;
      const start = (starts as Numbers).data[i] as number;
      const end = (ends as Numbers).data[i] as number;
      const stop = step > 0 ? Math.min(end < 0 ? end + size : end, size) : Math.max(end, -1);
      first[axis] = start;
      by[axis] = step;
      sizes[axis] = Math.max(0, Math.ceil((stop - start) / step));
    });
    return filled(sizes, (index) =>
      element(
        { dims, data: (x as Numbers).data },
        index.map((at, axis) => (first[axis] as number) + at * (by[axis] as number)),
      ),
    );
  },
  Pad: ([x, pads, value]) => {
    const { dims } = x as Numbers;
    const { data } = pads as Numbers;
    const sizes = dims.map((size, axis) => size + (data[axis] as number) + (data[axis + dims.length] as number));
    return filled(sizes, (index) => {
      const inside = index.map((at, axis) => at - (data[axis] as number));
      const outside = inside.some((at, axis) => at < 0 || at >= (dims[axis] as number));
      return outside ? (value?.data[0] ?? 0) : element(x as Numbers, inside);
    });
  },
  Gather: ([table, indices], { axis }) => {
    const { dims } = table as Numbers;
    const own = indices as Numbers;
    const at = axis?.i ?? 0;
    const width = own.dims.length;
    return filled([...dims.slice(0, at), ...own.dims, ...dims.slice(at + 1)], (index) =>
      element(table as Numbers, [
        ...index.slice(0, at),
        element(own, index.slice(at, at + width)),
        ...index.slice(at + width),
      ]),
    );
  },
  LabelEncoder: ([x], { keys_strings: keys, values_int64s: places, default_int64: rest }) => {
    const { dims, texts } = x as Numbers;
    const known = (keys?.strings ?? []).map((key) => new TextDecoder().decode(key));
    const data = (texts as readonly string[]).map((text) => places?.ints?.[known.indexOf(text)] ?? (rest?.i as number));
    return { dims, data };
  },
  Clip: ([x, low, high]) =>
    each((value) => Math.max(low?.data[0] ?? -Infinity, Math.min(high?.data[0] ?? Infinity, value)))(
      [x as Numbers],
      {},
    ),
};

/** The k least or largest along the last axis, and their places. */
const topK: Operation = ([x, count], { largest, sorted }) => {
  const { dims, data } = x as Numbers;
  const [width, k] = [dims.at(-1) as number, count?.data[0] as number];
  if (sorted?.i !== 1 || k > width) throw new Error('TopK: not written here');
  const way = largest?.i === 0 ? 1 : -1;
  const rows = Array.from({ length: data.length / width }, (_, r) => {
    const row = data.slice(r * width, (r + 1) * width);
    const order = [...row.keys()].sort((a, b) => {
      const [p, q] = [row[a] as number, row[b] as number];
      return p === q ? a - b : way * (p - q);
    });
    return order.slice(0, k).map((i) => [row[i] as number, i] as const);
  }).flat();
  const shape = [...dims.slice(0, -1), k];
  return [0, 1].map((which) => ({ dims: shape, data: rows.map((pair) => pair[which] as number) }));
};

const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...(OPERATORS as Readonly<Record<string, Operation>>),
  ...imageOperators,
  ...sequenceOperators,
  TopK: topK,
};

/** The numbers of an initialiser, which has them as bytes. */
function numbersOf({ dims = [], dataType, rawData }: OnnxTensor): Numbers {
  const { buffer } = new Uint8Array(rawData ?? []);
  const data =
    dataType === 1
      ? Array.from(new Float32Array(buffer))
      : dataType === 11
        ? Array.from(new Float64Array(buffer))
        : dataType === 6
          ? Array.from(new Int32Array(buffer))
          : dataType === 7
            ? Array.from(new BigInt64Array(buffer), Number)
            : Array.from(new Uint8Array(buffer));
  if (sizeOf(dims) !== data.length) throw new Error(`${data.length} numbers for ${dims}`);
  return { dims, data };
}

/** What a model computes of these inputs. */
export function run({ graph }: OnnxModel, inputs: Readonly<Record<string, Numbers>>): Record<string, Numbers> {
  const values = new Map(Object.entries(inputs));
  const valueAt = (name: string): Numbers => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`there is no value ${name} yet`);
    return value;
  };
  for (const { name } of graph?.input ?? []) valueAt(name as string);
  for (const tensor of graph?.initializer ?? []) values.set(tensor.name as string, numbersOf(tensor));
  for (const { opType = '', input = [], output = [], attribute = [] } of graph?.node ?? []) {
    const operator = OPERATIONS[opType];
    if (operator === undefined) throw new Error(`the operator ${opType} is not written here`);
    const options = Object.fromEntries(attribute.map((each) => [each.name as string, each]));
    const made = operator(
      input.map((name) => (name === '' ? undefined : valueAt(name))),
      options,
    );
    const results = 'dims' in made ? [made] : made;
    output.forEach((name, i) => {
      if (values.has(name)) throw new Error(`there are two values ${name}`);
      values.set(name, results[i] as Numbers);
    });
  }
  return Object.fromEntries((graph?.output ?? []).map(({ name = '' }) => [name, valueAt(name)]));
}
