import { elementTypes } from '@latent/nn';
import { type Tensor, tensor, ValueError } from '@latent/tensor';
import { fileBytes, fileShape, inShort, lazyTensors, type NamedTensors, tensorOfBytes } from '../files/tensors.ts';
import { decodeMessage } from '../proto/read.ts';
import { MODEL, type OnnxModel, type OnnxTensor } from '../proto/schema.ts';

const CALLER = 'onnx';

/** ONNX's types of one element, and what they are called in safetensors. */
const TYPES: Readonly<Record<number, string>> = {
  1: 'F32',
  2: 'U8',
  3: 'I8',
  4: 'U16',
  5: 'I16',
  6: 'I32',
  7: 'I64',
  9: 'BOOL',
  10: 'F16',
  11: 'F64',
  12: 'U32',
  13: 'U64',
  16: 'BF16',
};

/** A file as typed data, its form checked and its meaning not yet. */
export function decodeOnnx(file: Uint8Array | ArrayBuffer): OnnxModel {
  const model = decodeMessage(CALLER, MODEL, fileBytes(CALLER, file));
  if (model.graph === undefined)
    throw new ValueError(`${CALLER}: the file has no graph; it is altered or of another format`);
  return model;
}

/** The initialisers of an ONNX file by name, and by each name where several share one: the weights, for `loadStateDict(onnxTensors(bytes), { rename })`. */
export function onnxTensors(file: Uint8Array | ArrayBuffer): NamedTensors {
  return initialisersOf(decodeOnnx(file));
}

/** The initialisers of a model, and the further names of those that share their numbers, which PyTorch writes as Identity nodes. */
export function initialisersOf({ graph = {} }: OnnxModel): NamedTensors {
  const makers = new Map<string, () => Tensor>();
  if (graph.sparseInitializer !== undefined) throw new ValueError(`${CALLER}: sparse initialisers are not read`);
  for (const each of graph.initializer ?? []) {
    const { name = '' } = each;
    if (name === '' || makers.has(name))
      throw new ValueError(`${CALLER}: there are two initialisers '${inShort(name)}', or it has no name`);
    makers.set(name, () => tensorOf(each, name));
  }
  const outputs = new Set(graph.output?.map(({ name = '' }) => name));
  for (const { opType, domain = '', input = [], output = [] } of graph.node ?? []) {
    const [from = '', to = ''] = [input[0], output[0]];
    const make = opType === 'Identity' && domain === '' ? makers.get(from) : undefined;
    if (make !== undefined && to !== '' && !makers.has(to) && !outputs.has(to)) makers.set(to, make);
  }
  return lazyTensors(makers);
}

/** A tensor's numbers, which stand in it as bytes or as a list. */
export function tensorOf(given: OnnxTensor, name: string): Tensor {
  const { dims = [], dataType = 0, rawData, dataLocation = 0 } = given;
  if (dataLocation !== 0) {
    throw new ValueError(
      `${CALLER}: the numbers of '${inShort(name)}' are in a file beside this one; save the model as one file`,
    );
  }
  const type = Object.hasOwn(TYPES, dataType) ? TYPES[dataType] : undefined;
  if (type === undefined) {
    throw new ValueError(
      `${CALLER}: tensor '${inShort(name)}' has element type ${dataType}; can be read: ${Object.values(TYPES).join(', ')}`,
    );
  }
  const shape = fileShape(CALLER, name, dims);
  if (rawData !== undefined) return tensorOfBytes(CALLER, name, type, shape, rawData);
  const values = listOf(given, type);
  const size = shape.reduce((a, b) => a * b, 1);
  if (values.length !== size) {
    throw new ValueError(
      `${CALLER}: tensor '${inShort(name)}' has ${values.length} numbers, but its shape takes ${size}; the file is altered`,
    );
  }
  if (type === 'F16' || type === 'BF16') {
    // Halves stand as whole numbers of their bits.
    const halves = new Uint8Array(Uint16Array.from(values).buffer);
    return tensorOfBytes(CALLER, name, type, shape, halves);
  }
  const wide = type === 'F64' || ((elementTypes[type]?.bytes ?? 0) >= 4 && type !== 'F32');
  return tensor(wide ? Float64Array.from(values) : Float32Array.from(values), { shape });
}

/** The list that numbers of a type stand in. */
function listOf(
  { floatData, int32Data, int64Data, doubleData, uint64Data }: OnnxTensor,
  type: string,
): readonly number[] {
  if (type === 'F32') return floatData ?? [];
  if (type === 'F64') return doubleData ?? [];
  if (type === 'I64') return int64Data ?? [];
  if (type === 'U32' || type === 'U64') return uint64Data ?? [];
  return int32Data ?? [];
}
