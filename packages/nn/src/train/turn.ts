/** Lets the event loop turn: pages stay responsive, timers and signals get through. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    // Node and its like have a call for it; a message channel there loads parts that need WebAssembly.
    const { setImmediate: soon } = globalThis as { setImmediate?: (callback: () => void) => void };
    if (soon !== undefined) soon(resolve);
    else if (typeof MessageChannel === 'undefined') setTimeout(resolve, 0);
    else {
      // No timer, because those are throttled in background tabs.
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        channel.port1.close();
        resolve();
      };
      channel.port2.postMessage(null);
    }
  });
}

/** Milliseconds of work between two turns of the event loop. */
const SLICE = 30;

/** Long work in slices, between which the event loop turns. */
export class Slices {
  #last = performance.now();

  /** To be asked between two pieces of work; a promise where it is time to let the event loop turn. */
  next(): Promise<void> | undefined {
    if (performance.now() - this.#last <= SLICE) return undefined;
    return turn().then(() => {
      this.#last = performance.now();
    });
  }
}
