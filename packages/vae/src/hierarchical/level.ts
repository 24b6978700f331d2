import { Activation, type ActivationName, inLayer, type Layer, Linear, Module } from '@latent/nn';
import { concat, type Rng, type Shape, sizeOf, type Tensor } from '@latent/tensor';
import { boundedLogVariance } from '../latent/bounded-variance.ts';

/** Mean and log-variance of a level's numbers u: [rows, numbers]. */
export interface Residual {
  readonly mean: Tensor;
  readonly logVariance: Tensor;
}

/** What a level is made with. */
export interface LevelParts {
  readonly encoder: Layer;
  readonly decoder: Layer;
  /** The shape of its features: […places, channels]. */
  readonly features: Shape;
  readonly latentSize: number;
  readonly activation: ActivationName;
  readonly rng: Rng;
}

/**
 * A level of a hierarchical VAE. Its latents are z = μ(h) + σ(h)⊙u, where h is what the levels above say and u is N(0, I) before the row
 * is seen. What the row says is a difference from that, q(u | x, h) = N(Δμ, diag Δσ²), so that a level that learned nothing of rows
 * costs nothing (the residual parametrisation of Vahdat & Kautz 2020, with Δμ in units of σ).
 *
 * The way from the row to the latents, and from them to what is below, is short: what the level itself learns is added to what comes in.
 * With a layer more in either way, latents say nothing at first, and while they do not the KL takes them away.
 */
export class Level extends Module {
  readonly encoder: Layer;
  readonly decoder: Layer;
  /** μ and log σ² of z given h. */
  readonly prior: Linear;
  /** Δμ and log Δσ², of the features of the row and h. */
  readonly compared: Linear;
  readonly residual: Linear;
  /** What z adds to h; z has weights of its own, since it is few numbers among many. */
  readonly latent: Linear;
  readonly merged: Linear;
  /** The shape of its latents: […places, latentSize]. */
  readonly latents: Shape;
  readonly #activation: Activation;

  constructor({ encoder, decoder, features, latentSize, activation, rng }: LevelParts) {
    super();
    const channels = features.at(-1) as number;
    this.encoder = encoder;
    this.decoder = decoder;
    this.prior = new Linear(channels, 2 * latentSize, { rng });
    this.compared = new Linear(2 * channels, channels, { rng });
    this.residual = new Linear(channels, 2 * latentSize, { rng });
    this.latent = new Linear(latentSize, channels, { rng, bias: false });
    this.merged = new Linear(channels, channels, { rng });
    this.latents = [...features.slice(0, -1), latentSize];
    this.#activation = new Activation(activation);
  }

  override get type(): string {
    return 'Level';
  }

  /** Numbers of its latents. */
  get size(): number {
    return sizeOf(this.latents);
  }

  /** q(u | x, h): the row's features and h, [rows, …places, channels] both. */
  residualOf(features: Tensor, h: Tensor): Residual {
    const both = inLayer('compared', () => this.compared.forward(concat([features, h], -1)));
    const seen = features.add(this.#activation.forward(both));
    const [mean, logVariance] = inLayer('residual', () => this.residual.forward(seen)).split(2, -1) as [Tensor, Tensor];
    const flat = (x: Tensor): Tensor => x.reshape([x.shape[0] as number, this.size]);
    return { mean: flat(mean), logVariance: boundedLogVariance(flat(logVariance)) };
  }

  /** What h and u [rows, numbers] say of the level below: of h + f(z, h). */
  below(h: Tensor, u: Tensor): Tensor {
    const [mean, logVariance] = inLayer('prior', () => this.prior.forward(h)).split(2, -1) as [Tensor, Tensor];
    const z = mean.add(boundedLogVariance(logVariance).mul(0.5).exp().mul(u.reshape(mean.shape)));
    const said = inLayer('latent', () => this.latent.forward(z)).add(inLayer('merged', () => this.merged.forward(h)));
    return inLayer('decoder', () => this.decoder.forward(h.add(this.#activation.forward(said))));
  }
}
