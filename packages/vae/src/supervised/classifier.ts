import {
  type Batch,
  type BatchSpec,
  crossEntropy,
  type Dataset,
  type History,
  isList,
  Linear,
  type Parts,
  type Rows,
  trainingChecks,
} from '@latent/nn';
import {
  checkNames,
  checkOptions,
  describeValue,
  equal,
  type Rng,
  refuseSurplus,
  softmax,
  type Tensor,
  ValueError,
  whole,
} from '@latent/tensor';
import { knownAs, nameOf } from '../model/file-header.ts';
import type { ModelFitOptions } from '../model/model.ts';
import { rowsProgram } from '../model/rows-program.ts';
import type { Columns } from '../model/training-rows.ts';
import { withLabels } from './labels.ts';
import { resolveSupervised, Supervised, type SupervisedOptions, supervisedChecks } from './supervised.ts';

export type { Encoder } from './supervised.ts';

/** What a classifier is made of. */
export interface ClassifierOptions extends SupervisedOptions {
  /** Classes, counted from 0. */
  readonly classes: number;
}

/** How a classifier is trained. */
export interface ClassifierFitOptions extends Omit<ModelFitOptions<'accuracy'>, 'validationData'> {
  /** Rows scored after each epoch, and the classes of these rows. */
  readonly validationData?: Rows;
  readonly validationLabels?: ArrayLike<number>;
}

const checks = /* @__PURE__ */ Object.assign({}, supervisedChecks, { classes: /* @__PURE__ */ whole({ min: 2 }) });

/** A softmax classifier on top of an encoder: what follows pretraining. It reports the share of rows that it gets right. */
export class Classifier extends Supervised<'accuracy'> {
  static readonly modelName: string = /* @__PURE__ */ knownAs(Classifier, 'classifier');

  readonly head: Linear;
  readonly #classes: number;
  readonly #probabilities = rowsProgram(({ x }) => ({ p: softmax(this.forward(x)) }));

  constructor(options: ClassifierOptions) {
    const { classes, ...rest } = checkOptions('Classifier', options, checks);
    const resolved = resolveSupervised('Classifier', rest);
    super(resolved);
    refuseSurplus(Classifier, 'predict predictProbability', nameOf);
    this.#classes = classes;
    this.head = new Linear(resolved.features, classes, { rng: resolved.weights });
    this.eval();
  }

  override get type(): string {
    return 'Classifier';
  }

  protected override describe(): Readonly<Record<string, unknown>> {
    return { ...super.describe(), classes: this.#classes };
  }

  /** Logits [rows, classes]. */
  forward(x: Tensor): Tensor {
    return this.head.forward(this.featuresOf(x));
  }

  parts({ x, y }: Batch, rng: Rng): Parts<'accuracy'> {
    const rows = x as Tensor;
    const logits = this.forward(rows);
    const loss = this.jointLoss(crossEntropy(logits, y as Tensor), rows, rng);
    const accuracy = equal(logits.detach().argMax({ axis: 1 }), y as Tensor).mean();
    return { loss, accuracy };
  }

  /** Trains on rows and their classes, whole numbers from 0. */
  async fit(data: Rows, labels: ArrayLike<number>, options: ClassifierFitOptions = {}): Promise<History<'accuracy'>> {
    checkNames('Classifier.fit', options, [...Object.keys(trainingChecks), 'validationData', 'validationLabels']);
    const { validationData, validationLabels, ...training } = options;
    if ((validationData === undefined) !== (validationLabels === undefined)) {
      throw new ValueError('Classifier.fit: validationData and validationLabels go together');
    }
    const y = this.#labels('labels', labels);
    if (validationData === undefined || validationLabels === undefined)
      return this.fitTo(data, training, { rows: { y } });
    const held = this.#labels('validationLabels', validationLabels);
    return this.fitTo(data, { ...training, validationData }, { rows: { y }, validation: { y: held } });
  }

  override get besideSpec(): BatchSpec {
    return { y: [] };
  }

  /** Labels are checked as they go by. */
  override scaled(data: Dataset): Dataset {
    return super.scaled(withLabels('Classifier.scaled', data, this.#classes, false));
  }

  #labels(name: string, labels: unknown): Columns[string] {
    const caller = 'Classifier.fit';
    if (!isList(labels)) {
      throw new ValueError(
        `${caller}: ${name} must be an array of class numbers, one for each row, got ${describeValue(labels)}`,
      );
    }
    const check = whole({ min: 0, max: this.#classes - 1 });
    const values = Float32Array.from(labels, (label, i) => check(label, { caller, path: `${name}[${i}]` }));
    return { rows: { values, count: values.length, width: 1 }, shape: [], called: 'labels' };
  }

  /** The probability of each class: [n, classes]. */
  predictProbability(data: Rows): Tensor {
    return this.#probabilities(this.prepared('predictProbability', data), this.event).p;
  }

  /** The most likely class of each row. */
  predict(data: Rows): number[] {
    return Array.from(this.#probabilities(this.prepared('predict', data), this.event).p.argMax({ axis: 1 }).data);
  }
}
