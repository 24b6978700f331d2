import {
  type Batch,
  FittedTransform,
  fitRows,
  type History,
  type Layer,
  Linear,
  type Parts,
  parseRows,
  partOf,
  type Rows,
  type Transform,
} from '@latent/nn';
import { checkOptions, optional, type Rng, type Tensor, tensor, UsageError, whole } from '@latent/tensor';
import { registerModel } from '../model/file-header.ts';
import type { ModelFitOptions } from '../model/model.ts';
import { rowsProgram } from '../model/rows-program.ts';
import { checkSupport, type ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import { knownLikelihoods } from '../reconstruction/standard.ts';
import { transformCheck } from '../variational/options.ts';
import { resolveSupervised, Supervised, type SupervisedOptions, supervisedChecks } from './supervised.ts';

export interface RegressorOptions extends SupervisedOptions {
  /** Numbers to predict for each row; 1 by default. */
  readonly outputs?: number;
  /** How targets scatter around the prediction; squaredError() by default, gaussian() to learn how much. */
  readonly likelihood?: ReconstructionDistribution;
  /** Puts the targets on a common scale; learned by the first `fit`. None by default. */
  readonly targetTransform?: Transform | FittedTransform | null;
}

export interface RegressorFitOptions extends Omit<ModelFitOptions, 'validationData'> {
  /** Rows scored after each epoch, and the targets of these rows. */
  readonly validationData?: Rows;
  readonly validationTargets?: Rows;
}

const checks = {
  ...supervisedChecks,
  outputs: /* @__PURE__ */ optional(whole({ min: 1 }), 1),
  likelihood: /* @__PURE__ */ optional(partOf(knownLikelihoods, 'gaussian()')),
  targetTransform: transformCheck,
};

/** Predicts numbers from rows: an encoder, and the parameters of the targets' distribution on top. */
export class Regressor extends Supervised<never> {
  static readonly modelName: string = 'regressor';

  readonly head: Layer;
  readonly #outputs: number;
  readonly #likelihood: ReconstructionDistribution;
  readonly #targetSpec: Transform | null;
  #targets: FittedTransform | null;
  readonly #means = rowsProgram(({ x }) => ({ mean: this.#likelihood.mean(this.forward(x)) }));

  constructor(options: RegressorOptions) {
    const {
      outputs,
      likelihood = squaredError(),
      targetTransform,
      ...rest
    } = checkOptions('Regressor', options, checks);
    const resolved = resolveSupervised('Regressor', rest);
    super(resolved);
    this.#outputs = outputs;
    this.#likelihood = likelihood;
    this.#targetSpec = targetTransform instanceof FittedTransform ? null : targetTransform;
    this.#targets = targetTransform instanceof FittedTransform ? targetTransform : null;
    this.head =
      likelihood.head?.(resolved.features, outputs, resolved.weights) ??
      new Linear(resolved.features, likelihood.paramCount(outputs), { rng: resolved.weights });
    this.eval();
  }

  override get type(): string {
    return 'Regressor';
  }

  protected override describe(): Readonly<Record<string, unknown>> {
    return {
      ...super.describe(),
      outputs: this.#outputs,
      likelihood: this.#likelihood.config(),
      targetTransform: (this.#targets ?? this.#targetSpec)?.config() ?? null,
    };
  }

  /** The parameters of the targets' distribution, before any squashing: [rows, parameters]. */
  forward(x: Tensor): Tensor {
    return this.head.forward(this.featuresOf(x));
  }

  parts({ x, y }: Batch, rng: Rng): Parts {
    const rows = x as Tensor;
    const params = this.forward(rows);
    const taught = this.training ? this.#likelihood.whileTraining?.(y as Tensor, params, this.head) : undefined;
    const loss = this.#likelihood
      .logProb(y as Tensor, taught ?? params)
      .mean()
      .neg();
    return { loss: this.jointLoss(loss, rows, rng) };
  }

  /** Trains on rows and their targets [n, outputs] (numbers alone for one output). */
  async fit(data: Rows, targets: Rows | readonly number[], options: RegressorFitOptions = {}): Promise<History> {
    const { validationData, validationTargets, ...training } = options;
    if ((validationData === undefined) !== (validationTargets === undefined)) {
      throw new UsageError('Regressor.fit: validationData and validationTargets go together');
    }
    const caller = 'Regressor.fit: targets';
    const raw = parseRows(caller, listed(targets), [this.#outputs]);
    const fitted = this.#targets ?? (this.#targetSpec === null ? null : fitRows(this.#targetSpec, raw));
    const y = this.#ready(caller, raw, fitted);
    const before = this.#targets;
    this.#targets = fitted;
    try {
      if (validationData === undefined || validationTargets === undefined)
        return await this.fitTo(data, training, { y });
      const held = parseRows('Regressor.fit: validationTargets', listed(validationTargets), [this.#outputs]);
      const heldY = this.#ready('Regressor.fit: validationTargets', held, fitted);
      return await this.fitTo(data, { ...training, validationData }, { y }, { y: heldY });
    } catch (error) {
      // A refused call leaves the model as it was; one that had begun to train keeps what it trained for.
      if (this.transform === null && before === null && !(error as { history?: unknown }).history)
        this.#targets = before;
      throw error;
    }
  }

  #ready(caller: string, raw: ReturnType<typeof parseRows>, transform: FittedTransform | null) {
    const values = transform === null ? Float32Array.from(raw.values) : transform.forward(caller, raw);
    checkSupport(caller, this.#likelihood, values, this.#outputs);
    return { rows: { ...raw, values }, shape: [this.#outputs] };
  }

  /** The expected targets of each row: [n, outputs]. */
  predict(data: Rows): Tensor {
    const { mean } = this.#means(this.prepared('predict', data), this.event);
    return this.#targets === null
      ? mean
      : tensor(this.#targets.inverse(mean.data), { shape: mean.shape, dtype: 'f64' });
  }
}

/** Numbers alone as rows of one. */
function listed(targets: Rows | readonly number[]): Rows {
  return Array.isArray(targets) && typeof targets[0] === 'number'
    ? (targets as readonly number[]).map((value) => [value])
    : (targets as Rows);
}

registerModel(Regressor);
