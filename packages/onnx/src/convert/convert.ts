import { decodeSafetensors, encodeSafetensors } from '@latent/nn';
import {
  anything,
  callable,
  checkOptions,
  flag,
  oneOf,
  optional,
  type Tensor,
  UsageError,
  ValueError,
} from '@latent/tensor';
import { fileBytes, type NamedTensors } from '../files/tensors.ts';
import { readZip } from '../files/zip.ts';
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz } from '../npy/index.ts';
import { onnxTensors } from '../read/tensors.ts';
import { type TfjsShards, tfjsTensors } from '../tfjs/weights.ts';
import { decodeTorch } from '../torch/torch.ts';

const CALLER = 'convert';

/** A format of files with tensors. */
interface Format {
  /** Whether a file begins as files of this format do. */
  is(bytes: Uint8Array): boolean;
  read(bytes: Uint8Array, shards: TfjsShards | undefined): NamedTensors | Promise<NamedTensors>;
}

const begins = (bytes: Uint8Array, ...start: readonly number[]): boolean => start.every((byte, i) => bytes[i] === byte);
// One without files has the end of its directory alone.
const isZip = (bytes: Uint8Array): boolean => begins(bytes, 0x50, 0x4b, 3, 4) || begins(bytes, 0x50, 0x4b, 5, 6);
const isTorch = (bytes: Uint8Array): boolean => readZip(CALLER, bytes).some(({ name }) => name.endsWith('/data.pkl'));

/** The formats that are read, told apart by how their files begin. */
const FORMATS = {
  // Eight bytes of length, and a JSON object.
  safetensors: {
    is: (bytes) => bytes[8] === 0x7b && begins(bytes.subarray(4), 0, 0, 0, 0),
    read: (bytes) => decodeSafetensors(bytes).tensors,
  },
  npy: { is: (bytes) => begins(bytes, 0x93, 0x4e, 0x55, 0x4d), read: (bytes) => ({ array: decodeNpy(bytes) }) },
  torch: { is: (bytes) => begins(bytes, 0x80, 2) || (isZip(bytes) && isTorch(bytes)), read: decodeTorch },
  npz: { is: isZip, read: decodeNpz },
  tfjs: {
    is: (bytes) => /^\s*\{/.test(new TextDecoder().decode(bytes.subarray(0, 64))),
    read(bytes, shards) {
      if (shards === undefined) {
        throw new UsageError(
          `${CALLER}: the numbers of a TensorFlow.js model are in files of their own; give them as shards`,
        );
      }
      return tfjsTensors(new TextDecoder().decode(bytes), shards);
    },
  },
  // The version of the format comes first.
  onnx: { is: (bytes) => begins(bytes, 8), read: onnxTensors },
} satisfies Record<string, Format>;

/** A format whose tensors are read. */
export type TensorFormat = keyof typeof FORMATS;

/** The format of a file, by how it begins; refused where it is none that is read. */
export function fileFormat(file: Uint8Array | ArrayBuffer): TensorFormat {
  const bytes = fileBytes(CALLER, file);
  const found = (Object.entries(FORMATS) as [TensorFormat, Format][]).find(([, { is }]) => is(bytes));
  if (found === undefined) {
    throw new ValueError(`${CALLER}: the file is of none of the formats ${Object.keys(FORMATS).join(', ')}`);
  }
  return found[0];
}

/**
 * The tensors of a file of any format that is read: safetensors, `.npy`, `.npz`, PyTorch's `.pt`, ONNX (its initialisers), or
 * the `model.json` of TensorFlow.js with its binary files as `shards`.
 */
export async function readTensors(
  file: Uint8Array | ArrayBuffer,
  options: { readonly shards?: TfjsShards } = {},
): Promise<NamedTensors> {
  const { shards } = checkOptions('readTensors', options, { shards: anything() });
  const bytes = fileBytes(CALLER, file);
  const format: Format = FORMATS[fileFormat(bytes)];
  return format.read(bytes, shards as TfjsShards | undefined);
}

/** How a file is converted. */
export interface ConvertOptions {
  /** What comes out: `npy` holds one array, the others any number of tensors by name. */
  readonly to: 'safetensors' | 'npz' | 'npy';
  /** The name of a tensor in the new file, for one in the old; null leaves it out. */
  readonly rename?: (name: string) => string | null;
  /** Deflate an `.npz`; false by default. */
  readonly compress?: boolean;
  /** The binary files of a TensorFlow.js model. */
  readonly shards?: TfjsShards;
}

/** The tensors of a file of any format that is read, as a file of another. */
export async function convert(file: Uint8Array | ArrayBuffer, options: ConvertOptions): Promise<Uint8Array> {
  const { to, rename, compress, shards } = checkOptions(CALLER, options, {
    to: oneOf('safetensors', 'npz', 'npy'),
    rename: optional(callable<(name: string) => string | null>(), (name: string) => name),
    compress: optional(flag(), false),
    shards: anything(),
  });
  const given = await readTensors(file, shards === undefined ? {} : { shards: shards as TfjsShards });
  const tensors = new Map<string, Tensor>();
  for (const theirs of Object.keys(given)) {
    const name = rename(theirs);
    if (name === null) continue;
    if (tensors.has(name)) throw new ValueError(`${CALLER}: two tensors would be named '${name}'`);
    tensors.set(name, given[theirs] as Tensor);
  }
  if (to === 'safetensors') return encodeSafetensors(Object.fromEntries(tensors));
  if (to === 'npz') return encodeNpz(Object.fromEntries(tensors), { compress });
  const [first] = tensors.values();
  if (first === undefined || tensors.size > 1) {
    throw new ValueError(
      `${CALLER}: an .npy file holds one array, got ${tensors.size}; choose one by rename, or write an npz`,
    );
  }
  return encodeNpy(first);
}
