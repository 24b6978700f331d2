import { flag, optional, sizeOf, whole } from '@latent/tensor';
import type { Layer } from '../module/module.ts';
import { Activation, type ActivationName, activationCheck } from './activation.ts';
import { Dropout, rateCheck } from './dropout.ts';
import { LayerNorm } from './layer-norm.ts';
import { type LayerSpec, layers } from './layer-spec.ts';
import { Linear } from './linear.ts';
import { Reshape, reshape } from './shape.ts';

/** Of `dense` in a network. */
export interface DenseOptions {
  /** After the layer; the model's by default. */
  readonly activation?: ActivationName;
  /** Add a bias; true by default. */
  readonly bias?: boolean;
  /** Normalise before the activation; false by default. */
  readonly layerNorm?: boolean;
  /** Share of the outputs that is dropped while training; 0 by default. */
  readonly dropout?: number;
  /**
   * At every step (pixel, position) by itself, along the last axis: [steps, features] → [steps, units]. By default all numbers
   * of a row go in together: [steps, features] → [units].
   */
  readonly perStep?: boolean;
}

const checks = {
  units: /* @__PURE__ */ whole({ min: 1 }),
  activation: /* @__PURE__ */ optional(activationCheck),
  bias: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), true),
  layerNorm: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
  dropout: /* @__PURE__ */ optional(rateCheck, 0),
  perStep: /* @__PURE__ */ optional(/* @__PURE__ */ flag()),
};

export const denseLayer = /* @__PURE__ */ layers.known('dense', {
  options: checks,
  build: ({ units, activation, bias, layerNorm, dropout, perStep = false }) => ({
    anySteps: perStep,
    outShape: (input) => (perStep ? [...input.slice(0, -1), units] : [units]),
    build: (input, context): Layer[] => [
      ...(input.length > 1 && !perStep ? [new Reshape([sizeOf(input)])] : []),
      new Linear(perStep ? (input.at(-1) as number) : sizeOf(input), units, { rng: context.weights, bias }),
      ...(layerNorm ? [new LayerNorm(units)] : []),
      new Activation(activation ?? context.activation),
      ...(dropout > 0 ? [new Dropout(dropout, { rng: context.noise })] : []),
    ],
    mirror: (input) => {
      const options = { ...(activation && { activation }), bias, layerNorm, dropout };
      if (perStep) return [dense(input.at(-1) as number, { ...options, perStep })];
      return [dense(sizeOf(input), options), ...(input.length > 1 ? [reshape(input)] : [])];
    },
  }),
});

/**
 * A dense layer of a network, from whole rows (of any shape) to `units` numbers, or with `perStep` from the numbers of each
 * step: x·Wᵀ + b, then normalisation, activation and dropout. In a list of layers the number alone is short for it.
 */
export function dense(units: number, options: DenseOptions = {}): LayerSpec {
  return denseLayer.with({ units }, options);
}
