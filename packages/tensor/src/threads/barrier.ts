import { type FunctionBuilder, I32, type Local, type ModuleBuilder } from '../kernels/wasm/assembler.ts';
import { ARRIVED, SLEEPING } from './control.ts';

/**
 * Loads before a thread sleeps: about fifty microseconds. Who sleeps wakes up tens of them late, and the others then wait; who
 * spins keeps a core that another process could use. With five times as many, two processes on the same cores take clearly longer.
 */
const SPIN = 200_000;
/** Nanoseconds of one sleep, and how many sleeps until the others are given up for dead. */
const NAP = 50_000_000;
const NAPS = 400;

/**
 * Adds the function barrier(target): counts this thread in and returns when `target` arrivals have been counted in this
 * job; the n-th barrier of a job of T threads has target n·T. It spins, then sleeps; after 20 seconds it traps.
 */
export function defineBarrier(module: ModuleBuilder, control: number): FunctionBuilder {
  return module.define([I32], [], (f) => {
    const target = 0;
    const [seen, turns] = [f.local(I32), f.local(I32)];
    const arrived = (): void => {
      f.i32(control)
        .memory('i32_atomic_load', 4 * ARRIVED)
        .tee(seen)
        .get(target)
        .op('i32_ge_s');
    };
    f.i32(control)
      .i32(1)
      .memory('i32_atomic_add', 4 * ARRIVED)
      .i32(1)
      .op('i32_add')
      .get(target)
      .op('i32_eq');
    f.if_(() => {
      // The last to come wakes those who sleep.
      f.i32(control).memory('i32_atomic_load', 4 * SLEEPING);
      f.if_(() => {
        f.i32(control)
          .i32(-1)
          .memory('atomic_notify', 4 * ARRIVED)
          .op('drop');
      });
      f.op('return_');
    });
    f.i32(SPIN).set(turns);
    f.loop(() => {
      arrived();
      f.if_(() => f.op('return_'));
      countDown(f, turns);
      f.brIf(0);
    });
    f.i32(NAPS).set(turns);
    f.loop(() => {
      arrived();
      f.if_(() => f.op('return_'));
      f.i32(control)
        .i32(1)
        .memory('i32_atomic_add', 4 * SLEEPING)
        .op('drop');
      f.i32(control)
        .get(seen)
        .i64(NAP)
        .memory('atomic_wait32', 4 * ARRIVED)
        .op('drop');
      f.i32(control)
        .i32(-1)
        .memory('i32_atomic_add', 4 * SLEEPING)
        .op('drop');
      countDown(f, turns);
      f.brIf(0);
    });
    f.op('unreachable');
  });
}

/** Pushes whether any turns are left. */
function countDown(f: FunctionBuilder, turns: Local): void {
  f.get(turns).i32(1).op('i32_sub').tee(turns);
}
