import { isPlainObject, type Shape, type Tensor, ValueError } from '@latent/tensor';
import { inShort, type NamedTensors } from '../files/tensors.ts';
import { type FoundLayer, type FoundNetwork, foundNetwork } from '../network/found.ts';
import { TFJS_LAYERS } from './layers.ts';
import { CALLER, type TfjsJson, type TfjsShards, tfjsObject, tfjsTensors } from './weights.ts';

/** A layer as `model.json` describes it. */
interface Described {
  readonly className: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The layers whose output it takes; null where it simply follows the one before. */
  readonly after: readonly string[] | null;
}

/**
 * A network from a layers model of TensorFlow.js (`model.json` and its binary files), sequential or a functional one that is a chain:
 * dense layers, convolutions, pooling, recurrent layers, embeddings, activations, dropout, noise, flattening, reshaping and normalisation.
 * Other layers are refused by their name; so are graph models, which have no layers: take their weights with `tfjsTensors`.
 */
export function networkFromTfjs(json: TfjsJson, shards: TfjsShards): FoundNetwork {
  const content = tfjsObject(json);
  const { described, outputs } = modelOf(content);
  const tensors = tfjsTensors(content, shards);
  const input = inputShape(described);
  const found: FoundLayer[] = [];
  let shape: Shape = input;
  described.forEach(({ className, name, config, after }, i) => {
    const before = described[i - 1]?.name;
    if (after !== null && (i === 0 ? after.length > 0 : after.length !== 1 || after[0] !== before)) {
      throw new ValueError(
        `${CALLER}: layer '${inShort(name)}' takes ${inShort(after.join(' and ')) || 'nothing'}; only a chain of layers is a network`,
      );
    }
    const rule = Object.hasOwn(TFJS_LAYERS, className) ? TFJS_LAYERS[className] : undefined;
    if (rule === undefined) {
      throw new ValueError(
        `${CALLER}: layer '${inShort(name)}' is of the class ${inShort(className)}; ours are ${Object.keys(TFJS_LAYERS).join(', ')}`,
      );
    }
    for (const layer of rule({ name: inShort(name), config, shape, weight: (part) => weightOf(tensors, name, part) })) {
      shape = layer.spec.outShape(shape);
      found.push(layer);
    }
  });
  const last = described.at(-1)?.name ?? '';
  if (outputs !== null && (outputs.length !== 1 || outputs[0] !== last)) {
    throw new ValueError(
      `${CALLER}: the model gives what ${inShort(outputs.join(' and '))} makes; only what the last layer makes, '${inShort(last)}', is a network's output`,
    );
  }
  return foundNetwork(CALLER, found, input);
}

/** The layers of a model, and the names of those whose output it gives, where it says them. */
function modelOf(content: Readonly<Record<string, unknown>>): {
  readonly described: readonly Described[];
  readonly outputs: readonly string[] | null;
} {
  const { modelTopology: topology, format } = content;
  if (format === 'graph-model') {
    throw new ValueError(`${CALLER}: a graph model has no layers; take its weights with tfjsTensors`);
  }
  const outer = isPlainObject(topology) ? topology : {};
  const model = isPlainObject(outer.model_config) ? outer.model_config : outer;
  const { class_name: kind, config } = model;
  // Old files have the layers themselves as config.
  const layers: unknown = Array.isArray(config) ? config : isPlainObject(config) ? config.layers : undefined;
  if (!['Sequential', 'Model', 'Functional'].includes(String(kind)) || !Array.isArray(layers) || layers.length === 0) {
    throw new ValueError(`${CALLER}: model.json has no layers: its model is ${inShort(kind)}`);
  }
  const described = (layers as unknown[]).map((layer, i): Described => {
    const { class_name: className, config: own, inbound_nodes: nodes, name } = isPlainObject(layer) ? layer : {};
    const options = isPlainObject(own) ? own : {};
    const called = name ?? options.name;
    if (typeof className !== 'string' || typeof called !== 'string') {
      throw new ValueError(`${CALLER}: layer ${i} has no class or no name`);
    }
    return { className, name: called, config: options, after: inboundOf(nodes) };
  });
  const given: unknown = isPlainObject(config) ? config.output_layers : undefined;
  // One alone may stand without a list around it.
  const list: unknown[] | null = Array.isArray(given) ? (Array.isArray(given[0]) ? given : [given]) : null;
  return { described, outputs: list?.map((each) => String(Array.isArray(each) ? each[0] : each)) ?? null };
}

/** The names of the layers that a functional model's layer takes, of its only use. */
function inboundOf(nodes: unknown): readonly string[] | null {
  if (nodes === undefined) return null;
  if (!Array.isArray(nodes) || nodes.length > 1) return ['several layers'];
  const [first = []] = nodes as unknown[];
  return Array.isArray(first)
    ? first.map((each: unknown) => String(Array.isArray(each) ? each[0] : each))
    : ['no layer'];
}

/** The shape of a row, which the first layer says. */
function inputShape([first]: readonly Described[]): Shape {
  const { config = {} } = first ?? {};
  const given = config.batch_input_shape ?? config.batch_shape;
  const shape: unknown[] = Array.isArray(given) ? given.slice(1) : [];
  if (shape.length === 0 || !shape.every((size) => Number.isSafeInteger(size) && (size as number) > 0)) {
    throw new ValueError(`${CALLER}: the first layer must say the shape of its rows, got ${inShort(given)}`);
  }
  return shape as number[];
}

/** The weight `part` of a layer: the one whose name begins with the layer's and ends with the part. */
function weightOf(tensors: NamedTensors, layer: string, part: string): Tensor {
  const names = Object.keys(tensors).filter((name) => {
    const path = name.split('/');
    return path.includes(layer) && path.at(-1) === part;
  });
  if (names.length !== 1) {
    throw new ValueError(
      `${CALLER}: layer '${inShort(layer)}' must have one ${part}, got ${inShort(names.join(', ')) || 'none'}`,
    );
  }
  return tensors[names[0] as string] as Tensor;
}
