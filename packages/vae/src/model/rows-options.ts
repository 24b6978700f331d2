import { optional, type Shape, ValueError } from '@latent/tensor';
import {
  describeSequence,
  eventOfSequence,
  type Sequence,
  type SequenceOptions,
  sequenceCheck,
} from '../sequence/sequence.ts';
import { type CommonOptions, commonChecks, type EventOptions, eventOf } from './options.ts';

/** Models whose rows may be sequences. */
export interface RowsOptions extends CommonOptions {
  /**
   * In place of `inputSize` and `event`: rows are sequences of different lengths, or texts, as `{ steps: 140 }` or `{ steps: 16,
   * tokenizer: characters('abc') }`. `reconstruction` is then of a step.
   */
  readonly sequence?: SequenceOptions;
}

/** The checks of the options that say what rows are. */
export const rowsChecks = { ...commonChecks, sequence: /* @__PURE__ */ optional(sequenceCheck) };

/** The shape of a row, which options give in one of three ways. */
export function eventOfRows(caller: string, options: EventOptions, sequence: Sequence | null): Shape {
  if (sequence === null) return eventOf(caller, options);
  if (options.inputSize === undefined && options.event === undefined) return eventOfSequence(sequence);
  throw new ValueError(`${caller}: sequence says what rows are; leave inputSize and event out`);
}

/** What rows are, for the file. */
export function describeRows(event: Shape, sequence: Sequence | null): Readonly<Record<string, unknown>> {
  return sequence === null ? { event } : { sequence: describeSequence(sequence) };
}
