import { UsageError } from '@latent/tensor';
import type { Module } from '../module/module.ts';

/** The modules that are being trained. */
const training = /* @__PURE__ */ new WeakSet<Module>();

/** Whether a model, or a module that it shares with another, is being trained. */
export function isTraining(model: Module): boolean {
  for (const [, module] of model.namedModules()) if (training.has(module)) return true;
  return false;
}

/** Trains a model alone: while `body` runs, training it or a module of it elsewhere is refused. Afterwards it is in eval mode. */
export async function trainingAlone<T>(caller: string, model: Module, body: () => Promise<T>): Promise<T> {
  if (isTraining(model)) {
    throw new UsageError(
      `${caller}: this model, or a module it shares with another, is being trained; wait for that run to end`,
    );
  }
  const modules = Array.from(model.namedModules(), ([, module]) => module);
  for (const module of modules) training.add(module);
  try {
    return await body();
  } finally {
    for (const module of modules) training.delete(module);
    model.eval();
  }
}
