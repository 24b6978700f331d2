import { type BatchSpec, type Chunk, decodeSafetensors } from '@latent/nn';
import { decodeNpy } from '@latent/onnx/npy';
import { refuseUnknown, type Shape, sizeOf, type Tensor, ValueError } from '@latent/tensor';
import { readCsv } from './csv.ts';

/** Rows of a file by name, from its bytes. */
type Reader = (caller: string, bytes: Uint8Array, spec: BatchSpec) => Iterable<Chunk>;

/** How files are read, by how their names end. */
const readers: Readonly<Record<string, Reader>> = {
  npy: (caller, bytes, spec) => [apart(caller, decodeNpy(bytes), spec)],
  csv: function* (caller, bytes, spec) {
    for (const table of readCsv(caller, bytes, widthOf(spec))) yield splitColumns(table.values, table.count, spec);
  },
  safetensors: (_caller, bytes) => [decodeSafetensors(bytes).tensors as Chunk],
};

/** The reader of a file, by its name. */
export function readerOf(caller: string, path: string): Reader {
  const ending = /\.([a-z]+)$/.exec(path.toLowerCase().replace(/[?#].*$/, ''))?.[1] ?? '';
  const known = Object.keys(readers);
  if (ending !== '') return readers[ending] ?? refuseUnknown(caller, 'format of files', ending, known);
  throw new ValueError(
    `${caller}: the name of a file must end in ${known.map((each) => `.${each}`).join(', ')}; other rows come from a source of the worker's module, source:NAME`,
  );
}

/** Numbers in a row, all names together. */
function widthOf(spec: BatchSpec): number {
  return Object.values(spec).reduce((sum, shape) => sum + sizeOf(shape), 0);
}

/** One array: of one name, whatever its rows' shape, or of several names side by side. */
function apart(caller: string, array: Tensor, spec: BatchSpec): Chunk {
  const rows = array.shape[0];
  const width = widthOf(spec);
  if (rows === undefined || array.size !== rows * width) {
    throw new ValueError(`${caller}: rows must have ${width} values, got an array of [${array.shape.join(', ')}]`);
  }
  return splitColumns(array.data, rows, spec);
}

/** Columns side by side as rows of each name. */
function splitColumns(values: Float32Array | Float64Array, count: number, spec: BatchSpec): Chunk {
  const names = Object.keys(spec);
  if (names.length === 1) return { [names[0] as string]: values };
  const width = widthOf(spec);
  let from = 0;
  return Object.fromEntries(
    Object.entries(spec).map(([name, shape]: [string, Shape]) => {
      const size = sizeOf(shape);
      const own = new (values.constructor as Float64ArrayConstructor)(count * size);
      for (let r = 0; r < count; r++) own.set(values.subarray(r * width + from, r * width + from + size), r * size);
      from += size;
      return [name, own];
    }),
  );
}
