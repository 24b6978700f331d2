import { checkTensor, formatShape, oneOf, optional, type Rng, ShapeError, type Tensor, whole } from '@latent/tensor';
import { normalInit } from '../../init.ts';
import type { Context } from '../../module/context.ts';
import { Module } from '../../module/module.ts';
import { layerParameter } from '../../module/role.ts';
import { type LayerSpec, layers } from '../layer-spec.ts';

/** Of `positions` in a network. */
export interface PositionsOptions {
  /** Learned vectors, from N(0, 0.02²), or `sinusoid`s that are fixed (Vaswani et al. 2017); 'learned' by default. */
  readonly kind?: 'learned' | 'sinusoid';
}

/**
 * Adds to each step a vector that says where it is: x [rows, steps, width] + table [steps, width]. Learned, the table is the
 * parameter `weight`; as sinusoids, column 2i of step t is sin(t/10000^(2i/width)) and column 2i + 1 the cosine.
 */
export class Positions extends Module {
  readonly steps: number;
  readonly width: number;
  /** [steps, width]; null where they are sinusoids. */
  readonly weight: Tensor | null;
  /** Of all steps, end to end. */
  #sinusoids: readonly number[] | null = null;

  constructor(steps: number, width: number, options: PositionsOptions & { readonly rng: Rng }) {
    super();
    const { rng, kind = 'learned' } = options;
    this.steps = whole({ min: 1 })(steps, { caller: 'Positions', path: 'steps' });
    this.width = whole({ min: 1 })(width, { caller: 'Positions', path: 'width' });
    this.weight =
      kind === 'learned'
        ? layerParameter('table', [steps, width], () => normalInit(0, 0.02)([steps, width], rng))
        : null;
  }

  override get type(): string {
    return 'Positions';
  }

  forward(x: Tensor, _context: Context = {}): Tensor {
    checkTensor(this.type, x);
    const [, steps = 0, own] = x.shape;
    if (x.shape.length !== 3 || own !== this.width || steps > this.steps) {
      throw new ShapeError(
        `positions: expected [rows, steps, ${this.width}] with up to ${this.steps} steps, got ${formatShape(x.shape)}`,
      );
    }
    if (this.weight !== null) return x.add(this.weight.slice([[0, steps]]));
    this.#sinusoids ??= sinusoids(this.steps, this.width);
    return x.add(x.from(this.#sinusoids.slice(0, steps * this.width), [steps, this.width]));
  }
}

function sinusoids(steps: number, width: number): number[] {
  const table: number[] = [];
  for (let t = 0; t < steps; t++) {
    for (let column = 0; column < width; column++) {
      const angle = t / 10000 ** ((column - (column % 2)) / width);
      table.push(column % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
    }
  }
  return table;
}

const checks = { kind: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('learned', 'sinusoid'), 'learned' as const) };

export const positionsLayer = /* @__PURE__ */ layers.known('positions', {
  options: checks,
  build: ({ kind }) => ({
    anySteps: true,
    outShape(input) {
      if (input.length !== 2) throw new ShapeError(`positions: rows must be [steps, width], got ${formatShape(input)}`);
      return input;
    },
    build: (input, { weights }) => [new Positions(input[0] as number, input[1] as number, { kind, rng: weights })],
    // Where a step is, layers of the way back are told by themselves.
    mirror: () => [],
  }),
});

/** Says to layers that do not see the order of steps, such as `transformer`, where each step is. */
export function positions(options: PositionsOptions = {}): LayerSpec {
  return positionsLayer.make(options);
}
