// What is exported, what goes in, and what must come out: from the registries, so that a part without a case fails. Read by the
// tests here, with an interpreter, and by those beside the runtimes.

import type { ElementType } from '../src/graph/graph.ts';
import type { OnnxModel } from '../src/proto/schema.ts';

/** Numbers that go in. */
export interface CaseInput {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: readonly number[];
  /** In place of the numbers, of the type `string`. */
  readonly texts?: readonly string[];
}

/** One graph with inputs and what must come out. */
export interface Case {
  readonly name: string;
  readonly model: OnnxModel;
  readonly inputs: Readonly<Record<string, CaseInput>>;
  readonly expected: Readonly<Record<string, Expected>>;
}

/** Numbers that come out, and how far they may be off: absolutely, or relative to their size, whichever is more. */
export interface Expected {
  readonly dims: readonly number[];
  readonly data: readonly number[];
  readonly absolute: number;
  readonly relative: number;
}

/** Of activations of order 1, and of scores in nats, whose terms are single-precision numbers of either sign. */
export const ACTIVATION = { absolute: 2e-6, relative: 2e-6 } as const;
export const SCORE = { absolute: 3e-5, relative: 1e-5 } as const;

/** Says where what came out differs from what must; null where it does not. */
export function difference(
  expected: Case['expected'],
  got: Readonly<Record<string, Omit<CaseInput, 'type'>>>,
): string | null {
  for (const [name, { dims, data, absolute, relative }] of Object.entries(expected)) {
    const own = got[name];
    if (own === undefined) return `${name} is missing`;
    if (JSON.stringify(own.dims) !== JSON.stringify(dims)) return `${name} is [${own.dims}], not [${dims}]`;
    for (const [i, want] of data.entries()) {
      const value = own.data[i] as number;
      if (Object.is(value, want) || value === want) continue;
      const off = Math.abs(value - want);
      if (!(off <= Math.max(absolute, relative * Math.abs(want))))
        return `${name}[${i}] is ${value}, not ${want} (${off})`;
    }
  }
  return null;
}
