import { type DType, elementBytes } from '../dtype.ts';
import { clearFault, readFault } from '../kernels/check-indices/check-indices.ts';
import { perform } from '../kernels/execute.ts';
import type { KernelCall } from '../kernels/kernel.ts';
import type { FaultReport } from '../memory/watcher.ts';
import { FixedWrites } from './fixed-writes.ts';
import { addressIn, callAt, type PlacedCall, placed } from './placed.ts';
import {
  type CallStep,
  eachCall,
  isLoop,
  type Loop,
  type LoopStep,
  type Operand,
  type Step,
  type Value,
} from './step.ts';

/** A place where a check of the step writes down what it found. */
interface Fault {
  readonly address: number;
  /** Where the checked numbers begin. */
  readonly base: number;
  readonly dtype: DType;
  readonly report: FaultReport;
}

/** The steps without the checks whose numbers the step does not change, and those checks. */
export interface Checked {
  readonly steps: readonly Step[];
  /** To be made before the step, so that a bad index changes nothing. In loops as the others. */
  readonly before: readonly Step[];
}

function isCheck({ operands }: CallStep): boolean {
  return operands[0]?.value.kind === 'fault';
}

/** Takes checks of arguments, and of what else the step leaves as it is, out of the step. */
export function checksFirst(steps: readonly Step[]): Checked {
  const calls: CallStep[] = [];
  eachCall(steps, (step) => calls.push(step));
  if (!calls.some(isCheck)) return { steps, before: [] };
  const writes = new FixedWrites(calls);
  const unchanged = (step: CallStep): boolean =>
    isCheck(step) && step.operands.slice(1).every((operand) => given(operand, writes, calls.length));
  const sift = (sequence: readonly Step[], wanted: boolean): Step[] =>
    sequence.flatMap((step): Step[] => {
      if (!isLoop(step)) {
        // What never changes was right when it was recorded.
        const constant = isCheck(step) && step.operands[1]?.value.kind === 'constant';
        return unchanged(step) === wanted && !constant ? [step] : [];
      }
      const body = sift(step.body, wanted);
      return body.length === 0 ? [] : [{ ...step, body }];
    });
  return { steps: sift(steps, false), before: sift(steps, true) };
}

/** Whether an operand is the same before the step and in it. */
function given({ value }: Operand, writes: FixedWrites, calls: number): boolean {
  if (value.kind === 'constant') return true;
  let placedIn = value;
  while (placedIn.window !== undefined) placedIn = placedIn.window.whole.value;
  const { kind, address, bytes } = placedIn;
  return kind === 'fixed' && !writes.changes(placedIn, address, address + bytes, -1, calls);
}

/** The checks of a program: those before the step, and where all of them leave what they found. */
export class Faults {
  readonly #before: readonly KernelCall[];
  readonly #first: readonly Fault[];
  readonly #inside: readonly Fault[];

  constructor(
    { steps, before }: Checked,
    addressOf: (value: Value) => number,
    reports: ReadonlyMap<Value, FaultReport>,
  ) {
    this.#before = unrolled(before, addressOf);
    this.#first = faultsOf(before, addressOf, reports);
    this.#inside = faultsOf(steps, addressOf, reports);
  }

  /** Checks what can be checked before the step. */
  checkFirst(): void {
    if (this.#first.length > 0) {
      for (const { address } of this.#first) clearFault(address);
      for (const call of this.#before) perform(call);
      look(this.#first, '');
    }
    for (const { address } of this.#inside) clearFault(address);
  }

  /** Looks at what checks in the step found. */
  look(): void {
    look(this.#inside, ' (computed in the compiled step, which ran to its end: do not rely on what it changed)');
  }
}

function look(faults: readonly Fault[], note: string): void {
  for (let i = 0; i < faults.length; i++) {
    const { address, base, dtype, report } = faults[i] as Fault;
    const found = readFault(address);
    if (found !== null) throw report((found.address - base) / elementBytes(dtype), found.value, note);
  }
}

function faultsOf(
  steps: readonly Step[],
  addressOf: (value: Value) => number,
  reports: ReadonlyMap<Value, FaultReport>,
): Fault[] {
  const faults: Fault[] = [];
  eachCall(steps, (step) => {
    if (!isCheck(step)) return;
    const [fault, indices] = step.operands as [Operand, Operand];
    faults.push({
      address: addressOf(fault.value),
      base: addressIn(indices, addressOf),
      dtype: step.call.dtype,
      report: reports.get(fault.value) as FaultReport,
    });
  });
  return faults;
}

/** The calls of all turns, in order. */
function unrolled(steps: readonly Step[], addressOf: (value: Value) => number): KernelCall[] {
  const calls: KernelCall[] = [];
  const turns = new Map<Loop, number>();
  const visit = (sequence: readonly Step[]): void => {
    for (const step of sequence) {
      if (!isLoop(step)) {
        const [here] = placed([step], addressOf) as [PlacedCall];
        calls.push(callAt(here, (loop) => turns.get(loop) ?? 0));
        continue;
      }
      const { loop, body }: LoopStep = step;
      for (let turn = 0; turn < loop.turns; turn++) {
        turns.set(loop, turn);
        visit(body);
      }
    }
  };
  visit(steps);
  return calls;
}
