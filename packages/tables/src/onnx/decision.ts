import { countBelow, N, type Operand } from '@latent/onnx/graph';
import type { Calibration } from '../calibrate/conformal.ts';
import type { Threshold } from '../results.ts';
import { number } from './nodes.ts';
import type { TableGraph } from './table-graph.ts';

/**
 * Scores of other programs are within this share of them, or of 3 nats: a row that is like one of the calibration rows has the score of that
 * row, and is to have its rank.
 */
const ROUNDING = 1e-5;
const LEAST_NATS = 3;
/** So that what is infinite stays so. */
const LARGEST = 1e300;
/** Shares closer than this are one. */
const SAME = 1e-12;

/** The share of usual rows at least as odd, and whether a row is odd, of its score: see `Calibration`. */
export function decision(
  { graph }: TableGraph,
  score: Operand,
  calibration: Calibration,
  line: Threshold | null,
): Record<string, Operand> {
  const wide = graph.cast(score.value, 'double');
  // What is no number is as odd as can be.
  const nats = graph.node(
    'Where',
    [graph.node('IsNaN', [wide], {}, 'bool'), number(graph, Infinity), wide],
    {},
    'double',
  );
  const size = graph.node('Min', [graph.node('Abs', [nats]), number(graph, LARGEST)]);
  const rounding = graph.node('Mul', [graph.node('Max', [size, number(graph, LEAST_NATS)]), number(graph, ROUNDING)]);
  const least = graph.node('Sub', [nats, rounding]);
  const below = graph.cast(countBelow(graph, least, [calibration.scores], []), 'double');
  const { rows } = calibration;
  const share = graph.node('Div', [graph.node('Sub', [number(graph, rows + 1), below]), number(graph, rows + 1)]);
  const dims = [N];
  const told = { score, pValue: { value: share, dims } };
  if (line === null) return told;
  // As `Calibration.predict` has it: by the rank where the line is one.
  const odd =
    line.pValue === null
      ? graph.node('LessOrEqual', [number(graph, line.score), graph.node('Add', [nats, rounding])], {}, 'bool')
      : graph.node('LessOrEqual', [share, number(graph, line.pValue + SAME)], {}, 'bool');
  return { ...told, anomaly: { value: odd, dims } };
}
