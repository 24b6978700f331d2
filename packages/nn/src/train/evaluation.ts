import { noGrad } from '@latent/autograd';
import { type CompiledFunction, compile, Rng, type RngState, type Tensor, ValueError } from '@latent/tensor';
import type { Batch, Dataset, Pass } from '../data/dataset.ts';
import { scoring } from '../module/module.ts';
import { called, Slices } from '../module/turn.ts';
import { checkedParts } from './train-step.ts';
import type { Metrics, Trainable } from './trainable.ts';

const DRAWS: RngState = { key: [0, 0], counter: [0, 0] };
/** Rows at a time, at least: nothing is differentiated, so there is room for more than in a step. */
const LEAST = 512;

/**
 * What a model reports of rows that are held out: means over all of them, in eval mode. What it draws is the same each time,
 * so two models, or one before and after a step, are compared on the same draws.
 */
export class Evaluation {
  readonly #data: Dataset;
  readonly #batchSize: number;
  readonly #parts: CompiledFunction<Tensor[], Record<string, Tensor>>;
  readonly #draws = Rng.fromState(DRAWS);
  readonly #names: readonly string[];

  /** Batches have `batchSize` rows, and 512 at least. */
  constructor(model: Trainable<string>, data: Dataset, batchSize: number) {
    this.#data = data;
    this.#batchSize = Math.max(batchSize, LEAST);
    this.#names = Object.keys(data.spec);
    this.#parts = compile(
      (...tensors: Tensor[]) => {
        const batch = Object.fromEntries(this.#names.map((name, i) => [name, tensors[i] as Tensor]));
        const parts = noGrad(() => model.evaluate?.(batch, this.#draws) ?? model.parts(batch, this.#draws));
        return { ...checkedParts(parts) };
      },
      { reuse: true, onEager: () => {} },
    );
  }

  /** Walks over the rows once; the event loop turns meanwhile. */
  async run(): Promise<Metrics> {
    this.#draws.restore(DRAWS);
    const slices = new Slices();
    const totals: Record<string, number> = {};
    let rows = 0;
    const pass: Pass = this.#data.pass({ batchSize: this.#batchSize });
    try {
      for (let batch = await pass.next(); batch !== null; batch = await pass.next()) {
        const tensors = this.#names.map((name) => (batch as Batch)[name] as Tensor);
        const parts = await scoring(() => called(this.#parts, slices, ...tensors));
        const size = tensors[0]?.shape[0] ?? 0;
        for (const name in parts) totals[name] = (totals[name] ?? 0) + (parts[name] as Tensor).item() * size;
        rows += size;
        await slices.next();
      }
    } finally {
      await pass.close?.();
    }
    if (rows === 0) throw new ValueError('fit: there are no validation rows');
    const means = Object.fromEntries(Object.entries(totals).map(([name, total]) => [name, total / rows]));
    return means as { readonly loss: number };
  }
}
