import type { DType } from './dtype.ts';
import type { JointOp } from './joint-op.ts';
import type { Shape } from './shape.ts';
import type { Tensor } from './tensor.ts';

/** Of each input, looked at by position: a row knows how many it has. */
export type PerInput<T> = readonly T[] & { readonly 0: T; readonly 1: T; readonly 2: T };

/** One run of an op's forward: addresses and shapes. */
export interface Call<P> {
  readonly dtype: DType;
  readonly out: number;
  readonly shape: Shape;
  readonly inputs: PerInput<number>;
  readonly shapes: PerInput<Shape>;
  readonly params: P;
  /** Bytes that are free again when the op is done. */
  scratch(bytes: number): number;
}

/** What an op's gradient may look at: the tensors the row said it saves, its parameters and all input shapes. */
export interface Saved<P> {
  readonly inputs: PerInput<Tensor>;
  readonly output: Tensor;
  readonly shapes: PerInput<Shape>;
  readonly params: P;
}

/**
 * An op is a row: its shape rule, its forward, what its backward keeps and its gradient, next to each other. Two
 * interpreters read it: `apply` computes, and a tape (package autograd) records. Neither knows any op by name.
 *
 * `gradient(i, g, saved)` is the gradient to input i, given g, the gradient to the output; it is called only for inputs
 * that need one, and is written with the engine's own ops, so that it can be differentiated again. It may return the
 * gradient in the broadcast shape: the engine sums it back to the input's. `null` means zero everywhere.
 */
export interface Op<P = unknown> {
  readonly name: string;
  shape(shapes: PerInput<Shape>, params: P): Shape;
  forward(call: Call<P>): void;
  gradient(i: number, g: Tensor, saved: Saved<P>): Tensor | null;
  /** Which inputs, and whether the output, the gradient looks at; only these are kept for the backward pass. */
  readonly saves: { readonly inputs: readonly number[]; readonly output: boolean };
  /** The output is the input's own numbers under another shape; nothing is computed. */
  readonly alias?: boolean;
}

/** The place of a tensor on a tape. Package autograd implements it; the engine only passes it on. */
export interface GraphNode {
  /** Puts `output = op(inputs)` on the tape this node is on. */
  record(op: Op, inputs: readonly Tensor[], params: unknown, output: Tensor): void;
  recordJoint(op: JointOp, inputs: readonly Tensor[], params: unknown, outputs: readonly Tensor[]): void;
  /** Whether the tape takes anything down now. */
  readonly recording: boolean;
  /** The gradients of `output` (a scalar) to every parameter it depends on. */
  backward(output: Tensor, options: { createGraph?: boolean; retainGraph?: boolean }): void;
  /** The accumulated gradient of a parameter, null for everything else. */
  grad: Tensor | null;
  /** Made by `parameter`. */
  readonly isParameter: boolean;
  /** Gradients do not flow here any more: the step or compiled function that made the tensor is over. */
  readonly ended: boolean;
  /** What a copy of this node's tensor carries that outlives its step; null for a parameter, which is no step's. */
  end(): GraphNode | null;
}
