import type { DType } from './dtype.ts';
import { ValueError } from './errors.ts';
import { execute } from './kernels/execute.ts';
import type { Layout, MapProgram } from './kernels/kernel.ts';
import { FULL, SCALAR } from './kernels/map/layout.ts';
import { mapCall } from './kernels/map/map.ts';
import { mapProgram } from './kernels/map/map-program.ts';
import { refuseAgain } from './memory/draw-scope.ts';
import { memory } from './memory/linear-memory.ts';
import { allocate, bytesOf, markScratch, releaseScratch, type Storage, scratch, touching } from './memory/storage.ts';
import { stepWatcher } from './memory/watcher.ts';
import type { Call, Op, PerInput } from './op.ts';
import { checkTensor, checkTensors, refuseForeign } from './ops/argument.ts';
import { describeValue } from './options.ts';
import { checkedSize, type Shape } from './shape.ts';
import type { Tensor } from './tensor.ts';

class EagerCall<P> implements Call<P> {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly shapes: PerInput<Shape>;
  readonly params: P;
  readonly inputs: PerInput<number>;
  out = 0;

  constructor(dtype: DType, shape: Shape, shapes: PerInput<Shape>, params: P, inputs: readonly number[]) {
    this.dtype = dtype;
    this.shape = shape;
    this.shapes = shapes;
    this.params = params;
    this.inputs = inputs as PerInput<number>;
  }

  scratch(bytes: number): number {
    return scratch(bytes);
  }
}

/** Called with every result when set; `debug.checkFinite` hangs here. */
let inspect: ((op: { readonly name: string }, inputs: readonly Tensor[], output: Tensor) => void) | null = null;

export function setInspector(inspector: typeof inspect): void {
  inspect = inspector;
}

export function inspector(): typeof inspect {
  return inspect;
}

/** Whether every result is looked at. */
export function inspecting(): boolean {
  return inspect !== null;
}

/** Computes `op(inputs)` and, when an input is on a tape, records it there. */
export function apply<P>(op: Op<P>, inputs: readonly Tensor[], params: P): Tensor {
  const output = compute(op, inputs, params);
  if (inspect !== null) inspect(op as Op, inputs, output);
  for (let i = 0; i < inputs.length; i++) {
    const node = inputs[i]!.node;
    if (node !== null) {
      node.record(op as Op, inputs, params, output);
      break;
    }
  }
  return output;
}

/** The inputs' shapes; throws unless they are of one dtype. */
export function inputShapes(name: string, inputs: readonly Tensor[]): readonly Shape[] {
  if (checkTensors(name, inputs).length === 0) throw new ValueError(`${name}: needs at least one tensor, got none`);
  const shapes: Shape[] = new Array(inputs.length);
  for (let i = 0; i < inputs.length; i++) {
    if (inputs[i]!.dtype !== inputs[0]!.dtype) {
      throw new ValueError(
        `${name}: dtypes differ, got ${inputs.map((x) => x.dtype).join(' and ')}; convert one with cast('${inputs[0]!.dtype}')`,
      );
    }
    shapes[i] = inputs[i]!.shape;
  }
  return shapes;
}

function compute<P>(op: Op<P>, inputs: readonly Tensor[], params: P): Tensor {
  const shapes = inputShapes(op.name, inputs) as PerInput<Shape>;
  const first = inputs[0] as Tensor;
  const { dtype } = first;
  const shape = op.shape(shapes, params);
  if (op.alias) {
    first.storage.checkAlive(op.name);
    return first.sibling(shape, first.storage);
  }

  const size = checkedSize(op.name, shape, dtype);
  const storage = allocate(dtype, size);
  const mark = markScratch();
  const addresses: number[] = [];
  for (let i = 0; i < inputs.length; i++) addresses.push(addressOf(inputs[i]!, op.name));
  const call = new EagerCall(dtype, shape, shapes, params, addresses);
  // A result on the JavaScript heap is computed in scratch space and copied out.
  call.out = storage.pointer >= 0 ? storage.pointer : scratch(bytesOf(dtype, size));
  op.forward(call);
  if (storage.heap !== null) copyOut(storage.heap, dtype, call.out);
  releaseScratch(mark);
  return first.sibling(shape, storage);
}

/** The tensor's address; numbers on the JavaScript heap are first copied to scratch space. */
export function addressOf(x: Tensor, operation: string): number {
  const { storage } = x;
  if (storage.memory !== memory) refuseForeign(operation, x);
  const watcher = stepWatcher();
  // What is recorded has an address for good.
  if (watcher !== null) storage.settle();
  if (storage.heap === null) {
    storage.checkAlive(operation);
    watcher?.uses(storage);
    return storage.pointer;
  }
  const pointer = scratch(storage.heap.byteLength);
  if (x.dtype === 'f32') memory.f32.set(storage.heap, pointer / 4);
  else memory.f64.set(storage.heap, pointer / 8);
  return pointer;
}

/**
 * Rewrites `targets` in place: expression j of `program`, of the targets and then the `inputs` (each in the targets' shape,
 * or of one element), becomes the numbers of target j. The targets are parameters, buffers and optimizers' slots, of one
 * shape; tapes do not see the change. One kernel, so that a recorded step does it too.
 */
export function mapInto(program: MapProgram, targets: readonly Tensor[], inputs: readonly Tensor[]): void {
  const [first] = checkTensors('mapInto', targets);
  if (first === undefined) throw new ValueError('mapInto: needs at least one target, got none');
  checkTensors('mapInto', inputs);
  refuseAgain('mapInto');
  const { expressions, inputs: operands } = program;
  if (expressions.length !== targets.length || operands !== targets.length + inputs.length) {
    throw new ValueError(
      `mapInto: ${program.name} is ${expressions.length} formulas of ${operands} inputs, got ${targets.length} targets and ${inputs.length} further inputs`,
    );
  }
  const { dtype, size } = first;
  const mark = markScratch();
  const outputs: number[] = [];
  const layouts: Layout[] = [];
  for (const target of targets) {
    if (!target.storage.pinned || target.size !== size || target.dtype !== dtype) {
      throw new ValueError(
        `mapInto: targets must be persistent and of one size and dtype, got ${target.size} of ${target.dtype}`,
      );
    }
    touching()?.(target.storage, true);
    outputs.push(addressOf(target, 'mapInto'));
    layouts.push(FULL);
  }
  const pointers = [...outputs, ...outputs];
  for (const input of inputs) {
    if ((input.size !== size && input.size !== 1) || input.dtype !== dtype) {
      throw new ValueError(
        `mapInto: inputs must have ${size} elements or one, of ${dtype}, got ${input.size} of ${input.dtype}`,
      );
    }
    pointers.push(addressOf(input, 'mapInto'));
    layouts.push(input.size === size ? FULL : SCALAR);
  }
  execute(mapCall(program, dtype, 1, size, pointers, layouts));
  releaseScratch(mark);
}

const SECOND = /* @__PURE__ */ mapProgram('overwrite', 2, (_old, value) => value);

/**
 * Writes a tensor's numbers over a parameter's, as a kernel, so that a recorded step does it too. Tapes do not see it.
 */
export function overwrite(target: Tensor, source: Tensor): void {
  checkTensor('overwrite', target);
  checkTensor('overwrite', source);
  if (target.size !== source.size || target.dtype !== source.dtype || !target.storage.pinned) {
    throw new ValueError(
      `overwrite: expected a parameter and a tensor of its size and dtype, got ${target.size} of ${target.dtype} and ${source.size} of ${source.dtype}`,
    );
  }
  mapInto(SECOND, [target], [source]);
}

/**
 * Writes rows number `indices[first]`, `indices[first + 1]` … of `source` (rows end to end) over `target` [rows, …]: a batch
 * of a data set. `target` is persistent; numbers are rounded to its dtype.
 */
export function fillRows(
  target: Tensor,
  source: ArrayLike<number> & { subarray(begin: number, end: number): ArrayLike<number> },
  indices: ArrayLike<number>,
  first = 0,
): void {
  const [rows = 1] = checkTensor('fillRows', target).shape;
  const width = target.size / Math.max(1, rows);
  const held = Math.floor(source.length / Math.max(1, width));
  stepWatcher()?.forbid('fillRows');
  target.storage.changes();
  const view = target.storage.view(target.dtype, target.size, 'fillRows');
  for (let i = 0; i < rows; i++) {
    const index = indices[first + i] as number;
    if (!(index >= 0 && index < held && Number.isInteger(index))) {
      throw new ValueError(
        `fillRows: row ${i} must be a whole number from 0 to ${held - 1}, got ${describeValue(index)}`,
      );
    }
    const from = index * width;
    const to = i * width;
    // A longer row is copied as a block, although that makes a view of it.
    if (width > LONG_ROW) view.set(source.subarray(from, from + width), to);
    else for (let j = 0; j < width; j++) view[to + j] = source[from + j] as number;
  }
}

const LONG_ROW = 64;

/** Moves a result from scratch space to the JavaScript heap. */
export function copyOut(heap: NonNullable<Storage['heap']>, dtype: DType, pointer: number): void {
  const from: Float32Array | Float64Array = dtype === 'f32' ? memory.f32 : memory.f64;
  const start = dtype === 'f32' ? pointer / 4 : pointer / 8;
  if (heap.length > 8) heap.set(from.subarray(start, start + heap.length));
  else for (let i = 0; i < heap.length; i++) heap[i] = from[start + i]!;
}
