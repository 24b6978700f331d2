import {
  type CompiledFunction,
  compile,
  concat,
  describeValue,
  formatShape,
  mapInto,
  mapProgram,
  overwrite,
  persistentZeros,
  type Rng,
  type Shape,
  Tensor,
  ValueError,
} from '@latent/tensor';
import type { Batch } from '../data/dataset.ts';
import { called, type Slices } from '../module/turn.ts';
import { clipEachGradNorm, clipGradNorm, clipGradValue } from '../optim/clip.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { applyConstraints, type Constraint, weightPenalty } from '../optim/penalty.ts';
import type { Parts, Trainable } from './trainable.ts';

/** What a step does beside the loss. */
export interface StepOptions {
  readonly clipNorm?: number | undefined;
  readonly clipParameterNorm?: number | undefined;
  readonly clipValue?: number | undefined;
  readonly l1?: number | undefined;
  readonly l2?: number | undefined;
  readonly constraints?: readonly Constraint[] | undefined;
}

/** A step over a batch, recorded once for each size of batch. Its numbers are read from memory into one object. */
export type TrainStep = (batch: Batch) => Readonly<Record<string, number>>;

/** What a step of `fit` reports; on a page's own thread, where steps are made in slices, a promise of it. */
export type Reported = ReturnType<TrainStep> | Promise<ReturnType<TrainStep>>;

/** What is done with gradients once they are there. */
function update(model: Trainable<string>, optimizer: Optimizer, options: StepOptions): void {
  const { clipNorm, clipParameterNorm, clipValue, constraints = [] } = options;
  const parameters = model.trainableParameters();
  if (clipValue !== undefined) clipGradValue(parameters, clipValue);
  if (clipParameterNorm !== undefined) clipEachGradNorm(parameters, clipParameterNorm);
  if (clipNorm !== undefined) clipGradNorm(parameters, clipNorm);
  optimizer.step();
  optimizer.zeroGrad();
  if (constraints.length > 0) applyConstraints(model, constraints);
}

/** The loss of a batch, with gradients left at the parameters. */
function lossOf(model: Trainable<string>, batch: Batch, rng: Rng, options: StepOptions): Parts<string> {
  const parts = checkedParts(model.parts(batch, rng));
  const penalty = weightPenalty(model, { l1: options.l1 ?? 0, l2: options.l2 ?? 0 });
  (penalty === null ? parts.loss : parts.loss.add(penalty)).backward();
  return parts;
}

/** Throws unless they are scalars by name, a loss among them. */
export function checkedParts(parts: Parts<string>): Parts<string> {
  const given: unknown = parts;
  if (typeof given !== 'object' || given === null || !('loss' in given)) {
    throw new ValueError(`fit: parts(batch, rng) must give { loss }, got ${describeValue(given)}`);
  }
  for (const [name, value] of Object.entries(given)) {
    if (value instanceof Tensor && value.size === 1) continue;
    const got = value instanceof Tensor ? `one of ${formatShape(value.shape)}` : describeValue(value);
    throw new ValueError(
      `fit: ${name} of parts(batch, rng) must be a scalar tensor, the mean over the rows, got ${got}`,
    );
  }
  return parts;
}

/** Numbers of scalars. */
function reader(): (parts: Readonly<Record<string, Tensor>>) => Readonly<Record<string, number>> {
  const numbers: Record<string, number> = {};
  return (parts) => {
    for (const name in parts) numbers[name] = (parts[name] as Tensor).item();
    return numbers;
  };
}

/** A batch as the arguments of a recorded function, and back. */
function named(names: readonly string[], tensors: readonly Tensor[]): Batch {
  return Object.fromEntries(names.map((name, i) => [name, tensors[i] as Tensor]));
}

/** Gradient and update as one recorded program. */
export function trainStep(...step: StepArguments): TrainStep {
  return slicedStep(null, ...step) as TrainStep;
}

type StepArguments = [
  model: Trainable<string>,
  optimizer: Optimizer,
  rng: Rng,
  names: readonly string[],
  options: StepOptions,
];

/** The same in slices, where there are such. */
export function slicedStep(
  slices: Slices | null,
  ...[model, optimizer, rng, names, options]: StepArguments
): (batch: Batch) => Reported {
  const recorded = compile(
    (...tensors: Tensor[]): Record<string, Tensor> => {
      const parts = lossOf(model, named(names, tensors), rng, options);
      update(model, optimizer, options);
      return { ...parts };
    },
    { reuse: true, repeats: true, onEager: () => {} },
  );
  const read = reader();
  const tensors: Tensor[] = [];
  return (batch) => {
    for (let i = 0; i < names.length; i++) tensors[i] = batch[names[i] as string] as Tensor;
    return then(called(recorded, slices, ...tensors), read);
  };
}

const ADD_SCALED = /* @__PURE__ */ mapProgram('addScaled', 3, (sum, value, scale) => sum.add(value.mul(scale)));

/**
 * Gradient and update as two programs with one flat gradient between them: sums of the gradients of several batches, and
 * the place where other machines' gradients come in.
 */
export class SplitStep {
  /** Sums over rows of the gradients of all trainable parameters, one after the other, in the wider of their precisions. */
  readonly gradient: Tensor;
  /** Rows that the sums are over, and the batches that they came in. */
  rows = 0;
  batches = 0;
  readonly #names: readonly string[];
  readonly #add: CompiledFunction<Tensor[], Record<string, Tensor>>;
  readonly #share: Tensor;
  readonly #update: CompiledFunction<[], undefined>;
  readonly #read = reader();

  constructor(
    model: Trainable<string>,
    optimizer: Optimizer,
    rng: Rng,
    names: readonly string[],
    options: StepOptions,
  ) {
    const parameters = model.trainableParameters();
    const total = parameters.reduce((sum, p) => sum + p.size, 0);
    const dtype = parameters.some((p) => p.dtype === 'f64') ? 'f64' : 'f32';
    this.#names = names;
    this.gradient = persistentZeros([total], { dtype });
    this.#share = persistentZeros([1], { dtype });
    const nothing = persistentZeros([total], { dtype });
    this.#add = compile(
      (...tensors) => {
        const parts = lossOf(model, named(names, tensors), rng, options);
        const flat = concat(parameters.map((p) => (p.grad ?? p.full(p.shape, 0)).reshape([p.size]).cast(dtype)));
        mapInto(ADD_SCALED, [this.gradient], [flat, flat.scalar(tensors[0]?.shape[0] ?? 1)]);
        optimizer.zeroGrad();
        return { ...parts };
      },
      { reuse: true, repeats: true, onEager: () => {} },
    );
    this.#update = compile(
      () => {
        const mean = this.gradient.mul(this.#share);
        let at = 0;
        for (const p of parameters) {
          const shape: Shape = p.shape;
          if (p.node !== null)
            p.node.grad = mean
              .slice([[at, at + p.size]])
              .reshape(shape)
              .cast(p.dtype);
          at += p.size;
        }
        update(model, optimizer, options);
        overwrite(this.gradient, nothing);
        return undefined;
      },
      { reuse: true, repeats: true, onEager: () => {} },
    );
  }

  /** Adds a batch's gradients, each row counting once. */
  add(batch: Batch): ReturnType<TrainStep>;
  /** The same in slices. */
  add(batch: Batch, slices: Slices): Reported;
  add(batch: Batch, slices: Slices | null = null): Reported {
    const tensors = this.#names.map((name) => batch[name] as Tensor);
    this.rows += tensors[0]?.shape[0] ?? 0;
    this.batches++;
    return then(called(this.#add, slices, ...tensors), this.#read);
  }

  /** Updates the parameters by the mean over all rows that were added, and begins anew. */
  update(): void;
  /** The same in slices. */
  update(slices: Slices): Promise<void> | undefined;
  update(slices: Slices | null = null): Promise<void> | undefined {
    if (this.rows === 0) return undefined;
    this.#share.assign(1 / this.rows);
    this.rows = 0;
    this.batches = 0;
    return called(this.#update, slices);
  }
}

function then<T, R>(value: T | Promise<T>, next: (value: T) => R): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
