import { noGrad } from '@latent/autograd';
import { type Batch, scoring } from '@latent/nn';
import { concat, oneHot, Rng, type Tensor, tensor } from '@latent/tensor';
import * as vaePackage from '@latent/vae';
import {
  bernoulli,
  beta,
  bivariateMixture,
  type ConditionOptions,
  categorical,
  composite,
  conditionalPrior,
  continuousBernoulli,
  exemplarPrior,
  exponential,
  gamma,
  gaussian,
  gaussianMixture,
  iaf,
  laplace,
  logNormal,
  mixturePrior,
  negativeBinomial,
  type PosteriorSpec,
  type PriorSpec,
  perStep,
  planar,
  poisson,
  type ReconstructionDistribution,
  type RowInputs,
  type Score,
  squaredError,
  standardNormalPrior,
  studentT,
  tokens,
  Vae,
  vampPrior,
} from '@latent/vae';
import { onnxModel } from '../src/index.ts';
import { ACTIVATION, type Case, type CaseInput, type Expected, SCORE } from './cases.ts';
import { shaken } from './layer-cases.ts';

const ROWS = 6;

const draws = {
  real: (rng: Rng, columns: number) => rng.normal([ROWS, columns]),
  positive: (rng: Rng, columns: number) => rng.exponential([ROWS, columns]).add(0.05),
  unit: (rng: Rng, columns: number) => rng.uniform([ROWS, columns], { low: 0.02, high: 0.98 }),
  binary: (rng: Rng, columns: number) => rng.bernoulli([ROWS, columns]),
  counts: (rng: Rng, columns: number) =>
    tensor(rng.exponential([ROWS, columns]).mul(40).data.map(Math.floor), { shape: [ROWS, columns] }),
  oneHot(rng: Rng, columns: number) {
    const noise = rng.normal([ROWS, columns]);
    return noise.equal(noise.max({ axis: -1, keepDims: true }));
  },
};

interface LikelihoodRow {
  readonly distributions: readonly ReconstructionDistribution[];
  readonly rows: (rng: Rng) => Tensor;
}

const both = (rng: Rng): Tensor => concat([draws.real(rng, 2), draws.oneHot(rng, 3), draws.counts(rng, 1)], 1);

/** Every registered likelihood with its kinds, and rows that it may hold. A likelihood without a row here fails the tests. */
export const LIKELIHOODS: Readonly<Record<string, LikelihoodRow>> = {
  bernoulli: { distributions: [bernoulli()], rows: (rng) => draws.binary(rng, 4) },
  gaussian: {
    distributions: (['perRow', 'perColumn', 'shared', 'optimal', 0.3] as const).map((variance) =>
      gaussian({ variance }),
    ),
    rows: (rng) => draws.real(rng, 4),
  },
  exponential: { distributions: [exponential()], rows: (rng) => draws.positive(rng, 4) },
  squaredError: { distributions: [squaredError()], rows: (rng) => draws.real(rng, 4) },
  laplace: { distributions: [laplace()], rows: (rng) => draws.real(rng, 4) },
  gamma: { distributions: [gamma()], rows: (rng) => draws.positive(rng, 4) },
  logNormal: { distributions: [logNormal()], rows: (rng) => draws.positive(rng, 4) },
  studentT: { distributions: [studentT(), studentT({ degreesOfFreedom: 4 })], rows: (rng) => draws.real(rng, 4) },
  poisson: { distributions: [poisson()], rows: (rng) => draws.counts(rng, 4) },
  negativeBinomial: { distributions: [negativeBinomial()], rows: (rng) => draws.counts(rng, 4) },
  beta: { distributions: [beta()], rows: (rng) => draws.unit(rng, 4) },
  continuousBernoulli: { distributions: [continuousBernoulli()], rows: (rng) => draws.unit(rng, 4) },
  categorical: { distributions: [categorical()], rows: (rng) => draws.oneHot(rng, 4) },
  gaussianMixture: { distributions: [gaussianMixture({ components: 3 })], rows: (rng) => draws.real(rng, 4) },
  bivariateMixture: { distributions: [bivariateMixture({ components: 2 })], rows: (rng) => draws.real(rng, 2) },
  tokens: {
    distributions: [tokens(5)],
    rows: (rng) => tensor(rng.uniform([ROWS, 3]).mul(5).data.map(Math.floor), { shape: [ROWS, 3] }),
  },
  perStep: {
    distributions: [perStep({ width: 2, of: gaussian({ variance: 'shared' }) }), perStep({ width: 2, of: laplace() })],
    rows: (rng) => draws.real(rng, 6),
  },
  composite: {
    distributions: [
      composite([
        [2, gaussian()],
        [3, categorical()],
        [1, poisson()],
      ]),
      composite([
        [1, gaussian({ variance: 'perColumn' })],
        [
          5,
          composite([
            [1, laplace()],
            [3, bernoulli()],
            [1, negativeBinomial()],
          ]),
        ],
      ]),
    ],
    rows: both,
  },
};

/** Every registered prior. */
export const PRIORS: Readonly<Record<string, PriorSpec>> = {
  standardNormal: standardNormalPrior(),
  mixture: mixturePrior({ components: 3 }),
  vamp: vampPrior({ components: 2 }),
  exemplar: exemplarPrior({ rows: 4 }),
  conditional: conditionalPrior({ hidden: [3] }),
};

/** Every registered posterior. */
export const POSTERIORS: Readonly<Record<string, PosteriorSpec>> = {
  planar: planar(3),
  iaf: iaf({ steps: 2, hidden: [4] }),
};

/** Every score that the package has. */
export const SCORES: readonly Score<string>[] = Object.values(vaePackage).filter(
  (value): value is Score<string> =>
    typeof value === 'object' && value !== null && 'compute' in value && 'outputs' in value,
);

/** A model whose weights are all of their own. */
export function vaeOf(
  columns: number,
  reconstruction: ReconstructionDistribution,
  options: Partial<ConstructorParameters<typeof Vae>[0]> = {},
): Vae {
  const own = options.event === undefined ? { inputSize: columns } : {};
  return shaken(
    new Vae({ ...own, latentSize: 2, encoder: [5], activation: 'tanh', reconstruction, ...options }),
    4,
    0.3,
  );
}

/** Numbers as what goes in. */
export function given(x: Tensor, type: CaseInput['type'] = 'float'): CaseInput {
  return { type, dims: x.shape, data: Array.from(x.data) };
}

/** Numbers as what must come out. */
export function wanted(x: Tensor, tolerance: Pick<Expected, 'absolute' | 'relative'> = ACTIVATION): Expected {
  return { dims: x.shape, data: Array.from(x.data), ...tolerance };
}

/** What a score computes with this noise: [samples, rows, latent], or 0. */
export function scoreOf<K extends string>(
  model: Vae,
  score: Score<K>,
  x: Tensor,
  eps: Tensor | null,
  samples: number,
  beside: Batch = {},
): Record<K, Tensor> {
  const [rows = 0] = x.shape;
  const normal = (count: number, width: number): Tensor =>
    eps === null
      ? tensor(new Float32Array(count * rows * width), { shape: [count, rows, width] })
      : eps.reshape([count, rows, width]);
  const inputs: RowInputs = { x, near: x, draws: { normal }, beside };
  return noGrad(() => scoring(() => score.compute(model.given({ ...beside, x }), inputs, samples)));
}

/** What a score must give. What was taken away from an output leaves its rounding behind. */
export function outputs(
  { outputs: known }: Score<string>,
  results: Readonly<Record<string, Tensor>>,
): Record<string, Expected> {
  return Object.fromEntries(
    Object.entries(results).map(([name, x]) => {
      const base = known[name]?.relativeTo;
      const size = base === undefined ? 0 : Math.max(...Array.from(results[base]?.data ?? [], Math.abs));
      return [name, wanted(x, { ...SCORE, absolute: Math.max(SCORE.absolute, 2 * SCORE.relative * size) })];
    }),
  );
}

/** The condition of rows: as a model's methods take it, as networks see it, and as it goes into a graph. */
export interface CaseCondition {
  readonly own: ConditionOptions;
  readonly seen: Tensor;
  readonly input: CaseInput;
}

/** A VAE's encoder, decoder and scores, at the mean and with noise. */
export function vaeCases(name: string, model: Vae, x: Tensor, condition?: CaseCondition): Case[] {
  const { own = {}, seen, input } = condition ?? {};
  const beside: Batch = seen === undefined ? {} : { condition: seen };
  const more: Case['inputs'] = input === undefined ? {} : { condition: input };
  const plain = !model.reconstructionDistribution.normalized;
  const rng = new Rng(9);
  const [rows = 0] = x.shape;
  const latent = model.options.latentSize;
  const z = rng.normal([rows, latent]);
  const eps = rng.normal([3, rows, latent]);
  const codes = noGrad(() => scoring(() => model.posterior(x, beside)));
  const params = noGrad(() => scoring(() => model.likelihoodParams(z, beside)));
  const scores = SCORES.filter((score) => !(score.density && plain));
  return [
    {
      name: `${name}: encoder`,
      model: onnxModel(model, { graph: 'encoder' }),
      inputs: { x: given(x), ...more },
      expected: {
        mean: wanted(model.encode(x, own).mean),
        ...(model.flow === null && { logVariance: wanted(codes.logVariance) }),
      },
    },
    {
      name: `${name}: decoder`,
      model: onnxModel(model, { graph: 'decoder' }),
      inputs: { z: given(z), ...more },
      expected: { params: wanted(params), mean: wanted(model.decode(z, own), { absolute: 2e-6, relative: 4e-6 }) },
    },
    {
      name: `${name}: reconstruction`,
      model: onnxModel(model, { graph: 'reconstruction' }),
      inputs: { x: given(x), ...more },
      expected: { reconstruction: wanted(model.reconstruct(x, own), { absolute: 2e-6, relative: 4e-6 }) },
    },
    {
      name: `${name}: reconstruction error`,
      model: onnxModel(model, { graph: 'reconstructionError' }),
      inputs: { x: given(x), ...more },
      expected: { error: wanted(model.reconstructionError(x, own), SCORE) },
    },
    ...scores.flatMap((score): Case[] => [
      {
        name: `${name}: ${score.name} at the mean`,
        model: onnxModel(model, { graph: score }),
        inputs: { x: given(x), ...more },
        expected: outputs(score, scoreOf(model, score, x, null, 1, beside)),
      },
      {
        name: `${name}: ${score.name} of three draws`,
        model: onnxModel(model, { graph: score, noise: 'input', samples: 3 }),
        inputs: { x: given(x), eps: given(eps), ...more },
        expected: outputs(score, scoreOf(model, score, x, eps, 3, beside)),
      },
    ]),
  ];
}

/** Every likelihood. */
export function likelihoodCases(): Case[] {
  return Object.entries(LIKELIHOODS).flatMap(([name, { distributions, rows }]) =>
    distributions.flatMap((distribution, i) => {
      const x = rows(new Rng(i + 1));
      return vaeCases(`${name} ${i}`, vaeOf(x.shape[1] as number, distribution), x);
    }),
  );
}

/** Class numbers of rows as a condition. */
export function classesOf(numbers: readonly number[], classes: number): CaseCondition {
  const labels = tensor(numbers);
  return {
    own: { condition: numbers },
    seen: oneHot(labels, classes),
    input: given(labels, 'int64'),
  };
}

/** Columns beside rows as a condition. */
export function columnsOf(columns: Tensor): CaseCondition {
  return { own: { condition: columns }, seen: columns, input: given(columns) };
}

/** Every prior, also with one draw for each row. That of a condition is of models with one. */
export function priorCases(): Case[] {
  return Object.entries(PRIORS).flatMap(([name, prior]) => {
    const x = draws.real(new Rng(2), 3);
    const condition = name === 'conditional' ? classesOf([0, 1, 2, 0, 1, 1], 3) : undefined;
    const model = vaeOf(3, gaussian(), { prior, ...(condition !== undefined && { condition: { classes: 3 } }) });
    const eps = new Rng(4).normal([ROWS, 2]);
    const beside: Batch = condition === undefined ? {} : { condition: condition.seen };
    const one = SCORES.map((score) => ({
      name: `prior ${name}: ${score.name} of one draw`,
      model: onnxModel(model, { graph: score, noise: 'input' }),
      inputs: { x: given(x), eps: given(eps), ...(condition !== undefined && { condition: condition.input }) },
      expected: outputs(score, scoreOf(model, score, x, eps, 1, beside)),
    }));
    return [...vaeCases(`prior ${name}`, model, x, condition), ...one];
  });
}

/** Every posterior. */
export function posteriorCases(): Case[] {
  return Object.entries(POSTERIORS).flatMap(([name, posterior]) =>
    vaeCases(`posterior ${name}`, vaeOf(3, gaussian(), { posterior }), draws.real(new Rng(2), 3)),
  );
}
