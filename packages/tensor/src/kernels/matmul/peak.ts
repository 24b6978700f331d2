import { memory } from '../../memory/linear-memory.ts';
import { I32, ModuleBuilder } from '../wasm/assembler.ts';
import { fusedSupported } from '../wasm/feature-probe.ts';
import { SHORT, TALL, type Tile, UNFUSED } from '../wasm/tile.ts';
import { defineMicro, defineStoreTail, TILE_COLS } from './micro.ts';

/**
 * GFLOP/s of the bare micro-kernel on packed panels that stay in the first-level cache: the limit of every matrix product
 * on this machine. The best of many short runs and of the tiles.
 */
export function microKernelPeak(): number {
  const { wasm } = memory;
  if (wasm === null) throw new Error('microKernelPeak: WebAssembly is not available here');
  return Math.max(...(fusedSupported(wasm) ? [TALL, SHORT] : [UNFUSED]).map((tile) => tilePeak(tile, wasm)));
}

function tilePeak(tile: Tile, wasm: WebAssembly.Memory): number {
  const module = new ModuleBuilder();
  const micro = defineMicro(module, tile.rows, tile, defineStoreTail(module));
  // Repeats inside WebAssembly: the call from JavaScript is not part of the micro-kernel.
  module.define(
    [I32, I32, I32, I32, I32],
    [],
    (f) => {
      const [a, b, c, k, repeats] = [0, 1, 2, 3, 4];
      f.loop(() => {
        f.get(a)
          .get(b)
          .i32(4 * TILE_COLS)
          .get(c)
          .i32(4 * TILE_COLS)
          .get(k)
          .i32(0)
          .i32(TILE_COLS)
          .call(micro);
        f.get(repeats).i32(1).op('i32_sub').tee(repeats).brIf(0);
      });
    },
    'run',
  );
  const run = module.instantiate(wasm).run as (a: number, b: number, c: number, k: number, repeats: number) => void;
  const k = 256;
  const [a, b, c] = [
    memory.reserve(4 * k * tile.rows),
    memory.reserve(4 * k * TILE_COLS),
    memory.reserve(4 * tile.rows * TILE_COLS),
  ];
  let best = Infinity;
  for (let round = 0; round < 60; round++) {
    const started = performance.now();
    run(a, b, c, k, 500);
    best = Math.min(best, (performance.now() - started) / 500);
  }
  return (2 * tile.rows * TILE_COLS * k) / best / 1e6;
}
