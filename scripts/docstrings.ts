// Exports without a docstring, by the declarations that users get. tsc writes those in one fixed form, so lines tell all.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** One exported name. */
export interface ExportedName {
  readonly name: string;
  readonly documented: boolean;
}

/** What the file with declarations offers: by which name, what it is called where it is declared, in which file. */
interface Declarations {
  /** Whether each declared name has a docstring. */
  readonly documented: ReadonlyMap<string, boolean>;
  readonly own: readonly string[];
  readonly named: readonly { readonly name: string; readonly local: string; readonly from: string | null }[];
  readonly stars: readonly string[];
}

const declaration =
  /^(export )?(?:default )?(?:declare )?(?:abstract )?(?:async )?(?:function|class|const enum|const|let|var|interface|type|enum|namespace) ([\w$]+)/;

/** Everything that the `.d.ts` file at `entry` exports, sorted, names of other packages left out. */
export function exportedNames(entry: string): ExportedName[] {
  const names = new Map<string, boolean>();
  for (const [name, documented] of follow(entry, new Set())) names.set(name, names.get(name) || documented);
  return [...names].map(([name, documented]) => ({ name, documented })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function* follow(file: string, seen: Set<string>): Generator<[name: string, documented: boolean]> {
  if (seen.has(file)) return;
  seen.add(file);
  const { documented, own, named, stars } = readDeclarations(file);
  for (const name of own) yield [name, documented.get(name) ?? false];
  for (const { name, local, from } of named) {
    const target = from === null ? file : resolve(file, from);
    // A package of its own documents what is its own.
    if (target !== null) yield [name, documentedIn(target, local, new Set())];
  }
  for (const from of stars) {
    const target = resolve(file, from);
    if (target !== null) yield* follow(target, seen);
  }
}

/** Whether `local` is documented where it is declared; what cannot be found counts as not. */
function documentedIn(file: string, local: string, seen: Set<string>): boolean {
  if (seen.has(`${file}\n${local}`)) return false;
  seen.add(`${file}\n${local}`);
  const { documented, named, stars } = readDeclarations(file);
  const here = documented.get(local);
  if (here !== undefined) return here;
  for (const { name, local: there, from } of named) {
    if (name !== local || from === null) continue;
    const target = resolve(file, from);
    return target === null || documentedIn(target, there, seen);
  }
  return stars.some((from) => {
    const target = resolve(file, from);
    return target !== null && documentedIn(target, local, seen);
  });
}

function readDeclarations(file: string): Declarations {
  const text = readFileSync(file, 'utf8');
  const documented = new Map<string, boolean>();
  const own: string[] = [];
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    const [, exported, name] = declaration.exec(line) ?? [];
    if (name === undefined) continue;
    // One docstring is enough for all overloads.
    documented.set(name, (documented.get(name) ?? false) || /^(?: \*\/|\/\*\* .*\*\/)$/.test(lines[i - 1] ?? ''));
    if (exported !== undefined) own.push(name);
  }
  const named = [...text.matchAll(/^export (?:type )?\{([^}]*)\}(?: from ['"]([^'"]+)['"])?;/gm)].flatMap((match) =>
    (match[1] ?? '')
      .split(',')
      .map((part) => part.trim().replace(/^type /, ''))
      .filter((part) => part !== '')
      .map((part) => {
        const [local = '', name = local] = part.split(' as ');
        return { name, local, from: match[2] ?? null };
      }),
  );
  const stars = [...text.matchAll(/^export (?:type )?\* from ['"]([^'"]+)['"];/gm)].map((match) => match[1] ?? '');
  return { documented, own, named, stars };
}

/** The declarations that a relative import names; null for a package. */
function resolve(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const file = join(dirname(from), specifier.replace(/\.js$/, '.d.ts'));
  if (!existsSync(file)) throw new Error(`docstrings: no declarations for '${specifier}' of ${from}`);
  return file;
}
