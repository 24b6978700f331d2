import {
  type Batch,
  type BatchSpec,
  type Dataset,
  FittedTransform,
  type FlatRows,
  fitRows,
  type History,
  type Layer,
  Linear,
  type Parts,
  parseRows,
  partOf,
  type Rows,
  type Transform,
  trainingChecks,
} from '@latent/nn';
import {
  checkNames,
  checkOptions,
  optional,
  type Rng,
  refuseSurplus,
  type Shape,
  type Tensor,
  tensor,
  UsageError,
  ValueError,
  whole,
} from '@latent/tensor';
import { checkBeside, inMemory } from '../model/dealt-rows.ts';
import { knownAs, nameOf } from '../model/file-header.ts';
import type { Model, ModelFitOptions } from '../model/model.ts';
import { notLearned } from '../model/model-rows.ts';
import { transformCheck } from '../model/options.ts';
import { rowsProgram } from '../model/rows-program.ts';
import type { Columns } from '../model/training-rows.ts';
import { checkSupport, type Head, likelihoods, type ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import { resolveSupervised, Supervised, type SupervisedOptions, supervisedChecks } from './supervised.ts';

/** What a regressor is made of. */
export interface RegressorOptions extends SupervisedOptions {
  /** Numbers to predict for each row; 1 by default. */
  readonly outputs?: number;
  /** How targets scatter around the prediction; squaredError() by default, gaussian() to learn how much. */
  readonly likelihood?: ReconstructionDistribution;
  /** Puts the targets on a common scale; learned by the first `fit`. None by default. */
  readonly targetTransform?: Transform | FittedTransform | null;
}

/** How a regressor is trained. */
export interface RegressorFitOptions extends Omit<ModelFitOptions, 'validationData'> {
  /** Rows scored after each epoch, and the targets of these rows. */
  readonly validationData?: Rows;
  readonly validationTargets?: Rows;
}

const checks = /* @__PURE__ */ Object.assign({}, supervisedChecks, {
  outputs: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 1),
  likelihood: /* @__PURE__ */ optional(/* @__PURE__ */ partOf(likelihoods, 'gaussian()')),
  targetTransform: transformCheck,
});

/** Predicts numbers from rows: an encoder, and the parameters of the targets' distribution on top. */
export class Regressor extends Supervised<never> {
  static readonly modelName: string = /* @__PURE__ */ knownAs(Regressor, 'regressor');

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
    refuseSurplus(Regressor, 'predict', nameOf);
    this.#outputs = outputs;
    this.#likelihood = likelihood;
    this.#targetSpec = targetTransform instanceof FittedTransform ? null : targetTransform;
    this.#targets = targetTransform instanceof FittedTransform ? targetTransform : null;
    if (this.#targets !== null && this.#targets.width !== outputs) {
      throw new ValueError(
        `Regressor: targetTransform was fitted to ${this.#targets.width} columns, but there are ${outputs} outputs`,
      );
    }
    const emit = (count: number): Head => new Linear(resolved.features, count, { rng: resolved.weights });
    this.head = likelihood.head?.(emit, outputs) ?? emit(likelihood.paramCount(outputs));
    this.eval();
  }

  override get type(): string {
    return 'Regressor';
  }

  /** How targets scatter around the prediction. */
  get targetDistribution(): ReconstructionDistribution {
    return this.#likelihood;
  }

  /** What `fit` learned of the targets' scales; null without a `targetTransform`, or before. */
  get targetTransform(): FittedTransform | null {
    return this.#targets;
  }

  /** The transform of targets that the first `fit` will learn; null without one, or where it was given fitted. */
  get targetTransformToLearn(): Transform | null {
    return this.#targetSpec;
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
    checkNames('Regressor.fit', options, [...Object.keys(trainingChecks), 'validationData', 'validationTargets']);
    const { validationData, validationTargets, ...training } = options;
    if ((validationData === undefined) !== (validationTargets === undefined)) {
      throw new UsageError('Regressor.fit: validationData and validationTargets go together');
    }
    const caller = 'Regressor.fit: targets';
    const raw = parseRows(caller, targets, this.#shapeOf(targets));
    const before = this.#targets;
    const fitted = before ?? (this.#targetSpec === null ? null : fitRows(this.#targetSpec, raw));
    const y = this.#ready(caller, raw, fitted);
    const heldCaller = 'Regressor.fit: validationTargets';
    const held =
      validationTargets === undefined
        ? null
        : this.#ready(heldCaller, parseRows(heldCaller, validationTargets, this.#shapeOf(validationTargets)), fitted);
    this.#targets = fitted;
    const undo = (): void => {
      this.#targets = before;
    };
    if (held === null || validationData === undefined) return this.fitTo(data, training, { rows: { y }, undo });
    return this.fitTo(data, { ...training, validationData }, { rows: { y }, validation: { y: held }, undo });
  }

  override get takesAllRows(): boolean {
    return super.takesAllRows || (this.#targetSpec !== null && this.#targets === null);
  }

  override get besideSpec(): BatchSpec {
    return { y: [this.#outputs] };
  }

  override takeLearned(other: Model<never>): void {
    super.takeLearned(other);
    if (other instanceof Regressor) this.#targets = other.#targets;
  }

  override async learn(data: Dataset): Promise<readonly string[]> {
    const warnings = await super.learn(data);
    if (this.#targets !== null || this.#targetSpec === null) return warnings;
    this.#targets = fitRows(this.#targetSpec, (inMemory('Regressor.learn', data).y as Columns[string]).rows);
    return warnings;
  }

  /** Targets go on their scale and are checked as they go by. */
  override scaled(data: Dataset): Dataset {
    const caller = 'Regressor.scaled';
    if (this.#targets === null && this.#targetSpec !== null)
      throw notLearned(caller, this.#targetSpec, "the targets' scale");
    checkBeside(caller, data, this.besideSpec);
    const ready = data.mapped?.('y', (raw) => this.#ready(caller, raw, this.#targets).rows.values as Float32Array);
    return super.scaled(ready ?? data);
  }

  /** The shape of a row's targets: of one output they may be numbers alone. */
  #shapeOf(targets: unknown): Shape {
    return this.#outputs === 1 && Array.isArray(targets) && typeof targets[0] === 'number' ? [] : [this.#outputs];
  }

  #ready(caller: string, raw: FlatRows, transform: FittedTransform | null): Columns[string] {
    const values = transform === null ? Float32Array.from(raw.values) : transform.forward(caller, raw);
    checkSupport(caller, this.#likelihood, values, this.#outputs);
    return { rows: { ...raw, values }, shape: [this.#outputs], called: 'targets' };
  }

  /** The expected targets of each row: [n, outputs]. */
  predict(data: Rows): Tensor {
    const rows = this.prepared('predict', data);
    if (this.#targets === null && this.#targetSpec !== null) {
      throw notLearned('Regressor.predict', this.#targetSpec, "the targets' scale");
    }
    const { mean } = this.#means(rows, this.event);
    return this.#targets === null
      ? mean
      : tensor(this.#targets.inverse(mean.data), { shape: mean.shape, dtype: 'f64' });
  }
}
