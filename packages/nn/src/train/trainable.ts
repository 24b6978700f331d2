import type { Rng, Tensor } from '@latent/tensor';
import type { Batch } from '../data/dataset.ts';
import type { Module } from '../module/module.ts';

/** What a step minimises, and numbers beside it that are reported. Scalars; each the mean over the rows of the batch. */
export type Parts<N extends string = never> = { readonly loss: Tensor } & { readonly [K in N]: Tensor };

/** The same as numbers: means over rows. */
export type Metrics<N extends string = never> = { readonly loss: number } & { readonly [K in N]: number };

/**
 * A module that `fit` can train: it says what a batch's loss is. `N` are the names of what it reports beside the loss.
 *
 * ```ts
 * class Line extends Module implements Trainable {
 *   readonly layer = new Linear(1, 1, { rng: new Rng(0) });
 *   parts({ x, y }: Batch) {
 *     return { loss: mseLoss(this.layer.forward(x), y) };
 *   }
 * }
 * await fit(new Line(), dataset({ x: [[0], [1], [2]], y: [[1], [3], [5]] }), { epochs: 200 });
 * ```
 */
export interface Trainable<N extends string = never> extends Module {
  /** The loss of a batch, and what is reported beside it. Draws come from `rng` alone. Recorded: see `compile`. */
  parts(batch: Batch, rng: Rng): Parts<N>;
  /** The same for rows that are held out, in eval mode; `parts` by default. */
  evaluate?(batch: Batch, rng: Rng): Parts<N>;
  /** Told before each epoch, from 0: for what changes from epoch to epoch. Recorded steps must read it from memory. */
  beginEpoch?(epoch: number): void;
  /** Of the numbers of an epoch of training, the one that early stopping and plateaus watch; the loss by default. */
  watched?(metrics: Metrics<N>): number;
  /** What the model is, as the metadata of its file: checkpoints are such files, and only the same model resumes from one. */
  metadata?(): Readonly<Record<string, string>>;
}
