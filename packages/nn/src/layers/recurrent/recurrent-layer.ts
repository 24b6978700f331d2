import {
  checkTensor,
  concat,
  formatShape,
  type RecurrentCell,
  type RecurrentOptions,
  type Rng,
  recurrent,
  type Shape,
  ShapeError,
  stack,
  type Tensor,
  whole,
  zeros,
} from '@latent/tensor';
import { type Initializer, orthogonal, uniformInit, xavierUniform } from '../../init.ts';
import type { Advance, StepState } from '../../module/advance.ts';
import type { Context } from '../../module/context.ts';
import { Module } from '../../module/module.ts';
import { layerParameter } from '../../module/role.ts';
import { Dropout } from '../dropout.ts';

/** What recurrent layers have in common. */
export interface RecurrentLayerOptions {
  /** Draws first weights. */
  readonly rng: Rng;
  /** Draws what is dropped between layers; a child of `rng` by default. */
  readonly noise?: Rng;
  /** Layers one on the other; 1 by default. */
  readonly layers?: number;
  /** Each layer also from a row's end to its start, the two outputs side by side; false by default. */
  readonly bidirectional?: boolean;
  /** Share of the outputs of each layer but the last that is dropped while training; 0 by default. */
  readonly dropout?: number;
  /** Put out every step, [rows, steps, …]; by default the state after each row's last step. */
  readonly returnSequences?: boolean;
  /** For rows that are the same input at every step: how many steps. */
  readonly steps?: number | undefined;
  /**
   * First weights: `uniform` on ±1/√units, as in PyTorch (default), or `orthogonal` recurrent weights, Glorot's uniform ones for
   * the input and biases of 0, as in Keras.
   */
  readonly init?: 'uniform' | 'orthogonal';
}

/** The state of a recurrent layer between two runs: each of its tensors is [layers·directions, rows, units]. */
export type RecurrentState = readonly Tensor[];

/** What a run of a recurrent layer gives. */
export interface RecurrentRun {
  /** [rows, steps, directions·units]. */
  readonly output: Tensor;
  readonly state: RecurrentState;
}

/** How a run of a recurrent layer begins, and how far each row goes. */
export interface RunOptions {
  /** Where another run ended; zeros by default. */
  readonly state?: RecurrentState | undefined;
  /** Steps of each row [rows]; all by default. */
  readonly lengths?: Tensor | undefined;
  /** For an input that is the same at every step, [rows, features]. */
  readonly steps?: number | undefined;
}

/** The weights of one direction of one layer. */
interface Direction {
  readonly weightIh: Tensor;
  readonly weightHh: Tensor;
  readonly biasIh: Tensor;
  readonly biasHh: Tensor;
}

/**
 * Recurrent layers, stacked and in both directions, with PyTorch's equations, names and layouts: `weight_ih_l0` [gates·units,
 * in], `weight_hh_l0` [gates·units, units], `bias_ih_l0`, `bias_hh_l0`, and the same with `_reverse`.
 */
export abstract class RecurrentLayer extends Module {
  readonly features: number;
  readonly units: number;
  readonly bidirectional: boolean;
  readonly returnSequences: boolean;
  readonly steps: number | null;
  readonly cell: RecurrentCell;
  /** Between two layers; null where nothing is dropped. */
  readonly dropout: Dropout | null;
  readonly #layers: readonly (readonly Direction[])[];
  readonly #states: number;

  constructor(
    caller: string,
    cell: RecurrentCell,
    gates: number,
    features: number,
    units: number,
    options: RecurrentLayerOptions,
    forgetBias = 0,
  ) {
    super();
    const size = whole({ min: 1 });
    this.cell = cell;
    this.features = size(features, { caller, path: 'features' });
    this.units = size(units, { caller, path: 'units' });
    const { rng, layers = 1, bidirectional = false, dropout = 0, returnSequences = false, steps, init } = options;
    size(layers, { caller, path: 'layers' });
    this.bidirectional = bidirectional;
    this.returnSequences = returnSequences;
    this.steps = steps ?? null;
    this.#states = cell === 'lstm' ? 2 : 1;
    this.dropout =
      layers > 1 && dropout > 0 ? new Dropout(dropout, { rng: options.noise ?? (rng.split(1) as [Rng])[0] }) : null;
    const all: Direction[][] = [];
    for (let layer = 0; layer < layers; layer++) {
      const width = layer === 0 ? features : units * this.directions;
      const directions = Array.from({ length: this.directions }, (_, d) => {
        const made = makeDirection(gates, width, units, rng, init ?? 'uniform', forgetBias);
        const suffix = `l${layer}${d === 1 ? '_reverse' : ''}`;
        // As fields, by the names that PyTorch gives them.
        Object.assign(this, {
          [`weight_ih_${suffix}`]: made.weightIh,
          [`weight_hh_${suffix}`]: made.weightHh,
          [`bias_ih_${suffix}`]: made.biasIh,
          [`bias_hh_${suffix}`]: made.biasHh,
        });
        return made;
      });
      all.push(directions);
    }
    this.#layers = all;
  }

  get directions(): 1 | 2 {
    return this.bidirectional ? 2 : 1;
  }

  get layers(): number {
    return this.#layers.length;
  }

  /** x [rows, steps, features] → the last states [rows, directions·units], or every step's. */
  forward(x: Tensor, context: Context = {}): Tensor {
    checkTensor(this.type, x);
    const steady = x.shape.length === 2;
    const steps = steady ? (context.steps ?? this.steps ?? undefined) : undefined;
    const { output, last } = this.#run(x, { lengths: context.lengths, steps });
    return this.returnSequences ? output : last;
  }

  /**
   * All steps from a state on: x [rows, steps, features] → every step's output, and the states after each row's last step, where
   * another run may go on. For training over parts of long series, pass the state on with `stopGradient`.
   */
  run(x: Tensor, options: RunOptions = {}): RecurrentRun {
    checkTensor(this.type, x);
    const { output, states } = this.#run(x, options);
    return {
      output,
      state: Array.from({ length: this.#states }, (_, j) => stack(states.map((of) => of[j] as Tensor))),
    };
  }

  /** One step of rows that come step by step; see `advanced`. */
  advance(x: Tensor, state: StepState | null): Advance {
    return this.run(x, state === null ? {} : { state: state as RecurrentState });
  }

  #run(
    x: Tensor,
    { state, lengths, steps }: RunOptions,
  ): { readonly output: Tensor; readonly last: Tensor; readonly states: readonly (readonly Tensor[])[] } {
    this.#check(x, state, steps);
    const states: (readonly Tensor[])[] = [];
    let value = x;
    let given = steps;
    for (const [l, directions] of this.#layers.entries()) {
      if (l > 0 && this.dropout !== null) value = this.dropout.forward(value);
      const input = value;
      const runs = directions.map((weights, d) => {
        const index = l * this.directions + d;
        const first = state?.map((all) => all.slice([[index, index + 1]]).reshape([x.shape[0] as number, this.units]));
        return this.step(input, weights, {
          reverse: d === 1,
          ...(first !== undefined && { state: first }),
          ...(lengths !== undefined && { lengths }),
          ...(given !== undefined && { steps: given }),
        });
      });
      states.push(...runs.map((run) => run.state));
      value = sideBySide(runs.map((run) => run.output));
      given = undefined;
    }
    const last = sideBySide(states.slice(-this.directions).map((of) => of[0] as Tensor));
    return { output: value, last, states };
  }

  /** One direction of one layer over all steps. */
  protected step(
    x: Tensor,
    weights: Direction,
    options: RecurrentOptions,
  ): { readonly output: Tensor; readonly state: readonly Tensor[] } {
    return recurrent(this.cell, x, weights, options);
  }

  #check(x: Tensor, state: RecurrentState | undefined, steps: number | undefined): void {
    const { shape } = x;
    if (shape.length !== (steps === undefined ? 3 : 2) || shape.at(-1) !== this.features) {
      const expected =
        steps === undefined
          ? `[rows, steps, ${this.features}]`
          : `[rows, ${this.features}] for the same input at every step`;
      throw new ShapeError(`${this.cell}: expected ${expected}, got ${formatShape(shape)}`);
    }
    if (state === undefined) return;
    const whole: Shape = [this.layers * this.directions, shape[0] as number, this.units];
    if (state.length !== this.#states || state.some((of) => String(of.shape) !== String(whole))) {
      throw new ShapeError(
        `${this.cell}: the state must be ${this.#states} × ${formatShape(whole)}, got ${state.map((of) => formatShape(of.shape)).join(', ')}`,
      );
    }
  }
}

export type { Direction as RecurrentDirection };

function sideBySide(parts: readonly Tensor[]): Tensor {
  return parts.length === 1 ? (parts[0] as Tensor) : concat(parts, -1);
}

/** First weights of one direction. The forget gate of an LSTM is its second; what it starts at goes into the first bias. */
function makeDirection(
  gates: number,
  features: number,
  units: number,
  rng: Rng,
  init: 'uniform' | 'orthogonal',
  forgetBias: number,
): Direction {
  const limit = 1 / Math.sqrt(units);
  const uniform = uniformInit(-limit, limit);
  const [ofInput, ofState, ofBias]: Initializer[] =
    init === 'uniform' ? [uniform, uniform, uniform] : [xavierUniform(), orthogonal(), (shape) => zeros(shape)];
  const parameter = (role: 'weight' | 'bias', shape: Shape, make: Initializer, forget = 0): Tensor =>
    layerParameter(role, shape, () => {
      const first = make(shape, rng);
      if (forget === 0) return first;
      const values = first.data;
      for (let u = units; u < 2 * units; u++) values[u] = (values[u] as number) + forget;
      return values;
    });
  return {
    weightIh: parameter('weight', [gates * units, features], ofInput as Initializer),
    weightHh: parameter('weight', [gates * units, units], ofState as Initializer),
    biasIh: parameter('bias', [gates * units], ofBias as Initializer, forgetBias),
    biasHh: parameter('bias', [gates * units], ofBias as Initializer),
  };
}
