import { Module, partOf } from '@latent/nn';
import {
  type Check,
  concat,
  describeValue,
  list,
  type Rng,
  refuse,
  ShapeError,
  type Tensor,
  ValueError,
} from '@latent/tensor';
import { columns, type Head, likelihoods, matchRows, type ReconstructionDistribution } from './likelihood.ts';

/** How many neighbouring data columns, and how they are distributed. */
export type CompositePart = readonly [columns: number, distribution: ReconstructionDistribution];

interface Slot {
  readonly distribution: ReconstructionDistribution;
  readonly size: number;
  /** The part's data columns [from, to) and parameters [first, last). */
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly last: number;
}

const partCheck: Check<CompositePart> = (value, at) => {
  if (!Array.isArray(value) || value.length !== 2) return refuse(at, 'a pair [columns, distribution]', value);
  const distribution = partOf(likelihoods, 'gaussian()')(value[1], { caller: at.caller, path: `${at.path}[1]` });
  const size: unknown = value[0];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 1) {
    throw new ValueError(
      `${at.caller}: ${at.path} (${distribution.name}) must have 1 or more columns, got ${describeValue(size)}`,
    );
  }
  return [size, distribution];
};

const checks = { parts: /* @__PURE__ */ list(partCheck, { min: 1 }) };

function slotsOf(parts: readonly CompositePart[]): readonly Slot[] {
  const slots: Slot[] = [];
  let [from, first] = [0, 0];
  for (const [size, distribution] of parts) {
    const [to, last] = [from + size, first + distribution.paramCount(size)];
    slots.push({ distribution, size, from, to, first, last });
    [from, first] = [to, last];
  }
  return slots;
}

/** More parts than this are cut out of halves of a row, and these out of its halves. */
const FEW = 16;

/**
 * Neighbouring columns [from, to) of x, each by itself. The gradient of a cut is as wide as what it is cut from, so many parts
 * would each cost a whole row; by halves, all of them cost log₂(parts) rows.
 */
function pieces(x: Tensor, spans: readonly (readonly [from: number, to: number])[]): Tensor[] {
  if (spans.length <= FEW) return spans.map(([from, to]) => columns(x, from, to));
  const half = spans.length >> 1;
  return [spans.slice(0, half), spans.slice(half)].flatMap((own) => {
    const [[start], [, end]] = [own[0], own[own.length - 1]] as [readonly [number, number], readonly [number, number]];
    return pieces(
      columns(x, start, end),
      own.map(([from, to]) => [from - start, to - start]),
    );
  });
}

export const compositeLikelihood = /* @__PURE__ */ likelihoods.known('composite', {
  options: checks,
  build({ parts }) {
    const slots = slotsOf(parts);
    const { to: width, last: count } = slots[slots.length - 1] as Slot;
    const dataSpans = slots.map(({ from, to }) => [from, to] as const);
    const paramSpans = slots.map(({ first, last }) => [first, last] as const);
    const perSlot = (params: Tensor, part: (slot: Slot, params: Tensor, i: number) => Tensor): Tensor => {
      const own = pieces(params, paramSpans);
      return concat(
        slots.map((slot, i) => part(slot, own[i] as Tensor, i)),
        -1,
      );
    };
    const checkWidth = (dataSize: number): void => {
      if (dataSize === width) return;
      const sizes = slots.map((slot) => slot.size);
      const sum = sizes.length > 12 ? `${sizes.length} parts` : sizes.join(' + ');
      throw new ShapeError(`composite: parts cover ${sum} = ${width} columns, got data of ${dataSize}`);
    };
    const rowsOf = (x: Tensor, params: Tensor): Tensor => matchRows(distribution, x, params);
    const distribution = {
      name: 'composite',
      normalized: slots.every((slot) => slot.distribution.normalized),
      paramCount(dataSize: number) {
        checkWidth(dataSize);
        return count;
      },
      logProb(x: Tensor, params: Tensor) {
        const rows = pieces(rowsOf(x, params), dataSpans);
        const own = pieces(params, paramSpans);
        const terms = slots.map(({ distribution: part }, i) => part.logProb(rows[i] as Tensor, own[i] as Tensor));
        return terms.reduce((total, term) => total.add(term));
      },
      logProbPerColumn(x: Tensor, params: Tensor) {
        const rows = pieces(rowsOf(x, params), dataSpans);
        return perSlot(params, ({ distribution: part }, own, i) => part.logProbPerColumn(rows[i] as Tensor, own));
      },
      sample: (params: Tensor, rng: Rng) => perSlot(params, (slot, own) => slot.distribution.sample(own, rng)),
      mean: (params: Tensor) => perSlot(params, (slot, own) => slot.distribution.mean(own)),
      mode: (params: Tensor) => perSlot(params, (slot, own) => slot.distribution.mode(own)),
      support(dataSize: number) {
        checkWidth(dataSize);
        return slots.flatMap((slot) => slot.distribution.support(slot.size));
      },
      oneHotGroups: () =>
        slots.flatMap(({ distribution: part, size, from }) =>
          (part.oneHotGroups?.(size) ?? []).map(([a, b]) => [from + a, from + b] as const),
        ),
      ...(slots.every((slot) => slot.distribution.baseline) && {
        baseline: (mean: Float64Array, variance: Float64Array) =>
          slots.reduce(
            (sum, { distribution: part, from, to }) =>
              sum + (part.baseline?.(mean.subarray(from, to), variance.subarray(from, to)) ?? 0),
            0,
          ),
      }),
      ...(slots.every((slot) => slot.distribution.tempered) && {
        tempered: (params: Tensor, temperature: number) =>
          perSlot(params, ({ distribution: part }, own) => part.tempered?.(own, temperature) ?? own),
      }),
      ...(slots.some((slot) => slot.distribution.head) && {
        head: (emit: (count: number) => Head): Head => new CompositeHead(emit, slots),
      }),
      ...(slots.some((slot) => slot.distribution.whileTraining) && {
        whileTraining: (x: Tensor, params: Tensor, head: Head) =>
          perSlot(params, (slot, own) => {
            const { distribution: part, from, to } = slot;
            const ownHead = (head as CompositeHead).parts[slots.indexOf(slot)] as Head;
            return part.whileTraining?.(columns(x, from, to), own, ownHead) ?? own;
          }),
      }),
    };
    return distribution;
  },
});

/**
 * Different columns, different distributions: parts take neighbouring columns in order, and their log-probabilities add
 * up. A composite is a distribution, so composites nest. The sizes must add up to the width of the data.
 */
export function composite(parts: readonly CompositePart[]): ReconstructionDistribution {
  return compositeLikelihood.make({ parts });
}

/** One head per part, side by side; needed only where a part has a head of its own. */
class CompositeHead extends Module {
  readonly parts: readonly Head[];

  constructor(emit: (count: number) => Head, slots: readonly Slot[]) {
    super();
    this.parts = slots.map(
      ({ distribution, size }) => distribution.head?.(emit, size) ?? emit(distribution.paramCount(size)),
    );
  }

  override get type(): string {
    return 'CompositeHead';
  }

  forward(x: Tensor): Tensor {
    return concat(
      this.parts.map((part) => part.forward(x)),
      -1,
    );
  }
}
