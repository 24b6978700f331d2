import { elementTypes } from '@latent/nn';
import { formatShape, type Shape, sizeOf, type Tensor, ValueError } from '@latent/tensor';
import { fileBytes, fileShape, inShort, lazyTensors, type NamedTensors, tensorOfBytes } from '../files/tensors.ts';
import { readZip, type ZipEntry } from '../files/zip.ts';
import { type Pickled, type PickleWorld, readPickle } from './pickle.ts';

const CALLER = 'torch';

/** PyTorch's storages by the type of their numbers, and what the types are called in safetensors. */
const STORAGES: Readonly<Record<string, string>> = {
  FloatStorage: 'F32',
  DoubleStorage: 'F64',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

/** The first bytes of what PyTorch wrote before its version 1.6: a pickle of a number of its own. */
const OLD = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

class StorageType {
  readonly element: string;
  constructor(element: string) {
    this.element = element;
  }
}
class Storage {
  readonly element: string;
  readonly entry: ZipEntry;
  constructor(element: string, entry: ZipEntry) {
    this.element = element;
    this.entry = entry;
  }
}
class Stored {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
  constructor(storage: Storage, offset: number, shape: Shape, strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** What may be called. */
const ORDERED = { makes: 'a dictionary' };
const TENSOR = { makes: 'a tensor' };
const PARAMETER = { makes: 'a parameter' };
const SIZE = { makes: 'a shape' };

const NAMED: Readonly<Record<string, object>> = {
  'collections.OrderedDict': ORDERED,
  'torch._utils._rebuild_tensor_v2': TENSOR,
  'torch._utils._rebuild_parameter': PARAMETER,
  'torch.Size': SIZE,
};

/** Values within values go this deep at most, and their paths have so many letters in all: what goes further is no state of a model. */
const DEEPEST = 32;
const MOST_LETTERS = 50_000_000;

/**
 * The tensors of a `.pt` or `.pth` file that PyTorch 1.6 or later saved: a state dictionary, or dictionaries and lists that hold
 * some, whose names are then paths (`model.0.weight`). Only tensors, numbers, texts, lists and dictionaries are read; a file that
 * names anything else (a module, a function, an array of NumPy) is refused, and nothing in it is ever run.
 */
export function decodeTorch(file: Uint8Array | ArrayBuffer): NamedTensors {
  const bytes = fileBytes(CALLER, file);
  if (OLD.every((byte, i) => bytes[i] === byte)) {
    throw new ValueError(
      `${CALLER}: the file has the format of PyTorch before 1.6, which cannot be read safely; load and save it again there, or save it with safetensors`,
    );
  }
  const entries = new Map(readZip(CALLER, bytes).map((entry) => [entry.name, entry]));
  const pickle = [...entries.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) {
    throw new ValueError(`${CALLER}: the archive has no data.pkl; it is not what torch.save writes`);
  }
  const folder = pickle.slice(0, -'data.pkl'.length);
  const order = entries.get(`${folder}byteorder`);
  if (order !== undefined && new TextDecoder().decode(contentOf(order)) !== 'little') {
    throw new ValueError(`${CALLER}: the file is of a big-endian machine; save it again on a little-endian one`);
  }
  const value = readPickle(CALLER, contentOf(entries.get(pickle) as ZipEntry), worldOf(entries, folder));
  const makers = new Map<string, () => Tensor>();
  collect(value, '', makers, { left: MOST_LETTERS }, 0);
  return lazyTensors(makers);
}

/** The bytes of an entry, which PyTorch stores as they are. */
function contentOf(entry: ZipEntry): Uint8Array {
  const content = entry.stored();
  if (content === null)
    throw new ValueError(`${CALLER}: '${inShort(entry.name)}' is packed; PyTorch stores its files as they are`);
  return content;
}

function worldOf(entries: ReadonlyMap<string, ZipEntry>, folder: string): PickleWorld {
  const refuse = (what: string): never => {
    throw new ValueError(`${CALLER}: ${what}; the file is altered`);
  };
  return {
    named(module, name) {
      const path = `${module}.${name}`;
      if (Object.hasOwn(NAMED, path)) return NAMED[path] as object;
      const element = module === 'torch' && Object.hasOwn(STORAGES, name) ? STORAGES[name] : undefined;
      if (element !== undefined) return new StorageType(element);
      // Complex, quantised and sparse ones, and those of types that came later.
      if (/^torch\.(\w+Storage|_utils\._rebuild_\w+)$/.test(path)) {
        throw new ValueError(
          `${CALLER}: the file has tensors of ${inShort(path)}; dense ones can be read, of ${Object.keys(STORAGES).join(', ')}; make them such there`,
        );
      }
      throw new ValueError(
        `${CALLER}: the file names ${inShort(path)}, and only tensors are read; save the state dictionary alone: torch.save(model.state_dict(), path)`,
      );
    },
    outside(id) {
      const [kind, type, key, , count] = Array.isArray(id) ? id : [];
      if (kind !== 'storage' || !(type instanceof StorageType) || typeof key !== 'string') {
        return refuse('it refers to what is no storage');
      }
      const entry = entries.get(`${folder}data/${key}`);
      if (entry === undefined) return refuse(`there is no storage '${inShort(key)}'`);
      if (entry.size !== (count as number) * (elementTypes[type.element]?.bytes ?? 0)) {
        return refuse(`storage '${inShort(key)}' has ${entry.size} bytes for ${String(count)} numbers`);
      }
      return new Storage(type.element, entry);
    },
    call(callee, inputs) {
      if (callee === ORDERED && inputs.length === 0) return new Map();
      if (callee === PARAMETER && inputs[0] instanceof Stored) return inputs[0];
      if (callee === SIZE && Array.isArray(inputs[0])) return inputs[0];
      const [storage, offset, sizes, strides, , , notes] = inputs;
      if (callee !== TENSOR || !(storage instanceof Storage)) return refuse('it calls what makes no tensor');
      const shape = fileShape(CALLER, 'tensor', sizes);
      const steps = fileShape(CALLER, 'tensor', strides);
      const first = typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0 ? offset : -1;
      const last = shape.reduce((at, size, axis) => at + (size - 1) * (steps[axis] ?? 0), first);
      const count = storage.entry.size / (elementTypes[storage.element]?.bytes ?? 1);
      const size = sizeOf(shape);
      if (first < 0 || steps.length !== shape.length || (size > 0 && last >= count)) {
        return refuse(`a tensor of ${formatShape(shape)} at ${String(offset)} lies outside of its ${count} numbers`);
      }
      // It could be any size.
      if (size > count) {
        throw new ValueError(
          `${CALLER}: a tensor of ${formatShape(shape)} takes ${count} numbers several times, as expand makes it; save it after contiguous()`,
        );
      }
      if (notes instanceof Map && notes.size > 0) {
        throw new ValueError(
          `${CALLER}: a tensor of ${formatShape(shape)} has its sign beside its numbers; save it after resolve_neg()`,
        );
      }
      return new Stored(storage, first, shape, steps);
    },
  };
}

/** The tensors in a value, by their paths. */
function collect(
  value: Pickled,
  path: string,
  makers: Map<string, () => Tensor>,
  budget: { left: number },
  depth: number,
): void {
  budget.left -= 1 + path.length;
  if (budget.left < 0 || depth > DEEPEST) {
    throw new ValueError(`${CALLER}: it holds more values, or deeper ones, than any model; the file is altered`);
  }
  const inside = (key: unknown): string => (path === '' ? String(key) : `${path}.${String(key)}`);
  if (value instanceof Stored) {
    const name = path === '' ? 'tensor' : path;
    if (makers.has(name))
      throw new ValueError(`${CALLER}: two tensors have the path '${inShort(name)}'; save them under other names`);
    makers.set(name, () => made(name, value));
  } else if (Array.isArray(value)) {
    for (const [i, each] of value.entries()) collect(each, inside(i), makers, budget, depth + 1);
  } else if (value instanceof Map) {
    for (const [key, each] of value) {
      if (typeof key === 'string' || typeof key === 'number') collect(each, inside(key), makers, budget, depth + 1);
    }
  }
}

/** A tensor's numbers, in row-major order whatever their steps are. */
function made(name: string, { storage, offset, shape, strides }: Stored): Tensor {
  const bytes = contentOf(storage.entry);
  const width = elementTypes[storage.element]?.bytes ?? 1;
  const size = sizeOf(shape);
  const row = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const plain = strides.every((stride, axis) => shape[axis] === 1 || stride === row[axis]);
  if (plain || size === 0) {
    const own = bytes.subarray(offset * width, (offset + size) * width);
    return tensorOfBytes(CALLER, name, storage.element, shape, own);
  }
  const own = new Uint8Array(size * width);
  for (let i = 0; i < size; i++) {
    let at = offset;
    for (let axis = 0; axis < shape.length; axis++) {
      at += (Math.floor(i / (row[axis] as number)) % (shape[axis] as number)) * (strides[axis] as number);
    }
    own.set(bytes.subarray(at * width, (at + 1) * width), i * width);
  }
  return tensorOfBytes(CALLER, name, storage.element, shape, own);
}
