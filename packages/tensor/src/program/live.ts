import { FixedWrites } from './fixed-writes.ts';
import {
  type CallStep,
  eachCall,
  isLoop,
  type Operand,
  outputsOf,
  placedValue,
  type Step,
  type Value,
} from './step.ts';

/** The steps that anything depends on. */
export function live(recorded: readonly Step[], results: ReadonlySet<Value>): Step[] {
  const wanted = new Set(results);
  const keep = (sequence: readonly Step[]): Step[] => {
    const kept: Step[] = [];
    for (let i = sequence.length - 1; i >= 0; i--) {
      const step = sequence[i] as Step;
      if (isLoop(step)) {
        // What a turn wants may be made by the turn before.
        let body = keep(step.body);
        for (let known = -1; known !== wanted.size; body = keep(step.body)) known = wanted.size;
        if (body.length > 0) kept.push({ ...step, body });
      } else if (needed(step)) {
        for (const { value } of step.operands) wanted.add(placedValue(value));
        kept.push(step);
      }
    }
    return kept.reverse();
  };
  const needed = (step: CallStep): boolean => {
    for (let j = outputsOf(step) - 1; j >= 0; j--) {
      const value = placedValue((step.operands[j] as Operand).value);
      if (value.kind === 'fixed' || value.kind === 'fault' || wanted.has(value)) return true;
    }
    return false;
  };
  return keep(recorded);
}

/** Results up to so many bytes are made ahead: larger ones would take up memory for nothing. */
const AHEAD_BYTES = 64 << 10;

/**
 * The same steps, those first that depend on nothing that the others make or change: what a gradient begins with (the weights
 * of the loss's terms, one over the number of rows) is then ready where the terms are computed, and both can be one pass.
 */
export function constantsFirst(steps: readonly Step[]): Step[] {
  const calls: CallStep[] = [];
  eachCall(steps, (step) => calls.push(step));
  const fixed = new FixedWrites(calls);
  const [written, again] = [new Set<Value>(), new Set<Value>()];
  for (const step of calls) {
    for (const { value } of step.operands.slice(0, outputsOf(step))) {
      const placed = placedValue(value);
      (written.has(placed) ? again : written).add(placed);
    }
  }
  const ready = new Set<Value>();
  const isAhead = (step: Step): boolean => {
    if (isLoop(step) || step.partial || step.call.kernel.accumulates) return false;
    const outputs = outputsOf(step);
    const isReady = ({ value }: Operand, i: number): boolean => {
      const { kind, address, bytes } = value;
      if (i < outputs) return kind === 'temporary' && bytes <= AHEAD_BYTES && !again.has(value);
      if (kind === 'fixed') return !fixed.changes(value, address, address + bytes, -1, Infinity);
      return kind === 'constant' || ready.has(value);
    };
    if (!step.operands.every(isReady)) return false;
    for (const { value } of step.operands.slice(0, outputs)) ready.add(value);
    return true;
  };
  const ahead = new Set(steps.filter(isAhead));
  return [...ahead, ...steps.filter((step) => !ahead.has(step))];
}
