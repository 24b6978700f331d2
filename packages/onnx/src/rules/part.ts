import type { FittedTransform } from '@latent/nn';
import { type Shape, UsageError } from '@latent/tensor';
import type { Score } from '@latent/vae';
import type { Graph, Value } from '../graph/graph.ts';
import type { GraphRule, ModelGraphs } from '../models/graph-rule.ts';
import { type OpRule, opRules, Rules } from './rules.ts';

/** Columns on a common scale as nodes, and back. */
export interface ScaleNodes {
  forward(graph: Graph, x: Value): Value;
  inverse(graph: Graph, y: Value): Value;
  logJacobian(graph: Graph, x: Value, holes: boolean): Value;
}

/** Rules that belong together, as a value: what is not named is not in a bundle. */
export interface OnnxPart {
  /** Of classes of models, by the names that their files have. */
  readonly models?: () => Readonly<Record<string, ModelGraphs>>;
  readonly ops?: () => Readonly<Record<string, OpRule>>;
  /** How transforms become nodes. */
  readonly scales?: (fitted: FittedTransform, event: Shape) => ScaleNodes;
  /** How scores that are given as values become graphs. */
  readonly scores?: (score: Score<string>) => GraphRule;
}

/** The graphs of models, by the names that the models' files have. */
export const knownModels: Rules<ModelGraphs> = /* @__PURE__ */ new Rules<ModelGraphs>('model');

const known: Pick<OnnxPart, 'scales' | 'scores'> = {};
const included = /* @__PURE__ */ new Set<OnnxPart>();

/** Makes parts known to exports, once. */
export function include(parts: readonly OnnxPart[]): void {
  for (const part of parts) {
    if (included.has(part)) continue;
    included.add(part);
    const { models, ops, scales, scores } = part;
    if (models) knownModels.include(models());
    if (ops) opRules.include(ops());
    Object.assign(known, scales && { scales }, scores && { scores });
  }
}

/** A transform as nodes. */
export function scaleNodes(fitted: FittedTransform, event: Shape): ScaleNodes {
  return needed('scales', fitted.spec.name)(fitted, event);
}

/** A score as a graph. */
export function scoreGraph(score: Score<string>): GraphRule {
  return needed('scores', score.name)(score);
}

function needed<K extends keyof typeof known>(kind: K, name: string): NonNullable<(typeof known)[K]> {
  const own = known[kind];
  if (own !== undefined) return own;
  const part = kind === 'scales' ? 'scales' : 'vaeGraphs';
  throw new UsageError(`exportOnnx: '${name}' needs the part ${part} of @latent/onnx/parts`);
}
