import { BYTES, COMMAND, DONE, FREE, IDLE, JOB, LENGTH, LOAD, PROGRAM, READY, RUN } from './control.ts';

/** Workers and the main thread, at most. */
export const MAX_THREADS = 64;
/** Bytes of the control words. */
export const CONTROL_BYTES = 4 * (DONE + MAX_THREADS);

/** Turns of a worker's loop before it sleeps: about half a millisecond, more than passes between two training steps. */
const SPIN = 50_000;

/**
 * What a worker does, as source, since the library is one file wherever it is bundled: it waits for jobs and never
 * returns. Modules come through the shared memory too, so no message is needed while the event loops are busy.
 */
const BODY = `
function work({ memory, control, index }) {
  // Another thread's growth of the memory is seen a moment later; growing by nothing makes this one look again.
  const bufferTo = (end) => {
    if (memory.buffer.byteLength < end) memory.grow(0);
    return memory.buffer;
  };
  const words = new Int32Array(bufferTo(control + ${4 * (DONE + MAX_THREADS)}), control, ${DONE + MAX_THREADS});
  const programs = new Map();
  let job = 0;
  Atomics.store(words, ${DONE} + index, 0);
  for (;;) {
    for (let spins = 0; Atomics.load(words, ${JOB}) === job; spins++) {
      if (spins < ${SPIN}) continue;
      Atomics.add(words, ${IDLE}, 1);
      Atomics.wait(words, ${JOB}, job);
      Atomics.sub(words, ${IDLE}, 1);
    }
    job = Atomics.load(words, ${JOB});
    const program = words[${PROGRAM}];
    switch (words[${COMMAND}]) {
      case ${RUN}:
        programs.get(program)();
        break;
      case ${LOAD}: {
        const [from, length, ready] = [words[${BYTES}] >>> 0, words[${LENGTH}], words[${READY}] >>> 0];
        const bytes = new Uint8Array(bufferTo(from + length), from, length).slice();
        const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
        programs.set(program, exports['part' + index]);
        Atomics.add(new Int32Array(bufferTo(ready + 4), ready, 1), 0, 1);
        break;
      }
      case ${FREE}:
        programs.delete(program);
    }
    Atomics.store(words, ${DONE} + index, job);
  }
}
`;

export const NODE_SOURCE = `${BODY}work(require('node:worker_threads').workerData);`;
export const WEB_SOURCE = `${BODY}onmessage = ({ data }) => work(data);`;
