import { activation, flatten, type LayerSpec, layerNorm, reshape, softmax } from '@latent/nn';
import {
  checkOptions,
  list,
  optional,
  type Shape,
  sameShape,
  sizeOf,
  type Tensor,
  tensor,
  ValueError,
  whole,
} from '@latent/tensor';
import { inShort } from '../files/tensors.ts';
import { activationOf, points } from '../network/activations.ts';
import { type FoundLayer, type FoundNetwork, foundDense, foundNetwork } from '../network/found.ts';
import type { OnnxAttribute, OnnxModel, OnnxNode } from '../proto/schema.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { decodeOnnx, initialisersOf, tensorOf } from './tensors.ts';

const CALLER = 'networkFromOnnx';

/** Longer formulas are no activation. */
const LONGEST = 24;
/** A graph of more nodes is no chain of layers. */
const MOST_NODES = 10_000;

/**
 * A network from an ONNX file whose graph is a chain of layers that we have: Gemm, MatMul and Add, LayerNormalization, Softmax,
 * Flatten, Reshape, and elementwise formulas that are one of our activations, told by what they compute. Other graphs are refused
 * by the node that does not fit. `input` is the shape of a row, where the file does not say it.
 */
export function networkFromOnnx(
  file: Uint8Array | ArrayBuffer,
  options: { readonly input?: Shape } = {},
): FoundNetwork {
  const { input } = checkOptions(CALLER, options, { input: optional(list(whole({ min: 1 }), { min: 1, max: 8 })) });
  const chain = new Chain(decodeOnnx(file), input);
  while (!chain.done) chain.next();
  return foundNetwork(CALLER, chain.layers, chain.input);
}

/** Walks along a graph from its input to its output. */
class Chain {
  readonly input: Shape;
  /** Found so far. */
  readonly layers: FoundLayer[] = [];
  readonly #nodes: readonly OnnxNode[];
  readonly #tensors: Readonly<Record<string, Tensor>>;
  readonly #constants: ReadonlyMap<string, () => Tensor>;
  readonly #output: string;
  /** The version of ONNX's operators that the graph is written in. */
  readonly #version: number;
  /** The last node that uses a value. */
  readonly #lastUses = new Map<string, number>();
  #at = 0;
  /** The value that the layers so far make, and the shape of its rows. */
  #value: string;
  #shape: Shape;

  constructor(model: OnnxModel, input: Shape | undefined) {
    const { graph = {}, opsetImport = [] } = model;
    this.#version = opsetImport.find(({ domain = '' }) => domain === '' || domain === 'ai.onnx')?.version ?? Infinity;
    this.#tensors = initialisersOf(model);
    const nodes = graph.node ?? [];
    if (nodes.length > MOST_NODES)
      throw new ValueError(`${CALLER}: a graph of ${nodes.length} nodes is no chain of layers`);
    const constants = new Map<string, () => Tensor>();
    this.#nodes = nodes.filter((node) => {
      const name = node.output?.[0] ?? '';
      // Another name of weights that are shared.
      if (node.opType === 'Identity' && Object.hasOwn(this.#tensors, name)) return false;
      if (node.opType !== 'Constant') return true;
      constants.set(name, () => constantOf(node, name));
      return false;
    });
    this.#constants = constants;
    this.#nodes.forEach(({ input: names = [] }, i) => {
      for (const name of names) this.#lastUses.set(name, i);
    });
    const inputs = (graph.input ?? []).filter(({ name = '' }) => !Object.hasOwn(this.#tensors, name));
    const [first] = inputs;
    if (inputs.length !== 1 || graph.output?.length !== 1 || first === undefined) {
      throw new ValueError(
        `${CALLER}: a network has one input and one output, got ${inputs.length} and ${graph.output?.length ?? 0}; take the weights with onnxTensors`,
      );
    }
    this.#value = first.name ?? '';
    this.#output = graph.output[0]?.name ?? '';
    const sizes = first.type?.tensorType?.shape?.dim?.slice(1).map(({ dimValue = 0 }) => dimValue) ?? [];
    if (input === undefined && !(sizes.length > 0 && sizes.every((size) => size > 0))) {
      throw new ValueError(`${CALLER}: the file does not say the shape of its rows; give it as input`);
    }
    this.input = input ?? sizes;
    this.#shape = this.input;
  }

  get done(): boolean {
    return this.#at === this.#nodes.length && this.#value === this.#output;
  }

  /** Takes the next nodes for the layers they are. */
  next(): void {
    const node = this.#nodes[this.#at];
    if (node === undefined) {
      throw new ValueError(`${CALLER}: nothing makes the output '${inShort(this.#output)}'; the file is altered`);
    }
    const { opType = '', input = [], domain = '' } = node;
    if (domain !== '' && domain !== 'ai.onnx') this.#refuse(node);
    if (opType === 'Add' && this.#isBias(node)) return;
    const rule = Object.hasOwn(LAYERS, opType) && input[0] === this.#value ? LAYERS[opType] : undefined;
    const found =
      rule?.(node, { shape: this.#shape, version: this.#version, tensor: (name) => this.#tensor(name) }) ?? null;
    if (found === null) this.#formula(node);
    else this.#take(node, found, this.#at);
  }

  /** Goes on behind node `last`, which with those before it is these layers. */
  #take(first: OnnxNode, found: readonly FoundLayer[], last: number): void {
    const { output = [] } = this.#nodes[last] as OnnxNode;
    if ((this.#lastUses.get(this.#value) ?? 0) > last) this.#refuse(first);
    for (const { spec } of found) {
      try {
        this.#shape = spec.outShape(this.#shape);
      } catch (error) {
        throw new ValueError(`${CALLER}: node ${nodeName(first)}: ${(error as Error).message}`);
      }
    }
    this.layers.push(...found);
    this.#at = last + 1;
    this.#value = output[0] ?? '';
  }

  /** Whether a node adds to a dense layer the bias that it has not yet; then it is its bias. */
  #isBias(node: OnnxNode): boolean {
    const { input = [] } = node;
    const dense = this.layers.at(-1);
    const bias = this.#tensor(input.find((name) => name !== this.#value));
    if (!input.includes(this.#value) || dense?.spec.name !== 'dense' || dense.tensors.length !== 1) return false;
    const [weight] = dense.tensors as [Tensor];
    if (bias === null || bias.size !== weight.shape[0] || (bias.shape.at(-1) ?? 1) !== bias.size) return false;
    this.layers[this.layers.length - 1] = foundDense(dense.name, weight, bias.reshape([bias.size]));
    this.#take(node, [], this.#at);
    return true;
  }

  #refuse(node: OnnxNode): never {
    throw new ValueError(
      `${CALLER}: at node ${nodeName(node)} the graph is no chain of layers that we have; take the weights with onnxTensors`,
    );
  }

  #tensor(name: string | undefined): Tensor | null {
    if (name === undefined || name === '') return null;
    return Object.hasOwn(this.#tensors, name)
      ? (this.#tensors[name] as Tensor)
      : (this.#constants.get(name)?.() ?? null);
  }

  /** Takes elementwise nodes until there is one value that all the rest goes on from, and that is an activation of what went in. */
  #formula(start: OnnxNode): void {
    const values = new Map<string, readonly number[]>([[this.#value, points]]);
    let open = this.#lastUses.get(this.#value) ?? -1;
    for (let i = this.#at; i < Math.min(this.#nodes.length, this.#at + LONGEST); i++) {
      const node = this.#nodes[i] as OnnxNode;
      const made = this.#computed(node, values);
      const output = node.output?.[0] ?? '';
      if (made === null) break;
      values.set(output, made);
      // What is used by later nodes too is still needed; then the formula goes on.
      const name = open <= i ? activationOf(made) : null;
      open = Math.max(open, this.#lastUses.get(output) ?? -1);
      if (name === null) continue;
      const spec = activation(name);
      this.#take(start, name === 'identity' ? [] : [{ name: nodeName(start), spec, tensors: [] }], i);
      return;
    }
    this.#refuse(start);
  }

  /** What an elementwise node makes of the points; null where it is none, or has operands from elsewhere. */
  #computed(node: OnnxNode, values: ReadonlyMap<string, readonly number[]>): readonly number[] | null {
    const { opType = '', input = [], domain = '' } = node;
    const meaning = domain === '' && Object.hasOwn(ELEMENTWISE, opType) ? ELEMENTWISE[opType] : undefined;
    const operands = input.filter((name) => name !== '').map((name) => values.get(name) ?? this.#number(name));
    if (meaning === undefined || operands.includes(null)) return null;
    const options = (name: string): OnnxAttribute | undefined => option(node, name);
    return points.map((_, point) => {
      const own = operands.map((operand) => (typeof operand === 'number' ? operand : (operand?.[point] ?? Number.NaN)));
      return meaning(own, options);
    });
  }

  /** The number that a constant is; null where it is none. */
  #number(name: string): number | null {
    const tensor = this.#tensor(name);
    return tensor !== null && tensor.size === 1 ? tensor.item() : null;
  }
}

/** The numbers of a node that is a constant. */
function constantOf(node: OnnxNode, name: string): Tensor {
  const value = option(node, 'value')?.t;
  if (value !== undefined) return tensorOf(value, name);
  const lists = [option(node, 'value_floats')?.floats, option(node, 'value_ints')?.ints];
  const single = option(node, 'value_float')?.f ?? option(node, 'value_int')?.i;
  const numbers = lists.find((list) => list !== undefined) ?? (single === undefined ? null : [single]);
  if (numbers === null)
    throw new ValueError(`${CALLER}: the constant '${inShort(name)}' has no numbers; the file is altered`);
  return tensor(Float64Array.from(numbers), { shape: single === undefined ? [numbers.length] : [] });
}

function nodeName({ name = '', opType = '' }: OnnxNode): string {
  return name === '' ? inShort(opType) : `${inShort(opType)} '${inShort(name)}'`;
}

function option({ attribute = [] }: OnnxNode, name: string): OnnxAttribute | undefined {
  return attribute.find((each) => each.name === name);
}

/** What a rule may ask of the graph. */
interface Surroundings {
  /** Of the rows that go in. */
  readonly shape: Shape;
  /** Of ONNX's operators. */
  readonly version: number;
  /** The numbers of an initialiser or constant; null where the name is of no such. */
  tensor(name: string | undefined): Tensor | null;
}

/** The layers that an operator is; null where it is none with these inputs. */
type NodeRule = (node: OnnxNode, graph: Surroundings) => readonly FoundLayer[] | null;

/** How operators become layers. Those that are formulas have no row here. */
const LAYERS: Readonly<Record<string, NodeRule>> = {
  Gemm(node, { tensor }) {
    const [, b, c] = node.input ?? [];
    const [weight, bias] = [tensor(b), tensor(c)];
    const plain = [option(node, 'alpha')?.f ?? 1, option(node, 'beta')?.f ?? 1].every((factor) => factor === 1);
    if (weight?.shape.length !== 2 || !plain || (option(node, 'transA')?.i ?? 0) !== 0 || (c && bias === null))
      return null;
    const own = option(node, 'transB')?.i ? weight : weight.transpose();
    if (bias !== null && (bias.size !== own.shape[0] || (bias.shape.at(-1) ?? 1) !== bias.size)) return null;
    return [foundDense(nodeName(node), own, bias?.reshape([bias.size]) ?? null)];
  },
  MatMul(node, { tensor, shape }) {
    const weight = tensor(node.input?.[1]);
    return weight?.shape.length === 2 && shape.length === 1
      ? [foundDense(nodeName(node), weight.transpose(), null)]
      : null;
  },
  LayerNormalization(node, { tensor, shape }) {
    const axis = option(node, 'axis')?.i ?? -1;
    const scale = tensor(node.input?.[1]);
    const bias = tensor(node.input?.[2]);
    if ((axis !== -1 && axis !== shape.length) || scale === null || bias === null) return null;
    // As it was written before it was rounded to single precision.
    const epsilon = Number((option(node, 'epsilon')?.f ?? 1e-5).toPrecision(7));
    return [{ name: nodeName(node), spec: layerNorm({ epsilon }), tensors: [scale, bias] }];
  },
  Softmax(node, { shape, version }) {
    // Before version 13 it was over all axes from this one on.
    const axis = option(node, 'axis')?.i ?? (version < 13 ? 1 : -1);
    return axis === -1 || axis === shape.length ? [plain(node, softmax())] : null;
  },
  Flatten: (node, { shape }) => {
    if ((option(node, 'axis')?.i ?? 1) !== 1) return null;
    return shape.length === 1 ? [] : [plain(node, flatten())];
  },
  Reshape(node, { tensor, shape }) {
    const sizes = tensor(node.input?.[1]);
    const [rows, ...rest] = sizes === null ? [] : Array.from(sizes.data);
    if (rows === undefined) return null;
    const known = rest.map((size, axis) => (size === 0 ? (shape[axis] ?? 0) : size));
    const open = sizeOf(shape) / -known.reduce((a, b) => a * b, 1);
    const target = known.map((size) => (size === -1 ? open : size));
    if (!target.every((size) => Number.isInteger(size) && size > 0) || target.length === 0) return null;
    if (rows > 0 || (rows === -1 && rest.includes(-1)) || sizeOf(target) !== sizeOf(shape)) return null;
    return sameShape(target, shape) ? [] : [plain(node, target.length === 1 ? flatten() : reshape(target))];
  },
  Identity: () => [],
  Dropout: (node) => (node.output?.length === 1 && node.input?.[2] === undefined ? [] : null),
};

function plain(node: OnnxNode, spec: LayerSpec): FoundLayer {
  return { name: nodeName(node), spec, tensors: [] };
}
