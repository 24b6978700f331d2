import { describe, expect, it } from 'vitest';
import { contents, place, runWasm } from '../samples.ts';
import { maxPickCall } from './max-pool.ts';
import { maxPickSamples } from './samples.ts';

describe.each(maxPickSamples.map((sample) => [sample.name, sample] as const))('the maximum, %s', (_name, sample) => {
  it.each([false, true])(
    'has the bits of the reference where what is picked is x itself (extremes: %s)',
    (extremes) => {
      const bits = (run: (call: ReturnType<typeof maxPickCall>) => void): Uint32Array => {
        const { pointers, shape } = place(sample, { extremes });
        const [out, x] = pointers as [number, number];
        const call = maxPickCall('f32', [out, x, x], shape);
        run(call);
        return new Uint32Array(Float32Array.from(contents(call, 0).inside).buffer);
      };
      expect(bits((call) => runWasm(call))).toEqual(bits((call) => call.kernel.reference(call)));
    },
  );
});
