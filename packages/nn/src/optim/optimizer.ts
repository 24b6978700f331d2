import {
  type Check,
  type Checked,
  type Checks,
  checkOptions,
  checkTensor,
  everyStep,
  list,
  type MapProgram,
  madeLater,
  mapInto,
  persistentZeros,
  real,
  type Tensor,
  tensor,
  UsageError,
  ValueError,
  whole,
} from '@latent/tensor';
import { worthSlices } from '../module/turn.ts';
import { Kind, type Part, partOf } from '../registry/registry.ts';
import { type Schedule, schedules } from '../schedule/schedule.ts';

/** A learning rate, fixed or by schedule. */
export type Rate = number | Schedule;

/** A check for a learning rate. */
export const rateCheck: Check<Rate> = (value, at) =>
  typeof value === 'object' && value !== null
    ? partOf(schedules, 'cosineSchedule({ … })')(value, at)
    : real({ min: 0 })(value, at);

/** An optimizer as a value: what it is, before it knows the parameters. */
export interface OptimizerSpec extends Part {
  create(parameters: readonly Tensor[]): Optimizer;
}

/** The optimizers that runs, and their checkpoints, may have. */
export const optimizers: Kind<OptimizerSpec> = /* @__PURE__ */ new Kind<OptimizerSpec>(
  'optimizer',
  (part) => `{ ${part} } from '@latent/nn'`,
);

/** The update rule of an optimizer as one kernel per parameter. */
export interface UpdateRule {
  /** Kept numbers per parameter element (momentum, second moment …), all 0 at first. */
  readonly slots: number;
  /** Outputs: parameter, slots…; inputs: parameter, slots…, gradient, scalars…. Runs in place. */
  readonly program: MapProgram;
  /** The scalars of step t (1, 2, …) at a learning rate, read from memory by the kernel. */
  scalars(t: number, learningRate: number): readonly number[];
}

/** An optimizer by its update rule, known to files by its name; `options` are the checks of those beside the learning rate. */
export function optimizerPart<S extends Checks>(
  name: string,
  options: S,
  learningRate: Check<Rate>,
  rule: (options: Checked<S>) => UpdateRule,
) {
  return optimizers.known(name, {
    options: { learningRate, ...options },
    build(checked) {
      const update = rule(checked as never);
      const rate = (checked as { readonly learningRate: Rate }).learningRate;
      return { create: (parameters) => new Optimizer(name, update, parameters, rate) };
    },
  });
}

/**
 * An optimizer of your own, known to files of runs by its name: gives back the function that makes it.
 *
 * ```ts
 * const signSgd = defineOptimizer('signSgd', {}, rateCheck, () => ({
 *   slots: 0,
 *   program: mapProgram('signSgd', 3, (p, g, lr) => p.sub(lr.mul(g.sign()))),
 *   scalars: (_t, learningRate) => [learningRate],
 * }));
 * ```
 */
export function defineOptimizer<S extends Checks>(
  name: string,
  options: S,
  learningRate: Check<Rate>,
  rule: (options: Checked<S>) => UpdateRule,
): (options?: unknown) => OptimizerSpec {
  const part = optimizerPart(name, options, learningRate, rule);
  return (given) => part.make(given);
}

/** Everything an optimizer knows besides the parameters, for a checkpoint. */
export interface OptimizerState {
  readonly t: number;
  readonly epoch: number;
  readonly learningRate: number;
  /** For each parameter its slots, copied. */
  readonly slots: readonly (readonly Tensor[])[];
}

const stateChecks = {
  t: /* @__PURE__ */ whole({ min: 0 }),
  epoch: /* @__PURE__ */ whole({ min: 0 }),
  learningRate: /* @__PURE__ */ real({ min: 0 }),
  slots: /* @__PURE__ */ list(
    /* @__PURE__ */ list((value, at) => checkTensor(`${at.caller}: ${at.path}`, value as Tensor)),
  ),
};

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
  /** What sets the learning rate. One with a memory is this optimizer's own: tell it losses here. */
  readonly schedule: Schedule | null;
  readonly #parameters: readonly Tensor[];
  readonly #rule: UpdateRule;
  readonly #slots: readonly (readonly Tensor[])[];
  /** The scalars, for each dtype among the parameters. */
  readonly #scalars: ReadonlyMap<string, readonly Tensor[]>;
  /** Of each parameter, itself and its slots; then the gradient, which differs from step to step, and the scalars. */
  readonly #targets: readonly (readonly Tensor[])[];
  #t = 0;

  constructor(name: string, rule: UpdateRule, parameters: readonly Tensor[], rate: Rate) {
    if (parameters.length === 0) throw new UsageError(`${name}: needs at least one parameter, got none`);
    for (const p of parameters) {
      if (!p.node?.isParameter) throw new UsageError(`${name}: expected tensors made with parameter(...)`);
    }
    if (new Set(parameters).size !== parameters.length) {
      throw new UsageError(`${name}: a parameter is given twice, and would be updated twice a step`);
    }
    this.name = name;
    this.schedule = typeof rate === 'number' ? null : (rate.fresh?.() ?? rate);
    this.learningRate = this.schedule?.at(0) ?? (rate as number);
    this.#rule = rule;
    this.#parameters = parameters;
    this.#slots = parameters.map((p) => Array.from({ length: rule.slots }, () => noughts(p)));
    const count = rule.scalars(1, this.learningRate).length;
    this.#scalars = new Map(
      [...new Set(parameters.map(({ dtype }) => dtype))].map((dtype) => [
        dtype,
        Array.from({ length: count }, () => persistentZeros([1], { dtype })),
      ]),
    );
    this.#targets = parameters.map((p, i) => [p, ...(this.#slots[i] as readonly Tensor[])]);
  }

  /** One update from the gradients that `backward` left. */
  step(): void {
    everyStep(this.#advance);
    let updated = 0;
    for (const [i, p] of this.#parameters.entries()) {
      const { grad } = p;
      if (grad === null) continue;
      const inputs = [grad, ...(this.#scalars.get(p.dtype) as readonly Tensor[])];
      mapInto(this.#rule.program, this.#targets[i] as readonly Tensor[], inputs);
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
    for (const scalars of this.#scalars.values()) {
      for (let i = 0; i < values.length; i++) (scalars[i] as Tensor).assign(values[i] as number);
    }
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

  /** Whether `state` is one of this optimizer's, for these parameters; says why not. */
  refuses({ slots }: Pick<OptimizerState, 'slots'>): string | null {
    if (slots.length !== this.#slots.length) {
      return `${this.name} has ${this.#slots.length} parameters, got the state of ${slots.length}`;
    }
    for (const [i, own] of this.#slots.entries()) {
      const sizes = (slots[i] ?? []).map((slot) => slot.size).join();
      if (sizes !== own.map((slot) => slot.size).join()) {
        return `${this.name} keeps ${own.length} numbers for each of ${own[0]?.size ?? 0} elements of parameter ${i}, got sizes ${sizes || 'none'}`;
      }
    }
    return null;
  }

  /** Goes on from the `state()` of an optimizer like this one, for such parameters. */
  loadState(state: OptimizerState): void {
    checkOptions('loadState', state, stateChecks);
    const problem = this.refuses(state);
    if (problem !== null) throw new ValueError(`loadState: ${problem}`);
    for (const [i, slots] of this.#slots.entries()) {
      for (const [j, slot] of slots.entries()) slot.assign(state.slots[i]?.[j] as Tensor);
    }
    this.#t = state.t;
    this.epoch = state.epoch;
    this.learningRate = state.learningRate;
  }
}

/** Zeros like a parameter, at one address for good. */
function noughts({ shape, dtype, size }: Tensor): Tensor {
  if (!worthSlices(size)) return persistentZeros(shape, { dtype });
  return madeLater(() => tensor([0], { dtype }).broadcastTo(shape));
}
