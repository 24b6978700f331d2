import type { Module } from '@latent/nn';
import { type Expr, type JointOp, type Op, opTable, type Tensor, UsageError } from '@latent/tensor';
import { formulaNodes } from '../graph/formula.ts';
import { type Dim, type Dims, type Graph, N, type Value } from '../graph/graph.ts';
import { type LayerRule, layerRules, opRules, type StepCall } from '../rules/rules.ts';
import { broadcastDims, sameDims } from './dims.ts';
import type { Recording, Source, Step } from './record.ts';

/** Adds a computation with a module's tensors to a graph, without the steps that no output needs. */
export function emit(
  graph: Graph,
  module: Module,
  { steps, outputs }: Recording<Dim>,
  inputs: readonly Value[],
): Record<string, { readonly value: Value; readonly dims: Dims }> {
  const all = steps.map((step) => operandsOf(step, steps));
  const needed = new Set<number>();
  for (const { source } of Object.values(outputs)) if (source.kind === 'step') needed.add(source.index);
  for (let i = steps.length - 1; i >= 0; i--) {
    if (needed.has(i)) for (const { source } of all[i] ?? []) if (source.kind === 'step') needed.add(source.index);
  }
  const values: (readonly Value[])[] = [];
  const names = new Map(module.namedTensors().map(([name, tensor]) => [tensor, name]));
  const tensorOf = (x: Tensor): Value => {
    const name = names.get(x);
    return name === undefined ? graph.constant('float', x.shape, x.data) : graph.tensor(name, 'float', x.shape, x.data);
  };
  const valueAt = ({ source, dims }: Operand): Value => {
    if (source.kind === 'step') return values[source.index]?.[source.result] as Value;
    if (source.kind === 'input') return inputs[source.index] as Value;
    if (source.kind === 'named') return tensorOf(source.tensor);
    const numbers = graph.constant('float', source.shape, source.values);
    if (sameDims(dims, source.shape)) return numbers;
    if (!hasCopies(source.shape, dims)) return graph.node('Expand', [numbers, graph.sizes(dims)]);
    // [copies·rows, …] by [copies, rows, …].
    const own = source.shape.flatMap((size, axis) => (typeof dims[axis] === 'number' ? [size] : [size, 1]));
    const whole = dims.flatMap((dim): Dim[] => (typeof dim === 'number' ? [dim] : [dim.rows, N]));
    return graph.reshape(graph.node('Expand', [graph.reshape(numbers, own), graph.sizes(whole)]), dims);
  };
  steps.forEach((step, i) => {
    if (!needed.has(i)) return;
    const operands = all[i] as readonly Operand[];
    graph.path = step.path;
    const { params, results } = step;
    const shape = results[0] as Dims;
    const call = { params, shape, shapes: operands.map(({ dims }) => dims), tensor: tensorOf };
    values[i] = stepNodes(graph, step, operands.map(valueAt), call);
  });
  graph.path = '';
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { source, shape }]) => [
      name,
      { value: valueAt({ source, dims: shape }), dims: shape },
    ]),
  );
}

interface Operand {
  readonly source: Source;
  /** As it goes in: a constant may have one row where broadcasting does the rest. */
  readonly dims: Dims;
}

/** What a step computes from, past steps that only lay numbers out where that makes no difference. */
function operandsOf(step: Step<Dim>, steps: readonly Step<Dim>[]): readonly Operand[] {
  const operands = step.sources.map((source, i): Operand => ({ source, dims: step.shapes[i] as Dims }));
  if (step.op === opTable.reshape) return operands.map((operand) => through(operand, opTable.reshape, steps));
  if (step.op === null || !('program' in step.op)) return operands;
  // Elementwise operators broadcast by themselves, as long as one operand has the full shape.
  const full = broadcastDims(step.shapes);
  return operands.reduce<readonly Operand[]>((all, operand, i) => {
    const narrow = through(operand, opTable.broadcastTo, steps);
    const { source } = narrow;
    const one = source.kind === 'constant' && !hasCopies(source.shape, narrow.dims);
    const own = one ? { ...narrow, dims: source.shape } : narrow;
    const changed = all.with(i, own);
    return sameDims(broadcastDims(changed.map(({ dims }) => dims)), full) ? changed : all;
  }, operands);
}

/** Whether numbers differ between copies of the rows, so that broadcasting cannot repeat them. */
function hasCopies(shape: readonly number[], dims: Dims): boolean {
  return dims.some((dim, axis) => typeof dim !== 'number' && shape[axis] !== 1);
}

/** The operand before the steps of one op that made it. */
function through(operand: Operand, op: object, steps: readonly Step<Dim>[]): Operand {
  let { source, dims } = operand;
  for (;;) {
    const step = source.kind === 'step' ? steps[source.index] : undefined;
    if (step === undefined || step.op !== op) return { source, dims };
    [source, dims] = [step.sources[0] as Source, step.shapes[0] as Dims];
  }
}

/** The nodes of a step. */
function stepNodes(
  graph: Graph,
  { op, layer, path }: Step<Dim>,
  inputs: readonly Value[],
  call: StepCall,
): readonly Value[] {
  if (layer !== null) return [(layerRules.get(layer.type) as LayerRule)(graph, layer, inputs, call)];
  const { name } = op as Op | JointOp;
  // An op of someone else's is not taken for the engine's because it has the same name.
  const ours = (opTable as Record<string, unknown>)[name] === op;
  const value = opRules.get(name, ours)?.(graph, inputs, call) ?? formulaOf(graph, op as Op, inputs, call);
  if (value !== null) return 'name' in value ? [value] : value;
  const place = path === '' ? '' : `${path}: `;
  throw new UsageError(
    `exportOnnx: ${place}the op '${name}' has no rule for ONNX${ours ? ' with these parameters' : ''}; give it one with opRules.define('${name}', …), or its layer with layerRules.define(type, …); exports of some parts alone need imageOps for pictures and sequenceOps for recurrent layers`,
  );
}

/** An op whose meaning is a formula, which may be summed over the last axis. */
type FormulaOp = Op & { readonly program?: { readonly expressions: readonly Expr[] }; readonly summed?: boolean };

function formulaOf(
  graph: Graph,
  { program, summed }: FormulaOp,
  inputs: readonly Value[],
  { shape }: StepCall,
): Value | null {
  if (program === undefined) return null;
  const terms = formulaNodes(graph, program.expressions[0] as Expr, inputs);
  return summed ? graph.node('ReduceSum', [terms, graph.whole([shape.length])], { keepdims: 0 }) : terms;
}
