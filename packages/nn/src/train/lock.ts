import { isBeingTrained, markTrained, refuseTrained } from '../module/being-trained.ts';
import type { Module } from '../module/module.ts';

/** Whether a model, or a module that it shares with another, is being trained. */
export function isTraining(model: Module): boolean {
  for (const [, module] of model.namedModules()) if (isBeingTrained(module)) return true;
  return false;
}

/** Trains a model alone: while `body` runs, training it or a module of it elsewhere is refused. Afterwards it is in eval mode. */
export async function trainingAlone<T>(caller: string, model: Module, body: () => Promise<T>): Promise<T> {
  refuseTrained(caller, model.namedModules());
  const modules = Array.from(model.namedModules(), ([, module]) => module);
  markTrained(modules, true);
  try {
    return await body();
  } finally {
    markTrained(modules, false);
    model.eval();
  }
}
