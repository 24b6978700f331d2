import { type Check, list, optional, refuse } from '@latent/tensor';
import { HOLES, levelKey, NUMBER_HOLES } from '../input/cell.ts';
import { type ColumnKind, columnKinds } from './column-kind.ts';
import { checkLevels, LevelLearner, levelCode } from './levels.ts';

type Level = string | number | boolean;

const levelCheck: Check<Level> = (value, at) =>
  ['string', 'number', 'boolean'].includes(typeof value)
    ? (value as Level)
    : refuse(at, 'text, a number or true or false', value);

const isLevel = (cell: unknown): string | null =>
  typeof cell === 'object' && !(cell instanceof Date) ? null : typeof cell === 'function' ? null : levelKey(cell);

function category_(levels: readonly Level[], holes = HOLES): Omit<ColumnKind, 'name' | 'config'> {
  return {
    role: 'category',
    expects: 'text, a number or true or false',
    holes,
    level: isLevel,
    learner: () => new LevelLearner(levels),
    code: (learned, fail) => levelCode(checkLevels(learned, fail)),
  };
}

const someLevels = { levels: /* @__PURE__ */ optional(list(levelCheck, { max: 5000 }), []) };

const givenLevels = { levels: /* @__PURE__ */ list(levelCheck, { min: 2, max: 5000 }) };

export const categoryKind = /* @__PURE__ */ columnKinds.part('category', {
  options: someLevels,
  build: ({ levels }) => category_(levels),
});
export const booleanKind = /* @__PURE__ */ columnKinds.part('boolean', {
  options: {},
  build: () => category_([], NUMBER_HOLES),
});
export const ordinalKind = /* @__PURE__ */ columnKinds.part('ordinal', {
  options: givenLevels,
  build: ({ levels }) => category_(levels),
});
export const constantKind = /* @__PURE__ */ columnKinds.part('constant', {
  options: {},
  build: () => category_([]),
});

/** One of some levels, without an order. A level of fewer than ten rows, and one never seen, count as other. */
export function category(options: { readonly levels?: readonly Level[] } = {}): ColumnKind {
  return categoryKind.make(options);
}

/** One of two values, given back as they were spelled. */
export function boolean(): ColumnKind {
  return booleanKind.make({});
}

/** One of some levels, from low to high. */
export function ordinal(levels: readonly Level[]): ColumnKind {
  return ordinalKind.make({ levels });
}

/** One value in all rows. Another value is odd. */
export function constant(): ColumnKind {
  return constantKind.make({});
}
