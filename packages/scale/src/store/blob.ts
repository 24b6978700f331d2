import { decodeSafetensors, encodeSafetensors, type SafetensorsFile, type TensorValues } from '@latent/nn';
import { type Check, ValueError } from '@latent/tensor';

/** What a blob says it is, in its metadata; what is asked for must be what is there. */
const KIND = 'latentBlob';
const JSON_NAME = 'json';

/** Tensors and texts as a safetensors blob of this kind, with a checksum. */
export function encodeTensors(
  kind: string,
  tensors: Readonly<Record<string, TensorValues>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  return encodeSafetensors(tensors, { ...metadata, [KIND]: kind });
}

/** The tensors of a blob of this kind. Anything else, cut or altered, is refused. */
export function decodeTensors(
  kind: string,
  key: string,
  bytes: Uint8Array,
): Pick<SafetensorsFile, 'tensors' | 'values' | 'metadata'> {
  return decoded(kind, key, bytes);
}

/** Plain data as a blob of this kind: the same format, so one reader and one checksum for all. */
export function encodeJson(kind: string, value: unknown): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(value));
  return encodeSafetensors({ [JSON_NAME]: json }, { [KIND]: kind });
}

/** The plain data of a blob, as `check` makes it. */
export function decodeJson<T>(kind: string, key: string, bytes: Uint8Array, check: Check<T>): T {
  const json = decoded(kind, key, bytes).bytes[JSON_NAME];
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json ?? new Uint8Array()));
  } catch {
    throw new ValueError(`store: ${key} holds no JSON; the blob is altered`);
  }
  return check(value, { caller: `store: ${key}`, path: 'the blob' });
}

const FILE = 'file';

/** A file of rows as a blob. */
export function encodeFile(name: string, bytes: Uint8Array): Uint8Array {
  return encodeSafetensors({ [FILE]: bytes }, { [KIND]: FILE, name });
}

/** The file that a blob is. */
export function decodeFile(key: string, blob: Uint8Array): { readonly name: string; readonly bytes: Uint8Array } {
  const { bytes, metadata } = decoded(FILE, key, blob);
  return { name: metadata.name ?? '', bytes: bytes[FILE] ?? new Uint8Array() };
}

function decoded(kind: string, key: string, bytes: Uint8Array) {
  try {
    const file = decodeSafetensors(bytes);
    if (file.metadata[KIND] !== kind) {
      throw new ValueError(`it is a blob of ${file.metadata[KIND] ?? 'no kind'}, expected ${kind}`);
    }
    return file;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ValueError(`store: ${key} cannot be used: ${reason}`);
  }
}
