import type { Tensor } from '@latent/tensor';
import { checkOptions, describeValue, flag, isPlainObject, optional, ValueError } from '@latent/tensor';
import { fileBytes, inShort } from '../files/tensors.ts';
import { readZip, writeZip } from '../files/zip.ts';
import { type NpyInput, npyBytes, npyTensor } from './npy.ts';

const CALLER = 'npz';

/** The arrays that `np.savez` or `np.savez_compressed` put in one file, by name. Like `decodeNpy`, it refuses what has no numbers. */
export async function decodeNpz(file: Uint8Array | ArrayBuffer): Promise<Record<string, Tensor>> {
  const arrays: [name: string, array: Tensor][] = [];
  for (const entry of readZip(CALLER, fileBytes(CALLER, file))) {
    if (!entry.name.endsWith('.npy')) {
      throw new ValueError(`${CALLER}: '${inShort(entry.name)}' is no array; the archive is of another kind`);
    }
    arrays.push([entry.name.slice(0, -4), npyTensor(`${CALLER}: ${inShort(entry.name)}`, await entry.bytes())]);
  }
  return Object.fromEntries(arrays);
}

/** Arrays by name as one file that `np.load` reads; `compress` (false) deflates them. */
export async function encodeNpz(
  arrays: Readonly<Record<string, NpyInput>>,
  options: { readonly compress?: boolean } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { compress } = checkOptions('encodeNpz', options, { compress: optional(flag(), false) });
  if (!isPlainObject(arrays)) {
    throw new ValueError(`${CALLER}: expected arrays by name, { x }, got ${describeValue(arrays)}`);
  }
  const files = Object.entries(arrays).map(
    ([name, array]) => [`${name}.npy`, npyBytes(`${CALLER}: ${inShort(name)}`, array)] as const,
  );
  return writeZip(CALLER, Object.fromEntries(files), { compress });
}
