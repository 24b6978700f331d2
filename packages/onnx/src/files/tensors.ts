import { elementTypes } from '@latent/nn';
import { formatShape, type Shape, sizeOf, type Tensor, tensor, ValueError } from '@latent/tensor';

/** Tensors by name. They are read when they are asked for: a file may hold more than its reader wants. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** More axes than any tensor of a model has. */
const MOST_AXES = 64;

/** Tensors by name, each made when it is first asked for. */
export function lazyTensors(makers: ReadonlyMap<string, () => Tensor>): NamedTensors {
  const tensors = {};
  for (const [name, make] of makers) {
    let made: Tensor | undefined;
    const get = (): Tensor => {
      made ??= make();
      return made;
    };
    Object.defineProperty(tensors, name, { get, enumerable: true });
  }
  return tensors;
}

/** A shape as a file has it, after checking that it can be one. */
export function fileShape(caller: string, name: string, value: unknown): Shape {
  const sound =
    Array.isArray(value) &&
    value.length <= MOST_AXES &&
    value.every((size) => Number.isSafeInteger(size) && size >= 0) &&
    Number.isSafeInteger(sizeOf(value));
  if (!sound) throw new ValueError(`${caller}: tensor '${inShort(name)}' has no valid shape; the file is altered`);
  return value as Shape;
}

/**
 * A tensor from little-endian bytes of an element type by its safetensors name (`F32`, `I64`, …), which must be exactly as
 * many as the shape takes. Integers of 32 bits and more become double precision.
 */
export function tensorOfBytes(caller: string, name: string, type: string, shape: Shape, bytes: Uint8Array): Tensor {
  const element = elementTypes[type] as NonNullable<(typeof elementTypes)[string]>;
  if (bytes.length !== sizeOf(shape) * element.bytes) {
    throw new ValueError(
      `${caller}: tensor '${inShort(name)}' has ${bytes.length} bytes, but its shape is ${formatShape(shape)} of ${type}; the file is altered`,
    );
  }
  // A copy, aligned.
  const values = element.read(new Uint8Array(bytes), sizeOf(shape));
  return tensor(values as Float32Array, { shape });
}

/** A text of a file, short enough for an error. */
export function inShort(text: unknown): string {
  const whole = typeof text === 'string' ? text : (JSON.stringify(text) ?? String(text));
  return whole.length > 60 ? `${whole.slice(0, 60)}…` : whole;
}

/** The bytes of a file, in any of the forms in which programs have them. */
export function fileBytes(caller: string, file: unknown): Uint8Array {
  if (file instanceof Uint8Array) return file;
  const tag = Object.prototype.toString.call(file);
  if (tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]')
    return new Uint8Array(file as ArrayBuffer);
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer as ArrayBuffer, file.byteOffset, file.byteLength);
  throw new ValueError(
    `${caller}: expected the bytes of a file, got ${file === null ? 'null' : typeof file}; read it first`,
  );
}
