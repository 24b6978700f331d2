import {
  checkOptions,
  checkTensor,
  flag,
  formatShape,
  linearRecurrence,
  optional,
  type Rng,
  ShapeError,
  sigmoid,
  type Tensor,
  where,
  whole,
} from '@latent/tensor';
import type { Advance, StepState } from '../../module/advance.ts';
import { type Context, withinLengths } from '../../module/context.ts';
import { Module } from '../../module/module.ts';
import { drawing } from '../../registry/generator.ts';
import { type LayerSpec, layers } from '../layer-spec.ts';
import { Linear } from '../linear.ts';
import { POSITIONS, repeat } from '../sequence/repeat.ts';
import { recurrentSpec, unitsCheck } from './recurrent-spec.ts';

/** Of a `MinGru`. */
export interface MinGruOptions {
  /** Draws first weights. */
  readonly rng: Rng;
  /** Put out every step, [rows, steps, units]; by default the state after each row's last step. */
  readonly returnSequences?: boolean;
}

/**
 * The minimal GRU (Feng et al. 2024): z = σ(W_z·x + b_z), h′ = (1 − z)⊙h + z⊙(W_h·x + b_h). Its gates look at the input alone, so all
 * products are taken before the steps, which are then a linear recurrence in each unit: several times as fast as a GRU, and
 * weaker step by step; stack it. For long series. The state of a run is h.
 */
export class MinGru extends Module {
  /** Of the gate z. */
  readonly update: Linear;
  /** Of the new value. */
  readonly candidate: Linear;
  readonly returnSequences: boolean;

  constructor(features: number, units: number, options: MinGruOptions) {
    super();
    for (const [path, size] of Object.entries({ features, units })) whole({ min: 1 })(size, { caller: 'MinGru', path });
    const { rng, returnSequences } = checkOptions('MinGru', options, {
      ...drawing,
      returnSequences: optional(flag(), false),
    });
    this.update = new Linear(features, units, { rng });
    this.candidate = new Linear(features, units, { rng });
    this.returnSequences = returnSequences;
  }

  override get type(): string {
    return 'MinGru';
  }

  /** x [rows, steps, features] → the last states [rows, units], or every step's. */
  forward(x: Tensor, context: Context = {}): Tensor {
    checkTensor(this.type, x);
    const { output, state } = this.run(x, context);
    return this.returnSequences ? output : state;
  }

  /** One step of rows that come step by step; see `advanced`. */
  advance(x: Tensor, before: StepState | null): Advance {
    const { output, state } = this.run(x, { state: before?.[0] as Tensor | undefined });
    return { output, state: [state] };
  }

  /** All steps from a state [rows, units] on, zeros by default. */
  run(
    x: Tensor,
    { state, lengths }: { readonly state?: Tensor | undefined; readonly lengths?: Tensor | undefined } = {},
  ): { readonly output: Tensor; readonly state: Tensor } {
    checkTensor(this.type, x);
    if (x.shape.length !== 3)
      throw new ShapeError(`minGru: expected [rows, steps, features], got ${formatShape(x.shape)}`);
    const [rows, steps] = x.shape as [number, number, number];
    const units = this.update.outFeatures;
    const k = this.update.forward(x);
    const going = lengths === undefined ? null : withinLengths(lengths, steps).reshape([rows, steps, 1]);
    // Past a row's end: h′ = 1·h + 0.
    const keep = going === null ? sigmoid(k.neg()) : where(going, sigmoid(k.neg()), 1);
    const all = sigmoid(k).mul(this.candidate.forward(x));
    const added = going === null ? all : where(going, all, 0);
    const h = linearRecurrence(keep, added, state === undefined ? {} : { initial: state });
    const last =
      steps === 0 ? (state ?? x.full([rows, units], 0)) : h.slice([null, [steps - 1, steps]]).reshape([rows, units]);
    return { output: going === null ? h : where(going, h, 0), state: last };
  }
}

const checks = { units: unitsCheck, returnSequences: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false) };

export const minGruLayer = /* @__PURE__ */ layers.known('minGru', {
  options: checks,
  build: ({ units, returnSequences }) => ({
    ...recurrentSpec(
      'minGru',
      units,
      { returnSequences },
      {
        build: (features, { weights }) => new MinGru(features, units, { rng: weights, returnSequences }),
        again: (other) => minGru(other, { returnSequences: true }),
      },
    ),
    // Its gates see nothing of the state, so a code that is the same at every step would fade, not unfold.
    ...(returnSequences
      ? {}
      : { mirror: (input) => unfolded(input), head: (input) => unfolded([input[0] as number, units]) }),
  }),
});

/** Every step made of one code and of where the step is. */
function unfolded(input: readonly number[]): readonly LayerSpec[] {
  return [
    repeat(input[0] as number, { positions: POSITIONS }),
    minGru(input.at(-1) as number, { returnSequences: true }),
  ];
}

/** A minGRU layer of a network; what goes in and comes out is as of `lstm`. */
export function minGru(units: number, options: { readonly returnSequences?: boolean } = {}): LayerSpec {
  return minGruLayer.with({ units }, options);
}
