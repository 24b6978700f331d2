// Test data: how parts are tried, whatever their kind. Only tests import this.

/** What an option takes: those of the wrong values below that it takes all the same. */
const KINDS = {
  /** A whole number ≥ 1. */
  count: [],
  /** A whole number ≥ 0. */
  whole: [],
  /** At least 0 and below 1; from 0 to 1. */
  share: [],
  real: [-1, 1.5],
  /** Above 0, or at least 0. */
  positive: [1.5],
  flag: [true],
  /** Text of letters, each once. */
  letters: ['5'],
  /** One of some names, a part, a list of at least one element, an object of fields. */
  choice: [],
  /** A list that may be empty. */
  list: [[]],
  /** Nothing at all is fine too. */
  nullable: [null],
} as const satisfies Record<string, readonly unknown[]>;

export type OptionKind = keyof typeof KINDS;

/** How a part is tried. */
export interface PartEntry {
  /** Options to make it with. Each option stands in one of them at least. */
  readonly samples: readonly Readonly<Record<string, unknown>>[];
  /** What each option takes. */
  readonly takes: Readonly<Record<string, OptionKind>>;
}

/** Values of every type, most of them wrong wherever they stand. */
export const VALUES: readonly unknown[] = [
  '5',
  '',
  'nothing of the kind',
  null,
  Number.NaN,
  Infinity,
  -Infinity,
  -1,
  1.5,
  [],
  [1, 'two'],
  {},
  { name: 'nothing of the kind' },
  true,
  new Date(0),
  () => 5,
  Symbol('s'),
  5n,
  new Map(),
];

/** Whether an option of this kind takes the value. */
export function takes(kind: OptionKind, value: unknown): boolean {
  return (KINDS[kind] as readonly unknown[]).some(
    (fine) => fine === value || (Array.isArray(value) && value.length === 0 && Array.isArray(fine)),
  );
}

/** What is wrong with a table of parts: names and options that it should have and has not, or the other way round. */
export function gaps(
  kind: { readonly names: () => readonly string[]; definition(name: string): { readonly options: object } | undefined },
  table: Readonly<Record<string, PartEntry>>,
  own: readonly string[] = [],
): string[] {
  const names = kind.names().filter((name) => !own.includes(name));
  return [
    ...names.filter((name) => !Object.hasOwn(table, name)).map((name) => `${name} has no samples`),
    ...Object.keys(table)
      .filter((name) => !names.includes(name))
      .map((name) => `${name} is not known`),
    ...Object.entries(table).flatMap(([name, { samples, takes }]) => {
      const options = Object.keys(kind.definition(name)?.options ?? {});
      const sampled = new Set(samples.flatMap((sample) => Object.keys(sample)));
      return [
        ...options
          .filter((option) => !Object.hasOwn(takes, option))
          .map((option) => `what ${name}.${option} takes is not said`),
        ...options.filter((option) => !sampled.has(option)).map((option) => `${name}.${option} is in no sample`),
        ...Object.keys(takes)
          .filter((option) => !options.includes(option))
          .map((option) => `${name}.${option} is not known`),
      ];
    }),
  ];
}
