import { describe, expect, it } from 'vitest';
import type { KernelCall, Layout } from '../kernels/kernel.ts';
import { FULL } from '../kernels/map/layout.ts';
import { type MapCall, mapCall } from '../kernels/map/map.ts';
import { mapProgram } from '../kernels/map/map-program.ts';
import { reduceCall } from '../kernels/reduce/reduce.ts';
import { fuse } from './fuse.ts';
import { type CallStep, isLoop, type Operand, type Step, type Value } from './step.ts';

const TANH = mapProgram('tanh', 1, (x) => x.tanh());
const ADD = mapProgram('add', 2, (x, y) => x.add(y));
const SIZE = 100;
let next = 0;

function value(kind: Value['kind'] = 'temporary'): Value {
  const id = next++;
  return { id, kind, bytes: 4 * SIZE, address: 1024 * (id + 1) };
}

function at(made: Value): Operand {
  return { value: made, offset: 0 };
}

function map(program: typeof TANH, out: Value, ...inputs: Value[]): CallStep {
  const operands = [out, ...inputs].map(at);
  const pointers = operands.map((operand) => operand.value.address);
  const call: KernelCall = mapCall(
    program,
    'f32',
    1,
    SIZE,
    pointers,
    inputs.map(() => FULL),
  );
  return { call, operands, partial: false };
}

function rowSum(out: Value, ...inputs: Value[]): CallStep {
  const operands = [out, ...inputs].map(at);
  const pointers = operands.map((operand) => operand.value.address);
  const layouts: Layout[] = inputs.map(() => FULL);
  return { call: reduceCall('sum', ADD, 'f32', 1, SIZE, 1, pointers, layouts), operands, partial: false };
}

function calls(steps: readonly Step[]): MapCall[] {
  return steps.map((step) => (isLoop(step) ? expect.fail('a loop') : step.call) as MapCall);
}

describe('fuse', () => {
  it('makes chains of equal formulas one program, and none too long', () => {
    const chain = (start: Value): { steps: Step[]; end: Value } => {
      let end = start;
      const steps = Array.from({ length: 100 }, () => {
        const made = value();
        const step = map(TANH, made, end);
        end = made;
        return step;
      });
      return { steps, end };
    };
    const [a, b] = [chain(value('fixed')), chain(value('fixed'))];
    const fused = calls(fuse([...a.steps, ...b.steps], new Set([a.end, b.end])));
    expect(fused.length).toBeGreaterThan(2);
    expect(fused.length).toBeLessThan(20);
    const half = fused.length / 2;
    expect(fused.slice(0, half).map(({ program }) => program)).toEqual(fused.slice(half).map(({ program }) => program));
    for (const { program } of fused) expect(program.name.length).toBeLessThan(60);
  });

  it('keeps a producer that a call between it and its reader would change', () => {
    const [parameter, x, made, out] = [value('fixed'), value('fixed'), value(), value()];
    const steps = [map(ADD, made, parameter, x), map(TANH, parameter, x), map(TANH, out, made)];
    expect(calls(fuse(steps, new Set([out])))).toHaveLength(3);
    const [first, , last] = steps as [CallStep, CallStep, CallStep];
    expect(calls(fuse([first, last], new Set([out])))).toHaveLength(1);
  });

  it('writes what others read beside the reader, and leaves out what nobody reads', () => {
    const [x, a, b, c, unused] = [value('fixed'), value(), value(), value(), value()];
    const steps = [map(TANH, a, x), map(TANH, unused, a), map(ADD, b, a, x), map(ADD, c, a, b)];
    const fused = calls(fuse(steps, new Set([b, c])));
    expect(fused.map(({ program }) => program.expressions.length)).toEqual([2]);
  });

  it('makes a later map of what a reduction reads part of it, if all that it reads is ready there', () => {
    const [x, y, sum, early, late] = [value('fixed'), value('fixed'), value(), value(), value()];
    const named = (steps: Step[], ...results: Value[]): string[] =>
      calls(fuse(steps, new Set(results))).map(({ program }) => program.name);
    const reduction = rowSum(sum, x, y);
    expect(named([reduction, map(TANH, early, x)], sum, early)).toEqual(['tanh·add']);
    // And what is made of that, which then need not be written.
    const both = fuse([reduction, map(TANH, early, x), map(ADD, late, early, y)], new Set([sum, late]));
    expect(calls(both).map(({ program }) => program.name)).toEqual(['tanh·add·add']);
    expect(calls(both)[0]?.pointers).toEqual([sum, late, x, y].map(({ address }) => address));
    // A map of the sum is after it; a place that was written over in between is not what it was.
    expect(named([reduction, map(ADD, early, x, sum)], sum, early)).toHaveLength(2);
    expect(named([reduction, map(TANH, y, y), map(ADD, early, x, y)], sum, early)).toHaveLength(3);
    // What it reads besides, and is the same in every step, is made before.
    const [moving, made, weight, scaled] = [value('fixed'), value(), value(), value()];
    const steps = [
      map(TANH, made, moving),
      rowSum(sum, made, y),
      map(TANH, weight, x),
      map(ADD, scaled, weight, made),
      map(ADD, moving, made, scaled),
    ];
    expect(named(steps, sum)).toEqual(['tanh·tanh·add·add', 'add']);
  });

  it('does not move calls into or out of a loop, and keeps what the next turn needs', () => {
    const [x, before, carry, made] = [value('fixed'), value(), value(), value()];
    const loop = { turns: 3, reverse: false };
    const body = [map(ADD, made, before, carry), map(TANH, carry, made)];
    const fused = fuse([map(TANH, before, x), map(TANH, carry, x), { loop, body }], new Set([carry]));
    // What reads a place that turns write over is not moved towards the write.
    expect(fused.map((step) => (isLoop(step) ? step.body.length : 0))).toEqual([0, 0, 2]);
    const ignored = value();
    const kept = fuse(
      [map(TANH, carry, x), { loop, body: [map(ADD, ignored, carry, x), map(TANH, carry, carry)] }],
      new Set([ignored]),
    );
    expect(kept.map((step) => (isLoop(step) ? step.body.length : 0))).toEqual([0, 2]);
  });
});
