import { MODEL, type OnnxModel } from './schema.ts';
import { encodeMessage } from './write.ts';

/** A model as the bytes of its file. */
export function onnxBytes(model: OnnxModel): Uint8Array<ArrayBuffer> {
  return encodeMessage(MODEL, model);
}
