import { nearestName } from '@latent/tensor';
import { type ArgsDef, parseArgs } from 'citty';
import { UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';

/** One verb of the command line. */
export interface Command {
  readonly summary: string;
  readonly args: ArgsDef;
  /** Returns what the process ends with. */
  run(call: Call, terminal: Terminal): Promise<number>;
}

/** Options that every command has. */
export const COMMON = {
  json: { type: 'boolean', description: 'Write JSON, for programs' },
  quiet: { type: 'boolean', alias: 'q', description: 'Say nothing but errors' },
} satisfies ArgsDef;

/** Of commands that read rows. */
export const INPUT = {
  'input-format': {
    type: 'string',
    valueHint: 'csv|tsv|json|ndjson|parquet',
    description: 'What the rows are written in; told by the name or the first bytes by default',
  },
} satisfies ArgsDef;

/** Of commands that write rows. */
export const OUTPUT = {
  out: { type: 'string', alias: 'o', valueHint: 'file', description: 'Write to a file; to the output by default' },
  format: {
    type: 'string',
    valueHint: 'csv|tsv|json|ndjson',
    description: 'What to write rows in; by the name of --out, else csv',
  },
} satisfies ArgsDef;

/** What a command was called with, checked against what it knows. */
export class Call {
  readonly #name: string;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #lists: ReadonlyMap<string, readonly string[]>;

  constructor(name: string, args: ArgsDef, raw: readonly string[]) {
    this.#name = name;
    const lists = checkedNames(name, args, raw);
    this.#lists = lists;
    const positional = Object.entries(args).filter(([, { type }]) => type === 'positional');
    let values: Record<string, unknown> & { readonly _: readonly string[] };
    try {
      values = parseArgs([...raw], args);
    } catch (error) {
      throw new UsageFault(`${name}: ${lowered((error as Error).message)}; see latent ${name} --help`);
    }
    const more = values._[positional.length];
    if (more !== undefined) throw new UsageFault(`${name}: there is one argument too many, ${JSON.stringify(more)}`);
    this.#values = values;
  }

  /** The text of an option or argument; the last one counts, by whatever name it was given. */
  text(name: string): string | undefined {
    const value = this.#lists.get(name)?.at(-1) ?? this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** One that the parser has seen to. */
  needed(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw new UsageFault(`${this.#name}: ${name} is missing`);
    return value;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  /** Every value of an option that may be given several times. */
  list(name: string): readonly string[] {
    return this.#lists.get(name) ?? [];
  }

  number(
    name: string,
    bounds: { readonly min?: number; readonly max?: number; readonly whole?: boolean } = {},
  ): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = text.trim() === '' ? Number.NaN : Number(text);
    const { min = -Infinity, max = Infinity, whole = false } = bounds;
    if (Number.isFinite(value) && value >= min && value <= max && (!whole || Number.isSafeInteger(value))) return value;
    const kind = whole ? 'a whole number' : 'a number';
    const span =
      min === -Infinity && max === Infinity ? '' : max === Infinity ? ` of at least ${min}` : ` from ${min} to ${max}`;
    throw new UsageFault(`${this.#name}: --${name} must be ${kind}${span}, got ${JSON.stringify(text)}`);
  }

  /** One of these words. */
  choice<const N extends readonly string[]>(name: string, known: N): N[number] | undefined {
    const text = this.text(name);
    if (text === undefined || known.includes(text)) return text;
    const near = nearestName(text, known);
    throw new UsageFault(
      `${this.#name}: --${name} must be one of ${known.join(', ')}, got ${JSON.stringify(text)}${near === null ? '' : `; did you mean ${near}?`}`,
    );
  }
}

const lowered = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '');

/** Refuses options that the command does not have, and those without their value; gives the values of each. */
function checkedNames(name: string, args: ArgsDef, raw: readonly string[]): Map<string, string[]> {
  const options = Object.entries(args).filter(([, { type }]) => type !== 'positional');
  const byName = new Map<string, string>();
  for (const [own, definition] of options) {
    byName.set(own, own);
    const { alias = [] } = definition as { alias?: string | string[] };
    for (const other of [alias].flat()) byName.set(other, own);
  }
  const values = new Map<string, string[]>();
  for (let i = 0; i < raw.length; i++) {
    const word = raw[i] as string;
    if (word === '--') break;
    if (!word.startsWith('-') || word === '-' || /^-\d/.test(word)) continue;
    const [written = '', given] = word.replace(/^--?/, '').split(/=(.*)/s);
    const own = byName.get(written) ?? byName.get(written.replace(/^no-/, ''));
    if (own === undefined) {
      const near = nearestName(
        written,
        [...byName.keys()].filter((each) => each.length > 1),
      );
      const remedy = near === null ? `see latent ${name} --help` : `did you mean --${near}?`;
      throw new UsageFault(`${name}: there is no option ${word.split('=')[0]}; ${remedy}`);
    }
    if (args[own]?.type !== 'string') continue;
    const value = given ?? raw[i + 1];
    if (value === undefined || (given === undefined && value.startsWith('--'))) {
      throw new UsageFault(`${name}: --${own} needs a value`);
    }
    values.set(own, [...(values.get(own) ?? []), value]);
    if (given === undefined) i++;
  }
  return values;
}

/** The package for many processes, which is installed by who wants it. */
export async function scaleOut(): Promise<typeof import('@latent/scale')> {
  try {
    return await import('@latent/scale');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageFault('workers need a package of their own: npm install @latent/scale ioredis');
  }
}
