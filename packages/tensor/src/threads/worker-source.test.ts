import { describe, expect, it } from 'vitest';
import { BYTES, COMMAND, DONE, JOB, LENGTH, LOAD, READY, RUN } from './control.ts';
import { CONTROL_BYTES, NODE_SOURCE } from './worker-source.ts';

const SEEN = 1024;
const ALL = 16384;

/** Runs a worker here until it throws; its memory looks as short as `seen` until it is asked to look again. */
function runStale(
  control: number,
  prepare: (words: Int32Array) => void,
): { error: unknown; words: Int32Array; grown: number } {
  const whole = new SharedArrayBuffer(ALL);
  const words = new Int32Array(whole, control, CONTROL_BYTES / 4);
  words.fill(-1, DONE);
  prepare(words);
  let grown = 0;
  let buffer = new SharedArrayBuffer(SEEN);
  if (control + CONTROL_BYTES <= SEEN) {
    // The control words are within what is seen.
    new Int32Array(buffer, control, words.length).set(words);
    words.fill(0);
  }
  const memory = {
    get buffer() {
      return buffer;
    },
    grow() {
      grown++;
      buffer = whole;
    },
  };
  let error: unknown = null;
  try {
    new Function('require', NODE_SOURCE)(() => ({ workerData: { memory, control, index: 1 } }));
  } catch (thrown) {
    error = thrown;
  }
  return { error, words, grown };
}

describe('a worker that sees the memory as it was before it grew', () => {
  it('looks again for its control words', () => {
    // It then fails since there is no such program.
    const { error, words, grown } = runStale(4096, (w) => {
      w[JOB] = 1;
      w[COMMAND] = RUN;
    });
    expect(error).toBeInstanceOf(TypeError);
    expect([words[DONE + 1], grown]).toEqual([0, 1]);
  });

  it('looks again for a module', () => {
    // What is there is no module; it is read all the same.
    const { error, grown } = runStale(64, (w) => {
      w[JOB] = 1;
      w[COMMAND] = LOAD;
      w[BYTES] = 8192;
      w[LENGTH] = 100;
      w[READY] = 8128;
    });
    expect(error).toBeInstanceOf(WebAssembly.CompileError);
    expect(grown).toBe(1);
  });
});
