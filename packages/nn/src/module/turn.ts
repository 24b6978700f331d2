import { type CompiledFunction, inSlices, type Pause, settled } from '@latent/tensor';

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

/** Whether this is a page's own thread, where what takes long is felt: pieces of a step are worth their price there. */
function onPage(): boolean {
  return typeof document !== 'undefined';
}

/** On a page's own thread, lets it answer before what may be long by itself. */
export async function beforeLong(): Promise<void> {
  if (onPage()) await turn();
}

/** Calls a compiled function: in the slices on a page's own thread, at once elsewhere. */
export function called<A extends readonly unknown[], R>(
  compiled: CompiledFunction<A, R>,
  slices: Slices | null,
  ...args: A
): R | Promise<R> {
  return slices !== null && onPage() ? inSlices(compiled, pausing(slices), ...args) : compiled(...args);
}

function pausing(slices: Slices): Pause {
  return (long) => (long ? slices.turn() : slices.next());
}

/** So many numbers take a millisecond to make: on a page they are put off. */
const MANY = 1 << 16;
let settling = false;

/** Whether numbers of a model are to be made later, in slices, if nobody asks for them before; see `madeLater`. */
export function worthSlices(size: number): boolean {
  if (!onPage() || size < MANY) return false;
  if (!settling) {
    settling = true;
    void settle();
  }
  return true;
}

async function settle(): Promise<void> {
  await turn();
  settling = false;
  await settledBy(new Slices());
}

/** Makes what was put off. */
export async function settledBy(slices: Slices): Promise<void> {
  await settled(pausing(slices));
}
