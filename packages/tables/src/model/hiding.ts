import { sampleNormal } from '@latent/autograd';
import { greater, list, optional, type Rng, real, type Tensor, tensor, where, whole } from '@latent/tensor';
import { type Objective, type ObjectiveModel, objectives } from '@latent/vae';

/** What the objective asks beyond the usual: the terms of log p(x | z) by number of the row. */
interface TableObjectiveModel extends ObjectiveModel {
  columnTerms(x: Tensor, params: Tensor): Tensor;
  likelihoodParams(z: Tensor): Tensor;
  klOf(mean: Tensor, logVariance: Tensor, z: Tensor): Tensor;
}

const checks = {
  beta: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), 1),
  /** Of the numbers of a row, in the loss. */
  weights: /* @__PURE__ */ list(/* @__PURE__ */ real({ min: 0 }), { min: 1 }),
  /** The column that each number of a row belongs to. */
  owner: /* @__PURE__ */ list(/* @__PURE__ */ whole({ min: 0, max: 100_000 }), { min: 1 }),
  /** Of this share of the rows, the encoder is shown some columns only. */
  hide: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0, max: 1 }), 0),
};

/**
 * The bound E log p(x | z) − β·KL(q(z | x̃) ‖ p(z)) where the encoder sees x̃, the row with some of its columns hidden, and the
 * decoder answers for all: still a bound on log p(x), since any q gives one, and it teaches the encoder what rows with holes
 * say. Of the rows, a share `hide` loses each column with a probability of its own, uniform on [0, 1].
 */
export const hidingObjective = /* @__PURE__ */ objectives.part('hiding', {
  options: checks,
  build({ beta, weights, owner, hide }): Omit<Objective, 'name' | 'config'> {
    const columns = owner.reduce((most, column) => Math.max(most, column), 0) + 1;
    const ownWeights = tensor(Float32Array.from(weights));
    const plain = weights.every((weight) => weight === 1);
    // Where every column is one number, in order, each is its own.
    const own = owner.every((column, i) => column === i);
    const shown = (x: Tensor, rng: Rng): Tensor => {
      if (hide === 0) return x;
      const rows = x.shape[0] as number;
      const rate = rng
        .uniform([rows, 1])
        .sub(1 - hide)
        .mul(1 / hide)
        .maximum(0);
      const hidden = greater(rate, rng.uniform([rows, columns]));
      return where(own ? hidden : hidden.gather(owner, 1), Number.NaN, x);
    };
    return {
      weightAt: null,
      needsExactKl: false,
      compute(given, x, rng) {
        const model = given as TableObjectiveModel;
        const { mean, logVariance } = model.posterior(shown(x, rng));
        const z = sampleNormal(mean, logVariance, rng);
        const terms = model.columnTerms(x, model.likelihoodParams(z));
        const reconstruction = (plain ? terms : terms.mul(ownWeights)).sum({ axis: -1 }).neg().mean();
        const kl = model.klOf(mean, logVariance, z).mean();
        return { loss: reconstruction.add(kl.mul(beta)), reconstruction, kl };
      },
    };
  },
});

/** The objectives that files of tables may have. */
export const tableObjectives = /* @__PURE__ */ objectives.register(hidingObjective);
