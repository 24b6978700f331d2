import { noGrad } from '@latent/autograd';
import { scatterAdd, sizeOf, step, type Tensor, tensor, zeros } from '@latent/tensor';
import { type RowInputs, registerModel, rowsProgram, Vae } from '@latent/vae';

/** What a model says of rows of which the encoder is shown a part, from several codes each. */
export interface Conditionals {
  /** Rows, codes of each, columns of the table, numbers of a row, and how many of them are on the common scale. */
  readonly rows: number;
  readonly samples: number;
  readonly columns: number;
  readonly width: number;
  readonly numbers: number;
  /** log p(z) − log q(z | shown): [rows, samples]. */
  readonly base: Float32Array;
  /** log p(x_j | z) of each column of the table, 0 of a hole: [rows, samples, columns]. */
  readonly terms: Float32Array;
  /** The means of numbers and the probabilities of levels: [rows, samples, width]. */
  readonly center: Float32Array;
  /** The standard deviations of numbers: [rows, samples, numbers]. */
  readonly std: Float32Array;
}

/** A Gaussian's log-variances are held to this. */
const MOST_LOG_VARIANCE = 60;

/** A variational autoencoder over coded rows, asked for what columns say of each other. */
export class TableVae extends Vae {
  static override readonly modelName: string = 'tableVae';

  /** Of each number of a row its column; null where every column is one number, in order. */
  #owner: Int32Array | null = null;
  #columns = 0;
  #numbers = 0;
  #floor = 0;

  readonly #conditional = rowsProgram((rows, samples) => this.conditionalTensors(rows, samples));

  /** How the numbers of a row belong to columns; before `conditionals` is asked. */
  describeRows(owner: Int32Array, columns: number, numbers: number, minStd: number): void {
    this.#owner = owner.every((column, i) => column === i) ? null : owner;
    this.#columns = columns;
    this.#numbers = numbers;
    this.#floor = 2 * Math.log(minStd);
  }

  /** The sums over each column's numbers: [samples, rows, width] to [rows, samples, columns]. */
  #byColumn(terms: Tensor): Tensor {
    if (this.#owner === null) return terms.transpose([1, 0, 2]);
    const [samples, rows] = terms.shape as [number, number, number];
    const sums = zeros([this.#columns, rows, samples]);
    return scatterAdd(sums, Array.from(this.#owner), terms.transpose([2, 1, 0])).transpose([1, 2, 0]);
  }

  /** What `conditionals` gives, as tensors of rows, and of what the encoder is shown of them. */
  conditionalTensors(
    { x, near, draws }: RowInputs,
    samples: number,
  ): Record<'base' | 'terms' | 'center' | 'std', Tensor> {
    const { mean, logVariance } = this.posterior(near);
    const z = mean.add(
      logVariance
        .mul(0.5)
        .exp()
        .mul(draws.normal(samples, mean.shape[1] as number)),
    );
    const [mu, v] = [mean.broadcastTo(z.shape), logVariance.broadcastTo(z.shape)];
    const params = this.likelihoodParams(z);
    const noise = z.sub(mu);
    // log q up to the constant that log p has too.
    const logQ = noise
      .square()
      .mul(v.neg().exp())
      .add(v)
      .add(Math.log(2 * Math.PI))
      .sum({ axis: -1 })
      .mul(-0.5);
    const rowsFirst = (t: Tensor): Tensor => t.transpose([1, 0, 2]);
    const base = this.logPrior(z).sub(logQ).transpose();
    const terms = this.#byColumn(this.columnTerms(x, params));
    const center = rowsFirst(this.reconstructionDistribution.mean(params));
    const n = this.#numbers;
    const std =
      n === 0
        ? center
        : rowsFirst(
            params
              .slice([null, null, [n, 2 * n]])
              .clamp(this.#floor, MOST_LOG_VARIANCE)
              .mul(0.5)
              .exp(),
          );
    return { base, terms, center, std };
  }

  /** What is to be expected in rows of which the encoder is shown `shown`, NaN in what it is not to see. */
  conditionals(rows: Float32Array, shown: Float32Array, samples: number, seed = 0): Conditionals {
    const width = sizeOf(this.event);
    const count = rows.length / width;
    // `near` decides the draws, so that they do not depend on the cells that are hidden.
    const seen = this.seenRange?.drawIn(shown.slice(), 'scores') ?? shown;
    const found = this.#conditional({ values: held(rows), near: seen, count }, this.event, { samples, seed });
    const numbers = this.#numbers;
    return {
      rows: count,
      samples,
      columns: this.#columns,
      width,
      numbers,
      base: taken(found.base),
      terms: taken(found.terms),
      center: taken(found.center),
      std: numbers === 0 ? new Float32Array() : taken(found.std),
    };
  }

  /** Means and log-variances of the codes of rows, end to end. */
  codesOf(rows: Float32Array): { mean: Float32Array; logVariance: Float32Array } {
    const { mean, variance } = this.encode(rows);
    return { mean: taken(mean), logVariance: taken(variance).map((value) => Math.log(value)) };
  }

  /** The parameters of p(x | z) as means of numbers and probabilities of levels, and standard deviations. */
  expectedOf(codes: Float32Array): { center: Float32Array; std: Float32Array } {
    const latent = this.options.latentSize;
    const z = tensor(codes, { shape: [codes.length / latent, latent] });
    const n = this.#numbers;
    return noGrad(() => {
      const found = step(() => {
        const params = this.likelihoodParams(z);
        const std =
          n === 0
            ? params.slice([null, [0, 0]])
            : params
                .slice([null, [n, 2 * n]])
                .clamp(this.#floor, MOST_LOG_VARIANCE)
                .mul(0.5)
                .exp();
        return { center: this.reconstructionDistribution.mean(params), std };
      });
      return { center: found.center.data as Float32Array, std: found.std.data as Float32Array };
    });
  }
}

/** A tensor's numbers; its memory goes back at once, since there are many of these before the garbage collector sees a need. */
function taken(x: Tensor): Float32Array {
  const values = x.data as Float32Array;
  x.dispose();
  return values;
}

/** Far numbers are held where single precision can square them. */
const FARTHEST = 1e12;

function held(rows: Float32Array): Float32Array {
  return rows.map((value) => (value > FARTHEST ? FARTHEST : value < -FARTHEST ? -FARTHEST : value));
}

// So that members can be trained by other processes.
registerModel(TableVae);
