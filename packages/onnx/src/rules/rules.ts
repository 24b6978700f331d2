import type { Module } from '@latent/nn';
import { type Tensor, ValueError } from '@latent/tensor';
import type { Dims, Graph, Value } from '../graph/graph.ts';
import { STANDARD_LAYERS } from './layers.ts';
import { STANDARD_OPS } from './ops.ts';

/** What is known of a step beside its operands; sizes are numbers, or `{ rows }` where they go with the rows. */
export interface StepCall {
  /** Of the op; null for a layer. */
  readonly params: unknown;
  /** Of the result; of the first where there are several. */
  readonly shape: Dims;
  readonly shapes: readonly Dims[];
  /** A tensor of a layer as an initialiser, by its name in the state dictionary. */
  tensor(x: Tensor): Value;
}

/** How an op becomes nodes: its result, or its results; null where it cannot with these parameters. */
export type OpRule = (graph: Graph, inputs: readonly Value[], call: StepCall) => Value | readonly Value[] | null;

/** How a layer becomes nodes as a whole; `inputs` are the tensors that its `forward` was given. */
export type LayerRule = (graph: Graph, layer: Module, inputs: readonly Value[], call: StepCall) => Value;

/** Rules of one kind by name: those that come with the package, and those of users. */
export class Rules<R> {
  readonly #kind: string;
  readonly #standard: Map<string, R>;
  readonly #own = new Map<string, R>();

  constructor(kind: string, standard: Readonly<Record<string, R>> = {}) {
    this.#kind = kind;
    this.#standard = new Map(Object.entries(standard));
  }

  /** Makes rules of the package known, once or again. */
  include(standard: Readonly<Record<string, R>>): void {
    for (const [name, rule] of Object.entries(standard)) this.#standard.set(name, rule);
  }

  /** Makes a rule known. A name that has one already is refused. */
  define(name: string, rule: R): void {
    if (this.get(name) !== undefined) {
      throw new ValueError(`onnx: there is a rule for the ${this.#kind} '${name}' already; choose another name`);
    }
    this.#own.set(name, rule);
  }

  /** The rule; without `standard` only one that was defined. */
  get(name: string, standard = true): R | undefined {
    return (standard ? this.#standard.get(name) : undefined) ?? this.#own.get(name);
  }

  /** The names that have rules. */
  names(): readonly string[] {
    return [...this.#standard.keys(), ...this.#own.keys()];
  }
}

/** Rules of ops by their names. An op that is a formula (`elementwise`, `rowSum`) needs none. */
export const opRules: Rules<OpRule> = /* @__PURE__ */ new Rules<OpRule>('op', STANDARD_OPS);

/** Rules of layers by their `type`. A layer that is written with ops needs none; one with a rule is exported as a whole. */
export const layerRules: Rules<LayerRule> = /* @__PURE__ */ new Rules<LayerRule>('layer', STANDARD_LAYERS);
