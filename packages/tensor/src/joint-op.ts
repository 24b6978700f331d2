import type { DType } from './dtype.ts';
import { addressOf, copyOut, inputShapes, inspector } from './eager.ts';
import { allocate, bytesOf, markScratch, releaseScratch, scratch } from './memory/storage.ts';
import { checkedSize, type Shape } from './shape.ts';
import type { Tensor } from './tensor.ts';

/** One run of a joint op's forward: addresses and shapes of its results and inputs. */
export interface JointCall<P> {
  readonly dtype: DType;
  readonly outs: readonly number[];
  readonly outShapes: readonly Shape[];
  readonly inputs: readonly number[];
  readonly shapes: readonly Shape[];
  readonly params: P;
}

/** What a joint op's gradients may look at; see `Saved`. */
export interface JointSaved<P> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly shapes: readonly Shape[];
  readonly params: P;
}

/**
 * An op of several results that are computed together, and whose gradients are: one kernel over many steps, say. It is a row
 * as `Op` is. Its gradients need not be differentiable themselves: gradients of gradients are taken of `composed`, the same
 * results made of other ops, which costs what those cost.
 */
export interface JointOp<P = unknown> {
  readonly name: string;
  shapes(shapes: readonly Shape[], params: P): readonly Shape[];
  forward(call: JointCall<P>): void;
  /** The outputs that the gradients look at; these are kept for the backward pass, and all inputs. */
  readonly saves: readonly number[];
  /**
   * The gradients to the inputs that are `wanted`, in their shapes, given those to the results, of which at least one is
   * there; null is zero everywhere. What is not wanted may be null too.
   */
  gradients(
    g: readonly (Tensor | null)[],
    saved: JointSaved<P>,
    wanted: readonly boolean[],
  ): readonly (Tensor | null)[];
  /** The results by other ops; null for one that gradients never come to. */
  composed(inputs: readonly Tensor[], params: P): readonly (Tensor | null)[];
}

/** Computes all results of `op(inputs)` and, when an input is on a tape, records them there. */
export function applyJoint<P>(op: JointOp<P>, inputs: readonly Tensor[], params: P): Tensor[] {
  const outputs = compute(op, inputs, params);
  const inspect = inspector();
  if (inspect !== null) for (const output of outputs) inspect(op, inputs, output);
  const tracked = inputs.find((x) => x.node !== null);
  tracked?.node?.recordJoint(op as JointOp, inputs, params, outputs);
  return outputs;
}

/** Whether what is computed of these would be recorded: whether a gradient may be asked for. */
export function isRecorded(inputs: readonly Tensor[]): boolean {
  return inputs.some((x) => x.node?.recording === true);
}

function compute<P>(op: JointOp<P>, inputs: readonly Tensor[], params: P): Tensor[] {
  const shapes = inputShapes(op.name, inputs);
  const { dtype } = inputs[0] as Tensor;
  const outShapes = op.shapes(shapes, params);
  const sizes = outShapes.map((shape) => checkedSize(op.name, shape, dtype));
  const storages = sizes.map((size) => allocate(dtype, size));
  const mark = markScratch();
  const pointers = inputs.map((x) => addressOf(x, op.name));
  const outs = storages.map(({ pointer }, i) => (pointer >= 0 ? pointer : scratch(bytesOf(dtype, sizes[i] as number))));
  op.forward({ dtype, outs, outShapes, inputs: pointers, shapes, params });
  storages.forEach(({ heap }, i) => {
    if (heap !== null) copyOut(heap, dtype, outs[i] as number);
  });
  releaseScratch(mark);
  return storages.map((storage, i) => (inputs[0] as Tensor).sibling(outShapes[i] as Shape, storage));
}
