import { Linear, zerosInit } from '@latent/nn';
import { type Tensor, whole } from '@latent/tensor';
import { Flow, type Refined } from './flow.ts';
import { type PosteriorContext, type PosteriorSpec, posteriors } from './posterior.ts';

/** How near ûᵀw comes to −1, where a step would no longer be invertible. */
const MARGIN = 1e-3;
/** softplus(a + SHIFT) − 1 + MARGIN is 0 at 0, so that u = 0 is the identity whatever w. */
const SHIFT = /* @__PURE__ */ Math.log(Math.expm1(1 - MARGIN));

class PlanarFlow extends Flow {
  /** Of each step, what the encoder says of u, w and b. */
  readonly amounts: Linear;
  readonly directions: Linear;
  readonly offsets: Linear;
  readonly #steps: number;

  constructor(steps: number, { latentSize, features, rng }: PosteriorContext) {
    super();
    this.#steps = steps;
    // Starts as the identity: u = 0.
    this.amounts = new Linear(features, steps * latentSize, { rng, init: zerosInit });
    this.directions = new Linear(features, steps * latentSize, { rng });
    this.offsets = new Linear(features, steps, { rng });
  }

  override get type(): string {
    return 'PlanarFlow';
  }

  of(features: Tensor): (z: Tensor) => Refined {
    const steps = this.#steps;
    const split = (x: Tensor): Tensor[] => (steps === 1 ? [x] : x.split(steps, -1));
    const [us, ws, bs] = [this.amounts, this.directions, this.offsets].map((head) => split(head.forward(features))) as [
      Tensor[],
      Tensor[],
      Tensor[],
    ];
    const maps = us.map((u, k) => planarStep(u, ws[k] as Tensor, bs[k] as Tensor));
    return (z) => {
      const [first, ...rest] = maps.map((map) => {
        const refined = map(z);
        z = refined.z;
        return refined.logDet;
      });
      return { z, logDet: rest.reduce((sum, logDet) => sum.add(logDet), first as Tensor) };
    };
  }
}

/**
 * z' = z + û·t with t = tanh(wᵀz + b), and log |1 + ûᵀw(1 − t²)| = log(t² + (1 + ûᵀw)(1 − t²)): u and w [rows, latent], b [rows, 1].
 * û = u + (m(a) − a)·w/‖w‖² with a = wᵀu, so that ûᵀw = m(a) > −1.
 */
function planarStep(u: Tensor, w: Tensor, b: Tensor): (z: Tensor) => Refined {
  const sum = (x: Tensor): Tensor => x.sum({ axis: -1, keepDims: true });
  const a = sum(w.mul(u));
  const stretch = a.add(SHIFT).softplus().add(MARGIN); // 1 + m(a)
  const held = u.add(stretch.sub(1).sub(a).div(sum(w.square()).add(1e-12)).mul(w));
  return (z) => {
    const t = sum(z.mul(w)).add(b).tanh();
    const squared = t.square();
    const slope = squared.add(stretch.mul(squared.neg().add(1)));
    return { z: z.add(held.mul(t)), logDet: slope.log().sum({ axis: -1 }) };
  };
}

export const planarPart = /* @__PURE__ */ posteriors.known('planar', {
  options: { steps: /* @__PURE__ */ whole({ min: 1, max: 1000 }) },
  build: ({ steps }) => ({ build: (context) => new PlanarFlow(steps, context) }),
});

/**
 * A posterior that `steps` planar flows refine (Rezende & Mohamed 2015): z' = z + û·tanh(wᵀz + b), whose log-determinant is
 * log |1 + ûᵀw(1 − tanh²(wᵀz + b))|, with u, w and b of each row by the encoder. û is u with ûᵀw held above −1, so that each step is
 * invertible; a run starts at the identity. A step bends codes along one direction: enough for a few latents, weak for many
 * (see `iaf`). The KL is estimated from the draws.
 */
export function planar(steps = 8): PosteriorSpec {
  return planarPart.make({ steps });
}
