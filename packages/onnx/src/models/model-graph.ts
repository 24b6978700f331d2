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
import type { Model } from '@latent/vae';
import { formula, formulaNodes } from '../graph/formula.ts';
import { type Dims, type ElementType, Graph, N, type Value } from '../graph/graph.ts';
import { type ScaleNodes, scaleNodes } from '../rules/part.ts';
import { type Operand, trace } from '../trace/trace.ts';
import type { GraphRule } from './graph-rule.ts';
import { heldRows, nearRows } from './limits.ts';

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

  /** The same, of what stands beside the rows too. */
  traceBeside<K extends string>(
    operands: readonly Operand[],
    beside: Readonly<Record<string, Operand>>,
    program: (inputs: Tensor[], beside: Batch) => Readonly<Record<K, Tensor>>,
  ): Record<K, Operand> {
    const count = operands.length;
    return this.trace([...operands, ...Object.values(beside)], (...inputs) => {
      const own = Object.keys(beside).map((name, i) => [name, inputs[count + i] as Tensor]);
      return program(inputs.slice(0, count), Object.fromEntries(own));
    });
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
   * A density on the model's scale, or the loss that is minus one, as one of the data: log |dy/dx| is added or taken away,
   * summed over the row or each step, or column by column. `holes`: whether values may be missing.
   */
  shifted(value: Value, how: 'add' | 'subtract', per: 'row' | 'step' | 'column', holes: boolean): Value {
    if (this.#columns === null) return value;
    const { graph } = this;
    const { event } = this.model;
    const all = graph.node('Expand', [this.#columns.logJacobian(graph, this.given, holes), graph.whole(event)]);
    const slopes = this.#ended(all, 0);
    const axes = event.map((_, axis) => -1 - axis);
    const summed = (over: readonly number[]): Value =>
      over.length === 0 ? slopes : graph.node('ReduceSum', [slopes, graph.whole(over)], { keepdims: 0 });
    const shift =
      per === 'column'
        ? graph.node('Reshape', [slopes, graph.whole([-1, sizeOf(event)])])
        : summed(per === 'row' ? axes : axes.slice(0, -1));
    return graph.node(how === 'add' ? 'Add' : 'Sub', [value, graph.cast(shift, 'float')]);
  }

  /** Minus a value. */
  negated({ value, dims }: Operand): Operand {
    return { value: this.graph.node('Neg', [value]), dims };
  }

  /** The sum of each row of columns, and what comes beside them. */
  total(columns: Operand, rest: Operand): Operand {
    const sum = this.graph.node('ReduceSum', [columns.value, this.graph.whole([-1])], { keepdims: 0 });
    return { value: this.graph.node('Add', [sum, rest.value]), dims: rest.dims };
  }

  /** The rows as given, and these where a value is missing. */
  filled({ value, dims }: Operand): Operand {
    const chosen = formula(2, (given, made) => select((given as Expr).eq(given as Expr), given as Expr, made as Expr));
    return { value: formulaNodes(this.graph, chosen, [this.given, value], this.type), dims };
  }
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
