import { type Expr, input, substitute } from '../expr/expr.ts';
import type { Formula, FormulaKernel, KernelCall, Layout, MapProgram } from '../kernels/kernel.ts';
import { FULL, isFlat } from '../kernels/map/layout.ts';
import type { Operand, Step, Value } from './recorder.ts';

/** Operands of a fused kernel: more would not stay in registers. */
const MOST_OPERANDS = 14;

/**
 * The same step in fewer passes over memory: a map whose result a map or a reduction reads becomes part of it, so that
 * bias, activation, log-probability and the sum at their end are one kernel. A result that others read too is still
 * written, beside the reader's. Steps whose results nobody reads are left out. Every number is computed by the same
 * formula as before, in the same order.
 */
export function fuse(recorded: readonly Step[], results: ReadonlySet<Value>): readonly Step[] {
  const fusion = new Fusion(recorded.filter(live(recorded, results)), results);
  return fusion.run();
}

/** Which steps anything depends on. */
function live(steps: readonly Step[], results: ReadonlySet<Value>): (step: Step) => boolean {
  const wanted = new Set(results);
  const kept = new Set<Step>();
  for (const step of [...steps].reverse()) {
    const outputs = step.operands.slice(0, step.call.kernel.outputs(step.call));
    if (!outputs.some(({ value }) => value.kind === 'fixed' || wanted.has(value))) continue;
    kept.add(step);
    for (const { value } of step.operands) wanted.add(value);
  }
  return (step) => kept.has(step);
}

/** What the kernel of a step says about its formula; null where it has none. */
function formulaKernel(step: Step): FormulaKernel<KernelCall> | null {
  return step.partial ? null : (step.call.kernel.formula ?? null);
}

function outputsOf({ call }: Step): number {
  return call.kernel.outputs(call);
}

class Fusion {
  /** Null where a step has become part of a later one. */
  readonly #steps: (Step | null)[];
  readonly #results: ReadonlySet<Value>;
  readonly #readers = new Map<Value, Set<number>>();
  readonly #writers = new Map<Value, number[]>();
  /** Steps that write outside the program's memory. */
  readonly #writesFixed: readonly number[];

  constructor(steps: readonly Step[], results: ReadonlySet<Value>) {
    this.#steps = [...steps];
    this.#results = results;
    steps.forEach((step, at) => {
      const outputs = step.call.kernel.outputs(step.call);
      step.operands.forEach(({ value }, i) => {
        if (i < outputs) this.#writers.set(value, [...(this.#writers.get(value) ?? []), at]);
        if (i >= outputs || step.partial) this.#readersOf(value).add(at);
      });
    });
    this.#writesFixed = steps.flatMap((step, at) =>
      step.operands.slice(0, step.call.kernel.outputs(step.call)).some(({ value }) => value.kind === 'fixed')
        ? [at]
        : [],
    );
  }

  #readersOf(value: Value): Set<number> {
    let readers = this.#readers.get(value);
    if (readers === undefined) {
      readers = new Set();
      this.#readers.set(value, readers);
    }
    return readers;
  }

  run(): Step[] {
    for (let at = 0; at < this.#steps.length; at++) while (this.#absorbOne(at));
    return this.#steps.filter((step) => step !== null);
  }

  /** Makes one producer of the step's inputs part of the step. */
  #absorbOne(at: number): boolean {
    const step = this.#steps[at];
    if (step === null || formulaKernel(step) === null) return false;
    const reader = step;
    for (const { value } of reader.operands.slice(outputsOf(reader))) {
      const writers = this.#writers.get(value);
      if (value.kind !== 'temporary' || writers?.length !== 1 || writers[0] >= at) continue;
      const producer = this.#steps[writers[0]];
      if (!producer || !formulaKernel(producer)?.writes) continue;
      const fused = this.#fused(producer, writers[0], reader, at, value);
      if (fused === null) continue;
      this.#steps[writers[0]] = null;
      this.#steps[at] = fused;
      return true;
    }
    return false;
  }

  #fused(producer: Step, from: number, reader: Step, at: number, value: Value): Step | null {
    const readerKernel = formulaKernel(reader) as FormulaKernel<KernelCall>;
    const made = (formulaKernel(producer) as FormulaKernel<KernelCall>).of(producer.call);
    const used = readerKernel.of(reader.call);
    const shape = commonShape(made, used, readerKernel.writes);
    const madeOutputs = outputsOf(producer);
    const read = outputsOf(reader);
    if (shape === null || producer.call.dtype !== reader.call.dtype) return null;
    const results = producer.operands.slice(0, madeOutputs).map((operand) => operand.value);
    // The reader takes what the producer makes element by element.
    const elementwise = reader.operands.every(
      (operand, i) =>
        i < read || !results.includes(operand.value) || (operand.offset === 0 && used.layouts[i - read] === FULL),
    );
    if (!elementwise || value.bytes !== producer.call.kernel.written(producer.call, 0)) return null;
    // Results that are still wanted are written by the fused kernel, so none may be read before it.
    const others = producer.operands.slice(0, madeOutputs).filter((operand) => {
      const readers = this.#readersOf(operand.value);
      if (operand.value.kind === 'fixed' || this.#results.has(operand.value)) return true;
      return readers.size > (readers.has(at) ? 1 : 0);
    });
    if (others.length > 0 && !readerKernel.writes) return null;
    if (others.some((operand) => operand.value.kind === 'fixed' || earliest(this.#readersOf(operand.value)) < at))
      return null;
    if (!this.#unchanged(producer, from, reader, at)) return null;

    const inputs: { operand: Operand; layout: Layout }[] = [];
    /** The position of an input among the fused kernel's. */
    const position = (operand: Operand, layout: Layout): Expr => {
      let found = inputs.findIndex(
        (known) =>
          known.operand.value === operand.value && known.operand.offset === operand.offset && known.layout === layout,
      );
      if (found < 0) found = inputs.push({ operand, layout }) - 1;
      return input(found);
    };
    const producerInputs = producer.operands.slice(madeOutputs).map((operand, i) => position(operand, made.layouts[i]));
    const formulas = made.program.expressions.map((root) => substitute(root, producerInputs));
    const formulaOf = (made: Value): Expr => formulas[results.indexOf(made)];
    const readerInputs = reader.operands
      .slice(read)
      .map((operand, i) =>
        results.includes(operand.value) ? formulaOf(operand.value) : position(operand, used.layouts[i]),
      );
    const roots = used.program.expressions.map((root) => substitute(root, readerInputs));
    const outputs = [...reader.operands.slice(0, read), ...others];
    if (inputs.length + outputs.length > MOST_OPERANDS) return null;

    const program: MapProgram = {
      name: `${made.program.name}·${used.program.name}`,
      expressions: [...roots, ...others.map((operand) => formulaOf(operand.value))],
      inputs: inputs.length,
      compiled: new Map(),
    };
    for (const { value: read } of producer.operands.slice(madeOutputs)) {
      const readers = this.#readersOf(read);
      readers.delete(from);
      readers.add(at);
    }
    for (const made of results) this.#readersOf(made).delete(at);
    for (const operand of others) this.#writers.set(operand.value, [at]);
    const operands = [...outputs, ...inputs.map(({ operand }) => operand)];
    const pointers = operands.map(({ value: { address }, offset }) => address + offset);
    const layouts = inputs.map(({ layout }) => layout);
    const call = readerKernel.with(reader.call, { program, ...shape, layouts }, pointers);
    return { call, operands, partial: false };
  }

  /** Whether what the producer reads is the same when the reader runs, and the reader does not write over it. */
  #unchanged(producer: Step, from: number, reader: Step, at: number): boolean {
    const made = outputsOf(producer);
    const extents = producer.call.kernel.extents(producer.call);
    return producer.operands.slice(made).every((operand, i) => {
      if (operand.value.kind !== 'fixed') return (this.#writers.get(operand.value)?.length ?? 0) <= 1;
      const begin = operand.value.address + operand.offset;
      const end = begin + extents[made + i]!.to;
      const touches = (step: Step | null): boolean =>
        (step?.operands ?? []).some(
          ({ value }, i) =>
            i < outputsOf(step as Step) &&
            value.kind === 'fixed' &&
            value.address < end &&
            begin < value.address + value.bytes,
        );
      if (touches(reader)) return false;
      return !this.#writesFixed.some((k) => k > from && k < at && touches(this.#steps[k]));
    });
  }
}

function earliest(readers: ReadonlySet<number>): number {
  let first = Infinity;
  for (const at of readers) first = Math.min(first, at);
  return first;
}

/** Rows and columns that both formulas can be seen over; the reader's stay where it does not write element by element. */
function commonShape(made: Formula, used: Formula, writes: boolean): { rows: number; cols: number } | null {
  const { rows, cols } = used;
  if (made.rows * made.cols !== rows * cols || rows * cols === 0) return null;
  if ((made.rows === rows && made.cols === cols) || isFlat(made.layouts)) return { rows, cols };
  if (writes && isFlat(used.layouts)) return { rows: made.rows, cols: made.cols };
  return null;
}
