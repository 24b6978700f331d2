import { inLayer, layerParameter, Module } from '@latent/nn';
import { type Rng, type Shape, type Tensor, zeros } from '@latent/tensor';
import type { Head } from '../reconstruction/likelihood.ts';
import type { Level, Residual } from './level.ts';

/** What the levels made of rows, or of nothing. */
export interface Descent {
  /** Of p(x | z). */
  readonly params: Tensor;
  /** Of each level from the rows up, its numbers u [rows, numbers]. */
  readonly u: readonly Tensor[];
  /** q(u | x, …) of each level; empty without rows. */
  readonly residuals: readonly Residual[];
}

/** The levels of a hierarchical VAE, from the rows up, and the way through them. */
export class Tower extends Module {
  readonly levels: readonly Level[];
  /** What the top level is given in place of levels above. */
  readonly top: Tensor;
  readonly head: Head;

  constructor(levels: readonly Level[], features: Shape, head: Head, rng: Rng) {
    super();
    this.levels = levels;
    this.top = layerParameter('bias', features, () => rng.normal(features, { std: 0.1 }));
    this.head = head;
  }

  override get type(): string {
    return 'Tower';
  }

  /** Numbers of a row's code: the latents of all levels. */
  get latentSize(): number {
    return this.levels.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Up from rows and down again: `choose` gives each level its u, by what the row and the levels above say. Only the upper `seeing` levels
   * see the row; those below take what is expected of them, 0.
   */
  descend(x: Tensor, choose: (residual: Residual, level: number) => Tensor, seeing = this.levels.length): Descent {
    const rows = x.shape[0] as number;
    const features: Tensor[] = [];
    let up = x;
    this.levels.forEach((level, l) => {
      up = inLayer(`levels[${l}].encoder`, () => level.encoder.forward(up));
      features.push(up);
    });
    const residuals: Residual[] = [];
    const lowest = this.levels.length - seeing;
    return this.#fromTop(rows, residuals, (l, h) => {
      const level = this.levels[l] as Level;
      if (l < lowest) return zeros([1, 1]).broadcastTo([rows, level.size]);
      const residual = level.residualOf(features[l] as Tensor, h);
      residuals.unshift(residual);
      return choose(residual, l);
    });
  }

  #fromTop(rows: number, residuals: readonly Residual[], next: (level: number, h: Tensor) => Tensor): Descent {
    let h = this.top.broadcastTo([rows, ...this.top.shape]);
    const u: Tensor[] = [];
    for (let l = this.levels.length - 1; l >= 0; l--) {
      const own = next(l, h);
      u.unshift(own);
      h = inLayer(`levels[${l}]`, () => (this.levels[l] as Level).below(h, own));
    }
    return { params: inLayer('head', () => this.head.forward(h)), u, residuals };
  }

  /** Codes [rows, latentSize], the numbers of all levels from the rows up, as parameters of p(x | z). */
  from(codes: Tensor): Tensor {
    const parts = this.split(codes);
    return this.#fromTop(codes.shape[0] as number, [], (l) => parts[l] as Tensor).params;
  }

  /** Codes by level. */
  split(codes: Tensor): Tensor[] {
    return codes.split(
      this.levels.map(({ size }) => size),
      -1,
    );
  }
}
