import {
  broadcastTo,
  type Check,
  checkOptions,
  checkTensor,
  concat,
  formatShape,
  optional,
  ShapeError,
  type Tensor,
  ValueError,
  whole,
} from '@latent/tensor';
import type { Context } from '../../module/context.ts';
import { Module } from '../../module/module.ts';
import { type LayerSpec, layers } from '../layer-spec.ts';

/** Of `repeat` in a network. */
export interface RepeatOptions {
  /** Numbers beside the code that say where a step is: sines and cosines, an even number; none by default. */
  readonly positions?: number;
}

/**
 * A row as the input of every step: [rows, features] → [rows, steps, features + positions]. The positions of step t are
 * sin(πk(t + ½)/steps) and cos(πk(t + ½)/steps) for k = 1, 2, …: with them a recurrent decoder need not count steps, which it
 * takes long to learn.
 */
export class Repeat extends Module {
  readonly steps: number;
  readonly positions: number;
  /** Of all steps, end to end. */
  #table: readonly number[] | null = null;

  constructor(steps: number, options: RepeatOptions = {}) {
    super();
    this.steps = whole({ min: 1 })(steps, { caller: 'Repeat', path: 'steps' });
    this.positions = checkOptions('Repeat', options, { positions: positionsCheck }).positions;
  }

  override get type(): string {
    return 'Repeat';
  }

  forward(x: Tensor, context: Context = {}): Tensor {
    checkTensor(this.type, x);
    if (x.shape.length !== 2) throw new ShapeError(`repeat: expected [rows, features], got ${formatShape(x.shape)}`);
    const [rows, features] = x.shape as [number, number];
    const { steps = this.steps } = context;
    if (steps > this.steps) throw new ShapeError(`repeat: rows have up to ${this.steps} steps, got ${steps}`);
    const code = broadcastTo(x.reshape([rows, 1, features]), [rows, steps, features]);
    if (this.positions === 0) return code;
    this.#table ??= positionTable(this.steps, this.positions);
    const table = x.from(this.#table.slice(0, steps * this.positions), [steps, this.positions]);
    return concat([code, broadcastTo(table, [rows, steps, this.positions])], -1);
  }
}

/** Positions that the ways back of other layers give a step. */
export const POSITIONS = 8;

function positionTable(steps: number, positions: number): number[] {
  const table: number[] = [];
  for (let t = 0; t < steps; t++) {
    for (let k = 1; k <= positions / 2; k++) {
      const angle = (Math.PI * k * (t + 0.5)) / steps;
      table.push(Math.sin(angle), Math.cos(angle));
    }
  }
  return table;
}

const even = /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 }), 0);
const positionsCheck: Check<number> = (value, at) => {
  const positions = even(value, at);
  if (positions % 2 === 0) return positions;
  throw new ValueError(`${at.caller}: ${at.path} must be an even number, sines and cosines, got ${positions}`);
};

const checks = { steps: /* @__PURE__ */ whole({ min: 1 }), positions: positionsCheck };

export const repeatLayer = /* @__PURE__ */ layers.known('repeat', {
  options: checks,
  build: ({ steps, positions }) => ({
    anySteps: true,
    outShape(input) {
      if (input.length !== 1) throw new ShapeError(`repeat: rows must be [features], got ${formatShape(input)}`);
      return [steps, (input[0] as number) + positions];
    },
    build: () => [new Repeat(steps, { positions })],
    mirror: () => [],
  }),
});

/** A row as the input of every step, with sines and cosines that say where the step is: a recurrent decoder's first layer. */
export function repeat(steps: number, options: RepeatOptions = {}): LayerSpec {
  return repeatLayer.with({ steps }, options);
}
