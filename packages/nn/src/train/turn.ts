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

/** Milliseconds that work may keep the event loop; browsers call what is longer than 50 a long task. */
const BUDGET = 40;

/**
 * Long work in slices, between which the event loop turns: before the next piece, if it takes as long as the one before, would
 * keep the loop too long. A piece that takes longer than that by itself stands alone.
 */
export class Slices {
  #since = performance.now();
  #before = this.#since;

  /** To be asked between two pieces of work; a promise where it is time to let the event loop turn. */
  next(): Promise<void> | undefined {
    const now = performance.now();
    const piece = now - this.#before;
    this.#before = now;
    return now - this.#since + piece > BUDGET ? this.turn() : undefined;
  }

  async turn(): Promise<void> {
    await turn();
    this.#since = performance.now();
    this.#before = this.#since;
  }
}
