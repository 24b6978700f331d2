import { decodeSafetensors, readFileBytes } from '@latent/nn';
import { knownModel, readHeader } from './file-header.ts';
import type { Model } from './model.ts';

/** The model of a file, whatever model it is. */
export function modelFromBytes(bytes: Uint8Array | ArrayBuffer, own: Readonly<Record<string, unknown>> = {}): Model {
  const caller = 'loadModel';
  const { model } = readHeader(caller, decodeSafetensors(bytes).metadata);
  const type = knownModel(caller, model) as unknown as {
    fromBytes(bytes: Uint8Array | ArrayBuffer, own: Readonly<Record<string, unknown>>): Model;
  };
  return type.fromBytes(bytes, own);
}

/** Reads a model of any kind that `save` wrote. Node only. */
export async function loadModel(path: string, own: Readonly<Record<string, unknown>> = {}): Promise<Model> {
  return modelFromBytes(await readFileBytes(path), own);
}
