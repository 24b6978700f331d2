import { sampleNormal } from '@latent/autograd';
import {
  type Batch,
  type BatchSpec,
  buildNetwork,
  type Dataset,
  type FlatRows,
  type History,
  inLayer,
  isList,
  isTraining,
  type Layer,
  Linear,
  type NetworkSpec,
  type Parts,
  type Rows,
  trainingChecks,
} from '@latent/nn';
import {
  arange,
  checkNames,
  checkOptions,
  describeValue,
  equal,
  everyStep,
  eye,
  gather,
  isPlainObject,
  optional,
  persistentZeros,
  Rng,
  real,
  refuseSurplus,
  sizeOf,
  softmax,
  type Tensor,
  tensor,
  UsageError,
  ValueError,
  whole,
} from '@latent/tensor';
import { drawn } from '../latent/diagonal-normal.ts';
import { knownAs, nameOf } from '../model/file-header.ts';
import { Model, type ModelFitOptions } from '../model/model.ts';
import { describeNetwork, type Network, networkOption, resolveNetwork } from '../model/options.ts';
import { type RowInputs, rowsProgram } from '../model/rows-program.ts';
import type { Columns } from '../model/training-rows.ts';
import type { ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { withMask } from '../reconstruction/observed.ts';
import type { ScoredModel } from '../scores/score.ts';
import { describeVae, type VaeOptions } from '../variational/options.ts';
import { Vae } from '../variational/vae.ts';
import { withLabels } from './labels.ts';

/** What a semi-supervised VAE is made of: what its VAE is, and its classifier. */
export interface SemiSupervisedOptions extends Omit<VaeOptions, 'condition' | 'objective' | 'beta' | 'numSamples'> {
  /** Classes, counted from 0. */
  readonly classes: number;
  /** q(y | x) before its logits: a list of layers or a module; the encoder's layers by default. */
  readonly classifier?: NetworkSpec;
  /** Weight of the labelled rows' mean cross entropy, beside the mean bound of all rows in nats; 10 by default. */
  readonly labelWeight?: number;
}

/** A class number for each row; null (or NaN) where it is not known. */
export type PartialLabels = ArrayLike<number | null>;

/** How a semi-supervised VAE is trained. */
export interface SemiSupervisedFitOptions extends Omit<ModelFitOptions<SemiSupervisedNumbers>, 'validationData'> {
  /** Rows scored after each epoch, and the classes of these rows. */
  readonly validationData?: Rows;
  readonly validationLabels?: PartialLabels;
}

/** What it reports beside its loss: minus the bound, in nats per row, and the share of labelled rows that it gets right. */
export type SemiSupervisedNumbers = 'bound' | 'accuracy';

const checks = {
  classes: /* @__PURE__ */ whole({ min: 2, max: 10_000 }),
  classifier: /* @__PURE__ */ optional(networkOption),
  labelWeight: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), 10),
};

/** The rows with a label, for the classifier's own loss, and which of them a step takes. */
interface Labelled {
  readonly rows: Tensor;
  readonly labels: Tensor;
  readonly chosen: Tensor;
}

/**
 * The model M2 of Kingma et al. (2014): p(y) p(z) p(x | y, z), with a classifier q(y | x). Rows with a label raise the bound of
 * log p(x, y); rows without raise Σ_y q(y | x) · bound(x, y) + H(q(y | x)), all classes enumerated; and the classifier learns from the
 * labels too. So a few labels go as far as many, where classes are how rows differ most.
 *
 * ```ts
 * const model = new SemiSupervisedVae({ inputSize: 784, latentSize: 20, encoder: [256], classes: 10, reconstruction: bernoulli() });
 * await model.fit(images, labels, { epochs: 20 }); // null where a label is not known
 * model.predict(images);
 * ```
 */
export class SemiSupervisedVae extends Model<SemiSupervisedNumbers> {
  static readonly modelName: string = /* @__PURE__ */ knownAs(SemiSupervisedVae, 'semiSupervisedVae');

  /** p(x | y, z) and q(z | x, y): a VAE with the class as its condition. */
  readonly vae: Vae;
  readonly classifier: Layer;
  readonly logits: Linear;
  /** Draws the labelled rows of a step. */
  readonly labelled: Rng;
  readonly #network: Network;
  readonly #classes: number;
  readonly #labelWeight: number;
  #labels: Labelled | null = null;

  readonly #probabilities = rowsProgram(({ near }) => ({ p: softmax(this.forward(near)) }));
  readonly #bound = rowsProgram((rows) => ({ bound: this.bound(rows) }));

  constructor(options: SemiSupervisedOptions) {
    const given: unknown = options;
    if (!isPlainObject(given)) checkOptions('SemiSupervisedVae', given, checks);
    const { classes, classifier, labelWeight, ...rest } = options;
    const own = checkOptions(
      'SemiSupervisedVae',
      { classes, ...(classifier !== undefined && { classifier }), ...(labelWeight !== undefined && { labelWeight }) },
      checks,
    );
    for (const name of ['objective', 'condition', 'beta', 'numSamples']) {
      if (!Object.hasOwn(rest, name)) continue;
      throw new ValueError(
        `SemiSupervisedVae: ${name} is not its option; the condition is the class, and the objective its own`,
      );
    }
    const vae = new Vae({ ...rest, condition: { classes: own.classes } });
    const { event, transform, seed, encoderActivation } = vae.options;
    const [, noise, weights, labelled] = new Rng(seed).split(4) as [Rng, Rng, Rng, Rng];
    super(event, transform, noise);
    refuseSurplus(SemiSupervisedVae, 'predict predictProbability', nameOf);
    this.vae = vae;
    this.labelled = labelled;
    this.#classes = own.classes;
    this.#labelWeight = own.labelWeight;
    const at = { caller: 'SemiSupervisedVae', path: 'classifier' };
    const plain = { dropout: 0, layerNorm: false };
    this.#network = own.classifier === undefined ? vae.options.encoder : resolveNetwork(own.classifier, plain, at);
    if (own.classifier === undefined && !Array.isArray(vae.options.encoder)) {
      throw new ValueError('SemiSupervisedVae: a module as encoder is of rows with their class; give a classifier too');
    }
    const activation =
      typeof encoderActivation === 'string' || own.classifier === undefined ? encoderActivation : 'relu';
    const built = buildNetwork('classifier', this.#network, this.#seen(event), { weights, noise, activation });
    this.classifier = built.module;
    this.logits = new Linear(sizeOf(built.shape), own.classes, { rng: weights });
    this.eval();
  }

  override get type(): string {
    return 'SemiSupervisedVae';
  }

  #seen(event: readonly number[]): readonly number[] {
    return this.vae.options.missing ? [...event.slice(0, -1), 2 * (event.at(-1) as number)] : event;
  }

  /** Classes, counted from 0. */
  get classes(): number {
    return this.#classes;
  }

  protected override likelihood(): ReconstructionDistribution {
    return this.vae.reconstructionDistribution;
  }

  protected override get holes(): boolean {
    return this.vae.options.missing;
  }

  protected override describe(): Readonly<Record<string, unknown>> {
    const { condition: _, objective: __, ...rest } = describeVae(this.vae.options);
    return {
      ...rest,
      classes: this.#classes,
      classifier: describeNetwork(this.#network),
      labelWeight: this.#labelWeight,
    };
  }

  override restoreLearned(caller: string, learned: Readonly<Record<string, unknown>>): void {
    super.restoreLearned(caller, learned);
    this.vae.takeLearned(this as unknown as Model<never>);
  }

  /** The logits of q(y | x): [rows, classes]. */
  forward(x: Tensor): Tensor {
    const seen = this.vae.options.missing ? withMask(x) : x;
    const features = inLayer('classifier', () => this.classifier.forward(seen));
    const [rows = 0] = x.shape;
    return inLayer('logits', () => this.logits.forward(features.reshape([rows, this.logits.inFeatures])));
  }

  /** The bound of log p(x, y) of each row under each class: [classes, rows]. */
  #bounds(x: Tensor, near: Tensor, draw: (mean: Tensor, logVariance: Tensor) => Tensor): Tensor {
    const classes = this.#classes;
    const [rows = 0] = x.shape;
    const each = (of: Tensor): Tensor =>
      of
        .reshape([1, ...of.shape])
        .broadcastTo([classes, ...of.shape])
        .reshape([classes * rows, ...of.shape.slice(1)]);
    const condition = eye(classes)
      .reshape([classes, 1, classes])
      .broadcastTo([classes, rows, classes])
      .reshape([classes * rows, classes]);
    const model: ScoredModel = this.vae.given({ condition });
    const { mean, logVariance } = model.posterior(each(near));
    const z = draw(mean, logVariance);
    return model
      .conditionalLogProb(each(x), z)
      .sub(model.klOf(mean, logVariance, z))
      .sub(Math.log(classes))
      .reshape([classes, rows]);
  }

  /**
   * The bound of log p(x) of rows, all classes enumerated, with a draw of z for each class, differentiably: Σ_y q(y | x) bound(x, y) +
   * H(q(y | x)), on the model's scale. [rows]
   */
  bound({ x, near, draws }: RowInputs): Tensor {
    const logQ = this.forward(near).logSoftmax();
    const noise = draws.normal(this.#classes, this.vae.options.latentSize);
    const bounds = this.#bounds(x, near, (mean, logVariance) => drawn(mean, logVariance, noise.reshape(mean.shape)));
    return expectedBound(bounds, logQ, logQ.exp());
  }

  parts({ x, y }: Batch, rng: Rng): Parts<SemiSupervisedNumbers> {
    const [rows, labels] = [x as Tensor, y as Tensor];
    const logQ = this.forward(rows).logSoftmax();
    const own = equal(labels.reshape([-1, 1]), arange(this.#classes)); // 0 everywhere for a row without a label
    const known = own.sum({ axis: -1, keepDims: true });
    const bounds = this.#bounds(rows, rows, (mean, logVariance) => sampleNormal(mean, logVariance, rng));
    const shares = own.add(logQ.exp().mul(known.neg().add(1)));
    const bound = expectedBound(bounds, logQ.mul(known.neg().add(1)), shares).mean();
    const { crossEntropy, accuracy } =
      this.training && this.#labels !== null ? this.#ofLabelled(this.#labels) : classified(logQ, own, known);
    return { loss: bound.neg().add(crossEntropy.mul(this.#labelWeight)), bound: bound.neg(), accuracy };
  }

  /** How rows with a label are classified, drawn for each step, since a batch has few or none. */
  #ofLabelled({ rows, labels, chosen }: Labelled): Classified {
    const [count = 1] = rows.shape;
    everyStep(() => {
      const u = this.labelled.uniform(chosen.shape).data;
      chosen.assign(Float32Array.from(u, (value) => Math.min(count - 1, Math.floor(value * count))));
    });
    const logQ = this.forward(gather(rows, chosen)).logSoftmax();
    const own = equal(gather(labels, chosen).reshape([-1, 1]), arange(this.#classes));
    return classified(logQ, own, own.sum({ axis: -1, keepDims: true }));
  }

  /** Trains on rows and the classes of some of them: whole numbers from 0, null where it is not known. */
  async fit(
    data: Rows,
    labels: PartialLabels,
    options: SemiSupervisedFitOptions = {},
  ): Promise<History<SemiSupervisedNumbers>> {
    const caller = 'SemiSupervisedVae.fit';
    checkNames(caller, options, [...Object.keys(trainingChecks), 'validationData', 'validationLabels']);
    const { validationData, validationLabels, ...training } = options;
    if ((validationData === undefined) !== (validationLabels === undefined)) {
      throw new ValueError(`${caller}: validationData and validationLabels go together`);
    }
    const y = this.#labelsOf('labels', labels);
    const held = validationLabels === undefined ? undefined : this.#labelsOf('validationLabels', validationLabels);
    try {
      return await this.fitTo(
        data,
        {
          ...training,
          ...(validationData !== undefined && { validationData }),
        } as ModelFitOptions<SemiSupervisedNumbers>,
        { rows: { y }, ...(held !== undefined && { validation: { y: held } }) },
      );
    } finally {
      // A second call that was refused must not take the labels of the run that goes on.
      if (!isTraining(this)) this.#labels = null;
      this.vae.takeLearned(this as unknown as Model<never>);
    }
  }

  override get besideSpec(): BatchSpec {
    return { y: [] };
  }

  protected override get wantsRows(): boolean {
    return true;
  }

  override takeLearned(other: Model<never>): void {
    super.takeLearned(other);
    this.vae.takeLearned(other);
  }

  /** Labels are checked as they go by: classes, and −1 or a hole where one is not known. */
  override scaled(data: Dataset): Dataset {
    return super.scaled(withLabels('SemiSupervisedVae.scaled', data, this.#classes, true));
  }

  protected override takeRows(caller: string, rows: FlatRows | null, beside: Columns): { undo?(): void } {
    const labels = beside.y?.rows.values;
    if (rows === null || labels === undefined)
      throw new UsageError(`${caller}: give rows in memory and not a data set`);
    const known = Array.from({ length: rows.count }, (_, r) => r).filter((r) => (labels[r] as number) >= 0);
    if (known.length === 0) {
      throw new ValueError(`${caller}: at least one row must have a label; a Vae learns without any`);
    }
    const { values, width } = rows;
    const chosen = new Float32Array(known.length * width);
    known.forEach((r, i) => {
      for (let c = 0; c < width; c++) chosen[i * width + c] = values[r * width + c] as number;
    });
    const before = this.#labels;
    this.#labels = {
      rows: tensor(chosen, { shape: [known.length, ...this.event] }).persisted(true),
      labels: tensor(Float32Array.from(known, (r) => labels[r] as number)).persisted(true),
      chosen: persistentZeros([Math.min(64, known.length)]),
    };
    return {
      undo: () => {
        this.#labels = before;
      },
    };
  }

  /** Labels as numbers, −1 where one is not known. */
  #labelsOf(name: string, labels: unknown): Columns[string] {
    const caller = 'SemiSupervisedVae.fit';
    if (!isList(labels)) {
      throw new ValueError(
        `${caller}: ${name} must be an array of class numbers, one for each row and null where it is not known, got ${describeValue(labels)}`,
      );
    }
    const check = whole({ min: 0, max: this.#classes - 1 });
    const values = Float32Array.from({ length: labels.length }, (_, i) => {
      const label = labels[i];
      return label === null || Number.isNaN(label) ? -1 : check(label, { caller, path: `${name}[${i}]` });
    });
    return { rows: { values, count: values.length, width: 1 }, shape: [], called: 'labels' };
  }

  /** q(y | x), the probability of each class: [n, classes]. */
  predictProbability(data: Rows): Tensor {
    return this.#probabilities(this.prepared('predictProbability', data), this.event).p;
  }

  /** The most likely class of each row. */
  predict(data: Rows): number[] {
    return Array.from(this.#probabilities(this.prepared('predict', data), this.event).p.argMax({ axis: 1 }).data);
  }

  /** The bound of log p(x) of each row, in nats, with a draw of z for each class: Σ_y q(y | x) bound(x, y) + H(q(y | x)). [n] */
  elbo(data: Rows, options: { readonly seed?: number } = {}): Tensor {
    const { seed } = checkOptions('SemiSupervisedVae.elbo', options, { seed: optional(whole({ min: 0 }), 0) });
    const rows = this.toScore('elbo', data);
    const { bound } = this.#bound(rows, this.event, { seed });
    const jacobian = this.logJacobian(rows.raw);
    return jacobian === null ? bound : bound.add(jacobian.sum({ axis: 1 }));
  }
}

/** Of the rows with a label, scalars: the mean cross entropy, and the share that is right. */
interface Classified {
  readonly crossEntropy: Tensor;
  readonly accuracy: Tensor;
}

/** log q(y | x) and the labels as ones among zeros [rows, classes]; `known` [rows, 1] is 1 for rows with a label. */
function classified(logQ: Tensor, own: Tensor, known: Tensor): Classified {
  const count = known.sum().maximum(1);
  const q = logQ.detach();
  const right = equal(q.mul(own).sum({ axis: -1, keepDims: true }), q.max({ axis: -1, keepDims: true })).mul(known);
  return { crossEntropy: logQ.mul(own).sum().neg().div(count), accuracy: right.sum().div(count) };
}

/** Σ_y share_y (bound(x, y) − log q(y | x)) of each row: bounds [classes, rows], the others [rows, classes] → [rows]. */
function expectedBound(bounds: Tensor, logQ: Tensor, shares: Tensor): Tensor {
  return bounds.transpose().sub(logQ).mul(shares).sum({ axis: -1 });
}
