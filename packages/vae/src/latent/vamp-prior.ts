import { layerParameter } from '@latent/nn';
import { fillRows, oneOf, optional, type Tensor, UsageError, whole, zeros } from '@latent/tensor';
import { type Components, LearnedPrior, type PriorContext, type PriorRows, type PriorSpec, priors } from './prior.ts';

/** Where the rows of a VampPrior start. */
type Start = 'uniform' | 'rows';

class VampPrior extends LearnedPrior {
  /** The rows whose posteriors are the components. */
  readonly rows: Tensor;
  readonly #start: Start;
  readonly #context: PriorContext;
  readonly #logits: Tensor;

  constructor(components: number, start: Start, context: PriorContext) {
    super();
    const { event, rng } = context;
    const shape = [components, ...event];
    this.rows = layerParameter('table', shape, () => rng.uniform(shape));
    this.#start = start;
    this.#context = context;
    this.#logits = zeros([components]).clone();
    if (context.conditionSize > 0) {
      throw new UsageError(
        'Vae: vampPrior encodes rows of its own, which have no condition; take conditionalPrior() or standardNormalPrior()',
      );
    }
  }

  override get type(): string {
    return 'VampPrior';
  }

  override get wantsRows(): boolean {
    return this.#start === 'rows';
  }

  /** Starts at rows drawn from those of the first run. */
  override takeRows({ rows, first }: PriorRows): (() => void) | null {
    if (!first || this.#start !== 'rows') return null;
    const before = this.rows.clone();
    const components = this.rows.shape[0] as number;
    const order = this.#context.rng.permutation(rows.count);
    fillRows(
      this.rows,
      rows.values,
      Uint32Array.from({ length: components }, (_, k) => order[k % rows.count] as number),
      0,
    );
    return () => this.rows.assign(before);
  }

  components(): Components {
    return { ...this.#context.posterior(this.rows), logits: this.#logits };
  }
}

const checks = {
  components: /* @__PURE__ */ whole({ min: 1, max: 1_000_000 }),
  start: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('uniform', 'rows'), 'uniform' as const),
};

export const vampPart = /* @__PURE__ */ priors.known('vamp', {
  caller: 'vampPrior',
  options: checks,
  build: ({ components, start }) => ({
    needsNormalPosterior: true,
    build: (context) => new VampPrior(components, start, context),
  }),
});

/** Of a prior made of pseudo-inputs. */
export interface VampPriorOptions {
  readonly components: number;
  /** Where the learned rows start: `uniform` (default), noise from 0 to 1; or `rows`, rows drawn from the first run's. */
  readonly start?: 'uniform' | 'rows';
}

/**
 * A mixture of the posteriors of learned rows (Tomczak & Welling 2018): p(z) = 1/K Σₖ q(z | uₖ). Take an encoder of units that do not
 * saturate, such as 'relu': with 'tanh' it cannot make the posteriors of these rows as wide as a prior must be.
 */
export function vampPrior(options: VampPriorOptions): PriorSpec {
  return vampPart.make(options);
}
