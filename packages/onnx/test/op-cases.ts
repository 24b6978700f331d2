import { Sequential } from '@latent/nn';
import { type Tensor, tensor } from '@latent/tensor';
import { type Sample, sampleInputs, samples } from '@latent/tensor/samples';
import { Graph } from '../src/graph/graph.ts';
import { trace } from '../src/trace/trace.ts';
import { ACTIVATION, type Case } from './cases.ts';

/** Samples of ops that ONNX has no operator for at this opset, and why. */
export const REFUSED: Readonly<Record<string, string>> = {
  drawRows: 'draws of rows are no function of the input; noise is an input of its own',
};

/** Results at the edges of arithmetic that the operators of ONNX do not have, and what they give there. */
const OTHERWISE: Readonly<Record<string, string>> = {};

const entries = (Object.entries(samples) as [string, Sample][]).filter(([name]) => !(name in REFUSED));

/** Every op, on inputs of its samples and at the edges of arithmetic. */
export function opCases(): Case[] {
  return entries.flatMap(([name, sample]) => {
    const usual = sample.shapes.map((shapes, i) => {
      const inputs = sampleInputs(sample, shapes, i, 'f32');
      return opCase(`${name} of ${shapes.map((shape) => `[${shape}]`).join(' and ')}`, sample, inputs);
    });
    const { special = [] } = sample;
    if (special.length === 0 || name in OTHERWISE) return usual;
    const [first] = special as [readonly [readonly number[], number]];
    const inputs = first[0].map((_, i) => tensor(special.map(([values]) => values[i] as number)));
    return [...usual, opCase(`${name} at the edges`, sample, inputs)];
  });
}

/** One op as a graph of its own. */
export function opCase(name: string, sample: Pick<Sample, 'call' | 'tolerance'>, inputs: readonly Tensor[]): Case {
  const graph = new Graph();
  const operands = inputs.map(({ shape }, i) => ({ value: graph.input(`x${i}`, 'float', shape), dims: shape }));
  const { y } = trace(graph, new Sequential(), operands, (...x) => ({ y: sample.call(...x) }));
  graph.output('y', y.value, y.dims);
  const expected = sample.call(...inputs);
  const { tolerance = 2e-6 } = sample;
  return {
    name,
    model: graph.model('op', {}),
    inputs: Object.fromEntries(
      inputs.map((x, i) => [`x${i}`, { type: 'float' as const, dims: x.shape, data: Array.from(x.data) }]),
    ),
    expected: {
      y: {
        dims: expected.shape,
        data: Array.from(expected.data),
        absolute: Math.max(ACTIVATION.absolute, tolerance),
        relative: Math.max(2e-6, tolerance),
      },
    },
  };
}
