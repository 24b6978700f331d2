import type { Formula, FormulaKernel, KernelCall, Layout } from '../kernels/kernel.ts';
import { FULL, isFlat } from '../kernels/map/layout.ts';
import { lengthOf } from '../kernels/map/map-program.ts';
import { composed, type Part } from './compose.ts';
import { FixedWrites } from './fixed-writes.ts';
import { constantsFirst, live } from './live.ts';
import { type CallStep, isLoop, type Operand, outputsOf, placedValue, type Step, type Value } from './step.ts';

/** Operands of a fused kernel: more would not stay in registers. */
const MOST_OPERANDS = 14;
/** Later readers of a value that are tried as part of a reduction: where a value has thousands, time would pass. */
const NEAREST = 16;
/** Instructions of one vector of a fused formula: longer ones would take engines long to compile. */
const MOST_INSTRUCTIONS = 800;

/**
 * The same step in fewer passes over memory: a map whose result a map or a reduction reads becomes part of it, so that
 * bias, activation, log-probability and the sum at their end are one kernel. A result that others read too is still
 * written, beside the reader's. A later map of what a reduction reads, as the log-probability's gradient, is written on
 * the reduction's way. Steps whose results nobody reads are left out. Every number is computed by the same formula as
 * before, in the same order.
 */
export function fuse(recorded: readonly Step[], results: ReadonlySet<Value>): readonly Step[] {
  return new Fusion(constantsFirst(live(recorded, results)), results).run();
}

interface Input {
  readonly operand: Operand;
  readonly layout: Layout;
}

/** A formula kernel's call and the maps that became part of it. */
interface Group {
  readonly kernel: FormulaKernel<KernelCall>;
  /** In the order of the calls; the last one gives its kernel. */
  readonly parts: readonly Part[];
  readonly rows: number;
  readonly cols: number;
  /** Those of the last part, then what others read too. */
  readonly outputs: readonly Operand[];
  readonly inputs: readonly Input[];
  readonly instructions: number;
}

interface Place {
  readonly step: CallStep;
  /** Calls fuse with calls of the same sequence only. */
  readonly sequence: readonly Step[];
  group: Group | null;
  /** It has become part of a later one. */
  absorbed: boolean;
}

/** Of each value, by its number: positions of calls, in order. */
type Positions = (number[] | undefined)[];
const NO_READERS: readonly number[] = [];

class Fusion {
  readonly #steps: readonly Step[];
  readonly #results: ReadonlySet<Value>;
  readonly #places: Place[] = [];
  readonly #placeOf = new Map<Step, Place>();
  readonly #readers: Positions = [];
  readonly #writers: Positions = [];
  readonly #fixed: FixedWrites;

  constructor(steps: readonly Step[], results: ReadonlySet<Value>) {
    this.#steps = steps;
    this.#results = results;
    this.#collect(steps);
    this.#fixed = new FixedWrites(this.#places.map(({ step }) => step));
  }

  #collect(sequence: readonly Step[]): void {
    for (const step of sequence) {
      if (isLoop(step)) {
        this.#collect(step.body);
        continue;
      }
      const at = this.#places.length;
      const place = { step, sequence, group: groupOf(step), absorbed: false };
      this.#places.push(place);
      this.#placeOf.set(step, place);
      const outputs = outputsOf(step);
      for (const [i, { value }] of step.operands.entries()) {
        const reads = i >= outputs || step.partial || step.call.kernel.accumulates;
        // What a window shows is read and written as well as the window.
        for (let seen: Value | undefined = value; seen !== undefined; seen = seen.window?.whole.value) {
          if (i < outputs) push(this.#writers, seen, at);
          if (reads) push(this.#readers, seen, at);
        }
      }
    }
  }

  run(): Step[] {
    for (let at = 0; at < this.#places.length; at++) while (this.#joinOne(at) || this.#absorbOne(at));
    return this.#rebuilt(this.#steps);
  }

  #rebuilt(sequence: readonly Step[]): Step[] {
    return sequence.flatMap((step): Step[] => {
      if (isLoop(step)) return [{ ...step, body: this.#rebuilt(step.body) }];
      const { group, absorbed } = this.#placeOf.get(step) as Place;
      if (absorbed) return [];
      return [group === null || group.parts.length === 1 ? step : fusedStep(group)];
    });
  }

  /** Makes one producer of the call's inputs part of the call. */
  #absorbOne(at: number): boolean {
    const reader = this.#places[at] as Place;
    if (reader.group === null) return false;
    for (const { operand } of reader.group.inputs) {
      const { value } = operand;
      const writers = this.#writers[value.id];
      if (value.kind !== 'temporary' || writers?.length !== 1) continue;
      const from = writers[0] as number;
      const producer = this.#places[from] as Place;
      if (
        from >= at ||
        producer.sequence !== reader.sequence ||
        producer.group === null ||
        producer.group.kernel.reduces
      )
        continue;
      if (this.#absorb(producer.group, from, reader.group, at)) return true;
    }
    return false;
  }

  #absorb(producer: Group, from: number, reader: Group, at: number): boolean {
    const shape = commonShape(producer, reader);
    if (shape === null) return false;
    const made = producer.outputs.map(({ value }) => value);
    const bytes = bytesOf(producer);
    // The reader takes what the producer makes element by element.
    for (const { operand, layout } of reader.inputs) {
      if (made.includes(operand.value) && (operand.offset !== 0 || layout !== FULL || operand.value.bytes !== bytes))
        return false;
    }
    // Results that are still wanted are written by the fused kernel, so none may be read before it.
    const others: Operand[] = [];
    for (const operand of producer.outputs) {
      const { value } = operand;
      const readers = this.#readers[value.id] ?? NO_READERS;
      const [first = at] = readers;
      if (value.kind !== 'temporary' || first < at) return false;
      if (this.#results.has(value) || readers.length > 1 || first > at) others.push(operand);
    }
    if (others.length > 0 && !writes(reader)) return false;

    const kept = reader.inputs.filter(({ operand }) => !made.includes(operand.value));
    const inputs = union(producer.inputs, kept);
    const outputs = [...reader.outputs, ...others];
    if (inputs.length + outputs.length > MOST_OPERANDS || !this.#unchanged(producer, from, reader, at)) return false;
    // Producers' parts come before those that read them, whatever became part of what.
    const parts = [...producer.parts, ...reader.parts];
    this.#merge(at, { ...reader, ...shape, parts, outputs, inputs }, producer.inputs, from, others);
    for (const value of made) remove(this.#readers[value.id] ?? [], at);
    return true;
  }

  /** The call becomes `group`, which reads `moved` in place of the call at `from`, and writes `more`. */
  #merge(at: number, group: Group, moved: readonly Input[], from: number, more: readonly Operand[]): void {
    (this.#places[at] as Place).group = group;
    (this.#places[from] as Place).absorbed = true;
    for (const { operand } of moved) {
      for (let seen: Value | undefined = operand.value; seen !== undefined; seen = seen.window?.whole.value) {
        const readers = this.#readers[seen.id] as number[];
        remove(readers, from);
        insert(readers, at);
      }
    }
    for (const { value } of more) this.#writers[value.id] = [at];
  }

  /** Makes one later map of what a reduction reads, or of what is written on its way, part of the reduction. */
  #joinOne(at: number): boolean {
    const { group } = this.#places[at] as Place;
    if (group === null || !group.kernel.reduces || !writes(group)) return false;
    const known = [...group.inputs, ...group.outputs.slice(1).map((operand) => ({ operand, layout: FULL }))];
    for (const { operand, layout } of known) {
      if (layout !== FULL) continue;
      const readers = this.#readers[operand.value.id] ?? NO_READERS;
      const first = placeIn(readers, at + 1);
      for (const later of readers.slice(first, first + NEAREST)) if (this.#join(group, at, later)) return true;
    }
    return false;
  }

  #join(reduction: Group, at: number, later: number): boolean {
    const { group: map, sequence, absorbed } = this.#places[later] as Place;
    if (map === null || absorbed || map.kernel.reduces || sequence !== this.#places[at]?.sequence) return false;
    const shape = commonShape(map, reduction);
    const alone = map.outputs.every(({ value }) => value.kind === 'temporary' && this.#writers[value.id]?.length === 1);
    if (shape === null || !alone) return false;
    const [result, ...made] = reduction.outputs as [Operand, ...Operand[]];
    const isMade = ({ operand, layout }: Input): boolean =>
      layout === FULL && operand.offset === 0 && made.some(({ value }) => value === operand.value);
    const read = map.inputs.filter((input) => !isMade(input));
    // What nobody but the map wanted is no longer written.
    const wanted = made.filter(({ value }) => {
      return this.#results.has(value) || this.#readers[value.id]?.some((reader) => reader !== later);
    });
    const outputs = [result, ...wanted, ...map.outputs];
    const inputs = union(reduction.inputs, read);
    if (inputs.length + outputs.length > MOST_OPERANDS) return false;
    if (!read.every(({ operand }) => this.#isReady(operand, at, later))) return false;
    const parts = [...reduction.parts.slice(0, -1), ...map.parts, ...reduction.parts.slice(-1)];
    this.#merge(at, { ...reduction, ...shape, parts, outputs, inputs }, read, later, map.outputs);
    for (const { value } of made) remove(this.#readers[value.id] ?? [], later);
    return true;
  }

  /** Whether what is read at `later` is there already at `at`. */
  #isReady({ value }: Operand, at: number, later: number): boolean {
    const { kind, address, bytes, id } = value;
    if (kind === 'fixed') return !this.#fixed.changes(value, address, address + bytes, at - 1, later - 1);
    const writers = this.#writers[id] ?? NO_READERS;
    return kind === 'constant' || (kind === 'temporary' && writers.length === 1 && (writers[0] as number) < at);
  }

  /** Whether what the producer reads is the same when the reader runs, and the reader does not write over it. */
  #unchanged(producer: Group, from: number, reader: Group, at: number): boolean {
    return producer.inputs.every(({ operand, layout }) => {
      const { value, offset } = operand;
      const placed = placedValue(value);
      if (placed.kind !== 'fixed') {
        if ((this.#writers[value.id]?.length ?? 0) > 1) return false;
        return value === placed || this.#stays(value, layout, from, reader, at);
      }
      const known = value === placed && layout === FULL;
      const begin = placed.address + (known ? offset : 0);
      const end = known ? begin + bytesOf(producer) : placed.address + placed.bytes;
      const overwritten = reader.outputs.some(({ value: output }) => {
        const written = placedValue(output);
        return written.kind === 'fixed' && overlaps(written, begin, end);
      });
      return !overwritten && !this.#fixed.changes(placed, begin, end, from, at - 1);
    });
  }

  /** Whether what a window shows is the same when the reader runs: turns that go on write other rows than they read. */
  #stays(value: Value, layout: Layout, from: number, reader: Group, at: number): boolean {
    for (let seen = value; seen.window !== undefined; ) {
      const { whole, stride } = seen.window;
      seen = whole.value;
      if (stride !== 0) continue;
      for (const writer of this.#writers[seen.id] ?? NO_READERS) if (writer > from && writer < at) return false;
      // Element by element, what is read goes before what is written there.
      const onto = reader.outputs.some(({ value: output }) => output.window?.whole.value === seen);
      if (onto && layout !== FULL) return false;
    }
    return true;
  }
}

function overlaps({ address, bytes }: Value, begin: number, end: number): boolean {
  return address < end && begin < address + bytes;
}

function groupOf(step: CallStep): Group | null {
  const { formula: kernel } = step.call.kernel;
  if (kernel === undefined || step.partial) return null;
  const formula = kernel.of(step.call);
  const outputs = outputsOf(step);
  const inputs: Input[] = [];
  for (const [i, layout] of formula.layouts.entries()) {
    const input = { operand: step.operands[outputs + i] as Operand, layout };
    if (!inputs.some((known) => sameInput(known, input))) inputs.push(input);
  }
  return {
    kernel,
    parts: [{ step, formula }],
    rows: formula.rows,
    cols: formula.cols,
    outputs: step.operands.slice(0, outputs),
    inputs,
    instructions: lengthOf(formula.program),
  };
}

function sameInput(a: Input, b: Input): boolean {
  return a.operand.value === b.operand.value && a.operand.offset === b.operand.offset && a.layout === b.layout;
}

/** What one kernel of both is over, if there is one: the rows and columns of the reader where it does not write element by element. */
function commonShape(made: Group, used: Group): Pick<Group, 'rows' | 'cols' | 'instructions'> | null {
  const { rows, cols } = used;
  const instructions = made.instructions + used.instructions;
  if (made.rows * made.cols !== rows * cols || rows * cols === 0) return null;
  if (instructions > MOST_INSTRUCTIONS || lastCall(made).dtype !== lastCall(used).dtype) return null;
  if ((made.rows === rows && made.cols === cols) || isFlatGroup(made)) return { rows, cols, instructions };
  if (!used.kernel.reduces && isFlatGroup(used)) return { rows: made.rows, cols: made.cols, instructions };
  return null;
}

function isFlatGroup({ inputs }: Group): boolean {
  return isFlat(inputs.map(({ layout }) => layout));
}

function union(some: readonly Input[], more: readonly Input[]): Input[] {
  return [...some, ...more.filter((input) => !some.some((known) => sameInput(known, input)))];
}

function lastCall({ parts }: Group): KernelCall {
  return (parts[parts.length - 1] as Part).step.call;
}

/** What a map writes of each output. */
function bytesOf(map: Group): number {
  const call = lastCall(map);
  return call.kernel.written(call, 0);
}

/** Whether values may be written on its way. */
function writes(group: Group): boolean {
  return group.kernel.writes(lastCall(group));
}

/** One call of all parts of a group, as its last is called. */
function fusedStep(group: Group): CallStep {
  const { parts, outputs, inputs, rows, cols, kernel } = group;
  const program = composed(parts, outputs, inputs);
  const operands = [...outputs, ...inputs.map(({ operand }) => operand)];
  const pointers = operands.map(({ value: { address }, offset }) => address + offset);
  const formula: Formula = { program, rows, cols, layouts: inputs.map(({ layout }) => layout) };
  return { call: kernel.with(lastCall(group), formula, pointers), operands, partial: false };
}

function push(lists: Positions, { id }: Value, at: number): void {
  const list = lists[id];
  if (list === undefined) lists[id] = [at];
  else if (list[list.length - 1] !== at) list.push(at);
}

/** The place of `at` in a list in order. */
function placeIn(list: readonly number[], at: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function remove(list: number[], at: number): void {
  const i = placeIn(list, at);
  if (list[i] === at) list.splice(i, 1);
}

function insert(list: number[], at: number): void {
  const i = placeIn(list, at);
  if (list[i] !== at) list.splice(i, 0, at);
}
