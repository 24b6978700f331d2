import { type Checked, type Checks, type Expr, select, sizeOf, type Tensor, UsageError } from '@latent/tensor';
import type { Model } from '@latent/vae';
import { ColumnNodes } from '../graph/columns.ts';
import { formula, formulaNodes } from '../graph/formula.ts';
import { type Dims, type ElementType, Graph, type Value } from '../graph/graph.ts';
import { type Operand, trace } from '../trace/trace.ts';

/** The number of rows, as a size. */
export const N = { rows: 1 } as const;

/**
 * A graph of a model: rows come in as they are and leave on their own scale, so that the transform is part of the file; in
 * between is what the model's own methods compute.
 */
export class ModelGraph<M extends Model = Model> {
  readonly graph = new Graph();
  readonly model: M;
  /** Of rows in and out; what the model computes is in single precision. */
  readonly type: ElementType;
  readonly #columns: ColumnNodes | null;
  #given: Value | null = null;
  #scaled: Value | null = null;

  constructor(model: M, type: ElementType) {
    const { transform, transformToLearn, sequence } = model;
    if (sequence !== null) {
      throw new UsageError(
        'exportOnnx: a model of sequences cannot be exported yet; for rows of one length make it with event: [steps, features]',
      );
    }
    if (transform === null && transformToLearn !== null) {
      throw new UsageError(
        `exportOnnx: ${transformToLearn.name}() learns the columns' scales from the first fit; call fit before`,
      );
    }
    this.model = model;
    this.type = type;
    this.#columns = transform === null ? null : new ColumnNodes(transform, model.event);
  }

  /** Rows as they are given, an input of the graph: x [N, …event]. */
  get given(): Value {
    this.#given ??= this.graph.input('x', this.type, this.#dims);
    return this.#given;
  }

  get #dims(): Dims {
    return [N, ...this.model.event];
  }

  get #onScale(): Value {
    const { graph, given } = this;
    this.#scaled ??= graph.cast(this.#columns?.forward(graph, given) ?? given, 'float');
    return this.#scaled;
  }

  /** Rows to be scored, on the model's scale: [N, …event]. */
  get x(): Operand {
    return this.#limited('scores', (x, { least, most, largest }) =>
      select(x.lt(least), x.max(-largest), select(most.lt(x), x.min(largest), x)),
    );
  }

  /** The same with far values drawn in, as encoders see rows that are encoded, and rows that are scored. */
  near(of: 'codes' | 'scores'): Operand {
    return this.#limited(of, (x, { least, most }) => select(x.lt(least), least, select(most.lt(x), most, x)));
  }

  /** Rows on the model's scale after a formula of them and of the limits of what the model was trained on. */
  #limited(
    of: 'codes' | 'scores',
    build: (x: Expr, limits: { readonly least: Expr; readonly most: Expr; readonly largest: number }) => Expr,
  ): Operand {
    const limits = this.model.seenRange?.limits(of);
    if (limits === undefined) return { value: this.#onScale, dims: this.#dims };
    const { largest } = limits;
    const numbers = (values: Float64Array): Value => this.graph.constant('float', this.model.event, values);
    const inputs = [this.#onScale, numbers(limits.least), numbers(limits.most)];
    const held = (...[x, least, most]: Expr[]) =>
      build(x as Expr, { least: least as Expr, most: most as Expr, largest });
    return { value: formulaNodes(this.graph, formula(3, held), inputs), dims: this.#dims };
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

  /** Rows that the model made, [N, columns], on the scale of the data: [N, …event]. */
  restored({ value }: Operand): Operand {
    const shaped = this.model.event.length === 1 ? value : this.graph.reshape(value, this.#dims);
    return { value: restoredBy(this.graph, this.#columns, this.graph.cast(shaped, this.type)), dims: this.#dims };
  }

  /**
   * A density on the model's scale, or the loss that is minus one, as one of the data: log |dy/dx| is added or taken away,
   * summed over the row or column by column. `holes`: whether values may be missing.
   */
  shifted(value: Value, how: 'add' | 'subtract', per: 'row' | 'column', holes: boolean): Value {
    if (this.#columns === null) return value;
    const { graph } = this;
    const { event } = this.model;
    const slopes = graph.node('Expand', [this.#columns.logJacobian(graph, this.given, holes), graph.whole(event)]);
    const axes = graph.whole(event.map((_, axis) => -1 - axis));
    const shift =
      per === 'row'
        ? graph.node('ReduceSum', [slopes, axes], { keepdims: 0 })
        : graph.node('Reshape', [slopes, graph.whole([-1, sizeOf(event)])]);
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
export function restoredBy(graph: Graph, columns: ColumnNodes | null, rows: Value): Value {
  return columns?.inverse(graph, rows) ?? rows;
}

/** How a part of a model becomes a graph: the options that it has, and its outputs by name. */
export interface GraphRule {
  readonly options: Checks;
  build(graph: ModelGraph, options: unknown): Readonly<Record<string, Operand>>;
}

/** A rule for a part of models of a class. */
export function graphRule<M extends Model, S extends Checks>(
  options: S,
  build: (graph: ModelGraph<M>, options: Checked<S>) => Readonly<Record<string, Operand>>,
): GraphRule {
  return { options, build: build as GraphRule['build'] };
}
