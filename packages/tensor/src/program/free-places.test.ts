import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FreePlaces } from './free-places.ts';

interface Tenant {
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
}

/** The lowest free offset of each in turn, by comparing with all before. */
function plainly(tenants: readonly Tenant[]): number[] {
  const offsets: number[] = [];
  for (const [i, { first, last, bytes }] of tenants.entries()) {
    const taken = tenants
      .slice(0, i)
      .map((other, j) => ({ ...other, offset: offsets[j] as number }))
      .filter((other) => other.first <= last && first <= other.last)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of taken) {
      if (offset + bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    offsets.push(offset);
  }
  return offsets;
}

describe('FreePlaces', () => {
  it('finds the lowest free place that a comparison with every other finds', () => {
    const tenant = fc
      .tuple(fc.nat(40), fc.nat(40), fc.integer({ min: 1, max: 20 }))
      .map(([a, b, size]): Tenant => ({ first: Math.min(a, b), last: Math.max(a, b), bytes: 64 * size }));
    fc.assert(
      fc.property(fc.array(tenant, { maxLength: 60 }), (tenants) => {
        const free = new FreePlaces(41);
        const offsets = tenants.map(({ first, last, bytes }) => {
          const offset = free.find(first, last, bytes);
          free.take(first, last, offset, bytes);
          return offset;
        });
        expect(offsets).toEqual(plainly(tenants));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('does with one time', () => {
    const free = new FreePlaces(1);
    expect(free.find(0, 0, 64)).toBe(0);
    free.take(0, 0, 0, 64);
    expect(free.find(0, 0, 128)).toBe(64);
  });
});
