import { refuse, type Shape, step, type Tensor, tensor, UsageError, whole } from '@latent/tensor';
import { Model } from '../model/model.ts';
import type { ReadyRows, RowInputs, RowsProgram } from '../model/rows-program.ts';
import { rowsProgram } from '../model/rows-program.ts';
import type { ObjectiveModel } from '../objectives/objective.ts';
import type { ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import type { VaeCore } from '../variational/core.ts';

/** How a number of a score changes from the model's scale to the data's, and how blocks of draws are put together. */
export interface ScoreOutput {
  /** What is added of log |dy/dx|: the row's sum, each step's or each column's, or taken away; nothing by default. */
  readonly jacobian?: 'add' | 'subtract';
  readonly per?: 'row' | 'column' | 'step';
  /** The mean of blocks, or the logarithm of the mean of their exponentials. */
  readonly blocks?: 'mean' | 'logMean';
  /** Of a logarithm: the output whose double was taken away from it, so that it keeps its digits. */
  readonly relativeTo?: string;
}

/**
 * One definition of what a row's score is: what is computed, what turns it into a quantity of the data, and for which
 * likelihoods it has a meaning. Every method, and every product above, uses the same one.
 */
export interface Score<K extends string> {
  readonly name: string;
  /** Whether it is of a density, which a plain loss does not have. */
  readonly density: boolean;
  readonly outputs: ScoreOutputs<K>;
  /** The numbers of each row, each with the rows as its first axis. */
  compute(model: ScoredModel, rows: RowInputs, samples: number): Record<K, Tensor>;
}

/** What scores ask of a model, as of the rows that are scored: see `VaeCore.given`. */
export interface ScoredModel extends ObjectiveModel {
  /** The codes that draws from the Gaussian `posterior` stand for: where a flow refines q(z | x), what it makes of them. */
  refined(z: Tensor): Tensor;
  /** The parameters of p(x | z): z [..., rows, latent] → [..., rows, parameters]. */
  likelihoodParams(z: Tensor): Tensor;
  conditionalLogProbOf(x: Tensor, params: Tensor): Tensor;
  columnTerms(x: Tensor, params: Tensor): Tensor;
  /** Of sequences: [..., rows, steps]. */
  stepTerms(x: Tensor, params: Tensor): Tensor;
  klOf(mean: Tensor, logVariance: Tensor, z: Tensor): Tensor;
  logWeight(x: Tensor, params: Tensor, z: Tensor, mean: Tensor, logVariance: Tensor): Tensor;
  readonly reconstructionDistribution: ReconstructionDistribution;
}

/** Draws and their seed. */
export interface DrawOptions {
  /** Draws of z for each row; 1 by default. */
  readonly samples?: number;
  /** 0 by default. The draws are the row's own: they depend on the row and the seed, not on other rows. */
  readonly seed?: number;
}

/** More draws than this are made block by block. */
const BLOCK = 1024;

export const samplesCheck = /* @__PURE__ */ whole({ min: 1 });
export const seedCheck = /* @__PURE__ */ whole({ min: 0 });

/** A score of one model, with its programs. */
export class Scorer<K extends string> {
  readonly #model: VaeCore;
  readonly #score: Score<K>;
  readonly #program: RowsProgram<K>;

  constructor(model: VaeCore, score: Score<K>) {
    if (!(model instanceof Model)) refuse({ caller: 'Scorer', path: 'the model' }, 'a Vae', model);
    if (typeof (score as Partial<Score<K>> | null)?.compute !== 'function') {
      refuse({ caller: 'Scorer', path: 'the score' }, 'a score such as densityScore', score);
    }
    this.#model = model;
    this.#score = score;
    this.#program = rowsProgram((rows, samples) =>
      score.compute(model.given({ ...rows.beside, x: rows.x }), rows, samples),
    );
  }

  /** The scores of rows, on the scale of the data. */
  of(
    caller: string,
    rows: ReadyRows,
    jacobian: Tensor | null,
    { samples = 1, seed = 0 }: DrawOptions = {},
  ): Record<K, Tensor> {
    samplesCheck(samples, { caller, path: 'samples' });
    seedCheck(seed, { caller, path: 'seed' });
    const { density, outputs } = this.#score;
    const { reconstructionDistribution: likelihood, event } = this.#model;
    if (density && !likelihood.normalized) {
      throw new UsageError(`${caller}: ${likelihood.name} is a plain loss, not a distribution`);
    }
    const features = this.#model.sequence?.features ?? 1;
    return scored(this.#program, outputs, rows, { event, jacobian, samples, seed, features });
  }
}

export type ScoreOutputs<K extends string> = { readonly [name in K]: ScoreOutput };

/** What rows are scored with. */
export interface ScoringOf extends DrawOptions {
  readonly event: Shape;
  /** log |dy/dx| of each row and column, where the data's scale is another than the model's. */
  readonly jacobian: Tensor | null;
  /** Draws that are made at a time. */
  readonly atOnce?: number;
  /** Of a step. */
  readonly features?: number;
}

/** What a program gives for rows, over any number of draws, on the scale of the data. */
export function scored<K extends string>(
  program: RowsProgram<K>,
  outputs: ScoreOutputs<K>,
  rows: ReadyRows,
  { event, jacobian, samples = 1, seed = 0, atOnce = BLOCK, features = 1 }: ScoringOf,
): Record<K, Tensor> {
  let total: Record<K, Tensor> | null = null;
  for (let done = 0, block = 0; done < samples; done += atOnce, block++) {
    const count = Math.min(atOnce, samples - done);
    const part = program(rows, event, { seed, samples: count, block });
    total = total === null ? part : joined(total, done, part, count, outputs);
  }
  return jacobian === null
    ? (total as Record<K, Tensor>)
    : shifted(total as Record<K, Tensor>, jacobian, outputs, features);
}

/** Means over `n` and `m` draws as the mean over all. */
function joined<K extends string>(
  a: Record<K, Tensor>,
  n: number,
  b: Record<K, Tensor>,
  m: number,
  outputs: ScoreOutputs<K>,
): Record<K, Tensor> {
  const result = {} as Record<K, Tensor>;
  for (const name in a) {
    const [x, y] = [a[name].data, b[name].data];
    const { blocks, relativeTo } = outputs[name];
    const base = relativeTo as K | undefined;
    const [u, v] = base === undefined ? [x, y] : [a[base].data, b[base].data];
    const values = Float32Array.from(x, (value, i) => {
      const [first, second] = [value as number, y[i] as number];
      if (blocks !== 'logMean') return (n * first + m * second) / (n + m);
      if (base === undefined) return logMean(first, n, second, m);
      const [p, q] = [u[i] as number, v[i] as number];
      const mean = logMean(p, n, q, m);
      return logMean(first + 2 * (p - mean), n, second + 2 * (q - mean), m);
    });
    result[name] = tensor(values, { shape: a[name].shape });
  }
  return result;
}

/** log((n·eᵃ + m·eᵇ)/(n + m)). */
function logMean(a: number, n: number, b: number, m: number): number {
  const largest = Math.max(a, b);
  return largest + Math.log((n * Math.exp(a - largest) + m * Math.exp(b - largest)) / (n + m));
}

/** log |dy/dx| as a score by column or by step has it: [rows, columns] or [rows, steps]. */
function shiftOf(jacobian: Tensor, per: 'column' | 'step', score: Tensor, features: number): Tensor {
  const [rows = 0, columns = 0] = jacobian.shape;
  const slopes = per === 'column' ? jacobian : jacobian.reshape([rows, columns / features, features]).sum({ axis: -1 });
  return slopes.slice([null, [0, score.shape[1] as number]]);
}

/** Scores of the model's scale as scores of the data's; steps have so many features. */
function shifted<K extends string>(
  scores: Record<K, Tensor>,
  jacobian: Tensor,
  outputs: ScoreOutputs<K>,
  features: number,
): Record<K, Tensor> {
  return step(() => {
    const rows = jacobian.sum({ axis: 1 });
    const result = {} as Record<K, Tensor>;
    for (const name in scores) {
      const { jacobian: how, per = 'row' } = outputs[name];
      const score: Tensor = scores[name];
      // What was computed of sequences may have fewer steps than the longest.
      const shift = per === 'row' ? rows : shiftOf(jacobian, per, score, features);
      result[name] = how === undefined ? score : how === 'add' ? score.add(shift) : score.sub(shift);
    }
    return result;
  });
}
