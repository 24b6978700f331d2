import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  arange,
  compile,
  concat,
  eye,
  full,
  linspace,
  MemoryError,
  ones,
  Rng,
  step,
  Tensor,
  tensor,
  useThreads,
  zeros,
} from '../index.ts';
import { Arena } from './arena.ts';
import { heap } from './heap.ts';
import { Lease, leased } from './lease.ts';
import { memory } from './linear-memory.ts';
import { allocatePinned } from './storage.ts';

afterEach(() => useThreads('auto'));

describe('the heap', () => {
  it('gives blocks that do not overlap, and uses again what was given back, in any size', () => {
    const action = fc.oneof(fc.integer({ min: 1, max: 300_000 }), fc.integer({ min: -100, max: -1 }));
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const before = { ...heap.held };
        const taken: { pointer: number; bytes: number }[] = [];
        let peak = 0;
        const top = memory.top;
        for (const a of actions) {
          if (a > 0) {
            const pointer = heap.take(a, 'tensors');
            expect(pointer % 64).toBe(0);
            for (const other of taken) {
              expect(pointer + a <= other.pointer || other.pointer + other.bytes <= pointer).toBe(true);
            }
            taken.push({ pointer, bytes: a });
          } else if (taken.length > 0) {
            const [{ pointer, bytes }] = taken.splice(-a % taken.length, 1) as [(typeof taken)[0]];
            heap.give(pointer, bytes, 'tensors');
          }
          peak = Math.max(peak, heap.held.tensors - before.tensors);
        }
        expect(memory.top - top).toBeLessThanOrEqual(2 * peak + 65536);
        for (const { pointer, bytes } of taken) heap.give(pointer, bytes, 'tensors');
        expect(heap.held).toEqual(before);
        // All is one block again: it serves a large one.
        const all = heap.take(Math.max(64, memory.top - top), 'tensors');
        expect(all + Math.max(64, memory.top - top)).toBeLessThanOrEqual(memory.top);
        heap.give(all, Math.max(64, memory.top - top), 'tensors');
      }),
      { numRuns: 60, seed: 4 },
    );
  });

  it('says who holds what when it is full, and goes on as if nothing had been asked', () => {
    const kept = zeros([100, 100]);
    const before = { held: { ...heap.held }, top: memory.top };
    expect(() => heap.take(2 * memory.limit, 'tensors')).toThrow(
      /^memory: [\d,]+ MiB are needed and [\d,]+ MiB is all there may be; .*hold [\d,]+ MiB.* dispose\(\)/,
    );
    expect({ held: { ...heap.held }, top: memory.top }).toEqual(before);
    expect(zeros([300, 300]).add(1).data[0]).toBe(1);
    expect(kept.sum().item()).toBe(0);
  });
});

describe('an arena', () => {
  it('makes one chunk of several once nothing is in use, so that changing sizes leave nothing behind', () => {
    const arena = new Arena();
    const before = heap.held.steps;
    const start = arena.mark();
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < 4; i++) arena.allocate((5 + round / 10) * 2 ** 20);
      arena.release(start);
    }
    expect(heap.held.steps - before).toBeLessThan(64 << 20);
    arena.allocate(100);
    arena.release(start);
    expect(heap.held.steps).toBeGreaterThan(before);
    expect(arena.giveBack()).toBe(true);
    expect(heap.held.steps).toBe(before);
    expect(arena.giveBack()).toBe(false);
  });

  it('has an address for each allocation, also of no bytes', () => {
    const arena = new Arena();
    expect(arena.allocate(0)).not.toBe(arena.allocate(0));
    expect(arena.room(100)).toBe(arena.allocate(100));
    expect(arena.giveBack()).toBe(false);
  });
});

describe('sizes', () => {
  const huge: [string, () => unknown][] = [
    ['zeros', () => zeros([1e200, 1e200])],
    ['ones', () => ones([1e10])],
    ['full', () => full([2 ** 20, 2 ** 20], 1)],
    ['eye', () => eye(1e9)],
    ['arange', () => arange(0, 1e12, 0.5)],
    ['linspace', () => linspace(0, 1, 1e12)],
    ['broadcastTo', () => tensor(1).broadcastTo([1e9, 1e9])],
    ['place', () => tensor([1]).pad([[1e12, 0]])],
    ['oneHot', () => zeros([70_000]).oneHot(70_000)],
    ['uniform', () => new Rng(0).uniform([1e300, 1e300])],
    ['permutation', () => new Rng(0).permutation(1e15)],
    ['add', () => zeros([50_000, 1]).add(zeros([50_000]))],
    ['matmul', () => zeros([60_000, 1]).matmul(zeros([1, 60_000]))],
    ['concat', () => concat(new Array(9).fill(zeros([2 ** 14, 2 ** 13])))],
    ['gather', () => zeros([1, 2 ** 16]).gather(zeros([2 ** 16]))],
    ['inside a step', () => step(() => zeros([1e200, 1e200]))],
    ['inside a compiled function', () => compile((x: Tensor) => x.broadcastTo([1e9, 1e9]))(tensor(1))],
  ];
  it.each(huge)('that no memory has are refused before anything is taken: %s', (name, make) => {
    const before = { held: { ...heap.held }, top: memory.top };
    let thrown: unknown;
    try {
      make();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(MemoryError);
    const told = name.startsWith('inside')
      ? /too large; one of f32 may have 1,0/
      : new RegExp(`^${name}: a tensor of .* is too large`);
    expect((thrown as Error).message).toMatch(told);
    // What the operands took aside, all is as it was.
    expect(memory.top - before.top).toBeLessThan(600 << 20);
    expect(Number.isFinite(heap.held.tensors)).toBe(true);
    expect(zeros([100, 100]).add(1).sum().item()).toBe(1e4);
  });
});

describe('dispose', () => {
  it('gives the memory of a tensor back at once; whoever uses it afterwards is told', () => {
    const x = new Tensor([1000], 'f32', allocatePinned(4000, 'parameters'));
    x.assign(new Float32Array(1000).fill(2));
    const view = x.reshape([10, 100]);
    const before = heap.held.parameters;
    x.dispose();
    expect(before - heap.held.parameters).toBe(4032);
    for (const use of [
      () => x.data,
      () => x.item,
      () => x.add(1),
      () => view.sum(),
      () => x.assign(new Float32Array(1000)),
      () => x.clone(),
      () => x.reshape([1000, 1]),
      () => String(x),
    ]) {
      if (use.toString().includes('item')) continue;
      expect(use).toThrow(/the tensor was disposed/);
    }
    x.dispose();
    expect(before - heap.held.parameters).toBe(4032);
    const small = tensor([1, 2]);
    small.dispose();
    expect(() => small.add(1)).toThrow('add: the tensor was disposed');
    expect(() => small.toArray()).toThrow('toArray: the tensor was disposed');
  });

  it('of a tensor that a compiled function uses makes the function say so, before it does anything', () => {
    const weight = new Tensor([300], 'f32', allocatePinned(1200, 'parameters'));
    weight.assign(new Float32Array(300).fill(3));
    const run = compile((x: Tensor) => x.mul(weight).sum());
    const x = ones([300]);
    expect([run(x).item(), run(x).item()]).toEqual([900, 900]);
    weight.dispose();
    expect(() => run(x)).toThrow('compile: the tensor was disposed');
    expect(() => run(x)).toThrow('compile: the tensor was disposed');
  });

  it('of a compiled function gives its recordings back; a later call says so', () => {
    const before = heap.held.programs;
    const run = compile(function scoring(x: Tensor) {
      return x.matmul(x).sum();
    });
    run(ones([100, 100]));
    run(ones([50, 50]));
    expect(heap.held.programs).toBeGreaterThan(before + 50_000);
    run.dispose();
    expect(heap.held.programs).toBe(before);
    run.dispose();
    run[Symbol.dispose]();
    expect(() => run(ones([100, 100]))).toThrow('compile: scoring was disposed; compile it again to use it');
  });

  it('may not come from inside the function', () => {
    const run: { dispose(): void } & ((x: Tensor) => Tensor) = compile(
      (x: Tensor): Tensor => {
        if (inside) x.dispose();
        return x.add(1);
      },
      { onEager: () => {} },
    );
    let inside = false;
    expect(run(tensor([1])).item()).toBe(2);
    inside = true;
    const other = compile((x: Tensor): Tensor => {
      run.dispose();
      return x.add(1);
    });
    expect(other(tensor([1])).item()).toBe(2);
    expect(() => run(tensor([1]))).toThrow('was disposed');
  });
});

describe('leases', () => {
  const tiny = (): Lease => new Lease(1000, [allocatePinned(1000, 'programs')]);

  it('end in the order of their last use, but not while they are used', () => {
    const leases = [tiny(), tiny(), tiny(), tiny()] as const;
    leases[0].touch();
    leases[1].busy = true;
    // As when memory runs out.
    const ends: number[] = [];
    for (const [i, lease] of leases.entries()) lease.onEnd(() => ends.push(i));
    expect(() => heap.take(2 * memory.limit, 'tensors')).toThrow(MemoryError);
    expect(ends).toEqual([2, 3, 0]);
    expect(leases[1].ended).toBe(false);
    leases[1].busy = false;
    leases[1].end();
    leases[1].end();
    expect(ends).toEqual([2, 3, 0, 1]);
  });

  it('hold no more than their budget: the oldest recordings give way, and are made again', () => {
    useThreads(1);
    let recorded = 0;
    const make = (): ((x: Tensor) => Tensor) =>
      compile((x: Tensor) => {
        recorded++;
        return x.add(1);
      });
    const x = ones([1024, 1024]);
    const functions = Array.from({ length: 8 }, make);
    for (const run of functions) run(x);
    const each = leased().held / 8;
    const first = functions[0] as (x: Tensor) => Tensor;
    // As many dropped ones as do not fit, in a loop that never awaits.
    const { budget } = leased();
    for (let i = 0; i < budget / each + 4; i++) {
      make()(x);
      if (i === 0) recorded = 0;
    }
    expect(leased().held).toBeLessThanOrEqual(budget);
    recorded = 0;
    for (let i = 0; i < 2; i++) expect(first(x).data[1024 ** 2 - 1]).toBe(2);
    expect(recorded).toBe(1);
  });

  it('take a reused result with them, which then says so', () => {
    const run = compile((x: Tensor) => x.add(1), { reuse: true });
    run(tensor([1]));
    const result = run(tensor([2]));
    expect(result.item()).toBe(3);
    expect(() => heap.take(2 * memory.limit, 'tensors')).toThrow(MemoryError);
    expect(() => result.item()).toThrow(
      'item: the tensor was in the memory of a compiled function, which was given back',
    );
    expect(run(tensor([5])).item()).toBe(6);
  });
});
