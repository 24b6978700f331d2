import { noGrad } from '@latent/autograd';
import { type Module, scoring } from '@latent/nn';
import { type GraphNode, type JointOp, type Op, Rng, type Shape, Tensor, UsageError } from '@latent/tensor';
import type { Dim } from '../graph/graph.ts';

/** Where a number of a step comes from: a result of an earlier step, an input, a tensor of the module by name, or numbers that were there. */
export type Source =
  | { readonly kind: 'step'; readonly index: number; readonly result: number }
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'named'; readonly name: string; readonly tensor: Tensor }
  | { readonly kind: 'constant'; readonly shape: Shape; readonly values: ArrayLike<number> };

/** What was done: an op with its parameters, or a layer as a whole that has a rule of its own. Sizes are numbers, or `Dim`s. */
export interface Step<Size extends Dim = number> {
  /** The layer in which it was done. */
  readonly path: string;
  readonly op: Op | JointOp | null;
  readonly params: unknown;
  readonly layer: Module | null;
  readonly sources: readonly Source[];
  readonly shapes: readonly (readonly Size[])[];
  /** Of the results: one, or as many as a joint op has. */
  readonly results: readonly (readonly Size[])[];
}

/** What was done of given inputs, and what came out. */
export interface Recording<Size extends Dim = number> {
  readonly steps: readonly Step<Size>[];
  readonly outputs: Readonly<Record<string, { readonly source: Source; readonly shape: readonly Size[] }>>;
}

/** The place on a recording of a tensor: what it hands to the engine, as a tape does. */
class Mark implements GraphNode {
  readonly recorder: Recorder;
  readonly source: Source;
  /** What the tensor was before, for a module's parameters. */
  readonly isParameter: boolean;
  readonly ended = false;
  grad = null;

  constructor(recorder: Recorder, source: Source, isParameter = false) {
    this.recorder = recorder;
    this.source = source;
    this.isParameter = isParameter;
  }

  record(op: Op, inputs: readonly Tensor[], params: unknown, output: Tensor): void {
    this.recorder.add({ op, params, layer: null }, inputs, [output]);
  }

  recordJoint(op: JointOp, inputs: readonly Tensor[], params: unknown, outputs: readonly Tensor[]): void {
    this.recorder.add({ op, params, layer: null }, inputs, outputs);
  }

  get recording(): boolean {
    return this.recorder.on;
  }

  /** What leaves a step is still what it was. */
  end(): Mark {
    return this;
  }

  backward(): never {
    throw new UsageError('exportOnnx: what is exported cannot be differentiated while it is read');
  }
}

class Recorder {
  readonly steps: Step[] = [];
  readonly path: string[] = [''];
  /** Off inside a layer that is recorded as a whole. */
  on = true;

  add(what: Pick<Step, 'op' | 'params' | 'layer'>, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    if (!this.on) return;
    this.steps.push({
      path: this.path.at(-1) as string,
      ...what,
      sources: inputs.map((x) => this.sourceOf(x)),
      shapes: inputs.map((x) => x.shape),
      results: outputs.map((x) => x.shape),
    });
    outputs.forEach((output, result) => {
      output.node = new Mark(this, { kind: 'step', index: this.steps.length - 1, result });
    });
  }

  /** Numbers are read now: what a step made may be gone later. */
  sourceOf(x: Tensor): Source {
    return x.node instanceof Mark ? x.node.source : { kind: 'constant', shape: x.shape, values: x.data };
  }
}

/**
 * Runs `program` with `rows` rows of zeros and ones (which serve as numbers and as categories) drawn with `seed`, and writes
 * down what it computes: ops, by the same door through which a tape learns of them, so nothing that is written with ops needs
 * to know of it. A layer for which `whole` is true is one step. Modules are in eval mode.
 */
export function record(
  module: Module,
  shapes: readonly Shape[],
  program: (...inputs: Tensor[]) => Readonly<Record<string, Tensor>>,
  options: { readonly seed: number; readonly whole: (layer: Module) => boolean },
): Recording {
  const recorder = new Recorder();
  const rng = new Rng(options.seed);
  const inputs = shapes.map((shape, index) => {
    const x = rng.bernoulli(shape);
    x.node = new Mark(recorder, { kind: 'input', index });
    return x;
  });
  const undo = [...markTensors(module, recorder), ...watchLayers(module, recorder, options.whole)];
  try {
    const results = noGrad(() => scoring(() => program(...inputs)));
    const outputs = Object.fromEntries(
      Object.entries(results).map(([name, x]) => [name, { source: recorder.sourceOf(x), shape: x.shape }]),
    );
    return { steps: recorder.steps, outputs };
  } finally {
    for (const action of undo) action();
  }
}

/** Puts the module's tensors on the recording by their names in its state dictionary, until the returned actions are done. */
function markTensors(module: Module, recorder: Recorder): (() => void)[] {
  return module.namedTensors().map(([name, tensor]) => {
    const { node } = tensor;
    tensor.node = new Mark(recorder, { kind: 'named', name, tensor }, node?.isParameter);
    return () => {
      tensor.node = node;
    };
  });
}

/** Has every layer say when it is at work, until the returned actions are done. */
function watchLayers(module: Module, recorder: Recorder, whole: (layer: Module) => boolean): (() => void)[] {
  return [...module.namedModules()].flatMap(([path, layer]) => {
    const { forward } = layer as { forward?: (...inputs: unknown[]) => unknown };
    const before = Object.getOwnPropertyDescriptor(layer, 'forward');
    if (typeof forward !== 'function') return [];
    const watched = (...inputs: unknown[]): unknown => {
      recorder.path.push(path);
      try {
        return recorder.on && whole(layer) ? asOne(recorder, layer, forward, inputs) : forward.apply(layer, inputs);
      } finally {
        recorder.path.pop();
      }
    };
    Object.defineProperty(layer, 'forward', { value: watched, configurable: true });
    return () => {
      if (before === undefined) delete (layer as { forward?: unknown }).forward;
      else Object.defineProperty(layer, 'forward', before);
    };
  });
}

/** Runs a layer with nothing of its inside recorded. */
function asOne(
  recorder: Recorder,
  layer: Module,
  forward: (...inputs: unknown[]) => unknown,
  inputs: unknown[],
): unknown {
  recorder.on = false;
  let output: unknown;
  try {
    output = forward.apply(layer, inputs);
  } finally {
    recorder.on = true;
  }
  if (!(output instanceof Tensor)) {
    throw new UsageError(`exportOnnx: a rule for ${layer.type} needs it to return one tensor`);
  }
  const tensors = inputs.filter((input) => input instanceof Tensor);
  // Its own, also where the layer gives back what it was given.
  const own = output.detach();
  recorder.add({ op: null, params: null, layer }, tensors, [own]);
  return own;
}
