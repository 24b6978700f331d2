import { everyStep, type MapProgram, mapInto, type Tensor, UsageError, ValueError, zeros } from '@latent/tensor';
import type { Schedule } from '../schedule/schedule.ts';

/** A learning rate, fixed or by schedule. */
export type Rate = number | Schedule;

/** An optimizer as a value: what it is, before it knows the parameters. */
export interface OptimizerSpec {
  readonly name: string;
  create(parameters: readonly Tensor[]): Optimizer;
  /** Plain data that says which optimizer it is. */
  config(): { readonly name: string; readonly options: Readonly<Record<string, unknown>> };
}

/** The update rule of an optimizer as one kernel per parameter. */
export interface UpdateRule {
  readonly name: string;
  /** Kept numbers per parameter element (momentum, second moment …), all 0 at first. */
  readonly slots: number;
  /** Outputs: parameter, slots…; inputs: parameter, slots…, gradient, scalars…. Runs in place. */
  readonly program: MapProgram;
  /** The scalars of step t (1, 2, …) at a learning rate, written to memory before the kernel reads them. */
  scalars(t: number, learningRate: number): readonly number[];
}

/** A rule with its options, as an optimizer to be. */
export function defineOptimizer(
  rule: UpdateRule & { readonly learningRate: Rate; readonly options: Readonly<Record<string, unknown>> },
): OptimizerSpec {
  const { name, learningRate, options } = rule;
  if (typeof learningRate === 'number') checkRange(name, 'learningRate', learningRate, 0);
  const rate = typeof learningRate === 'number' ? learningRate : { schedule: learningRate.config() };
  return {
    name,
    create: (parameters) => new Optimizer(rule, parameters, learningRate),
    config: () => ({ name, options: { ...options, learningRate: rate } }),
  };
}

/** Everything an optimizer knows besides the parameters, for a checkpoint. */
export interface OptimizerState {
  readonly t: number;
  readonly epoch: number;
  readonly learningRate: number;
  /** For each parameter its slots, copied. */
  readonly slots: readonly (readonly Tensor[])[];
}

/**
 * Updates parameters in place from their gradients, one fused kernel per parameter: it reads parameter, slots, gradient
 * and scalars, and writes parameter and slots. Parameters without a gradient are left alone.
 */
export class Optimizer {
  readonly name: string;
  /** May be changed between steps; a schedule sets it at each. */
  learningRate: number;
  /** The epoch under way, from 0, for schedules by epoch. */
  epoch = 0;
  readonly schedule: Schedule | null;
  readonly #parameters: readonly Tensor[];
  readonly #rule: UpdateRule;
  readonly #slots: readonly (readonly Tensor[])[];
  readonly #scalars: readonly Tensor[];
  #t = 0;

  constructor(rule: UpdateRule, parameters: readonly Tensor[], rate: Rate) {
    if (parameters.length === 0) throw new UsageError(`${rule.name}: needs at least one parameter, got none`);
    for (const p of parameters) {
      if (!p.node?.isParameter) throw new UsageError(`${rule.name}: expected tensors made with parameter(...)`);
    }
    this.name = rule.name;
    this.schedule = typeof rate === 'number' ? null : rate;
    this.learningRate = typeof rate === 'number' ? rate : rate.at(0);
    this.#rule = rule;
    this.#parameters = parameters;
    this.#slots = parameters.map((p) =>
      Array.from({ length: rule.slots }, () => zeros(p.shape, { dtype: p.dtype }).persisted(true)),
    );
    const { dtype } = parameters[0];
    const scalars = rule.scalars(1, this.learningRate).length;
    this.#scalars = Array.from({ length: scalars }, () => zeros([1], { dtype }).persisted(true));
  }

  /** One update from the gradients that `backward` left. */
  step(): void {
    everyStep(this.#advance);
    let updated = 0;
    for (const [i, p] of this.#parameters.entries()) {
      const { grad } = p;
      if (grad === null) continue;
      mapInto(this.#rule.program, [p, ...this.#slots[i]], [grad, ...this.#scalars]);
      updated++;
    }
    if (updated === 0)
      throw new UsageError(`${this.name}.step: no parameter has a gradient; call loss.backward() first`);
  }

  /** The numbers of the next step, where its kernels read them. */
  readonly #advance = (): void => {
    const { schedule } = this;
    if (schedule !== null) this.learningRate = schedule.at(schedule.by === 'step' ? this.#t : this.epoch);
    this.#t++;
    const values = this.#rule.scalars(this.#t, this.learningRate);
    for (let i = 0; i < values.length; i++) this.#scalars[i].storage.setFirst(this.#scalars[i].dtype, values[i]);
  };

  /** Forgets the gradients, so that the next `backward` starts from zero. */
  zeroGrad(): void {
    for (const p of this.#parameters) if (p.node !== null) p.node.grad = null;
  }

  state(): OptimizerState {
    return {
      t: this.#t,
      epoch: this.epoch,
      learningRate: this.learningRate,
      slots: this.#slots.map((slots) => slots.map((slot) => slot.clone())),
    };
  }

  loadState(state: OptimizerState): void {
    if (state.slots.length !== this.#slots.length) {
      throw new ValueError(
        `${this.name}.loadState: expected ${this.#slots.length} parameters, got ${state.slots.length}`,
      );
    }
    this.#slots.forEach((slots, i) => {
      slots.forEach((slot, j) => {
        slot.assign(state.slots[i][j]);
      });
    });
    this.#t = state.t;
    this.epoch = state.epoch;
    this.learningRate = state.learningRate;
  }
}

/** Throws unless lower ≤ value < upper. */
export function checkRange(name: string, option: string, value: number, lower: number, upper = Infinity): void {
  if (!(value >= lower && value < upper)) {
    throw new ValueError(
      `${name}: ${option} must be at least ${lower}${upper === Infinity ? '' : ` and below ${upper}`}, got ${value}`,
    );
  }
}
