import { list, optional, type Tensor, whole } from '@latent/tensor';
import { Flow, type Refined } from './flow.ts';
import { MaskedNetwork } from './masked-network.ts';
import { type PosteriorContext, type PosteriorSpec, posteriors } from './posterior.ts';

/** Added to s, so that a run begins with gates that are nearly open and z' near z. */
const OPEN = 2;

class InverseAutoregressiveFlow extends Flow {
  readonly steps: readonly MaskedNetwork[];

  constructor(steps: number, hidden: readonly number[], context: PosteriorContext) {
    super();
    this.steps = Array.from(
      { length: steps },
      (_, k) => new MaskedNetwork({ ...context, hidden, outputs: 2, reversed: k % 2 === 1 }),
    );
  }

  override get type(): string {
    return 'InverseAutoregressiveFlow';
  }

  of(features: Tensor): (z: Tensor) => Refined {
    const networks = this.steps.map((step) => step.of(features));
    return (z) => {
      const logDets = networks.map((network) => {
        const [m, s] = network(z).split(2, -1) as [Tensor, Tensor];
        const open = s.add(OPEN);
        const gate = open.sigmoid();
        z = m.add(gate.mul(z.sub(m)));
        return open.neg().softplus().sum({ axis: -1 }); // −log σ
      });
      return { z, logDet: logDets.reduce((sum, logDet) => sum.add(logDet)).neg() };
    };
  }
}

const checks = {
  steps: /* @__PURE__ */ optional(whole({ min: 1, max: 1000 }), 4),
  hidden: /* @__PURE__ */ optional(list(whole({ min: 1 }), { min: 1, max: 16 })),
};

export const iafPart = /* @__PURE__ */ posteriors.known('iaf', {
  options: checks,
  build: ({ steps, hidden = [64] }) => ({
    build: (context) => new InverseAutoregressiveFlow(steps, hidden, context),
  }),
});

/** Of a posterior refined by inverse autoregressive flows. */
export interface IafOptions {
  /** 4 by default; every other one goes through the latents from the last to the first. */
  readonly steps?: number;
  /** Units of the hidden layers of each step's masked network; [64] by default. */
  readonly hidden?: readonly number[];
}

/**
 * A posterior refined by inverse autoregressive flows (Kingma et al. 2016): z' = σ⊙z + (1 − σ)⊙m with σ = sigmoid(s), where m and s of
 * a latent depend on those before it, by a masked network (Germain et al. 2015) that also sees what the encoder made of the row;
 * log |det| = Σ log σ. Unlike a Gaussian with a variance for each latent, it has codes that vary together. The KL is estimated from
 * the draws.
 */
export function iaf(options: IafOptions = {}): PosteriorSpec {
  return iafPart.make(options);
}
