import { elementTypes } from '@latent/nn';
import { isPlainObject, type Shape, sizeOf, type Tensor, tensor, ValueError } from '@latent/tensor';
import { fileBytes, fileShape, inShort, lazyTensors, type NamedTensors, tensorOfBytes } from '../files/tensors.ts';

export const CALLER = 'tfjs';

/** A file of binary numbers, or several: by their paths in `model.json`, or in its order. */
export type TfjsShards =
  | Uint8Array
  | ArrayBuffer
  | readonly (Uint8Array | ArrayBuffer)[]
  | Readonly<Record<string, Uint8Array | ArrayBuffer>>;

/** TensorFlow.js's types of one element, and what they are called in safetensors. */
const TYPES: Readonly<Record<string, string>> = {
  float32: 'F32',
  int32: 'I32',
  bool: 'BOOL',
  float16: 'F16',
  uint8: 'U8',
  uint16: 'U16',
};

/** A `model.json`, as text or already parsed. */
export type TfjsJson = string | Readonly<Record<string, unknown>>;

/** The content of a `model.json`. */
export function tfjsObject(json: unknown): Record<string, unknown> {
  let value = json;
  if (typeof json === 'string') {
    try {
      value = JSON.parse(json);
    } catch {
      value = undefined;
    }
  }
  if (!isPlainObject(value)) throw new ValueError(`${CALLER}: model.json is no JSON object`);
  return value;
}

/**
 * The weights that a TensorFlow.js model (or a list of weights) comes with, by name: `model.json` and its binary files. Weights
 * quantised to 8 or 16 bits are put back on their scale.
 */
export function tfjsTensors(json: TfjsJson, shards: TfjsShards): NamedTensors {
  const { weightsManifest } = tfjsObject(json);
  if (!Array.isArray(weightsManifest)) throw new ValueError(`${CALLER}: model.json has no weightsManifest`);
  const files = filesOf(shards);
  const makers = new Map<string, () => Tensor>();
  for (const group of weightsManifest as unknown[]) {
    const { paths, weights } = isPlainObject(group) ? group : {};
    if (!Array.isArray(paths) || !Array.isArray(weights)) {
      throw new ValueError(`${CALLER}: a group of the weightsManifest has no paths and weights`);
    }
    const bytes = joined(paths.map((path) => files.next(String(path))));
    let at = 0;
    for (const weight of weights as unknown[]) {
      const { name, type, shape, length, quantisation } = weightOf(weight);
      if (makers.has(name)) throw new ValueError(`${CALLER}: there are two weights '${inShort(name)}'`);
      if (at + length > bytes.length) {
        throw new ValueError(
          `${CALLER}: weight '${inShort(name)}' claims bytes ${at} to ${at + length} of ${bytes.length}; a file is missing or altered`,
        );
      }
      const own = bytes.subarray(at, at + length);
      makers.set(name, () => scaled(tensorOfBytes(CALLER, name, type, shape, own), quantisation));
      at += length;
    }
    if (at !== bytes.length) {
      throw new ValueError(
        `${CALLER}: the weights take ${at} of ${bytes.length} bytes; a file is of another model, or altered`,
      );
    }
  }
  files.end();
  return lazyTensors(makers);
}

interface Quantisation {
  readonly scale: number;
  readonly min: number;
  /** Of whole numbers, which are rounded. */
  readonly whole: boolean;
}

function weightOf(weight: unknown): {
  name: string;
  type: string;
  shape: Shape;
  length: number;
  quantisation: Quantisation | null;
} {
  const { name, shape: sizes, dtype, quantization } = isPlainObject(weight) ? weight : {};
  if (typeof name !== 'string') throw new ValueError(`${CALLER}: a weight has no name`);
  const shape = fileShape(CALLER, name, sizes);
  const { dtype: packed = dtype, scale, min } = isPlainObject(quantization) ? quantization : {};
  const type = typeof packed === 'string' && Object.hasOwn(TYPES, packed) ? TYPES[packed] : undefined;
  if (type === undefined) {
    throw new ValueError(
      `${CALLER}: weight '${inShort(name)}' has the type ${inShort(packed)}; can be read: ${Object.keys(TYPES).join(', ')}`,
    );
  }
  const affine = isPlainObject(quantization) && packed !== 'float16';
  if (affine && !(Number.isFinite(scale) && Number.isFinite(min))) {
    throw new ValueError(`${CALLER}: weight '${inShort(name)}' is quantised without scale and min`);
  }
  const length = sizeOf(shape) * (elementTypes[type]?.bytes ?? 0);
  const scales = { scale: scale as number, min: min as number, whole: dtype === 'int32' };
  return { name, type, shape, length, quantisation: affine ? scales : null };
}

function scaled(x: Tensor, quantisation: Quantisation | null): Tensor {
  if (quantisation === null) return x;
  const { scale, min, whole } = quantisation;
  const { shape } = x;
  return whole
    ? tensor(
        Float64Array.from(x.data, (value) => Math.round(value * scale + min)),
        { shape },
      )
    : tensor(
        Float32Array.from(x.data, (value) => value * scale + min),
        { shape },
      );
}

/** Hands out the files, by path or in order. */
function filesOf(shards: TfjsShards): { next(path: string): Uint8Array; end(): void } {
  const single = shards instanceof Uint8Array || !isRecord(shards);
  const list = Array.isArray(shards) ? shards : single ? [shards] : null;
  let i = 0;
  return {
    next(path) {
      const file = list === null ? ownOf(shards as Record<string, unknown>, path) : list[i++];
      if (file === undefined) throw new ValueError(`${CALLER}: the file '${inShort(path)}' was not given`);
      return fileBytes(CALLER, file);
    },
    end() {
      if (list !== null && i < list.length) {
        throw new ValueError(
          `${CALLER}: model.json has ${i} binary files, got ${list.length}; they are of another model`,
        );
      }
    },
  };
}

function ownOf(shards: Readonly<Record<string, unknown>>, path: string): unknown {
  return Object.hasOwn(shards, path) ? shards[path] : undefined;
}

function isRecord(value: unknown): boolean {
  return isPlainObject(value);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
