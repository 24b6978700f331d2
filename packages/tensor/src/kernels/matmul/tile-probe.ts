import { memory } from '../../memory/linear-memory.ts';
import { roomFor } from '../../memory/storage.ts';
import { I32, ModuleBuilder } from '../wasm/assembler.ts';
import { SHORT, TALL, type Tile } from '../wasm/tile.ts';
import { defineMicro, defineStoreTail, TILE_COLS } from './micro.ts';

/** The short tile must be so much faster to be worth lowering programs anew; where the tall one spills it is by 1.25 and more. */
const WORTH = 1.1;
const APART_MS = 5;
/**
 * Engines compile in a hurry at first, and well in the background, where a busy machine lets them wait. Code has become
 * well compiled once it is so much faster than in the first slices; then so many more slices are enough. Where an engine
 * does not work that way, there are more of them.
 */
const BETTER = 1.2;
const FIRST_SLICES = 3;
const LAST_SLICES = 20;
const MOST_SLICES = 400;
/** Calls of a micro-kernel in a slice: 20 µs for both tiles. */
const CALLS = 16;
const K = 256;
const BYTES = 4 * (K * (TALL.rows + TILE_COLS) + TALL.rows * TILE_COLS);

/** Runs a micro-kernel so many times on the numbers at `room`. */
type Run = (room: number, calls: number) => void;

/** Which fused tile is the best on this engine: they are measured for some microseconds now and then while programs run. */
export class TileProbe {
  /** As far as is known. */
  best: Tile = TALL;
  readonly #now: () => number;
  #runs: readonly Run[] | null = null;
  /** The shortest of the first slices, and of all, for a row of either tile. */
  readonly #first = [Infinity, Infinity];
  readonly #times = [Infinity, Infinity];
  #slices = 0;
  #left = MOST_SLICES;
  #last = -Infinity;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Measures a little, if enough time has gone by since. */
  measure(wasm: WebAssembly.Memory): void {
    if (this.#left === 0) return;
    if (this.#now() - this.#last < APART_MS) return;
    this.#runs ??= [TALL, SHORT].map((tile) => runOf(tile, wasm));
    const room = roomFor(BYTES);
    memory.f32.fill(1, room / 4, (room + BYTES) / 4);
    for (const [i, tile] of [TALL, SHORT].entries()) {
      const run = this.#runs[i] as Run;
      run(room, 1);
      const started = this.#now();
      run(room, CALLS);
      const time = (this.#now() - started) / tile.rows;
      this.#times[i] = Math.min(this.#times[i] as number, time);
      if (this.#slices < FIRST_SLICES) this.#first[i] = this.#times[i] as number;
    }
    this.#last = this.#now();
    this.#slices++;
    this.#left--;
    const wellCompiled = this.#times.every((time, i) => BETTER * time < (this.#first[i] as number));
    if (this.#left > LAST_SLICES && wellCompiled) this.#left = LAST_SLICES;
    if (this.#left > 0) return;
    const [tall, short] = this.#times as [number, number];
    if (tall > WORTH * short) this.best = SHORT;
    this.#runs = null;
  }
}

function runOf(tile: Tile, wasm: WebAssembly.Memory): Run {
  const module = new ModuleBuilder();
  const micro = defineMicro(module, tile.rows, tile, defineStoreTail(module));
  module.define(
    [I32, I32],
    [],
    (f) => {
      const [room, calls] = [0, 1];
      f.loop(() => {
        f.get(room);
        f.get(room)
          .i32(4 * K * TALL.rows)
          .op('i32_add');
        f.i32(4 * TILE_COLS);
        f.get(room)
          .i32(4 * K * (TALL.rows + TILE_COLS))
          .op('i32_add');
        f.i32(4 * TILE_COLS)
          .i32(K)
          .i32(0)
          .i32(TILE_COLS)
          .call(micro);
        f.get(calls).i32(1).op('i32_sub').tee(calls).brIf(0);
      });
    },
    'run',
  );
  return module.instantiate(wasm).run as Run;
}
