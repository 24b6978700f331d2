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
