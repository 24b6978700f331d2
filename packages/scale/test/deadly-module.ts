// A worker's module whose source kills the worker so many milliseconds after it was first read: in the middle of whatever it does then.
import { Rng } from '@latent/tensor';

const { KILL_AFTER } = process.env;
let armed = false;

/** The rows of the tests with worker processes. */
export const testRows = new Rng(2).normal([400, 8]).data as Float32Array;

/** What parts `source:rows` are. */
export const sources = {
  *rows(): Generator<{ x: Float32Array }> {
    if (KILL_AFTER !== undefined && !armed) setTimeout(() => process.kill(process.pid, 'SIGKILL'), Number(KILL_AFTER));
    armed = true;
    yield { x: testRows };
  },
};
