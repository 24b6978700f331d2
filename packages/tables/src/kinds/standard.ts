import { booleanKind, categoryKind, constantKind, ordinalKind } from './category.ts';
import { columnKinds } from './column-kind.ts';
import { dateKind, timeKind } from './date.ts';
import { countKind, mixedKind, numericKind, positiveKind } from './numeric.ts';
import { idKind, ignoreKind, textKind } from './passive.ts';

/** The kinds of columns, with those that files know. */
export const knownKinds = /* @__PURE__ */ columnKinds.register(
  numericKind,
  positiveKind,
  countKind,
  mixedKind,
  booleanKind,
  categoryKind,
  ordinalKind,
  dateKind,
  timeKind,
  idKind,
  textKind,
  ignoreKind,
  constantKind,
);
