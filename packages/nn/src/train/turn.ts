/** Lets the event loop turn: pages stay responsive, timers and signals get through. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    // A message channel first, because timers are throttled in background tabs.
    if (typeof MessageChannel === 'undefined') {
      setTimeout(resolve, 0);
      return;
    }
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}

/** Milliseconds that work may keep the event loop; browsers call what is longer than 50 a long task. */
const BUDGET = 40;

/**
 * When work that is done piece by piece is to let the event loop turn: before the next piece, if it takes as long as the one
 * before, would keep the loop too long. A piece that takes longer than that by itself stands alone.
 */
export class Turns {
  #since = performance.now();
  #before = this.#since;

  /** After a piece of work: whether it is time. */
  due(): boolean {
    const now = performance.now();
    const piece = now - this.#before;
    this.#before = now;
    return now - this.#since + piece > BUDGET;
  }

  async turn(): Promise<void> {
    await turn();
    this.#since = performance.now();
    this.#before = this.#since;
  }
}
