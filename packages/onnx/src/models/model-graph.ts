import type { Batch } from '@latent/nn';
import {
  type Checked,
  type Checks,
  type Expr,
  type Shape,
  select,
  sizeOf,
  type Tensor,
  UsageError,
} from '@latent/tensor';
import { type Model, type ReconstructionDistribution, VaeCore } from '@latent/vae';
import { formula, formulaNodes } from '../graph/formula.ts';
import { type Dims, type ElementType, Graph, N, type Value } from '../graph/graph.ts';
import { type ScaleNodes, scaleNodes } from '../rules/part.ts';
import { type Operand, trace } from '../trace/trace.ts';
import { conditionOf } from './condition.ts';
import type { GraphRule } from './graph-rule.ts';
import { heldRows, nearRows } from './limits.ts';

/** Rows as a program of a model is given them, on the model's scale. */
export interface SeenRows {
  /** The same as `near` where codes are asked for. */
  readonly x: Tensor;
  /** Far values drawn in, as encoders see them. */
  readonly near: Tensor;
  /** Their condition, and of sequences their lengths. */
  readonly beside: Batch;
  /** Standard normal noise, if it is an input. */
  readonly eps: Tensor | null;
}

/**
 * A graph of a model: rows come in as they are and leave on their own scale, so that the transform is part of the file; in
 * between is what the model's own methods compute.
 */
export class ModelGraph<M extends Model = Model> {
  readonly graph = new Graph();
  readonly model: M;
  /** Of rows in and out; what the model computes is in single precision. */
  readonly type: ElementType;
  readonly #columns: ScaleNodes | null;
  /** What columns are: of sequences those of a step, since all steps have one scale. */
  readonly #column: Shape;
  #given: Value | null = null;
  #scaled: Value | null = null;
  #lengths: Operand | null = null;
  #inside: Value | null = null;

  constructor(model: M, type: ElementType) {
    const { transform, transformToLearn, sequence, event } = model;
    if (transform === null && transformToLearn !== null) {
      throw new UsageError(
        `exportOnnx: ${transformToLearn.name}() learns the columns' scales from the first fit; call fit before`,
      );
    }
    this.model = model;
    this.type = type;
    this.#column = sequence === null ? event : [sequence.features];
    this.#columns = transform === null ? null : scaleNodes(transform, this.#column);
  }

  /** Rows as they are given, an input of the graph: x [N, …event]. */
  get given(): Value {
    this.#given ??= this.graph.input('x', this.type, this.#dims);
    return this.#given;
  }

  get #dims(): Dims {
    return [N, ...this.model.event];
  }

  /** Of sequences: the steps of each row, an input of the graph, lengths [N]; null for rows of one shape. */
  get lengths(): Operand | null {
    if (this.model.sequence === null) return null;
    this.#lengths ??= { value: this.graph.cast(this.graph.input('lengths', 'int64', [N]), 'float'), dims: [N] };
    return this.#lengths;
  }

  /** Values of sequences [N, …event], and others past a row's end. */
  #ended(rows: Value, past: number): Value {
    const { graph, lengths } = this;
    if (lengths === null) return rows;
    const { event } = this.model;
    const places = [event[0] as number, ...event.slice(1).map(() => 1)];
    this.#inside ??= graph.node(
      'Less',
      [
        graph.constant(
          'float',
          places,
          Array.from({ length: places[0] as number }, (_, t) => t),
        ),
        graph.reshape(lengths.value, [N, ...event.map(() => 1)]),
      ],
      {},
      'bool',
    );
    return graph.node('Where', [this.#inside, rows, graph.constant(rows.type, [], [past])], {}, rows.type);
  }

  get #onScale(): Value {
    const { graph, given } = this;
    this.#scaled ??= graph.cast(this.#columns?.forward(graph, given) ?? given, 'float');
    return this.#scaled;
  }

  /** Rows to be scored, on the model's scale: [N, …event]. */
  get x(): Operand {
    return this.#limited('scores', heldRows);
  }

  /** The same with far values drawn in, as encoders see rows that are encoded, and rows that are scored. */
  near(of: 'codes' | 'scores'): Operand {
    return this.#limited(of, nearRows);
  }

  /** Rows on the model's scale held to the limits of what the model was trained on, in one way or the other. */
  #limited(of: 'codes' | 'scores', held: typeof heldRows): Operand {
    // Numbers of things have no far end.
    const limits = this.model.sequence?.tokenizer ? undefined : this.model.seenRange?.limits(of);
    const rows = limits === undefined ? this.#onScale : held(this.graph, this.#onScale, limits, this.#column);
    return { value: this.#ended(rows, 0), dims: this.#dims };
  }

  /** Another input of the graph. */
  input(name: string, dims: Dims): Operand {
    return { value: this.graph.input(name, 'float', dims), dims };
  }

  /** What `program` computes of the operands, with tensor ops. */
  trace<K extends string>(
    operands: readonly Operand[],
    program: (...inputs: Tensor[]) => Readonly<Record<K, Tensor>>,
  ): Record<K, Operand> {
    return trace(this.graph, this.model, operands, program);
  }

  /**
   * What `program` computes of rows: of `codes` with far values drawn in, of `scores` with the rows themselves too. `noise`: the
   * sizes of an input `eps`, if there is to be one.
   */
  ofRows<K extends string>(
    of: 'codes' | 'scores',
    program: (rows: SeenRows) => Readonly<Record<K, Tensor>>,
    noise: Dims | null = null,
  ): Record<K, Operand> {
    const rows = of === 'codes' ? [this.near(of)] : [this.x, this.near(of)];
    const { lengths } = this;
    const beside = { ...this.#condition, ...(lengths !== null && { lengths }) };
    const eps = noise === null ? [] : [this.input('eps', noise)];
    return this.trace([...rows, ...eps, ...Object.values(beside)], (...inputs) => {
      const [x, near] = [inputs[0], inputs[rows.length - 1]] as [Tensor, Tensor];
      const own = besideOf(beside, inputs);
      return program({ x, near, eps: noise === null ? null : (inputs[rows.length] as Tensor), beside: own });
    });
  }

  /** What `program` computes of codes of these sizes, an input `z`. */
  ofCodes<K extends string>(
    dims: Dims,
    program: (z: Tensor, beside: Batch) => Readonly<Record<K, Tensor>>,
  ): Record<K, Operand> {
    const z = this.input('z', dims);
    const beside = this.#condition;
    return this.trace([z, ...Object.values(beside)], (...inputs) =>
      program(inputs[0] as Tensor, besideOf(beside, inputs)),
    );
  }

  /** What stands beside codes and rows of a conditional model, an input of the graph. */
  get #condition(): Readonly<Record<string, Operand>> {
    const { model, graph } = this;
    const condition = model instanceof VaeCore ? model.options.condition : null;
    return condition === null ? {} : { condition: conditionOf(graph, condition) };
  }

  /**
   * Rows that the model made, [N, columns], on the scale of the data: [N, …event]. Sequences are NaN past where they stop by
   * themselves, else past the lengths of the rows that they were made `of`.
   */
  restored({ value }: Operand, of: 'codes' | 'rows' = 'codes'): Operand {
    const { graph, model, type } = this;
    const shaped = model.event.length === 1 ? value : graph.reshape(value, this.#dims);
    const rows = restoredBy(graph, this.#columns, graph.cast(shaped, type));
    const { sequence } = model;
    if (sequence === null) return { value: rows, dims: this.#dims };
    const { stop } = sequence;
    if (stop === null) return { value: of === 'rows' ? this.#ended(rows, Number.NaN) : rows, dims: this.#dims };
    const column =
      model.event.length === 1
        ? rows
        : graph.node('Slice', [rows, ...[[stop.column], [stop.column + 1], [2], [1]].map((at) => graph.whole(at))]);
    const stops = graph.node('Equal', [column, graph.constant(type, [], [stop.value])], {}, 'bool');
    const options = { exclusive: 1 };
    const before = graph.node('CumSum', [graph.cast(stops, 'float'), graph.constant('int64', [], [1])], options);
    const over = graph.node('Less', [graph.constant('float', [], [0]), before], {}, 'bool');
    return {
      value: graph.node('Where', [over, graph.constant(type, [], [Number.NaN]), rows], {}, type),
      dims: this.#dims,
    };
  }

  /**
   * A density of `likelihood` on the model's scale, or the loss that is minus one, as one of the data: log |dy/dx| is added or taken
   * away, summed over the row or each step, or column by column. `holes`: whether values may be missing.
   */
  shifted(
    density: Operand,
    { normalized }: ReconstructionDistribution,
    how: 'add' | 'subtract' = 'subtract',
    { per = 'row', holes = false }: { readonly per?: 'row' | 'step' | 'column'; readonly holes?: boolean } = {},
  ): Operand {
    if (this.#columns === null || !normalized) return density;
    const { graph } = this;
    const { event } = this.model;
    const all = graph.node('Expand', [this.#columns.logJacobian(graph, this.given, holes), graph.whole([1, ...event])]);
    const slopes = this.#ended(all, 0);
    const axes = event.map((_, axis) => event.length - axis);
    const summed = (over: readonly number[]): Value =>
      over.length === 0 ? slopes : graph.node('ReduceSum', [slopes, graph.whole(over)], { keepdims: 0 });
    const shift =
      per === 'column'
        ? graph.node('Reshape', [slopes, graph.whole([-1, sizeOf(event)])])
        : summed(per === 'row' ? axes : axes.slice(0, -1));
    const operator = how === 'add' ? 'Add' : 'Sub';
    return { value: graph.node(operator, [density.value, graph.cast(shift, 'float')]), dims: density.dims };
  }

  /** Minus a value. */
  negated({ value, dims }: Operand): Operand {
    return { value: this.graph.node('Neg', [value]), dims };
  }

  /** The sum of two values of the same sizes. */
  sum(a: Operand, b: Operand): Operand {
    return { value: this.graph.node('Add', [a.value, b.value]), dims: b.dims };
  }

  /** The rows as given, and these where a value is missing. */
  filled({ value, dims }: Operand): Operand {
    const chosen = formula(2, (given, made) => select((given as Expr).eq(given as Expr), given as Expr, made as Expr));
    return { value: formulaNodes(this.graph, chosen, [this.given, value], this.type), dims };
  }
}

/** What stands beside rows, of the last inputs of a program. */
function besideOf(beside: Readonly<Record<string, Operand>>, inputs: readonly Tensor[]): Batch {
  const names = Object.keys(beside);
  return Object.fromEntries(names.map((name, i) => [name, inputs.at(i - names.length) as Tensor]));
}

/** A score, and whether it is above the threshold. */
export function decision({ graph }: ModelGraph, score: Operand, threshold: number): Record<string, Operand> {
  const limit = graph.constant('float', [], [threshold]);
  return { score, anomaly: { value: graph.node('Greater', [score.value, limit], {}, 'bool'), dims: score.dims } };
}

/** Rows on their own scale again, if they were ever on another. */
export function restoredBy(graph: Graph, columns: ScaleNodes | null, rows: Value): Value {
  return columns?.inverse(graph, rows) ?? rows;
}

/** A rule for a part of models of a class. */
export function graphRule<M extends Model, S extends Checks>(
  options: S,
  build: (graph: ModelGraph<M>, options: Checked<S>) => Readonly<Record<string, Operand>>,
): GraphRule {
  return { options, build: build as GraphRule['build'] };
}
