import { roomFor } from '../memory/storage.ts';
import type { KernelCall } from './kernel.ts';
import { machine } from './select.ts';

let observer: ((call: KernelCall) => void) | null = null;

/** The one door to every kernel: makes the call, or hands it to whom records or profiles. */
export function execute(call: KernelCall): void {
  if (observer === null) perform(call);
  else observer(call);
}

/** Hands every call to `next`, which must see to it that it is made; null for nobody. Returns who stood there before. */
export function observeCalls(next: ((call: KernelCall) => void) | null): ((call: KernelCall) => void) | null {
  const before = observer;
  observer = next;
  return before;
}

export function observingCalls(): boolean {
  return observer !== null;
}

/** Makes the call here and now. */
export function perform(call: KernelCall): void {
  const { linker } = machine();
  const { kernel } = call;
  const { wasm } = kernel;
  if (linker === null || wasm === undefined || !wasm.takes(call)) kernel.reference(call);
  else wasm.run(call, linker, wasm.scratch === undefined ? 0 : roomFor(wasm.scratch(call)));
}
