import { list, real } from '@latent/tensor';
import { NUMBER_HOLES, numberOf } from '../input/cell.ts';
import { type ColumnKind, columnKinds } from './column-kind.ts';
import { numberCode } from './number-code.ts';
import { checkLearned, linearScale, log1pScale, logScale, NumberLearner, type NumberScale } from './number-learner.ts';

/** A column of numbers on one of the scales, some values apart. */
function numbers(scale: NumberScale, atoms: readonly number[] = []): Omit<ColumnKind, 'name' | 'config'> {
  return {
    role: 'number',
    expects: 'a number',
    holes: NUMBER_HOLES,
    number: numberOf,
    learner: (encoding) => new NumberLearner(atoms, scale, encoding),
    code: (learned, fail) => numberCode(checkLearned(learned, fail), scale),
  };
}

export const numericKind = /* @__PURE__ */ columnKinds.part('numeric', {
  options: {},
  build: () => numbers(linearScale),
});
export const positiveKind = /* @__PURE__ */ columnKinds.part('positive', {
  options: {},
  build: () => numbers(logScale),
});
export const countKind = /* @__PURE__ */ columnKinds.part('count', { options: {}, build: () => numbers(log1pScale) });
const someAtoms = { atoms: /* @__PURE__ */ list(/* @__PURE__ */ real(), { min: 1, max: 1000 }) };
export const mixedKind = /* @__PURE__ */ columnKinds.part('mixed', {
  options: someAtoms,
  build: ({ atoms }) => numbers(linearScale, atoms),
});

/** Any numbers, on the task's own scale. */
export function numeric(): ColumnKind {
  return numericKind.make({});
}

/** Numbers > 0 with a long tail: by their logarithm. */
export function positive(): ColumnKind {
  return positiveKind.make({});
}

/** Whole numbers ≥ 0: by log(1 + x). */
export function count(): ColumnKind {
  return countKind.make({});
}

/** Numbers of which some values are apart from the rest, such as 0 for none: a category of these and of other, and the rest. */
export function mixed(options: { readonly atoms: readonly number[] }): ColumnKind {
  return mixedKind.make(options);
}
