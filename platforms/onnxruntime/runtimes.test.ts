import { describe, expect, it } from 'vitest';
import { ELEMENT, type OnnxModel, type OnnxValue } from '../../packages/onnx/src/proto/schema.ts';
import { allCases } from '../../packages/onnx/test/all-cases.ts';
import { type CaseInput, difference } from '../../packages/onnx/test/cases.ts';
import { runtimeOf } from './runtimes.ts';

const RECURRENT = ['LSTM', 'GRU', 'RNN'];
const TYPES = new Map<number, CaseInput['type']>(
  Object.entries(ELEMENT).map(([name, type]) => [type, name as CaseInput['type']]),
);

/** The sizes of an input or output when there are no rows. */
const sizesOf = ({ type }: OnnxValue): number[] =>
  (type?.tensorType?.shape?.dim ?? []).map(({ dimParam, dimValue = 0 }) => (dimParam === undefined ? dimValue : 0));

/** No rows at all, as a model takes them. */
function nothingFor({ graph }: OnnxModel): Record<string, CaseInput> {
  const inputs = (graph?.input ?? []).map((input): [string, CaseInput] => {
    const dims = sizesOf(input);
    const data = new Array<number>(dims.reduce((a, b) => a * b, 1)).fill(0);
    const type = TYPES.get(input.type?.tensorType?.elemType ?? 0) as CaseInput['type'];
    return [input.name ?? '', { type, dims, data, texts: [] }];
  });
  return Object.fromEntries(inputs);
}

describe.each(['onnxruntime-node', 'onnxruntime-web'] as const)('in %s', (name) => {
  it.each(Object.entries(allCases))(
    '%s compute the same',
    async (_group, cases) => {
      const run = await runtimeOf(name);
      const wrong: string[] = [];
      for (const { name: each, model, inputs, expected } of await cases()) {
        const off = await run(model, inputs).then(
          (outputs) => difference(expected, outputs),
          (error: unknown) => String(error),
        );
        if (off !== null) wrong.push(`${each}: ${off}`);
      }
      expect(wrong).toEqual([]);
    },
    600_000,
  );
});

// In one of the two, which share their operators. A recurrent node ends the process.
it('of no rows none come out, whatever the graph', async () => {
  const run = await runtimeOf('onnxruntime-node');
  const wrong: string[] = [];
  for (const cases of Object.values(allCases)) {
    for (const { name, model } of await cases()) {
      if (model.graph?.node?.some(({ opType = '' }) => RECURRENT.includes(opType))) continue;
      const off = await run(model, nothingFor(model)).then(
        (outputs) =>
          model.graph?.output?.find((each) => String(outputs[each.name ?? '']?.dims) !== String(sizesOf(each)))?.name,
        (error: unknown) => String(error),
      );
      if (off !== undefined) wrong.push(`${name}: ${off}`);
    }
  }
  expect(wrong).toEqual([]);
}, 600_000);
