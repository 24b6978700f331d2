import { ValueError } from '@latent/tensor';
import { HOLES } from '../input/cell.ts';
import { type ColumnCode, type ColumnKind, columnKinds } from './column-kind.ts';

/** A column that a model does not see. */
const unseen: Omit<ColumnKind, 'name' | 'config'> = {
  role: 'none',
  expects: 'anything',
  holes: HOLES,
  learner: () => null,
  code: (): ColumnCode => ({
    slots: [],
    outcomes: null,
    encode: () => {},
    decode: ({ count }) => new Array<null>(count).fill(null),
    conditions: () => {
      throw new ValueError('a column that the model does not see cannot be asked for');
    },
  }),
};

export const idKind = /* @__PURE__ */ columnKinds.part('id', { options: {}, build: () => ({ ...unseen }) });
export const textKind = /* @__PURE__ */ columnKinds.part('text', { options: {}, build: () => ({ ...unseen }) });
export const ignoreKind = /* @__PURE__ */ columnKinds.part('ignore', { options: {}, build: () => ({ ...unseen }) });

/** Tells rows apart and says nothing else: carried through, null in rows that are made. */
export function id(): ColumnKind {
  return idKind.make({});
}

/** Words that a model does not read: carried through, null in rows that are made. */
export function text(): ColumnKind {
  return textKind.make({});
}

/** Left alone: carried through, null in rows that are made. */
export function ignore(): ColumnKind {
  return ignoreKind.make({});
}
