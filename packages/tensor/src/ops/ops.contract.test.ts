import { afterAll, describe, expect, it } from 'vitest';
import { tensor } from '../create.ts';
import { type KernelSet, useKernels } from '../kernels/select.ts';
import { step } from '../step.ts';
import type { Tensor } from '../tensor.ts';
import { sampleInputs } from './sample-inputs.ts';
import { type Plain, type Sample, samples } from './samples.ts';
import { opTable } from './table.ts';

const sets: readonly KernelSet[] = ['reference', 'wasm'];
const entries = Object.entries(samples) as [string, Sample][];

afterAll(() => useKernels('auto'));

function plain(x: Tensor): Plain {
  return { data: x.data, shape: x.shape };
}

function expectClose(got: Tensor, want: Plain, tolerance: number): void {
  expect(got.shape).toEqual([...want.shape]);
  const values = got.data;
  for (let i = 0; i < values.length; i++) {
    const allowed = tolerance * Math.max(1, Math.abs(want.data[i]!));
    if (!(Math.abs(values[i]! - want.data[i]!) <= allowed))
      expect({ at: i, value: values[i] }).toEqual({ at: i, value: want.data[i] });
  }
}

describe.each(entries)('%s', (_name, sample) => {
  it.each(['f64 reference', ...sets])('gives what plain loops give (%s)', (set) => {
    const exact = set === 'f64 reference';
    useKernels(exact ? 'auto' : (set as KernelSet));
    for (const [group, shapes] of sample.shapes.entries()) {
      const inputs = sampleInputs(sample, shapes, group, exact ? 'f64' : 'f32');
      const before = inputs.map((x) => x.data);
      const want = sample.expected(...inputs.map(plain));
      expectClose(sample.call(...inputs), want, exact ? (sample.exact ?? 1e-13) : (sample.tolerance ?? 2e-6));
      expectClose(
        step(() => sample.call(...inputs)),
        want,
        exact ? (sample.exact ?? 1e-13) : (sample.tolerance ?? 2e-6),
      );
      expect(inputs.map((x) => x.data)).toEqual(before);
    }
  });

  if (sample.special)
    it('is right at the edges of arithmetic', () => {
      for (const set of sets) {
        useKernels(set);
        for (const [inputs, want] of sample.special ?? []) {
          const got = sample.call(...inputs.map((x) => tensor([x, x, x, x, x]))).data;
          for (const value of got) {
            if (Number.isNaN(want) || !Number.isFinite(want) || want === 0) expect(value + 0).toBe(want + 0);
            else expect(Math.abs(value / want - 1)).toBeLessThan(1e-6);
          }
        }
      }
    });
});

describe('elementwise ops in SIMD', () => {
  const lengths = [0, 1, 3, 4, 5, 7, 8, 11, 16, 17, 33];
  it.each(entries.filter(([name]) => name in opTable && 'program' in opTable[name as keyof typeof opTable]))(
    '%s agrees with the reference at every lane tail',
    (_name, sample) => {
      for (const length of lengths) {
        const inputs = sampleInputs(
          sample,
          sample.shapes[0]!.map(() => [length]),
          length,
          'f32',
        );
        useKernels('reference');
        const want = sample.call(...inputs);
        useKernels('wasm');
        expectClose(sample.call(...inputs), plain(want), sample.tolerance ?? 2e-6);
      }
    },
  );
});
