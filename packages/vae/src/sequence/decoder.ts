import { noGrad } from '@latent/autograd';
import { advanced, type Context, inLayer, type Layer, repeatedContext, type StepState, scoring } from '@latent/nn';
import { Rng, type Shape, step, type Tensor, tensor, UsageError, ValueError } from '@latent/tensor';
import type { Head } from '../reconstruction/likelihood.ts';
import type { StepwiseDistribution } from '../reconstruction/per-step.ts';
import type { PreviousStep } from './previous-step.ts';
import type { Sequence } from './sequence.ts';

/** From codes to the parameters of rows. */
export interface Decoder {
  readonly decoder: Layer;
  readonly head: Head;
  /** Where the decoder sees the step before. */
  readonly previous: PreviousStep | null;
}

/** What goes with codes on their way through a decoder. */
export interface Given extends Context {
  /** The rows whose steps a decoder is shown that sees the step before. */
  readonly x?: Tensor | undefined;
}

/** The parameters of rows of codes [rows, …]: [rows, parameters]. */
export function parametersOf({ decoder, head, previous }: Decoder, codes: Tensor, { x, ...context }: Given): Tensor {
  let input = codes;
  if (previous !== null) {
    if (x === undefined) {
      throw new UsageError('likelihoodParams: this decoder sees the step before; give the rows, as { x }');
    }
    const code = codes;
    input = inLayer('previous', () => previous.forward(code, x));
  }
  const features = inLayer('decoder', () => decoder.forward(input, context));
  return inLayer('head', () => head.forward(features));
}

/** What goes with rows that are repeated as a whole, one copy after the other. */
export function repeatedGiven({ x, ...context }: Given, copies: number): Given {
  const all = x?.broadcastTo([copies, ...x.shape]).reshape([copies * (x.shape[0] as number), ...x.shape.slice(1)]);
  return { ...repeatedContext(context, copies), ...(all !== undefined && { x: all }) };
}

/** Steps that a decoder is tried with. */
const TRIED = 3;

/** Throws unless a decoder can go step by step: what it makes of a step depends on that one and those before alone. */
export function checkStepwise(
  caller: string,
  decoder: Layer,
  [steps = 1, width = 1]: Shape,
  makesSteps: boolean,
): void {
  if (!makesSteps || differences(decoder, steps, width) > 1e-4) {
    throw new ValueError(
      `${caller}: with sequence.previous a decoder goes step by step: recurrent layers in one direction with returnSequences, minGru, and layers of single steps, such as [lstm(64, { returnSequences: true })]`,
    );
  }
}

/** How far what a decoder makes of some steps at once is from what it makes of them one by one. */
function differences(decoder: Layer, steps: number, width: number): number {
  return noGrad(() =>
    scoring(() =>
      step(() => {
        const count = Math.min(TRIED, steps);
        const x = new Rng(1).normal([1, count, width]);
        const whole = decoder.forward(x, { steps: count });
        let state: StepState | null = null;
        let most = 0;
        for (let t = 0; t < count; t++) {
          const at = (y: Tensor): Tensor => y.slice([null, [t, t + 1]]);
          const next = advanced(decoder, at(x), state);
          state = next.state;
          most = Math.max(most, next.output.sub(at(whole)).abs().max().item());
        }
        return most;
      }),
    ),
  );
}

/** How rows are made step by step. */
export interface UnrollOptions {
  /** Draw each step, or take the likeliest. */
  readonly output: 'mean' | 'draw';
  readonly temperature: number;
  readonly rng: Rng;
}

/** Rows that a decoder makes of codes step by step, each seeing the one before: [rows, steps·features], zeros after a row's stop. */
export function unrolled(
  model: Decoder & { readonly previous: PreviousStep },
  likelihood: StepwiseDistribution,
  sequence: Sequence,
  codes: Tensor,
  options: UnrollOptions,
): Tensor {
  const { steps, features, stop } = sequence;
  const [rows = 0] = codes.shape;
  const values = new Float32Array(rows * steps * features);
  const over = new Uint8Array(rows);
  let state: StepState | null = null;
  let before: Tensor | null = null;
  for (let t = 0; t < steps && over.includes(0); t++) {
    const made: { next: Tensor; state: StepState } = noGrad(() =>
      scoring(() =>
        step(() => {
          const { output, state: after } = advanced(model.decoder, model.previous.next(codes, before), state);
          const params = model.head.forward(output);
          return { next: outputOf(likelihood.ofStep, params, options), state: after };
        }),
      ),
    );
    ({ state } = made);
    before = made.next;
    const numbers = made.next.data;
    for (let r = 0; r < rows; r++) {
      if (over[r]) continue;
      for (let c = 0; c < features; c++) values[(r * steps + t) * features + c] = numbers[r * features + c] as number;
      if (stop !== null && numbers[r * features + stop.column] === stop.value) over[r] = 1;
    }
  }
  return tensor(values, { shape: [rows, steps * features] });
}

/** A row of what parameters say: a draw at a temperature, or the likeliest. */
export function outputOf(
  likelihood: Pick<StepwiseDistribution, 'tempered' | 'sample' | 'mode' | 'name'>,
  params: Tensor,
  { output, temperature, rng }: UnrollOptions,
): Tensor {
  if (output === 'mean') return likelihood.mode(params);
  if (temperature === 1) return likelihood.sample(params, rng);
  if (likelihood.tempered === undefined) {
    throw new ValueError(`sample: ${likelihood.name} has no temperature; leave it at 1`);
  }
  return likelihood.sample(likelihood.tempered(params, temperature), rng);
}
