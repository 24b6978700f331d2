import { flag, formatShape, oneOf, optional, type Shape, ShapeError, whole } from '@latent/tensor';
import type { Layer } from '../../module/module.ts';
import type { Part } from '../../registry/registry.ts';
import { rateCheck } from '../dropout.ts';
import type { BuildContext, LayerSpec } from '../layer-spec.ts';

/** What recurrent layers of a network are told. */
export interface RecurrentSpecOptions {
  /** Layers one on the other; 1 by default. */
  readonly layers?: number;
  /** Each layer also from a row's end to its start, the two outputs side by side; false by default. */
  readonly bidirectional?: boolean;
  /** Share of the outputs of each layer but the last that is dropped while training; 0 by default. */
  readonly dropout?: number;
  /** Put out every step, [steps, units]; by default the state after each row's last step, [units]. */
  readonly returnSequences?: boolean;
  /** For rows [features] that are the input of every step: how many steps. */
  readonly steps?: number | undefined;
  /**
   * First weights: `uniform` on ±1/√units, as in PyTorch (default), or `orthogonal` recurrent weights, Glorot's uniform ones for
   * the input and biases of 0, as in Keras.
   */
  readonly init?: 'uniform' | 'orthogonal';
}

export const unitsCheck = /* @__PURE__ */ whole({ min: 1 });

/** The checks of what all recurrent layers of a network are told. */
export const recurrentChecks = {
  layers: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 1),
  bidirectional: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
  dropout: /* @__PURE__ */ optional(rateCheck, 0),
  returnSequences: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
  steps: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 })),
  init: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('uniform', 'orthogonal'), 'uniform' as const),
};

/** What the specification of a recurrent layer needs of the layer itself. */
interface Kind {
  build(features: number, context: BuildContext): Layer;
  /** The same layer of other units and with other options. */
  again(units: number, changed: RecurrentSpecOptions): LayerSpec;
}

/** Shapes and ways back of recurrent layers. */
export function recurrentSpec(
  name: string,
  units: number,
  { bidirectional = false, returnSequences = false, steps }: RecurrentSpecOptions,
  { build, again }: Kind,
): Omit<LayerSpec, keyof Part> {
  const width = bidirectional ? 2 * units : units;
  const stepsOf = (input: Shape): number => {
    if (input.length === 2 && steps === undefined) return input[0] as number;
    if (input.length === 1 && steps !== undefined) return steps;
    const remedy =
      input.length === 1
        ? '; give steps for rows that are the input of every step'
        : steps !== undefined
          ? '; steps are for rows [features] that are the input of every step'
          : '';
    throw new ShapeError(`${name}: rows must be [steps, features], got ${formatShape(input)}${remedy}`);
  };
  /** A layer in one direction that makes every step of what this one made: of its code, or step by step. */
  const back = (of: number, input: Shape): LayerSpec[] =>
    input.length === 1
      ? []
      : [
          again(of, {
            bidirectional: false,
            returnSequences: true,
            ...(returnSequences ? {} : { steps: input[0] as number }),
          }),
        ];
  return {
    anySteps: true,
    outShape: (input) => (returnSequences ? [stepsOf(input), width] : stepsOf(input) >= 0 ? [width] : []),
    build: (input, context) => [build(input.at(-1) as number, context)],
    mirror: (input) => back(input.at(-1) as number, input),
    head: (input) => back(units, input),
  };
}
