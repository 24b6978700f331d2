import { partOf } from '@latent/nn';
import { formatShape, type Rng, ShapeError, type Tensor, whole } from '@latent/tensor';
import { likelihoods, type ReconstructionDistribution } from './likelihood.ts';

const checks = { width: /* @__PURE__ */ whole({ min: 1 }), of: /* @__PURE__ */ partOf(likelihoods, 'gaussian()') };

/** A likelihood of rows that are steps, each distributed alike given what the decoder says of it. */
export interface StepwiseDistribution extends ReconstructionDistribution {
  /** Columns of a step. */
  readonly stepWidth: number;
  /** Of one step. */
  readonly ofStep: ReconstructionDistribution;
  /** log p of each step: x [..., steps·width], params [..., steps·parameters] → [..., steps]. */
  logProbPerStep(x: Tensor, params: Tensor): Tensor;
}

export const perStepLikelihood = /* @__PURE__ */ likelihoods.known('perStep', {
  options: checks,
  build({ width, of }): Omit<StepwiseDistribution, 'name' | 'config'> {
    const params = of.paramCount(width);
    const stepsOf = (dataSize: number): number => {
      if (dataSize % width === 0) return dataSize / width;
      throw new ShapeError(`perStep: rows must be whole steps of ${width} columns, got ${dataSize} columns`);
    };
    /** [..., steps·size] → [..., steps, size]. */
    const apart = (x: Tensor, size: number): Tensor => {
      const last = x.shape.at(-1) ?? 0;
      if (last % size !== 0) {
        throw new ShapeError(`perStep: expected whole steps of ${size} numbers, got ${formatShape(x.shape)}`);
      }
      return x.reshape([...x.shape.slice(0, -1), last / size, size]);
    };
    const together = (x: Tensor): Tensor => {
      const [steps = 1, size = 1] = x.shape.slice(-2);
      return x.reshape([...x.shape.slice(0, -2), steps * size]);
    };
    const each = <R>(x: Tensor, given: Tensor, part: (x: Tensor, given: Tensor) => R): R => {
      stepsOf(x.shape.at(-1) ?? 0);
      return part(apart(x, width), apart(given, params));
    };
    const logProbPerStep = (x: Tensor, given: Tensor): Tensor => each(x, given, (a, b) => of.logProb(a, b));
    const tempered = of.tempered?.bind(of);
    return {
      normalized: of.normalized,
      stepWidth: width,
      ofStep: of,
      paramCount: (dataSize) => stepsOf(dataSize) * params,
      logProbPerStep,
      logProb: (x, given) => logProbPerStep(x, given).sum({ axis: -1 }),
      logProbPerColumn: (x, given) => together(each(x, given, (a, b) => of.logProbPerColumn(a, b))),
      sample: (given: Tensor, rng: Rng) => together(of.sample(apart(given, params), rng)),
      mean: (given) => together(of.mean(apart(given, params))),
      mode: (given) => together(of.mode(apart(given, params))),
      support: (dataSize) => {
        const step = of.support(width);
        return Array.from({ length: stepsOf(dataSize) }, () => step).flat();
      },
      oneHotGroups: (dataSize) => {
        const groups = of.oneHotGroups?.(width) ?? [];
        return Array.from({ length: stepsOf(dataSize) }, (_, t) =>
          groups.map(([from, to]) => [t * width + from, t * width + to] as const),
        ).flat();
      },
      ...(tempered && {
        tempered: (given: Tensor, temperature: number) => together(tempered(apart(given, params), temperature)),
      }),
      ...(of.whileTraining && {
        whileTraining: (x, given, head) => together(each(x, given, (a, b) => of.whileTraining?.(a, b, head) ?? b)),
      }),
    };
  },
});

/**
 * Steps of `width` columns, each distributed as `of` says from parameters of its own: log p(x) = Σₜ log p(xₜ | θₜ). The parameters of
 * the first step come before those of the second. Models of sequences make it of the likelihood that they are given.
 */
export function perStep(options: {
  readonly width: number;
  readonly of: ReconstructionDistribution;
}): ReconstructionDistribution {
  return perStepLikelihood.make(options);
}

/** Whether rows are steps. */
export function isStepwise(distribution: ReconstructionDistribution): distribution is StepwiseDistribution {
  return 'logProbPerStep' in distribution;
}
