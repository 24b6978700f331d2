import type { MessageTable } from './message.ts';

// The messages of onnx.proto that models without control flow are made of, with the numbers of their fields.
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

/** Numbers, in one of the lists or as little-endian bytes. */
export interface OnnxTensor {
  readonly name?: string;
  readonly dims?: readonly number[];
  /** One of `ELEMENT`. */
  readonly dataType?: number;
  readonly rawData?: Uint8Array;
  readonly floatData?: readonly number[];
  readonly int32Data?: readonly number[];
  readonly int64Data?: readonly number[];
  readonly doubleData?: readonly number[];
  readonly uint64Data?: readonly number[];
  readonly externalData?: readonly OnnxEntry[];
  readonly dataLocation?: number;
}

/** A key and a text. */
export interface OnnxEntry {
  readonly key?: string;
  readonly value?: string;
}

/** An option of a node; `type` (one of `ATTRIBUTE`) says which of the others it is. */
export interface OnnxAttribute {
  readonly name?: string;
  readonly type?: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly t?: OnnxTensor;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
  readonly strings?: readonly Uint8Array[];
}

/** An operator applied to values by name. */
export interface OnnxNode {
  readonly input?: readonly string[];
  readonly output?: readonly string[];
  readonly name?: string;
  readonly opType?: string;
  readonly domain?: string;
  readonly attribute?: readonly OnnxAttribute[];
}

/** The size of an axis: a number, or a name for one that is known when the model runs. */
export interface OnnxDimension {
  readonly dimValue?: number;
  readonly dimParam?: string;
}

/** A value that goes in or comes out. */
export interface OnnxValue {
  readonly name?: string;
  readonly type?: {
    readonly tensorType?: {
      readonly elemType?: number;
      readonly shape?: { readonly dim?: readonly OnnxDimension[] };
    };
  };
}

/** Nodes in the order in which they are computed, the numbers they start from, and what goes in and comes out. */
export interface OnnxGraph {
  readonly node?: readonly OnnxNode[];
  readonly name?: string;
  readonly initializer?: readonly OnnxTensor[];
  readonly sparseInitializer?: readonly Uint8Array[];
  readonly input?: readonly OnnxValue[];
  readonly output?: readonly OnnxValue[];
}

/** A file. */
export interface OnnxModel {
  readonly irVersion?: number;
  readonly producerName?: string;
  readonly graph?: OnnxGraph;
  readonly opsetImport?: readonly { readonly domain?: string; readonly version?: number }[];
  readonly metadataProps?: readonly OnnxEntry[];
}

/** `OnnxTensor.dataType` and `elemType`: the types that are written; more are read. */
export const ELEMENT = { float: 1, int32: 6, int64: 7, string: 8, bool: 9, double: 11 } as const;
/** `OnnxAttribute.type`. */
export const ATTRIBUTE = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const;

const entry: MessageTable<OnnxEntry> = { key: [1, 'text'], value: [2, 'text'] };

const tensor: MessageTable<OnnxTensor> = {
  dims: [1, 'int', 'many'],
  dataType: [2, 'int'],
  floatData: [4, 'float', 'many'],
  int32Data: [5, 'int', 'many'],
  int64Data: [7, 'int', 'many'],
  name: [8, 'text'],
  rawData: [9, 'bytes'],
  doubleData: [10, 'double', 'many'],
  uint64Data: [11, 'int', 'many'],
  externalData: [13, entry, 'many'],
  dataLocation: [14, 'int'],
};

const attribute: MessageTable<OnnxAttribute> = {
  name: [1, 'text'],
  f: [2, 'float'],
  i: [3, 'int'],
  s: [4, 'bytes'],
  t: [5, tensor],
  floats: [7, 'float', 'many'],
  ints: [8, 'int', 'many'],
  strings: [9, 'bytes', 'many'],
  type: [20, 'int'],
};

const node: MessageTable<OnnxNode> = {
  input: [1, 'text', 'many'],
  output: [2, 'text', 'many'],
  name: [3, 'text'],
  opType: [4, 'text'],
  attribute: [5, attribute, 'many'],
  domain: [7, 'text'],
};

const dimension: MessageTable<OnnxDimension> = { dimValue: [1, 'int'], dimParam: [2, 'text'] };
const shape: MessageTable<{ dim?: unknown }> = { dim: [1, dimension, 'many'] };
const tensorType: MessageTable<{ elemType?: unknown; shape?: unknown }> = { elemType: [1, 'int'], shape: [2, shape] };
const valueType: MessageTable<{ tensorType?: unknown }> = { tensorType: [1, tensorType] };
const value: MessageTable<OnnxValue> = { name: [1, 'text'], type: [2, valueType] };

const graph: MessageTable<OnnxGraph> = {
  node: [1, node, 'many'],
  name: [2, 'text'],
  initializer: [5, tensor, 'many'],
  input: [11, value, 'many'],
  output: [12, value, 'many'],
  sparseInitializer: [15, 'bytes', 'many'],
};

const opset: MessageTable<{ domain?: unknown; version?: unknown }> = { domain: [1, 'text'], version: [2, 'int'] };

/** The fields of a file. */
export const MODEL: MessageTable<OnnxModel> = {
  irVersion: [1, 'int'],
  producerName: [2, 'text'],
  graph: [7, graph],
  opsetImport: [8, opset, 'many'],
  metadataProps: [14, entry, 'many'],
};
