import { expect, it } from 'vitest';
import { log1pScale, logScale } from './number-learner.ts';

it.each([
  ['log', logScale, 3],
  ['log of small numbers', logScale, 1e-300],
  ['log1p', log1pScale, 0],
] as const)(
  'every number has a place on a scale, however far below the domain: %s',
  (_name, { above, inside }, least) => {
    const given = [5, 1, 0, -1, -19, -36, -700, -1e9, -1e300, -Number.MAX_VALUE];
    const places = given.map((value) => Math.log(inside(value, least) - above));
    for (const place of places) expect(Number.isFinite(place)).toBe(true);
    expect(places).toEqual(places.toSorted((a, b) => b - a));
  },
);
