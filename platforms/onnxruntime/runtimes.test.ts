import { describe, expect, it } from 'vitest';
import { allCases } from '../../packages/onnx/test/all-cases.ts';
import { difference } from '../../packages/onnx/test/cases.ts';
import { runtimeOf } from './runtimes.ts';

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
