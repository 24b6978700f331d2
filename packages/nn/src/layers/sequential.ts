import { checkTensor, refuse, type Tensor } from '@latent/tensor';
import { type Advance, advanced, type StepState } from '../module/advance.ts';
import type { Context } from '../module/context.ts';
import { inLayer, isLayer, type Layer, Module } from '../module/module.ts';

/** Layers one after the other, named by position. */
export class Sequential extends Module {
  readonly layers: readonly Layer[];

  constructor(...layers: readonly Layer[]) {
    super();
    for (const [i, layer] of layers.entries()) {
      if (isLayer(layer)) continue;
      const at = { caller: 'Sequential', path: `layer ${i}` };
      refuse(at, "a module with forward(x) (a list such as [16, activation('tanh')] is for network(…))", layer);
    }
    this.layers = layers;
  }

  override get type(): string {
    return 'Sequential';
  }

  forward(x: Tensor, context: Context = {}): Tensor {
    checkTensor(this.type, x);
    let value = x;
    for (const [i, layer] of this.layers.entries()) {
      const input = value;
      value = inLayer(String(i), () => layer.forward(input, context));
    }
    return value;
  }

  /** One step of rows that come step by step; see `advanced`. */
  advance(x: Tensor, state: StepState | null): Advance {
    let output = x;
    const next: StepState[] = [];
    for (const [i, layer] of this.layers.entries()) {
      const input = output;
      const step = inLayer(String(i), () => advanced(layer, input, (state?.[i] as StepState | undefined) ?? null));
      output = step.output;
      next.push(step.state);
    }
    return { output, state: next };
  }
}
