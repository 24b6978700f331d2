import { ValueError } from '../errors.ts';
import { memory } from '../memory/linear-memory.ts';
import { checkOptions, flag, oneOf, optional } from '../options.ts';
import { TileProbe } from './matmul/tile-probe.ts';
import { fusedSupported, simdSupported } from './wasm/feature-probe.ts';
import { InstantLinker, type Linker } from './wasm/linker.ts';
import { TALL, type Tile, UNFUSED } from './wasm/tile.ts';

/** How kernels are done: `auto` is WebAssembly SIMD where it may run, else the plain-JavaScript reference. */
export type KernelSet = 'auto' | 'reference' | 'wasm';

/** Options of `useKernels`. */
export interface KernelOptions {
  /** No fused multiply-add, so that products and elementary functions have the same bits on every machine; slower. */
  readonly deterministic?: boolean;
}

/** The kernels in use. Another choice is another object. */
export interface Machine {
  /** Where generated functions are linked; null where the reference does everything. */
  readonly linker: Linker | null;
}

const REFERENCE: Machine = { linker: null };

let selected: Machine | null = null;
/** How it was chosen. */
let choice: () => Machine = () => probe({});

/** The kernels in use, probed once. */
export function machine(): Machine {
  selected ??= choice();
  return selected;
}

function probe({ deterministic = false }: KernelOptions): Machine {
  // Without SIMD, or under a policy that forbids compiling, the reference does everything, slower.
  if (memory.wasm === null || !simdSupported(memory.wasm)) return REFERENCE;
  return { linker: new InstantLinker(memory.wasm, deterministic || !fusedSupported(memory.wasm) ? UNFUSED : TALL) };
}

export const tiles: TileProbe = /* @__PURE__ */ new TileProbe();

/** The tile for a program that is lowered now: engines differ in which one is the fastest. */
export function tileNow({ linker }: Machine): Tile | null {
  return linker?.tile.fused ? tiles.best : (linker?.tile ?? null);
}

/** Looks for the fastest tile a little more; to be called before a long program runs. */
export function measureTiles({ linker }: Machine): void {
  if (memory.wasm !== null && linker?.tile.fused) tiles.measure(memory.wasm);
}

/**
 * Chooses the kernel set for all that follows; `auto` probes the machine again. With `deterministic`, no fused
 * multiply-add is used, and results have the same bits on every machine with SIMD.
 */
export function useKernels(set: KernelSet, options?: KernelOptions): void {
  oneOf('auto', 'reference', 'wasm')(set, { caller: 'useKernels', path: 'set' });
  const checked = checkOptions('useKernels', options, { deterministic: optional(flag(), false) });
  if (set === 'wasm' && memory.wasm === null) throw new ValueError('useKernels: WebAssembly is not available here');
  choice = () => (set === 'reference' ? REFERENCE : probe(checked));
  selected = choice();
}

/** Chooses the same kernels again, as other objects: they are generated anew. */
export function renewMachine(): void {
  selected = choice();
}
