import { UsageError } from '@latent/tensor';
import type { Module } from './module.ts';

/** The modules that are being trained. */
const training = /* @__PURE__ */ new WeakSet<Module>();

/** Whether a module itself is being trained. */
export function isBeingTrained(module: Module): boolean {
  return training.has(module);
}

/** Marks modules as being trained, or no longer. */
export function markTrained(modules: Iterable<Module>, on: boolean): void {
  for (const module of modules) {
    if (on) training.add(module);
    else training.delete(module);
  }
}

/** Throws if one of the modules is being trained. */
export function refuseTrained(caller: string, modules: Iterable<readonly [path: string, module: Module]>): void {
  for (const [, module] of modules) {
    if (!training.has(module)) continue;
    throw new UsageError(
      `${caller}: this model, or a module it shares with another, is being trained; wait for that run to end`,
    );
  }
}
