import { Linear, Module } from '@latent/nn';
import { concat, type Rng, ShapeError, type Tensor, ValueError } from '@latent/tensor';
import { columns, matchRows, type ReconstructionDistribution } from './reconstruction.ts';

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

/**
 * Different columns, different distributions: parts take neighbouring columns in order, and their log-probabilities add
 * up. A composite is a distribution, so composites nest. The sizes must add up to the width of the data.
 */
export function composite(parts: readonly CompositePart[]): ReconstructionDistribution {
  if (parts.length === 0) throw new ValueError('composite: needs at least one part, got none');
  const slots: Slot[] = [];
  let [from, first] = [0, 0];
  for (const [size, distribution] of parts) {
    if (!Number.isInteger(size) || size < 1) {
      throw new ValueError(
        `composite: part ${slots.length} (${distribution?.name}) must have 1 or more columns, got ${size}`,
      );
    }
    const [to, last] = [from + size, first + distribution.paramCount(size)];
    slots.push({ distribution, size, from, to, first, last });
    [from, first] = [to, last];
  }
  const width = from;
  const count = first;
  const perSlot = (params: Tensor, part: (slot: Slot, params: Tensor) => Tensor): Tensor =>
    concat(
      slots.map((slot) => part(slot, columns(params, slot.first, slot.last))),
      -1,
    );

  const distribution: ReconstructionDistribution = {
    name: 'composite',
    normalized: slots.every((slot) => slot.distribution.normalized),
    paramCount(dataSize) {
      if (dataSize !== width) {
        throw new ShapeError(
          `composite: parts cover ${slots.map((s) => s.size).join(' + ')} = ${width} columns, got data of ${dataSize}`,
        );
      }
      return count;
    },
    logProb(x, params) {
      const rows = matchRows(distribution, x, params);
      const terms = slots.map(({ distribution: part, from, to, first, last }) =>
        part.logProb(columns(rows, from, to), columns(params, first, last)),
      );
      return terms.reduce((total, term) => total.add(term));
    },
    logProbPerColumn(x, params) {
      const rows = matchRows(distribution, x, params);
      return perSlot(params, ({ distribution: part, from, to }, own) =>
        part.logProbPerColumn(columns(rows, from, to), own),
      );
    },
    sample: (params, rng) => perSlot(params, (slot, own) => slot.distribution.sample(own, rng)),
    mean: (params) => perSlot(params, (slot, own) => slot.distribution.mean(own)),
    mode: (params) => perSlot(params, (slot, own) => slot.distribution.mode(own)),
    support(dataSize) {
      distribution.paramCount(dataSize);
      return slots.flatMap((slot) => slot.distribution.support(slot.size));
    },
    config: () => ({ name: 'composite', parts: slots.map((slot) => [slot.size, slot.distribution.config()]) }),
    ...(slots.some((slot) => slot.distribution.head) && {
      head: (inFeatures: number, _dataSize: number, rng: Rng) => new CompositeHead(inFeatures, slots, rng),
    }),
  };
  return distribution;
}

/** One head per part, side by side; needed only where a part has a head of its own. */
class CompositeHead extends Module {
  readonly parts: (Module & { forward(x: Tensor): Tensor })[];

  constructor(inFeatures: number, slots: readonly Slot[], rng: Rng) {
    super();
    this.parts = slots.map(
      ({ distribution, size }) =>
        distribution.head?.(inFeatures, size, rng) ?? new Linear(inFeatures, distribution.paramCount(size), { rng }),
    );
  }

  forward(x: Tensor): Tensor {
    return concat(
      this.parts.map((part) => part.forward(x)),
      -1,
    );
  }
}
