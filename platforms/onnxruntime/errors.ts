// How far exported files are off in each runtime, by what they are about: `npm run onnx-test` once, which installs the runtimes, then
// `npx tsx --conditions=source platforms/onnxruntime/errors.ts`.
import { allCases } from '../../packages/onnx/test/all-cases.ts';
import { type Case, SCORE } from '../../packages/onnx/test/cases.ts';
import { runtimeOf } from './runtimes.ts';

/** Nats below which the error of a score counts as one of so many. */
const LEAST = SCORE.absolute / SCORE.relative;

/** The largest error of an activation, against the larger of it and 1, and of a score, against the larger of it and 3 nats. */
function worst(expected: Case['expected'], got: Readonly<Record<string, { readonly data: readonly number[] }>>) {
  const most = { activations: 0, scores: 0 };
  for (const [name, { data, relative }] of Object.entries(expected)) {
    const [kind, least] = relative === SCORE.relative ? (['scores', LEAST] as const) : (['activations', 1] as const);
    data.forEach((want, i) => {
      const value = got[name]?.data[i] as number;
      if (Object.is(value, want) || value === want) return;
      most[kind] = Math.max(most[kind], Math.abs(value - want) / Math.max(Math.abs(want), least));
    });
  }
  return most;
}

for (const runtime of ['onnxruntime-node', 'onnxruntime-web'] as const) {
  const run = await runtimeOf(runtime);
  console.log(`\n${runtime.padEnd(20)}${'files'.padStart(8)}${'activations'.padStart(14)}${'scores'.padStart(12)}`);
  for (const [group, cases] of Object.entries(allCases)) {
    const made = await cases();
    const most = { activations: 0, scores: 0 };
    for (const { model, inputs, expected } of made) {
      const own = worst(expected, await run(model, inputs));
      most.activations = Math.max(most.activations, own.activations);
      most.scores = Math.max(most.scores, own.scores);
    }
    const shown = [most.activations, most.scores].map((error) => (error === 0 ? '0' : error.toExponential(1)));
    console.log(
      `${group.padEnd(20)}${String(made.length).padStart(8)}${shown[0]?.padStart(14)}${shown[1]?.padStart(12)}`,
    );
  }
}
