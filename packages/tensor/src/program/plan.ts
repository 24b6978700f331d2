import { FULL } from '../kernels/map/layout.ts';
import { align } from '../memory/linear-memory.ts';
import { FreePlaces } from './free-places.ts';
import { type CallStep, isLoop, type Loop, outputsOf, placedValue, type Step, type Value } from './step.ts';

/** Where each value of a step is in the program's memory. */
export interface Plan {
  /** Bytes of memory for all values. */
  readonly bytes: number;
  /** Where in it each temporary, constant and draw is. */
  readonly offsets: ReadonlyMap<Value, number>;
}

/** Values that share one place, and when it is in use: from time `first` to time `last`. */
interface Tenant {
  /** None where it moved in with another. */
  values: Value[];
  first: number;
  last: number;
  readonly bytes: number;
}

/** Kernels may read a vector past an operand; the next value starts after it. */
const SLACK = 16;

/**
 * Gives every value a place such that two values are in the same place only when one is dead before the other is made.
 * Large values go first, each to the lowest place that is free for its whole life. A map's result goes where an input
 * was that nobody needs any more.
 */
export function plan(steps: readonly Step[], results: ReadonlySet<Value>): Plan {
  const { tenants, end } = new Lives(steps, results);
  const free = new FreePlaces(end + 1);
  const offsets = new Map<Value, number>();
  let total = 0;
  for (const tenant of tenants.filter(({ values }) => values.length > 0).sort((a, b) => b.bytes - a.bytes)) {
    const size = align(tenant.bytes + SLACK);
    const last = Math.min(tenant.last, end);
    const offset = free.find(tenant.first, last, size);
    free.take(tenant.first, last, offset, size);
    for (const value of tenant.values) offsets.set(value, offset);
    total = Math.max(total, offset + size);
  }
  return { bytes: total, offsets };
}

/** A loop under way: its time span and those around it. */
interface Span {
  readonly loop: Loop;
  readonly begin: number;
  readonly end: number;
}

/** When each value lives. Time passes with each call, and once more at the end of each loop. */
class Lives {
  readonly tenants: Tenant[] = [];
  /** By the value's number. */
  readonly #tenantOf: (Tenant | undefined)[] = [];
  /** The last time. */
  readonly end: number;
  /** The loops around the call that first had a value. */
  readonly #around: (readonly Span[])[] = [];

  constructor(steps: readonly Step[], results: ReadonlySet<Value>) {
    const calls: { step: CallStep; at: number }[] = [];
    this.end = Math.max(0, this.#walk(steps, 0, [], calls) - 1);
    for (const value of results) {
      if (value.kind === 'fixed') continue;
      const tenant = this.#tenantOf[value.id];
      if (tenant !== undefined) tenant.last = Infinity;
      else this.#settle(value, 0, Infinity);
    }
    for (const { step, at } of calls) this.#shareInPlace(step, at);
  }

  #settle(value: Value, first: number, last: number): void {
    const tenant = { values: [value], first, last, bytes: value.bytes };
    this.#tenantOf[value.id] = tenant;
    this.tenants.push(tenant);
  }

  /** Returns the time after the steps. */
  #walk(
    steps: readonly Step[],
    start: number,
    around: readonly Span[],
    calls: { step: CallStep; at: number }[],
  ): number {
    let at = start;
    for (const step of steps) {
      if (isLoop(step)) {
        const span = { loop: step.loop, begin: at, end: at + lengthOf(step.body) };
        at = this.#walk(step.body, at, [...around, span], calls) + 1;
      } else {
        for (const { value } of step.operands) this.#use(value, at, around);
        calls.push({ step, at });
        at++;
      }
    }
    return at;
  }

  #use(value: Value, at: number, around: readonly Span[]): void {
    if (value.window !== undefined) {
      // What a window shows must last from the first turn to the last.
      const { whole, loop } = value.window;
      const depth = around.findIndex((span) => span.loop === loop);
      const { begin, end } = around[depth] as Span;
      this.#use(whole.value, begin, around.slice(0, depth));
      this.#use(whole.value, end, around.slice(0, depth));
      return;
    }
    if (value.kind === 'fixed') return;
    const tenant = this.#tenantOf[value.id];
    if (tenant === undefined) {
      // Constants and draws are written before the step begins.
      if (value.kind === 'temporary') this.#settle(value, at, at);
      else this.#settle(value, 0, Infinity);
      this.#around[value.id] = around;
      return;
    }
    // In a loop that began after the value was made, every turn needs it.
    const made = this.#around[value.id] as readonly Span[];
    const inner = around.find((span, depth) => made[depth] !== span);
    tenant.last = Math.max(tenant.last, inner === undefined ? at : inner.end);
  }

  /** Puts what a call writes element by element where an input was of the same size that dies here. */
  #shareInPlace(step: CallStep, at: number): void {
    const { call, operands } = step;
    const { formula } = call.kernel;
    if (formula === undefined || step.partial) return;
    const outputs = outputsOf(step);
    const inputs = operands.slice(outputs);
    const { layouts } = formula.of(call);
    for (const { value: output } of operands.slice(formula.reduces ? 1 : 0, outputs)) {
      const result = this.#tenantOf[output.id] as Tenant;
      if (output.kind !== 'temporary' || result.first !== at || result.last === at) continue;
      for (const [i, { value, offset }] of inputs.entries()) {
        const tenant = this.#tenantOf[value.id];
        const same = value.kind === 'temporary' && offset === 0 && value.bytes === output.bytes;
        const alone = inputs.every((other, j) => placedValue(other.value) !== value || layouts[j] === FULL);
        if (tenant && tenant !== result && tenant.last === at && layouts[i] === FULL && same && alone) {
          tenant.values.push(...result.values);
          tenant.last = result.last;
          for (const shared of result.values) this.#tenantOf[shared.id] = tenant;
          result.values = [];
          break;
        }
      }
    }
  }
}

/** The time that steps take. */
function lengthOf(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + (isLoop(step) ? lengthOf(step.body) + 1 : 1), 0);
}
