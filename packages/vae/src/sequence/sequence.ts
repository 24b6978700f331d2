import {
  dropoutCheck,
  END,
  type FlatRows,
  parseRows,
  placeOf,
  type Rows,
  type Tokenizer,
  tokenizerCheck,
  tokenRows,
} from '@latent/nn';
import { type Check, fields, flag, isPlainObject, optional, real, type Shape, ValueError, whole } from '@latent/tensor';
import type { ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { isStepwise, perStep } from '../reconstruction/per-step.ts';

/** What a decoder is shown of the step before. */
export interface PreviousOptions {
  /**
   * Share of the steps that are hidden from the decoder while training (word dropout, Bowman et al. 2016), so that it must ask the
   * code; 0 by default.
   */
  readonly dropout?: number;
  /** Numbers that stand for a token; 32 by default. */
  readonly width?: number;
}

/** After which step a row ends. */
export interface StopOptions {
  readonly column: number;
  readonly value: number;
}

/** Rows that are sequences: up to `steps` steps of `features` numbers each, or texts. */
export interface SequenceOptions {
  /** Of the longest row; of texts with the end that each has. */
  readonly steps: number;
  /** Numbers of a step; 1 by default. */
  readonly features?: number;
  /** Rows are texts, and each step one of its tokens. */
  readonly tokenizer?: Tokenizer;
  /**
   * A row ends after the first step whose column `column` is `value`, in what is given and in what the model makes; texts end so by
   * themselves. Without it a model does not know where rows end, and makes all steps.
   */
  readonly stop?: StopOptions;
  /**
   * The decoder sees at each step the step before, beside the code: the true one of rows that it learns from or scores (teacher
   * forcing), its own of rows that it makes. False by default: all steps come from the code at once.
   */
  readonly previous?: boolean | PreviousOptions;
  /**
   * Training puts rows of similar lengths into a batch, so that few steps are padding. True by default; with false rows of any lengths
   * meet, which takes longer and learns a little better where lengths say much of a row.
   */
  readonly bucketed?: boolean;
}

/** The options with their defaults. */
export interface Sequence {
  readonly steps: number;
  readonly features: number;
  readonly tokenizer: Tokenizer | null;
  readonly stop: StopOptions | null;
  readonly previous: Required<PreviousOptions> | null;
  readonly bucketed: boolean;
}

const checks = /* @__PURE__ */ fields({
  steps: /* @__PURE__ */ whole({ min: 1 }),
  features: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 })),
  tokenizer: /* @__PURE__ */ optional(tokenizerCheck),
  stop: /* @__PURE__ */ optional(
    /* @__PURE__ */ fields({ column: /* @__PURE__ */ whole({ min: 0 }), value: /* @__PURE__ */ real() }),
  ),
  previous: /* @__PURE__ */ optional(((value, at) =>
    typeof value === 'boolean'
      ? value
      : fields({ dropout: optional(dropoutCheck, 0), width: optional(whole({ min: 1 }), 32) })(value, at)) as Check<
    boolean | Required<PreviousOptions>
  >),
  bucketed: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), true),
});

/** A check for the description of sequences, or what a file says of one. */
export const sequenceCheck: Check<Sequence> = (value, at) => {
  // Files say null of what is not there.
  const given = isPlainObject(value)
    ? Object.fromEntries(Object.entries(value).filter(([, option]) => option !== null))
    : value;
  const { steps, features, tokenizer, stop, previous, bucketed } = checks(given, at);
  if (tokenizer !== undefined && ((features ?? 1) !== 1 || (stop !== undefined && stop.value !== END))) {
    throw new ValueError(
      `${at.caller}: ${at.path} of texts have one token at each step and an end; leave out features and stop`,
    );
  }
  const width = features ?? 1;
  if (stop !== undefined && stop.column >= width) {
    throw new ValueError(
      `${at.caller}: ${at.path}.stop.column must be below the ${width} features, got ${stop.column}`,
    );
  }
  return {
    steps,
    features: width,
    tokenizer: tokenizer ?? null,
    stop: tokenizer === undefined ? (stop ?? null) : { column: 0, value: END },
    previous:
      previous === true ? { dropout: 0, width: 32 } : previous === undefined || previous === false ? null : previous,
    bucketed,
  };
};

/** The shape of the longest row: tokens stand by themselves. */
export function eventOfSequence({ steps, features, tokenizer }: Sequence): Shape {
  return tokenizer === null ? [steps, features] : [steps];
}

/** For the file. */
export function describeSequence({ tokenizer, ...plain }: Sequence): Readonly<Record<string, unknown>> {
  return { ...plain, tokenizer: tokenizer?.config() ?? null };
}

/** A step's likelihood as the rows'. */
export function likelihoodOfSequence(
  caller: string,
  { features, tokenizer }: Sequence,
  given: ReconstructionDistribution,
): ReconstructionDistribution {
  const made = isStepwise(given) ? given : perStep({ width: features, of: given });
  if (!isStepwise(made) || made.stepWidth !== features) {
    throw new ValueError(`${caller}: reconstruction must be of steps of ${features} columns`);
  }
  if (made.ofStep.whileTraining !== undefined) {
    throw new ValueError(
      `${caller}: reconstruction: a variance of the rows at hand would count what is past a row's end; take 'shared', 'perColumn' or 'perRow'`,
    );
  }
  const size = made.ofStep.paramCount(1 * features);
  if (tokenizer !== null && size !== tokenizer.size) {
    throw new ValueError(
      `${caller}: reconstruction must be tokens(${tokenizer.size}), one for each of the tokenizer's, got ${made.ofStep.name} of ${size} parameters`,
    );
  }
  return made;
}

/** The rows that users pass, with their lengths; what cannot be is refused by row and step. */
export function parseSequences(caller: string, data: Rows, sequence: Sequence): FlatRows {
  const { tokenizer, stop, features } = sequence;
  const texts = Array.isArray(data) && data.some((row: unknown) => typeof row === 'string');
  if (texts && tokenizer === null) {
    throw new ValueError(`${caller}: rows are texts; make the model with sequence: { steps, tokenizer }`);
  }
  const event = eventOfSequence(sequence);
  const tokens = texts && tokenizer !== null ? tokenRows(caller, data, tokenizer) : null;
  const long = tokens?.findIndex((row) => row.length > sequence.steps) ?? -1;
  if (long >= 0) {
    throw new ValueError(
      `${caller}: row ${long}, ${JSON.stringify(String(data[long as never]).slice(0, 40))}, has ${tokens?.[long]?.length} steps with its end, at most ${sequence.steps}`,
    );
  }
  const rows = parseRows(caller, tokens ?? data, event, { ragged: true });
  if (stop !== null) checkStops(caller, rows, stop, features, sequence.steps);
  return rows;
}

/** Throws unless every row ends where it says that it ends. */
function checkStops(
  caller: string,
  { values, count, width, lengths }: FlatRows,
  { column, value }: StopOptions,
  features: number,
  steps: number,
): void {
  for (let r = 0; r < count; r++) {
    const last = ((lengths as Uint32Array)[r] as number) - 1;
    for (let t = 0; t <= last; t++) {
      const i = r * width + t * features + column;
      if ((values[i] === value) === (t === last)) continue;
      const place = placeOf(i, { width: features, steps });
      throw new ValueError(
        t === last
          ? `${caller}: a row must end with a step whose column ${column} is ${value}, got ${values[i]} at ${place}`
          : `${caller}: a row ends after a step whose column ${column} is ${value}, but goes on after ${place}`,
      );
    }
  }
}

/** Steps of rows that a model made, end to end: up to the stop, where there is one. */
export function lengthsByStop(values: ArrayLike<number>, { steps, features, stop }: Sequence): Uint32Array {
  const lengths = new Uint32Array(values.length / (steps * features)).fill(steps);
  if (stop === null) return lengths;
  for (let r = 0; r < lengths.length; r++) {
    for (let t = 0; t < steps; t++) {
      if (values[(r * steps + t) * features + stop.column] !== stop.value) continue;
      lengths[r] = t + 1;
      break;
    }
  }
  return lengths;
}
