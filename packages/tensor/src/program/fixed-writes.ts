import { type CallStep, outputsOf, placedValue, type Value } from './step.ts';

interface Write {
  readonly at: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * Where calls write outside the program's memory (parameters, buffers, optimizers' slots), for the question whether
 * something was changed between two calls. Spans that touch each other belong to one region, so that few are compared.
 */
export class FixedWrites {
  readonly #regions = new Map<Value, number>();
  /** Of each region, in the order of the calls. */
  readonly #writes = new Map<number, Write[]>();

  constructor(calls: readonly CallStep[]) {
    const values = new Set<Value>();
    for (const { operands } of calls) {
      for (const operand of operands) {
        const value = placedValue(operand.value);
        if (value.kind === 'fixed') values.add(value);
      }
    }
    let [region, end] = [-1, -1];
    for (const value of [...values].sort((a, b) => a.address - b.address)) {
      if (value.address >= end) region++;
      end = Math.max(end, value.address + value.bytes);
      this.#regions.set(value, region);
    }
    for (const [at, step] of calls.entries()) {
      for (const operand of step.operands.slice(0, outputsOf(step))) {
        const value = placedValue(operand.value);
        if (value.kind !== 'fixed') continue;
        const write = { at, begin: value.address, end: value.address + value.bytes };
        const region = this.#regions.get(value) as number;
        const known = this.#writes.get(region);
        if (known === undefined) this.#writes.set(region, [write]);
        else known.push(write);
      }
    }
  }

  /** Whether a call number `from` < at ≤ `to` writes to the bytes from `begin` to `end` of a fixed value. */
  changes(value: Value, begin: number, end: number, from: number, to: number): boolean {
    const writes = this.#writes.get(this.#regions.get(value) as number) ?? [];
    let [low, high] = [0, writes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((writes[middle] as Write).at <= from) low = middle + 1;
      else high = middle;
    }
    for (let i = low; i < writes.length; i++) {
      const write = writes[i] as Write;
      if (write.at > to) return false;
      if (write.begin < end && begin < write.end) return true;
    }
    return false;
  }
}
