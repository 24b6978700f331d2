import type { TensorValues } from '@latent/nn';
import { ValueError } from '@latent/tensor';

/** Tensors by name, or their numbers. */
export type Weights = Readonly<Record<string, TensorValues>>;

/** Outer Nesterov momentum over averages of local steps (DiLoCo: Douillard et al. 2023, arXiv 2311.08105). */
export interface OuterOptions {
  /** 1 with a momentum of 0 is plain averaging; 0.7 in the paper. */
  readonly learningRate: number;
  /** 0.9 in the paper. */
  readonly momentum: number;
}

/**
 * The mean of the weights of several shards, one after the other in the order of the shards, in double precision: the same bits
 * whoever made them and whenever they came. Of one shard it is that shard's weights, to the bit.
 */
export class Average {
  readonly #sums = new Map<string, { readonly values: Float64Array; readonly like: TensorValues }>();
  #count = 0;

  add(weights: Weights): void {
    const names = Object.keys(weights);
    if (this.#count > 0 && names.length !== this.#sums.size) {
      throw new ValueError(`average: a shard has ${names.length} tensors, but another ${this.#sums.size}`);
    }
    for (const name of names) {
      const own = weights[name] as TensorValues;
      const sum = this.#sums.get(name);
      if (sum === undefined) {
        if (this.#count > 0) throw new ValueError(`average: no other shard has a tensor ${name}`);
        // Not added to zero, so that −0 stays −0.
        this.#sums.set(name, { values: new Float64Array(own.data), like: own });
        continue;
      }
      if (own.shape.join() !== sum.like.shape.join()) {
        throw new ValueError(
          `average: ${name} is [${own.shape.join(', ')}], in another shard [${sum.like.shape.join(', ')}]`,
        );
      }
      addTo(sum.values, own.data);
    }
    this.#count++;
  }

  /** The mean of all that were added. */
  mean(): Record<string, TensorValues> {
    if (this.#count === 0) throw new ValueError('average: there is no shard');
    return Object.fromEntries(
      Array.from(this.#sums, ([name, { values, like }]) => [
        name,
        { dtype: like.dtype, shape: like.shape, data: divided(values, this.#count, like) },
      ]),
    );
  }
}

/**
 * One outer step: with Δ = w − mean of the shards and v ← momentum·v + Δ, w ← w − rate·(Δ + momentum·v). The momentum is kept in
 * double precision.
 */
export function outerStep(
  weights: Weights,
  mean: Weights,
  velocity: Weights | null,
  { learningRate, momentum }: OuterOptions,
): { readonly weights: Weights; readonly velocity: Weights } {
  const moved: Record<string, TensorValues> = {};
  const kept: Record<string, TensorValues> = {};
  for (const [name, before] of Object.entries(weights)) {
    const [from, to] = [before.data, (mean[name] as TensorValues).data];
    const v =
      velocity === null ? new Float64Array(from.length) : new Float64Array((velocity[name] as TensorValues).data);
    const next = before.dtype === 'f64' ? new Float64Array(from.length) : new Float32Array(from.length);
    for (let i = 0; i < next.length; i++) {
      const difference = (from[i] as number) - (to[i] as number);
      v[i] = momentum * (v[i] as number) + difference;
      next[i] = (from[i] as number) - learningRate * (difference + momentum * (v[i] as number));
    }
    moved[name] = { dtype: before.dtype, shape: before.shape, data: next };
    kept[name] = { dtype: 'f64', shape: before.shape, data: v };
  }
  return { weights: moved, velocity: kept };
}

// Loops of their own, over arrays alone: what is here is done for every weight of every shard in each round, while all others wait.

function addTo(sums: Float64Array, values: Float32Array | Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (values[i] as number);
}

/** Divided in double precision, and then rounded to what the tensor has. */
function divided(sums: Float64Array, count: number, { dtype }: TensorValues): TensorValues['data'] {
  const means = dtype === 'f64' ? new Float64Array(sums.length) : new Float32Array(sums.length);
  for (let i = 0; i < sums.length; i++) means[i] = (sums[i] as number) / count;
  return means;
}

/** Whether all of them are numbers, and none is infinite. */
export function allFinite(values: Float32Array | Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
