import { formatShape, oneOf, optional, type Rng, ShapeError, type Tensor, tensor } from '@latent/tensor';
import { normalInit } from '../../init.ts';
import type { Context } from '../../module/context.ts';
import { Module } from '../../module/module.ts';
import { layerParameter } from '../../module/role.ts';
import { type LayerSpec, layers } from '../layer-spec.ts';

export interface PositionsOptions {
  /** Learned vectors, from N(0, 0.02²), or `sinusoid`s that are fixed (Vaswani et al. 2017); 'learned' by default. */
  readonly kind?: 'learned' | 'sinusoid';
}

/**
 * Adds to each step a vector that says where it is: x [rows, steps, width] + table [steps, width]. Learned, the table is the
 * parameter `weight`; as sinusoids, column 2i of step t is sin(t/10000^(2i/width)) and column 2i + 1 the cosine.
 */
export class Positions extends Module {
  /** [steps, width]. */
  readonly weight: Tensor;

  constructor(steps: number, width: number, options: PositionsOptions & { readonly rng: Rng }) {
    super();
    const { rng, kind = 'learned' } = options;
    this.weight =
      kind === 'learned'
        ? layerParameter('table', [steps, width], () => normalInit(0, 0.02)([steps, width], rng))
        : sinusoids(steps, width);
  }

  override get type(): string {
    return 'Positions';
  }

  forward(x: Tensor, _context: Context = {}): Tensor {
    const [most, width] = this.weight.shape as [number, number];
    const [, steps = 0, own] = x.shape;
    if (x.shape.length !== 3 || own !== width || steps > most) {
      throw new ShapeError(
        `positions: expected [rows, steps, ${width}] with up to ${most} steps, got ${formatShape(x.shape)}`,
      );
    }
    return x.add(steps === most ? this.weight : this.weight.slice([[0, steps]]));
  }
}

function sinusoids(steps: number, width: number): Tensor {
  const rows = Array.from({ length: steps }, (_, t) =>
    Array.from({ length: width }, (_, column) => {
      const angle = t / 10000 ** ((column - (column % 2)) / width);
      return column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }),
  );
  return tensor(rows).persisted(true);
}

const checks = { kind: /* @__PURE__ */ optional(oneOf('learned', 'sinusoid'), 'learned' as const) };

export const positionsLayer = /* @__PURE__ */ layers.part('positions', {
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
