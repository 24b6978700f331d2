/** How products hold a tile of the result in registers. No choice of it changes a bit of a result. */
export interface Tile {
  /** Multiply and add in one instruction (relaxed SIMD); else two, which give the same bits on every machine. */
  readonly fused: boolean;
  readonly rows: number;
  /** Products per turn of the inner loop. */
  readonly unroll: number;
}

/**
 * In two instructions a product needs a register of its own, and engines load all operands of a loop body before they
 * compute, so 4×8 is the most that does not spill; unrolling makes it spill, too.
 */
export const UNFUSED: Tile = { fused: false, rows: 4, unroll: 1 };
/**
 * 6×8: twelve sums, two columns of B and one value of A fill fifteen registers of sixteen. Some engines spill that, and
 * lose half of the speed (V8 12.4: 27 GFLOP/s of 55); for those there is 4×8.
 */
export const TALL: Tile = { fused: true, rows: 6, unroll: 2 };
export const SHORT: Tile = { fused: true, rows: 4, unroll: 1 };
