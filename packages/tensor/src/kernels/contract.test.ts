import { describe, expect, it } from 'vitest';
import { divided as divide } from '../program/divide.ts';
import { meetings } from '../program/meetings.ts';
import { execute } from './execute.ts';
import type { KernelCall } from './kernel.ts';
import { kernelList } from './list.ts';
import { contents, type KernelSample, linkers, place, results, runWasm } from './samples.ts';

const all = kernelList.flatMap(({ kernel, samples }) =>
  samples.map((sample) => [`${kernel.name} ${sample.name}`, sample] as [string, KernelSample]),
);

function expectClose(got: readonly number[], want: readonly number[], tolerance: number): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    if (Object.is(got[i], want[i])) continue;
    if (Math.abs(got[i]! - want[i]!) <= tolerance * Math.max(1, Math.abs(want[i]!))) continue;
    expect.fail(`element ${i}: ${got[i]} instead of ${want[i]}`);
  }
}

/** Every operand's numbers; nothing around any was touched. */
function untouched(call: KernelCall, poison: number): number[][] {
  return call.pointers.map((_, i) => {
    const { inside, around } = contents(call, i);
    expect(around.every((x) => Object.is(x, poison))).toBe(true);
    return inside;
  });
}

describe.each(all)('%s', (_name, sample) => {
  it('does in WebAssembly what the reference does, and touches nothing but its operands', () => {
    for (const extremes of sample.extremes ? [false, true] : [false]) {
      for (const linker of linkers) {
        const [want, got] = [place(sample, { extremes }), place(sample, { extremes })];
        const inputs = untouched(got, 77).slice(got.kernel.outputs(got));
        want.kernel.reference(want);
        runWasm(got, linker);
        untouched(want, 77);
        for (const [i, expected] of results(want, sample).entries()) {
          expectClose(results(got, sample)[i]!, expected, sample.tolerance);
        }
        // Inputs are as they were, and what stands outside an operand does not matter.
        expect(untouched(got, 77).slice(got.kernel.outputs(got))).toEqual(inputs);
        const elsewhere = place(sample, { extremes, poison: Number.NaN });
        runWasm(elsewhere, linker);
        untouched(elsewhere, Number.NaN);
        expect(results(elsewhere, sample)).toEqual(results(got, sample));
      }
    }
  });

  it('is divided among 1, 2, 3 and 5 threads into parts that give the bits of the whole', () => {
    for (const threads of [1, 2, 3, 5]) {
      const [whole, divided] = [place(sample, { seed: threads }), place(sample, { seed: threads })];
      runWasm(whole);
      const parts = divide(divided, threads, 0);
      const extents = divided.kernel.extents(divided);
      for (const mine of [...parts].reverse()) {
        if (mine === null) continue;
        // A part stays within the whole.
        for (const [i, { from, to }] of mine.kernel.extents(mine).entries()) {
          if (from === to) continue;
          const move = mine.pointers[i]! - divided.pointers[i]!;
          expect(move + from).toBeGreaterThanOrEqual(extents[i]!.from);
          expect(move + to).toBeLessThanOrEqual(extents[i]!.to);
        }
        runWasm(mine);
      }
      expect(results(divided, sample)).toEqual(results(whole, sample));
      untouched(divided, 77);
      // Parts of one call never need each other.
      expect(meetings([{ parts, moves: [] }], threads).size).toBe(0);
    }
  });

  it('says what it costs and what it is', () => {
    const call = place(sample);
    const { kernel } = call;
    const touched = kernel.extents(call);
    expect(touched).toHaveLength(call.pointers.length);
    const writes = Array.from({ length: kernel.outputs(call) }, (_, j) => kernel.written(call, j));
    const cost = kernel.nanoseconds(call);
    expect(Number.isFinite(cost)).toBe(true);
    expect(cost).toBeGreaterThanOrEqual(0);
    // Only what has nothing to do is free.
    if (writes.some((bytes) => bytes > 0)) expect(cost).toBeGreaterThan(0);
    expect(kernel.flop?.(call) ?? 0).toBeGreaterThanOrEqual(0);
    expect(kernel.label(call).length).toBeGreaterThan(3);
    for (const [j, bytes] of writes.entries()) expect(bytes).toBeLessThanOrEqual(touched[j]!.to - touched[j]!.from);
  });

  it('is done by the reference in double precision', () => {
    const double = { ...sample, call: { ...sample.call, dtype: 'f64' as const } };
    const [want, got] = [place(double), place(double)];
    want.kernel.reference(want);
    execute(got);
    expect(results(got, sample)).toEqual(results(want, sample));
  });
});

describe('the list', () => {
  it('names each kernel once', () => {
    const names = kernelList.map(({ kernel }) => kernel.name);
    expect(new Set(names).size).toBe(names.length);
  });
});
