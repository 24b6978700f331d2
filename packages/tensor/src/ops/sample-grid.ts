// Grids of numbers that expectations of windows are computed on; see samples.ts. Only tests import this.
import type { Shape } from '../shape.ts';
import { sizeOf, stridesOf } from '../shape.ts';
import type { Plain } from './sample.ts';

export type Index = readonly number[];

/** A tensor of zeros with its index arithmetic. */
export class Grid implements Plain {
  readonly data: number[];
  readonly shape: Shape;
  readonly #strides: readonly number[];

  constructor(shape: Shape, data?: ArrayLike<number>) {
    this.shape = shape;
    this.data = data === undefined ? new Array<number>(sizeOf(shape)).fill(0) : Array.from(data);
    this.#strides = stridesOf(shape);
  }
  #at(index: Index): number {
    return index.reduce((sum, n, d) => sum + n * this.#strides[d]!, 0);
  }
  has(index: Index): boolean {
    return index.every((n, d) => n >= 0 && n < this.shape[d]!);
  }
  get(index: Index): number {
    return this.has(index) ? this.data[this.#at(index)]! : 0;
  }
  add(index: Index, value: number): void {
    if (this.has(index)) this.data[this.#at(index)] = this.data[this.#at(index)]! + value;
  }
}

/** Every index below a shape. */
export function* indices(shape: Shape): Generator<Index> {
  const strides = stridesOf(shape);
  for (let at = 0; at < sizeOf(shape); at++) yield strides.map((stride, d) => Math.floor(at / stride) % shape[d]!);
}

/** With an axis of height 1 put in or taken out, for sizes along one axis. */
export function lifted({ data, shape }: Plain): Plain {
  return { data, shape: [...shape.slice(0, -2), 1, ...shape.slice(-2)] };
}
