import { UsageError, ValueError } from './errors.ts';
import { renewMachine } from './kernels/select.ts';
import { describeValue } from './options.ts';
import { nodeModule } from './threads/pool.ts';

/** The first Node whose V8 can be trusted with it: older ones stop the process while they compile a product. */
const FIRST_NODE = 26;
const FLAG = 'experimental-wasm-revectorize';

interface V8 {
  setFlagsFromString(flags: string): void;
}

/**
 * Lets V8 pair 128-bit vector operations into 256-bit ones (its flag `--experimental-wasm-revectorize`) in all kernels that
 * are compiled from now on; `false` turns it off again. Off by default. Results have the same bits. It is an experiment of the
 * engine's, so it is taken only where it is known to work: in Node 26 and newer on x64. Elsewhere this throws a `UsageError`
 * that says why. It holds for the whole process. Compiled functions are recorded anew at their next call.
 */
export function useWideSimd(on = true): void {
  if (typeof on !== 'boolean') throw new ValueError(`useWideSimd: must be true or false, got ${describeValue(on)}`);
  const reason = wideSimdRefusal((globalThis as { process?: Platform }).process);
  const v8 = nodeModule<V8>('node:v8');
  if (reason !== null || v8 === null)
    throw new UsageError(`useWideSimd: ${reason ?? 'Node does not give its flags away'}`);
  v8.setFlagsFromString(`--${on ? '' : 'no-'}${FLAG}`);
  renewMachine();
}

interface Platform {
  readonly arch?: string;
  readonly versions?: { readonly node?: string; readonly bun?: string; readonly deno?: string };
}

/** Why wide vectors cannot be had on a platform; null where they can. */
export function wideSimdRefusal(platform: Platform | undefined): string | null {
  const { node, bun, deno } = platform?.versions ?? {};
  if (node === undefined || bun !== undefined || deno !== undefined) {
    return `needs Node ${FIRST_NODE} or newer; other engines take no flags at run time`;
  }
  if (Number.parseInt(node, 10) < FIRST_NODE) {
    return `needs Node ${FIRST_NODE} or newer, and this is ${node}, whose engine fails on it; leave it off`;
  }
  if (platform?.arch !== 'x64') return `is for x64 processors, and this is ${platform?.arch}; leave it off`;
  return null;
}
